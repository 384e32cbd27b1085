/** Owns: `GET /api/v1/events/:id/runs`: the runs this event started. A run that an earlier event started is not among them. */
import type { ApiContext, ApiRequest, ApiResult } from "./operation.js";
import { fitRows } from "./fit-rows.js";
import { readRuns } from "../state/read-runs.js";
import { requireEvent } from "./require-event.js";
import { showRuns } from "./show-run.js";

export async function listEventRuns({ services }: ApiContext, { id }: ApiRequest): Promise<ApiResult> {
  const { routes } = await requireEvent(services, id);
  const runIds = routes.flatMap((route) => ("skipped" in route ? [] : [route.run]));
  const found = await readRuns(services, runIds);
  // In the order of the routes. A run that is not there (yet) is left out: the event is recorded before its runs are made.
  const runs = runIds.flatMap((runId) => found.get(runId) ?? []);
  return { data: fitRows(await showRuns(services, runs)) };
}
