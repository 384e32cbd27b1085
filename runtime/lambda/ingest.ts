/** The ingest Lambda: POST /e/:eventKey. */
import { acceptFailed } from "../ingest/errors.js";
import { createIngest, errorAnswer, type HttpAnswer, type HttpEvent } from "../ingest/handle-request.js";
import { keySource } from "./keys.js";
import { wire } from "./wire.js";

const { services, eventKeys } = wire();
const keys = keySource(eventKeys);

export const handler = async (event: HttpEvent): Promise<HttpAnswer> => {
  const accepted = await keys.currentOrNull();
  return accepted ? createIngest(services, { eventKeys: accepted })(event) : errorAnswer(acceptFailed({}));
};
