/** Owns: `DELETE /api/v1/runs/:id`: cancelling a run (executor/cancel.ts), and as much of what follows as fits an answer. */
import { isLive, type RunHead } from "../core/run.js";
import { cancelLiveRun } from "../executor/cancel.js";
import { performEffects, renewsPayloads } from "../executor/effects.js";
import type { Services } from "../services.js";
import { RunStore } from "../state/run-store.js";
import { notFound, runEnded } from "./errors.js";
import { fitRows } from "./fit-rows.js";
import type { ApiContext, ApiRequest, ApiResult } from "./operation.js";
import { requireRun } from "./require-run.js";
import { showRun } from "./show-run.js";

/** Tagging goes one object at a time: more of them are left to the sweeper, so that the caller is answered in time. */
const MAX_OBJECTS_INLINE = 25;

export async function cancelRun({ services }: ApiContext, { id }: ApiRequest): Promise<ApiResult> {
  const runs = new RunStore(services);
  const found = await requireRun(id, (runId) => runs.get(runId));
  const ended = isLive(found.head.status) ? await cancelLiveRun(services, found.head) : found;
  if (!ended) throw notFound({ thing: "run", id });
  const { status } = ended.head;
  if (status !== "Cancelled") throw runEnded({ runId: id, status });
  await finishEffects(services, ended.head);
  const [data] = fitRows([await showRun(services, ended)]);
  return { data };
}

/** Does what the end left to do. What fails here stays in the due index, from which the sweeper finishes it. */
async function finishEffects(services: Services, head: RunHead): Promise<void> {
  // Payloads of a long run are written again, which is the worker's to do: the API may not.
  const isWorkers = head.effects.includes("payloads") && renewsPayloads(head);
  if (head.effects.length === 0 || head.objects > MAX_OBJECTS_INLINE || isWorkers) return;
  try {
    await performEffects(services, head);
  } catch (error) {
    services.logger.warn("Cannot do the effects of a cancel now; they are done later", { runId: head.runId }, error);
  }
}
