/** The API Lambda: GET /health and /api/v1/*. */
import { createApi, type ApiEvent } from "../api/handle-request.js";
import type { ApiAnswer } from "../api/respond.js";
import { wire } from "./wiring.js";

const { services, signingKeys } = wire();
const api = createApi(services, { signingKeys });

export const handler = (event: ApiEvent): Promise<ApiAnswer> => api(event);
