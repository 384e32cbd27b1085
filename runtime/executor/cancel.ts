/**
 * Owns: cancelling a run, whoever asks for it: the API, an event that matches `cancelOn`, a bulk cancel. The status and the
 * lease change in one conditional write: a turn under way learns of it at its next write or beat, and nothing it still
 * produces is recorded.
 * Must not: do the effects of the end: who may touch what they touch does (a worker, told by a wake, or the API).
 */
import type { SerializedError } from "../../sdk/protocol.js";
import type { Effect, RunHead } from "../core/run.js";
import type { Services } from "../services.js";
import type { StoredRun } from "../state/head-item.js";
import { RunStore } from "../state/run-store.js";
import { effectsOf } from "./effects.js";
import { endedTtl } from "./retain.js";

/**
 * The run as it stands after the cancel; or as it ended otherwise, when its own end came first; null when there is no such
 * run. Effects that are pending are named on the head. `reason` is kept there, too, and shown.
 */
export async function cancelLiveRun(
  services: Services,
  head: RunHead,
  reason: SerializedError | null = null,
): Promise<StoredRun | null> {
  const nowMs = services.clock.now();
  const end = { nowMs, isListenedTo: true, holdsPlaces: head.slots.length > 0 };
  const write = await new RunStore(services).cancel(head.runId, {
    status: "Cancelled",
    endedAtMs: nowMs,
    output: null,
    // The status says it: a cancelled run did not fail.
    error: null,
    reason,
    ttlSeconds: endedTtl(services, nowMs),
    effects: effectsOf({ ...head, objects: possibleObjects(head) }, { ...end, waits: head.epoch > 0 }),
    objects: head.objects,
  });
  if (!write.run) return null;
  // A turn that parked between the read and the cancel left a timer, or waits, the effects on record do not name. Whether it
  // waits for anything only its log knows: who does the effects looks. Before its first turn, it does not; the cancel is an epoch.
  const more = effectsOf(write.run.head, { ...end, waits: write.run.head.epoch > 1 });
  const effects = new Set<Effect>([...write.run.head.effects, ...more]);
  return { ...write.run, head: { ...write.run.head, effects: [...effects] } };
}

/** A turn under way may have stored payloads its head does not count before the release. */
function possibleObjects(head: RunHead): number {
  return head.leaseUntilMs > 0 ? Math.max(1, head.objects) : head.objects;
}
