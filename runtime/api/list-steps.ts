/** Owns: `GET /api/v1/runs/:id/steps`: what has happened in a run, operation by operation. */
import { LogStore } from "../state/log-store.js";
import { fitRows } from "./fit-rows.js";
import type { ApiContext, ApiRequest, ApiResult } from "./operation.js";
import { requireRun } from "./require-run.js";
import { showSteps } from "./show-steps.js";

export async function listSteps({ services }: ApiContext, { id }: ApiRequest): Promise<ApiResult> {
  const { head, entries } = await requireRun(id, (runId) => new LogStore(services).load(runId));
  return { data: fitRows(showSteps(head, entries)) };
}
