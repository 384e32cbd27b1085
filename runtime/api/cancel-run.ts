/**
 * Owns: `DELETE /api/v1/runs/:id`: cancelling a run. The status and the lease change in one conditional write: a turn under
 * way learns of it at its next write or beat, and nothing it still produces is recorded.
 */
import { isLive, type Effect, type RunHead } from "../core/run.js";
import { effectsOf, performEffects, renewsPayloads } from "../executor/effects.js";
import { endedTtl } from "../executor/retain.js";
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
  const ended = isLive(found.head.status) ? await cancel(services, runs, found.head) : found;
  const { status } = ended.head;
  if (status !== "Cancelled") throw runEnded({ runId: id, status });
  await finishEffects(services, ended.head);
  const [data] = fitRows([await showRun(services, ended)]);
  return { data };
}

/** The run as it stands after the cancel; or as it ended otherwise, when its own end came first. */
async function cancel(services: Services, runs: RunStore, head: RunHead): Promise<StoredRun> {
  const nowMs = services.clock.now();
  const { runId } = head;
  const write = await runs.cancel(runId, {
    status: "Cancelled",
    endedAtMs: nowMs,
    output: null,
    // The status says it: a cancelled run did not fail.
    error: null,
    ttlSeconds: endedTtl(services, nowMs),
    effects: effectsOf({ timer: head.timer, objects: possibleObjects(head) }, nowMs),
    objects: head.objects,
  });
  if (!write.run) throw notFound({ thing: "run", id: runId });
  // A turn that parked between the read and the cancel left a timer the effects on record do not name.
  const effects = new Set<Effect>([...write.run.head.effects, ...effectsOf(write.run.head, nowMs)]);
  return { ...write.run, head: { ...write.run.head, effects: [...effects] } };
}

/** A turn under way may have stored payloads its head does not count before the release. */
function possibleObjects(head: RunHead): number {
  return head.leaseUntilMs > 0 ? Math.max(1, head.objects) : head.objects;
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
