/**
 * Owns: when a run that parks is looked at again, and whether a timer is armed for it. Pure.
 * A wait that something else is meant to end is seldom waited for to its last day, and a timer of months costs a schedule, and
 * writes that keep everything the run needs until then. So while its end is far off, no timer is armed: the due index brings the
 * run back before anything of it expires, and it parks anew, at last with a timer that is exact to the second.
 * A sleep is different: it lasts as long as it says, and its one schedule is cheaper than to be looked at again and again.
 */
import type { LogEntry } from "../../sdk/protocol.js";
import { CREATED_DUE_MS, FAR_WAIT_MS, TIMER_LEAD_MS } from "../core/limits.js";
import { outstandingWaits } from "./let-go.js";

export interface WakePlan {
  /** When a timer is to wake the run; null: none does. */
  timerMs: number | null;
  /** When the run goes on at the latest. */
  wakeMs: number;
}

/** `nextMs`: when the next thing is due, null when nothing has a time. */
export function planWake(entries: readonly LogEntry[], nextMs: number | null, nowMs: number): WakePlan {
  if (nextMs === null) return { timerMs: null, wakeMs: nowMs + CREATED_DUE_MS };
  if (nextMs - nowMs <= FAR_WAIT_MS || !isEndOfWait(entries, nextMs)) return { timerMs: nextMs, wakeMs: nextMs };
  return { timerMs: null, wakeMs: Math.min(nowMs + FAR_WAIT_MS, nextMs - TIMER_LEAD_MS) };
}

function isEndOfWait(entries: readonly LogEntry[], atMs: number): boolean {
  return outstandingWaits(entries).some(({ op }) => op.kind !== "branch" && op.untilMs === atMs);
}
