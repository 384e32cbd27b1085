/** The ingest Lambda: POST /e/:eventKey. */
import { createIngest, type HttpAnswer, type HttpEvent } from "../ingest/handle-request.js";
import { keySource } from "./keys.js";
import { wire } from "./wiring.js";

const { services, eventKeys } = wire();
const keys = keySource(eventKeys);

export const handler = async (event: HttpEvent): Promise<HttpAnswer> =>
  createIngest(services, { eventKeys: await keys.current() })(event);
