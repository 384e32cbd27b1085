/**
 * Owns: what is left to do when a run has ended: removing its timer, marking its payloads for removal. Each is named from
 * the run, so doing it twice is doing it once; `done` is written after all of them.
 */
import { RENEW_PAYLOADS_AFTER_MS } from "../core/limits.js";
import type { Effect, RunHead } from "../core/run.js";
import type { Services } from "../services.js";
import { LogStore } from "../state/log-store.js";
import { refreshPayload, tagEndedPayload } from "../state/payloads.js";
import { RunStore } from "../state/run-store.js";
import { disarmTimer } from "../timers/timer.js";

/** The effects an end at `nowMs` leaves. A timer that has fired has removed itself. */
export function effectsOf(run: Pick<RunHead, "timer" | "objects">, nowMs: number): Effect[] {
  const effects: Effect[] = [];
  if (run.timer && run.timer.atMs > nowMs) effects.push("timer");
  if (run.objects > 0) effects.push("payloads");
  return effects;
}

/**
 * Whether an ended run's payloads are to be written again before they are marked: the bucket's rule counts retention from an
 * object's last write, and what a run stored before it slept for weeks would be gone before its history is.
 */
export function renewsPayloads(head: Pick<RunHead, "createdAtMs" | "endedAtMs">): boolean {
  return (head.endedAtMs ?? 0) - head.createdAtMs > RENEW_PAYLOADS_AFTER_MS;
}

/** Does the pending effects of an ended run and notes them as done. */
export async function performEffects(services: Services, head: RunHead): Promise<void> {
  for (const effect of head.effects) {
    if (effect === "timer" && head.timer) await disarmTimer(services, head.timer.name);
    if (effect === "payloads") {
      const { objects } = await new LogStore(services).belongings(head.runId);
      for (const key of objects) {
        if (renewsPayloads(head)) await refreshPayload(services, key);
        await tagEndedPayload(services, key);
      }
    }
  }
  await new RunStore(services).effectsDone(head.runId);
}
