/** The API Lambda: GET /health and /api/v1/*. */
import { unavailable } from "../api/errors.js";
import { createApi, type ApiEvent, type ApiKeys } from "../api/handle-request.js";
import { errorAnswer, type ApiAnswer } from "../api/respond.js";
import { keySource } from "./keys.js";
import { wire } from "./wire.js";

const wiring = wire();
const { services } = wiring;
const keys = { signing: keySource(wiring.signingKeys), event: keySource(wiring.eventKeys) };
let made: (ApiKeys & { api: ReturnType<typeof createApi> }) | null = null;

export const handler = async (event: ApiEvent): Promise<ApiAnswer> => {
  const [signingKeys, eventKeys] = await Promise.all([keys.signing.currentOrNull(), keys.event.currentOrNull()]);
  if (!signingKeys || !eventKeys) return errorAnswer(unavailable({ requestId: event.requestContext.requestId ?? "" }));
  // Made anew only when the keys are others: it remembers what is registered.
  if (made?.signingKeys !== signingKeys || made.eventKeys !== eventKeys) {
    made = { signingKeys, eventKeys, api: createApi(services, { signingKeys, eventKeys }) };
  }
  return made.api(event);
};
