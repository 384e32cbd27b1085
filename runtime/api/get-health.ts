/** Owns: `GET /health`: the function runs and its settings are complete. Asks nothing of AWS: anyone may call it. */
import type { ApiResult } from "./operation.js";

export function getHealth(): Promise<ApiResult> {
  return Promise.resolve({ data: { status: "ok" } });
}
