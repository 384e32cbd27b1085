/** The API Lambda: GET /health and /api/v1/*. */
import { createApi, type ApiEvent } from "../api/handle-request.js";
import type { ApiAnswer } from "../api/respond.js";
import { keySource } from "./keys.js";
import { wire } from "./wiring.js";

const { services, signingKeys } = wire();
const keys = keySource(signingKeys);
let made: { keys: readonly string[]; api: ReturnType<typeof createApi> } | null = null;

export const handler = async (event: ApiEvent): Promise<ApiAnswer> => {
  const current = await keys.current();
  // Made anew only when the keys are others: it remembers what is registered.
  if (made?.keys !== current) made = { keys: current, api: createApi(services, { signingKeys: current }) };
  return made.api(event);
};
