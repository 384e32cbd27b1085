/**
 * Owns: what is left to do when a run has ended: removing its timer, letting go of what it waits for, marking its payloads for
 * removal, telling of its end. Each is named from the run, so doing it twice is doing it once; `done` is written after all.
 */
import { RENEW_PAYLOADS_AFTER_MS } from "../core/limits.js";
import type { Effect, RunHead } from "../core/run.js";
import { freeSlots, slotsFreeAtMs, type Reach } from "../flow/free-slots.js";
import { sendMessage } from "../queue/send.js";
import type { Services } from "../services.js";
import { LogStore } from "../state/log-store.js";
import { refreshPayload, tagEndedPayload } from "../state/payloads.js";
import { RunStore } from "../state/run-store.js";
import { cancelKeysOf, WaiterStore } from "../state/waiter-store.js";
import { disarmTimer } from "../timers/timer.js";
import { letGoOfWaits } from "./let-go.js";

/** An end, as far as it decides what it leaves to do. */
export interface End {
  nowMs: number;
  /** Something may still be waited for. */
  waits: boolean;
  /** It may have places of concurrency limits, or wait for one. */
  holdsPlaces: boolean;
  /** Somebody besides a parent may want to be told. */
  isListenedTo: boolean;
}

/** Who does the effects, and with what. Null: the API, which leaves places of limits to a worker. */
export type EffectsReach = (Reach & { /** It is the worker whose turn has ended. */ isHolder: boolean }) | null;

/** The effects an end leaves. A timer that has fired has removed itself. */
export function effectsOf(
  run: Pick<RunHead, "timer" | "objects" | "parent" | "quiet" | "cancelOn">,
  end: End,
): Effect[] {
  const effects: Effect[] = [];
  if (run.timer && run.timer.atMs > end.nowMs) effects.push("timer");
  if (end.waits) effects.push("waiters");
  if (run.cancelOn.length > 0) effects.push("cancel-waiters");
  if (end.holdsPlaces) effects.push("slots");
  if (run.objects > 0) effects.push("payloads");
  if (run.parent !== null || (end.isListenedTo && !run.quiet)) effects.push("announce");
  return effects;
}

/**
 * Whether an ended run's payloads are to be written again before they are marked: the bucket's rule counts retention from an
 * object's last write, and what a run stored before it slept for weeks would be gone before its history is.
 */
export function renewsPayloads(head: Pick<RunHead, "createdAtMs" | "endedAtMs">): boolean {
  return (head.endedAtMs ?? 0) - head.createdAtMs > RENEW_PAYLOADS_AFTER_MS;
}

/** Does the pending effects of an ended run and notes them as done. Answers in how many ms the rest may be done, or null. */
export async function performEffects(services: Services, head: RunHead, reach: EffectsReach): Promise<number | null> {
  const laterMs = head.effects.includes("slots") && !reach?.isHolder ? slotsFreeAtMs(head) - services.clock.now() : 0;
  for (const effect of head.effects) {
    if (effect === "slots" && reach && laterMs <= 0) await freeSlots(services, head, reach);
    if (effect === "timer" && head.timer) await disarmTimer(services, head.timer.name);
    if (effect === "waiters") await letGoOfWaits(services, head.runId);
    if (effect === "cancel-waiters") await new WaiterStore(services).remove(cancelKeysOf(head));
    if (effect === "announce") await sendEnded(services, head.runId, { wake: false });
    if (effect === "payloads") {
      const { objects } = await new LogStore(services).belongings(head.runId);
      for (const key of objects) {
        if (renewsPayloads(head)) await refreshPayload(services, key);
        await tagEndedPayload(services, key);
      }
    }
  }
  if (laterMs > 0) return laterMs;
  await new RunStore(services).effectsDone(head.runId);
  return null;
}

/**
 * Asks dispatch to tell of an end. With `wake` a worker is woken as well, to do what else is left: for those who ended the
 * run and may not do it themselves.
 */
export async function sendEnded(services: Services, runId: string, { wake }: { wake: boolean }): Promise<void> {
  const message = { v: 1, kind: "ended", run: runId, ...(wake ? { wake } : {}) } as const;
  await sendMessage(services, services.settings.eventsQueueUrl, message);
}
