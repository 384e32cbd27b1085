/** The dead-letter Lambda: the dead-letter queues of the events queue and of the step queues. */
import { DeadLetters } from "../sweep/dead-letters.js";
import type { SQSBatchResponse, SQSEvent } from "./sqs.js";
import { wire } from "./wire.js";

const deadLetters = new DeadLetters(wire().services);

export const handler = (event: SQSEvent): Promise<SQSBatchResponse> => deadLetters.handle(event.Records);
