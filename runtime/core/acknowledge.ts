/**
 * Owns: PROTOCOL §4, which message may be acknowledged when, as a pure function of the run, the message and the time.
 * The message that made the claim (`claimMessageId`) is the run's life line; every other one is only a reason to look.
 */
import { ABSENT_RECEIVES, ABSENT_RETRY_MS, CLOCK_SKEW_MS } from "./limits.js";
import { isLive, type RunHead } from "./run.js";

export interface Delivery {
  messageId: string;
  /** How often SQS has handed this message out, this time included. */
  receives: number;
  dueMs: number | null;
}

export type WakeDecision =
  | { do: "claim" }
  | { do: "steal" }
  | { do: "absorb" }
  | { do: "effects" }
  /** Nothing to do: the message may go. */
  | { do: "acknowledge"; because: "ended" | "absent" }
  /** Not now: the message stays and is visible again after `visibleInMs`. */
  | { do: "wait"; visibleInMs: number; because: "early" | "absent" | "held" | "skew" };

export function decideWake(head: RunHead | null, delivery: Delivery, nowMs: number): WakeDecision {
  if (!head) {
    return delivery.receives >= ABSENT_RECEIVES
      ? { do: "acknowledge", because: "absent" }
      : { do: "wait", visibleInMs: ABSENT_RETRY_MS, because: "absent" };
  }
  if (!isLive(head.status)) {
    return head.effects.length > 0 ? { do: "effects" } : { do: "acknowledge", because: "ended" };
  }
  if (delivery.dueMs !== null && delivery.dueMs > nowMs) {
    return { do: "wait", visibleInMs: delivery.dueMs - nowMs, because: "early" };
  }
  if (head.leaseUntilMs === 0) return { do: "claim" };
  const stealableAtMs = head.leaseUntilMs + CLOCK_SKEW_MS;
  if (stealableAtMs < nowMs) return { do: "steal" };
  const isLifeLine = head.claimMessageId === delivery.messageId;
  if (head.leaseUntilMs >= nowMs && !isLifeLine) return { do: "absorb" };
  // The life line waits for the lease to end; so does any message while two clocks could disagree about it.
  return {
    do: "wait",
    visibleInMs: stealableAtMs - nowMs + 1_000,
    because: head.leaseUntilMs >= nowMs ? "held" : "skew",
  };
}
