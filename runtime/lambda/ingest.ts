/** The ingest Lambda: POST /e/:eventKey. */
import { createIngest, type HttpAnswer, type HttpEvent } from "../ingest/handle-request.js";
import { wire } from "./wiring.js";

const { services, eventKeys } = wire();
const ingest = createIngest(services, { eventKeys });

export const handler = (event: HttpEvent): Promise<HttpAnswer> => ingest(event);
