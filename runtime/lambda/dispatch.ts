/** The dispatch Lambda: the events queue. */
import { Dispatcher } from "../dispatch/handle-messages.js";
import type { SQSBatchResponse, SQSEvent } from "./sqs.js";
import { wire } from "./wire.js";

const dispatcher = new Dispatcher(wire().services);

export const handler = (event: SQSEvent): Promise<SQSBatchResponse> => dispatcher.handle(event.Records);
