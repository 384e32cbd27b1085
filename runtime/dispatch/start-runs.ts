/**
 * Owns: event × registered functions → runs. Order of writes for one event: its gates (sender's id, idempotency key), then the
 * event item with the functions it goes to, then what may cancel the runs, then the runs, then their wakes. Whoever dies in
 * between leaves a message that comes again and finds its own traces: a gate knows the event that took it, the event's routes
 * are those of the first writer, runs are made under ids derived from the event, and a run nobody has claimed gets its wake
 * again.
 */
import type { Services } from "../services.js";
import { runIdOf } from "../core/ids.js";
import { slotsOf } from "../flow/limits-of-run.js";
import { isLive } from "../core/run.js";
import { CREATED_DUE_MS, EVENT_DEDUP_MS, WAKE_GRACE_MS } from "../core/limits.js";
import { ttlFor } from "../executor/retain.js";
import { traceMember } from "../observe/trace.js";
import type { AcceptedEvent } from "../queue/messages.js";
import { lookForCancels, putCancelWaiters } from "./cancel-waiters.js";
import { triggeredBy, type RegisteredFunction, type Registry } from "../registry/registry.js";
import { EventStore, type Route } from "../state/event-store.js";
import { GateStore, type Gate } from "../state/gate-store.js";
import { dedupKey, idempotencyKey } from "../state/keys.js";
import type { Invoked } from "../state/head-item.js";
import { packInline } from "../state/payloads.js";
import { RunStore } from "../state/run-store.js";
import { cancelKeysOf, WaiterStore } from "../state/waiter-store.js";

/** Bytes of packed events that fit a head of 1 KB, so that each of its writes stays one unit. */
const INLINE_EVENT_BYTES = 420;
/** What a trace context takes of them: 55 characters and an attribute's name. */
const TRACE_BYTES = 60;
/**
 * A limit's rule and key, 29 characters; and in `places`, while the run holds or waits for it, 22 and up to 60 more, and half of
 * 24 for since when it waits.
 */
const SLOT_BYTES = 125;

export interface StartedRun {
  app: string;
  fn: string;
  run: string;
  /** Null: now. */
  notBeforeMs: number | null;
  trace?: string;
}

export class RunStarter {
  readonly #services: Services;
  readonly #events: EventStore;
  readonly #gates: GateStore;
  readonly #runs: RunStore;
  readonly #waiters: WaiterStore;

  constructor(services: Services) {
    this.#services = services;
    this.#events = new EventStore(services);
    this.#gates = new GateStore(services);
    this.#runs = new RunStore(services);
    this.#waiters = new WaiterStore(services);
  }

  /** Records an event and starts what it starts. Answers the runs that need a wake. */
  async start(accepted: AcceptedEvent, registry: Registry): Promise<StartedRun[]> {
    return this.startFunctions(accepted, triggeredBy(registry, accepted.event));
  }

