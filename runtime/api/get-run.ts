/** Owns: `GET /api/v1/runs/:id`: a run as it is now, with its whole output where a response can carry it. */
import { RunStore } from "../state/run-store.js";
import { fitRows } from "./fit-rows.js";
import type { ApiContext, ApiRequest, ApiResult } from "./operation.js";
import { requireRun } from "./require-run.js";
import { showRun } from "./show-run.js";

export async function getRun({ services }: ApiContext, { id }: ApiRequest): Promise<ApiResult> {
  const run = await requireRun(id, (runId) => new RunStore(services).get(runId));
  const [data] = fitRows([await showRun(services, run)]);
  return { data };
}
