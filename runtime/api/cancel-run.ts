/** Owns: `DELETE /api/v1/runs/:id`: cancelling a run (executor/cancel.ts), and as much of what follows as fits an answer. */
import { isLive, type RunHead } from "../core/run.js";
import { cancelledByRequest, reasonOf } from "../executor/cancel-reasons.js";
import { cancelLiveRun } from "../executor/cancel.js";
import { performEffects, renewsPayloads, sendEnded } from "../executor/effects.js";
import { outstandingWaitsOf } from "../executor/let-go.js";
import type { Services } from "../services.js";
import type { StoredRun } from "../state/head-item.js";
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
  const ended = isLive(found.head.status) ? await cancel(services, found.head) : found;
  if (!ended) throw notFound({ thing: "run", id });
  const { status } = ended.head;
  if (status !== "Cancelled") throw runEnded({ runId: id, status });
  await finishEffects(services, ended.head);
  const [data] = fitRows([await showRun(services, ended)]);
  return { data };
}

function cancel(services: Services, head: RunHead): Promise<StoredRun | null> {
  return cancelLiveRun(services, head, reasonOf(cancelledByRequest({ runId: head.runId })));
}

/**
 * Whether a worker has to do it: payloads of a long run are written again, waiters are removed, places of limits are given
 * back, and the API may do none of it; many payloads take longer than an answer may.
 */
async function isWorkers(services: Services, head: RunHead): Promise<boolean> {
  if (head.effects.includes("payloads") && renewsPayloads(head)) return true;
  if (head.objects > MAX_OBJECTS_INLINE) return true;
  if (head.effects.includes("cancel-waiters") || head.effects.includes("slots")) return true;
  return head.effects.includes("waiters") && (await outstandingWaitsOf(services, head.runId)).length > 0;
}

/** Does what the end left to do, or asks for it. What fails here stays in the due index, from which the sweeper finishes it. */
async function finishEffects(services: Services, head: RunHead): Promise<void> {
  if (head.effects.length === 0) return;
  try {
    if (await isWorkers(services, head)) return await sendEnded(services, head.runId, { wake: true });
    // Nothing is waited for, or it would be a worker's.
    await performEffects(services, { ...head, effects: head.effects.filter((effect) => effect !== "waiters") }, null);
  } catch (error) {
    services.logger.warn("Cannot do the effects of a cancel now; they are done later", { runId: head.runId }, error);
  }
}