  /** The same for functions that are already chosen, as a cron's tick chooses its own. */
  async startFunctions(accepted: AcceptedEvent, functions: readonly RegisteredFunction[]): Promise<StartedRun[]> {
    const standing = (await this.#recorded(accepted, functions)) ?? (await this.#record(accepted, functions));
    const started = await Promise.all(
      standing.map(async (route) => {
        if ("skipped" in route) return null;
        const registered = functions.find(({ appId, config }) => appId === route.app && config.id === route.fn);
        return this.#create(accepted, route, registered);
      }),
    );
    return started.filter((run) => run !== null);
  }

  /** Starts a function that a run has invoked. Answers what became of it, and the run when it needs a wake. */
  async startInvoked(
    accepted: AcceptedEvent,
    registered: RegisteredFunction,
    invoked: Invoked,
  ): Promise<{ route: Route; started: StartedRun | null }> {
    const standing = (await this.#recorded(accepted, [registered])) ?? (await this.#record(accepted, [registered]));
    const [route] = standing;
    if (!route) throw new TypeError(`Cannot start invoked function "${registered.config.id}": its event has no route`);
    return { route, started: "skipped" in route ? null : await this.#create(accepted, route, registered, invoked) };
  }

  /**
   * The routes an earlier delivery has recorded. Looked up only for events that meet a gate: a function that was registered
   * in between must not have its gate taken by an event that does not go to it, nor may a delivery a day later take it anew.
   */
  async #recorded(accepted: AcceptedEvent, functions: readonly RegisteredFunction[]): Promise<Route[] | null> {
    const isGated = accepted.senderId !== undefined || functions.some(({ idempotency }) => idempotency !== null);
    return isGated ? ((await this.#events.get(accepted.id))?.routes ?? null) : null;
  }

  async #record(accepted: AcceptedEvent, functions: readonly RegisteredFunction[]): Promise<Route[]> {
    const routes: Route[] = [];
    for (const registered of functions) routes.push(await this.#route(accepted, registered));
    const startMs = Math.max(this.#services.clock.now(), accepted.event.ts);
    return this.#events.record(accepted, routes, ttlFor(this.#services, startMs));
  }

  async #route(accepted: AcceptedEvent, registered: RegisteredFunction): Promise<Route> {
    const { appId: app, config } = registered;
    const fn = config.id;
    const gates = gatesOf(accepted, registered);
    const untilSeconds = Math.ceil((this.#services.clock.now() + EVENT_DEDUP_MS) / 1_000);
    const held = await this.#gates.take(accepted.id, gates, untilSeconds);
    if (held === null) return { app, fn, run: runIdOf(app, fn, accepted.id) };
    return { app, fn, skipped: held.why, run: runIdOf(app, fn, held.by) };
  }

  async #create(
    accepted: AcceptedEvent,
    route: { app: string; fn: string; run: string },
    registered: RegisteredFunction | undefined,
    invoked?: Invoked,
  ): Promise<StartedRun | null> {
    const cancelOn = registered ? await putCancelWaiters(this.#services, accepted, route.run, registered) : [];
    const slots = registered ? slotsOf(registered, accepted.event) : [];
    const nowMs = this.#services.clock.now();
    const notBeforeMs = accepted.event.ts > nowMs ? accepted.event.ts : null;
    const outcome = await this.#runs.create({
      runId: route.run,
      functionId: route.fn,
      eventId: accepted.id,
      events: inlineEvents(accepted, { cancelOn, slots, invoked }),
      createdAtMs: accepted.receivedAtMs,
      notBeforeMs,
      dueAtMs: notBeforeMs === null ? nowMs + CREATED_DUE_MS : notBeforeMs + WAKE_GRACE_MS,
      ttlSeconds: ttlFor(this.#services, notBeforeMs ?? nowMs),
      ...traceMember(accepted.trace),
      invoked,
      cancelOn,
      slots,
    });
    if (registered) await lookForCancels(this.#services, accepted, route.run, registered);
    const started = { ...route, notBeforeMs, ...traceMember(accepted.trace) };
    if (outcome.created) return started;
    // Made by an earlier delivery. Nobody has claimed it: its wake may never have been sent.
    const { head } = outcome.existing;
    // It has ended meanwhile, and removed what it had: nobody would remove what was put for this delivery.
    if (!isLive(head.status)) await this.#waiters.remove(cancelKeysOf({ runId: route.run, cancelOn }));
    return head.epoch === 0 && head.status === "Queued" ? { ...started, notBeforeMs: head.notBeforeMs } : null;
  }
}

/** What lets an event through to a function only once. A key that is null, or an expression that fails on the event, is no gate. */
function gatesOf({ event, senderId }: AcceptedEvent, { appId, config, idempotency }: RegisteredFunction): Gate[] {
  const gates: Gate[] = [];
  if (senderId !== undefined) gates.push({ key: dedupKey(appId, config.id, senderId), why: "duplicate" });
  const value = idempotency?.evaluateKey({ event }) ?? null;
  if (idempotency !== null && value !== null) {
    gates.push({ key: idempotencyKey(appId, config.id, idempotency.text, value), why: "idempotent" });
  }
  return gates;
}

/** What the head of an invoked run holds besides: the parent by its name, the depth. */
function invokedBytes(invoked: Invoked | undefined): number {
  return invoked ? Buffer.byteLength(JSON.stringify(invoked)) : 0;
}

/** The event as it travels with its run's head, or null when it is too large for that. */
function inlineEvents(
  accepted: AcceptedEvent,
  { cancelOn, slots, invoked }: { cancelOn: readonly string[]; slots: readonly string[]; invoked: Invoked | undefined },
): ReturnType<typeof packInline> | null {
  const packed = packInline(JSON.stringify([accepted.event]));
  const bytes = packed.form === "text" ? Buffer.byteLength(packed.text) : packed.bytes.byteLength;
  const others =
    (accepted.trace === undefined ? 0 : TRACE_BYTES) +
    invokedBytes(invoked) +
    cancelOn.join(" ").length +
    slots.length * SLOT_BYTES;
  const leftBytes = INLINE_EVENT_BYTES - others;
  return bytes <= leftBytes ? packed : null;
}
