/**
 * Owns: what makes a new run cancellable by events: a waiter for each entry of its function's `cancelOn`, put before the run
 * itself is, so that no run ever goes on without them. Where the run was made late, what came meanwhile is looked for.
 */
import { MAX_WAIT_MS } from "../../sdk/duration.js";
import { LATE_ARMING_MS } from "../core/limits.js";
import { planMatch } from "../expressions/match-plan.js";
import type { AcceptedEvent } from "../queue/messages.js";
import { sendMessage } from "../queue/send.js";
import type { RegisteredFunction } from "../registry/registry.js";
import type { Services } from "../services.js";
import { cancelSlot, waiterHash } from "../state/keys.js";
import { keyOf, WaiterStore, type NewWaiter } from "../state/waiter-store.js";

/** Puts the waiters of a run that is about to be made. Answers what its head keeps of them: by place, "" where nothing can match. */
export async function putCancelWaiters(
  services: Services,
  accepted: AcceptedEvent,
  run: string,
  { appId, config }: RegisteredFunction,
): Promise<string[]> {
  const store = new WaiterStore(services);
  const hashes: string[] = [];
  for (const [k, { event: eventName, if: expression, timeoutMs = MAX_WAIT_MS }] of (config.cancelOn ?? []).entries()) {
    const plan = planMatch(expression, accepted.event);
    if (plan === null) {
      hashes.push("");
      continue;
    }
    const waiter: NewWaiter = {
      app: appId,
      eventName,
      plan,
      slot: cancelSlot(k),
      run,
      fn: config.id,
      op: null,
      afterMs: cancelsAfterMs(accepted),
      untilMs: accepted.receivedAtMs + timeoutMs,
      fromPlace: accepted.place ?? 0,
      excluded: [accepted.id],
      trigger: accepted.id,
    };
    await store.put(waiter);
    hashes.push(waiterHash(keyOf(waiter).pk));
  }
  return hashes;
}

/**
 * An event that should cancel the run may have been dispatched before the run was made: where dispatch was slow, or the
 * message has come again. Looks for it.
 */
export async function lookForCancels(
  services: Services,
  accepted: AcceptedEvent,
  run: string,
  { config }: RegisteredFunction,
): Promise<void> {
  if (services.clock.now() - accepted.receivedAtMs <= LATE_ARMING_MS) return;
  for (const { event, if: expression, timeoutMs = MAX_WAIT_MS } of config.cancelOn ?? []) {
    await sendMessage(services, services.settings.eventsQueueUrl, {
      v: 1,
      kind: "lookback",
      run,
      fn: config.id,
      op: null,
      on: [expression === undefined ? { event } : { event, if: expression }],
      trigger: accepted.id,
      // What came in the same request is dispatched with it, and needs no look.
      afterMs: accepted.receivedAtMs,
      untilMs: accepted.receivedAtMs + timeoutMs,
      excluded: [accepted.id],
    });
  }
}

/**
 * An event sent before the one that started the run must not cancel it: who withdraws an order and places it anew means the
 * old one. In one request, and so in one millisecond, their order there tells (`fromPlace`).
 */
function cancelsAfterMs({ receivedAtMs }: AcceptedEvent): number {
  return receivedAtMs - 1;
}
