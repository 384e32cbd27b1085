/**
 * Owns: an event and those who wait for it: looks up the fields somebody waits for, evaluates what no key holds, puts the
 * arrival or cancels the run, and says who is to be woken.
 * Must not: read a waiter that could not match: cost follows matches, not waiters.
 * A1 The event is on record before the shapes are read, and the shapes before the waiters: a wait that leaves its waiter and
 *    then looks back misses no event.
 * A2 A waiter is removed after its run's wake is sent. A message that comes again finds its own arrival and wakes again.
 */
import { appOfRun } from "../core/ids.js";
import { CANCEL_ABSENT_MS } from "../core/limits.js";
import { isLive } from "../core/run.js";
import { cancelLiveRun } from "../executor/cancel.js";
import { cancelledByEvent, reasonOf } from "../executor/cancel-reasons.js";
import { ttlFor } from "../executor/retain.js";
import { fitsRest, valuesOf } from "../expressions/match-plan.js";
import type { AcceptedEvent, DispatchMessage } from "../queue/messages.js";
import { sendMessage, type QueuedWake } from "../queue/send.js";
import type { Registry } from "../registry/registry.js";
import type { Services } from "../services.js";
import { EventStore, recordedPayload } from "../state/event-store.js";
import { InboxStore } from "../state/inbox-store.js";
import { waiterPartition, type Key } from "../state/keys.js";
import { RunStore } from "../state/run-store.js";
import { WaiterStore, type Shape, type Waiter } from "../state/waiter-store.js";
import { forEachLimited } from "../core/limited.js";

/** Waiters of one page answered side by side. */
const PARALLEL_WAITERS = 32;

/** Runs to be woken, and waiters to be removed after that. */
export interface Served {
  wakes: QueuedWake[];
  served: Key[];
}

/** What is looked up for events, read once for each name in a batch. Made anew when the batch's events are on record (A1). */
export class ShapeReader {
  readonly #store: WaiterStore;
  readonly #shapes = new Map<string, Promise<Shape[]>>();

  constructor(services: Services) {
    this.#store = new WaiterStore(services);
  }

  of(eventName: string): Promise<Shape[]> {
    const known = this.#shapes.get(eventName) ?? this.#store.shapesOf(eventName);
    this.#shapes.set(eventName, known);
    return known;
  }
}

/** Shows a recorded event to those who wait for it. Repeating it answers nobody twice. */
export async function matchWaiters(
  services: Services,
  registry: Registry,
  shapes: ShapeReader,
  accepted: AcceptedEvent,
): Promise<Served> {
  const all: Served = { wakes: [], served: [] };
  for (const { app, fields } of await shapes.of(accepted.event.name)) {
    const values = valuesOf(fields, accepted.event);
    if (values === null) continue;
    const partition = waiterPartition(app, accepted.event.name, fields, values);
    append(all, await matchPage(services, registry, accepted, { partition, after: null }));
  }
  return all;
}

/** The next of many who wait with the same key. */
export async function matchMore(
  services: Services,
  registry: Registry,
  { event, key, after }: Extract<DispatchMessage, { kind: "match" }>,
): Promise<Served> {
  const events = new EventStore(services);
  const record = await events.get(event);
  // Gone by its TTL: nobody can be waiting for it any more.
  if (!record) return { wakes: [], served: [] };
  const { id, receivedAtMs } = record;
  const accepted: AcceptedEvent = { id, receivedAtMs, event: await events.unpack(record.payload) };
  return matchPage(services, registry, accepted, { partition: key, after });
}

