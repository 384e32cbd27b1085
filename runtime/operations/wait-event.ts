/**
 * Owns: the worker's half of a wait for events: leaving a waiter where an arriving event looks for it (dispatch/match-waiters.ts),
 * and asking for a look back at events that came before.
 * E1 A waiter names the time at which its wait was written down, not the time at which it is put: putting it again, after a
 *    crash, shuts out no event that the first one would have taken.
 * E2 Waiter first, then the look back: dispatch stores an event before it reads waiters, so one of the two finds it.
 */
import { serializeError } from "../../sdk/errors.js";
import { isPerdureError } from "../../sdk/error-catalogue.js";
import type { EventMatch, LogEntry } from "../../sdk/protocol.js";
import { appOfRun } from "../core/ids.js";
import { EVENT_SKEW_MS, LATE_ARMING_MS, SEEN_EXCLUDED_MS } from "../core/limits.js";
import { planMatch, type MatchPlan } from "../expressions/match-plan.js";
import type { LookbackRequest } from "../queue/messages.js";
import { sendMessage } from "../queue/send.js";
import { InboxStore } from "../state/inbox-store.js";
import { waitSlot } from "../state/keys.js";
import { keyOf, WaiterStore, type NewWaiter } from "../state/waiter-store.js";
import type { ArmedOperation, Arming, OperationContext, OpOf } from "./operation.js";

type EventOperation = ArmedOperation<OpOf<"event">>;

export const eventArming: Arming<"event"> = {
  async arm(context, operations) {
    await Promise.all(operations.map((operation) => armWait(context, operation)));
  },
  async disarm(context, operations) {
    const keys = operations.flatMap((operation) => {
      const waiters = waitersOf(context, operation);
      return "refusal" in waiters ? [] : waiters.waiters.map(keyOf);
    });
    await new WaiterStore(context.services).remove(keys);
  },
  timeout: () => Promise.resolve(null),
};

async function armWait(context: OperationContext, operation: EventOperation): Promise<void> {
  const { services, head, ttlSeconds } = context;
  const waiters = waitersOf(context, operation);
  if ("refusal" in waiters) {
    const err = serializeError(waiters.refusal);
    await new InboxStore(services).put(head.runId, operation.hash, { why: "answer", by: "arming", err }, ttlSeconds);
    return;
  }
  const store = new WaiterStore(services);
  for (const waiter of waiters.waiters) await store.put(waiter);
  if (isLate(context, operation) && (await new InboxStore(services).get(head.runId, operation.hash))) {
    // What ended the wait came before the worker that had armed it was lost, and has removed its waiter already.
    await store.remove(waiters.waiters.map(keyOf));
    return;
  }
  const lookback = lookbackOf(context, operation, waiters.waiters);
  if (lookback) await sendMessage(services, services.settings.eventsQueueUrl, { v: 1, kind: "lookback", ...lookback });
}

/** One waiter for each event that may match; or the error of an expression that cannot be read. */
function waitersOf(
  context: OperationContext,
  operation: EventOperation,
): { waiters: NewWaiter[] } | { refusal: unknown } {
  const plans: (MatchPlan | null)[] = [];
  for (const { if: expression } of operation.op.on) {
    try {
      plans.push(planMatch(expression, context.events[0]));
    } catch (error) {
      if (isPerdureError(error)) return { refusal: error };
      throw error;
    }
  }
  const common = waiterOf(context, operation);
  const waiters = operation.op.on.flatMap(({ event: eventName }, k) => {
    const plan = plans[k];
    return plan ? [{ ...common, eventName, plan, slot: waitSlot(operation.hash, k) }] : [];
  });
  return { waiters };
}

function waiterOf(
  context: OperationContext,
  operation: EventOperation,
): Omit<NewWaiter, "eventName" | "plan" | "slot"> {
  const { head, entries } = context;
  const askedMs = operation.askedAtMs;
  // An event this run has seen counts for it no more. Of those seen long ago the waiter's own time takes care.
  const seen = seenEvents(entries, askedMs - SEEN_EXCLUDED_MS);
  return {
    app: appOfRun(head.runId),
    run: head.runId,
    fn: head.functionId,
    op: operation.hash,
    afterMs: askedMs - EVENT_SKEW_MS,
    untilMs: operation.op.untilMs,
    fromPlace: 0,
    excluded: [...new Set([head.eventId, ...seen])],
    trigger: head.eventId,
  };
}

/**
 * The look back a wait asks for; and one that nobody asked for where the wait was written down by a worker that died before it
 * left the waiter: whoever saw the run wait may have answered meanwhile.
 */
function lookbackOf(
  context: OperationContext,
  operation: EventOperation,
  [waiter]: readonly NewWaiter[],
): LookbackRequest | null {
  if (!waiter) return null;
  const { head, entries } = context;
  const { lookback, on, untilMs } = operation.op;
  const askedMs = operation.askedAtMs;
  if (lookback === undefined && !isLate(context, operation)) return null;
  const afterMs = lookback === "run" ? head.createdAtMs - 1 : askedMs - Math.max(EVENT_SKEW_MS, lookback ?? 0);
  return {
    run: head.runId,
    fn: head.functionId,
    op: operation.hash,
    on: [...distinct(on)],
    trigger: head.eventId,
    afterMs,
    untilMs,
    excluded: [...new Set([head.eventId, ...seenEvents(entries, 0)])],
  };
}

/** Armed after a crash, not when it was asked for. */
function isLate({ services }: OperationContext, { askedAtMs }: EventOperation): boolean {
  return services.clock.now() - askedAtMs > LATE_ARMING_MS;
}

function distinct(on: readonly EventMatch[]): EventMatch[] {
  return [...new Map(on.map((match) => [JSON.stringify([match.event, match.if]), match])).values()];
}

function seenEvents(entries: readonly LogEntry[], sinceMs: number): string[] {
  return entries.flatMap((entry) =>
    entry.k === "seen" && "eventId" in entry && entry.eventId !== undefined && entry.atMs >= sinceMs
      ? [entry.eventId]
      : [],
  );
}
