/** The API Lambda: GET /health and /api/v1/*. */
import { unavailable } from "../api/errors.js";
import { createApi, type ApiEvent } from "../api/handle-request.js";
import { errorAnswer, type ApiAnswer } from "../api/respond.js";
import { keySource } from "./keys.js";
import { wire } from "./wire.js";

const { services, signingKeys } = wire();
const keys = keySource(signingKeys);
let made: { keys: readonly string[]; api: ReturnType<typeof createApi> } | null = null;

export const handler = async (event: ApiEvent): Promise<ApiAnswer> => {
  const accepted = await keys.currentOrNull();
  if (!accepted) return errorAnswer(unavailable({ requestId: event.requestContext.requestId ?? "" }));
  // Made anew only when the keys are others: it remembers what is registered.
  if (made?.keys !== accepted) made = { keys: accepted, api: createApi(services, { signingKeys: accepted }) };
  return made.api(event);
};