/** Answers one page of waiters. What is behind it goes on as a message of its own, so that no batch has to answer everybody. */
async function matchPage(
  services: Services,
  registry: Registry,
  accepted: AcceptedEvent,
  { partition, after }: { partition: string; after: string | null },
): Promise<Served> {
  const { waiters, next } = await new WaiterStore(services).page(partition, after);
  const all: Served = { wakes: [], served: [] };
  await forEachLimited(waiters, PARALLEL_WAITERS, async (waiter) => {
    if (await fits(services, waiter, accepted)) append(all, await answer(services, registry, waiter, accepted));
  });
  if (next !== null) {
    const message = { v: 1, kind: "match", event: accepted.id, key: partition, after: next } as const;
    await sendMessage(services, services.settings.eventsQueueUrl, message);
  }
  return all;
}

function append(all: Served, { wakes, served }: Served): void {
  all.wakes.push(...wakes);
  all.served.push(...served);
}

/** Whether the event is one that counts, by its time and by what it is. */
function counts(waiter: Waiter, { id, receivedAtMs, place = 0 }: AcceptedEvent): boolean {
  if (receivedAtMs <= waiter.afterMs || receivedAtMs > waiter.untilMs) return false;
  if (receivedAtMs === waiter.afterMs + 1 && place < waiter.fromPlace) return false;
  return !waiter.excluded.includes(id);
}

async function fits(services: Services, waiter: Waiter, accepted: AcceptedEvent): Promise<boolean> {
  if (!counts(waiter, accepted)) return false;
  const { receivedAtMs, event } = accepted;
  const { rest } = waiter;
  if (rest === null) return true;
  if (rest.event !== undefined) return fitsRest({ ...rest, event: rest.event }, event, receivedAtMs);
  const events = new EventStore(services);
  const record = await events.get(rest.trigger);
  return record !== null && fitsRest({ ...rest, event: await events.unpack(record.payload) }, event, receivedAtMs);
}

/** Whom an event answers: an operation that waits, or, without one, a run that is to be cancelled. */
export type Answered = Pick<Waiter, "run" | "fn" | "op" | "afterMs" | "untilMs">;

/** Gives the event to the operation that waits, or cancels the run that is not to go on after it. */
export async function answer(
  services: Services,
  registry: Registry,
  waiter: Answered & { key?: Key },
  accepted: AcceptedEvent,
): Promise<Served> {
  const served = waiter.key ? [waiter.key] : [];
  const { run, fn, op, untilMs } = waiter;
  if (op === null) return { wakes: await cancel(services, registry, waiter, accepted), served };
  const arrival = { why: "event", by: accepted.id, ok: recordedPayload(accepted) } as const;
  const { first } = await new InboxStore(services).put(run, op, arrival, ttlFor(services, untilMs));
  // Another arrival was first, and whoever brought it wakes the run.
  return { wakes: first ? wakesOf(registry, run, fn) : [], served };
}

/** A worker does what the end of the run leaves to do: it may touch what the run has left behind. */
async function cancel(
  services: Services,
  registry: Registry,
  { run: runId, fn, afterMs }: Answered,
  { id, event }: AcceptedEvent,
): Promise<QueuedWake[]> {
  const run = await new RunStore(services).get(runId);
  if (!run) {
    // The waiter is there before its run, which dispatch is about to make.
    if (services.clock.now() - afterMs > CANCEL_ABSENT_MS) return [];
    throw new TypeError(`Cannot cancel run "${runId}": it does not exist yet; expected it to be made soon`);
  }
  const reason = reasonOf(cancelledByEvent({ runId, eventName: event.name, eventId: id }));
  const ended = isLive(run.head.status) ? await cancelLiveRun(services, run.head, reason) : run;
  return ended && ended.head.effects.length > 0 ? wakesOf(registry, runId, fn) : [];
}

/** Without its app nobody runs it; when the app is back, the sweeper finds the run by its due time. */
function wakesOf(registry: Registry, run: string, fn: string): QueuedWake[] {
  const app = registry.apps.get(appOfRun(run));
  return app ? [{ queueUrl: app.stepQueueUrl, wake: { v: 1, run, fn, why: "arrival" }, delayMs: 0 }] : [];
}
