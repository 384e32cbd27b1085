/**
 * Owns: one batch of the events queue: events, cron ticks and timers become runs and wakes. A message is acknowledged only
 * when everything it asks for is done; its failure does not touch its batch mates.
 */
import type { SQSBatchResponse, SQSRecord } from "../lambda/sqs.js";
import { childEventId } from "../core/ids.js";
import { forEachLimited } from "../core/limited.js";
import { MAX_SQS_DELAY_MS } from "../core/limits.js";
import { readDispatchMessage, readEventList, type AcceptedEvent, type DispatchMessage } from "../queue/messages.js";
import { traceMember } from "../observe/trace.js";
import { quarantine } from "../queue/quarantine.js";
import { sendWakes, type QueuedWake } from "../queue/send.js";
import { hasListener, triggeredBy, RegistryReader, type RegisteredApp, type Registry } from "../registry/registry.js";
import type { Services } from "../services.js";
import type { Key } from "../state/keys.js";
import { getPayloadObject } from "../state/payloads.js";
import { WaiterStore } from "../state/waiter-store.js";
import { jitterOffsetMs } from "../timers/jitter.js";
import { armTimer } from "../timers/timer.js";
import { arrive } from "./arrive.js";
import { announceEnd } from "./ended.js";
import { cancelChild, invoke } from "./invoke.js";
import { lookBack } from "./lookback.js";
import { matchMore, matchWaiters, ShapeReader, type Served } from "./match-waiters.js";
import type { DispatchRoom } from "./room.js";
import { cancelPage } from "./cancel-page.js";
import { passSignal } from "./pass-signal.js";
import { RunStarter, type StartedRun } from "./start-runs.js";

/** Events of one message worked on side by side: 5,000 of them in about a second and a half at 5 ms a write. */
const PARALLEL_EVENTS = 32;

/** What the messages of a batch come to, each for itself. */
interface MessageWork {
  messageId: string;
  wakes: QueuedWake[];
  /** Waiters to be removed when the wakes are sent. */
  served: Key[];
  /** Events that are on record now, and not yet shown to those who wait for them. */
  recorded: AcceptedEvent[];
}

/** Takes over what was served; its wakes are there already. */
function addServed(own: MessageWork, { wakes, served }: Served): [] {
  own.wakes.push(...wakes);
  own.served.push(...served);
  return [];
}

export class Dispatcher {
  readonly #services: Services;
  readonly #registry: RegistryReader;
  readonly #starter: RunStarter;

  constructor(services: Services) {
    this.#services = services;
    this.#registry = new RegistryReader(services);
    this.#starter = new RunStarter(services);
  }

  async handle(records: readonly SQSRecord[]): Promise<SQSBatchResponse> {
    const registry = await this.#registry.current();
    const failed = new Set<string>();
    const batch = records.map(({ messageId }): MessageWork => ({ messageId, wakes: [], served: [], recorded: [] }));
    const each = (work: (own: MessageWork, record: SQSRecord) => Promise<void>): Promise<unknown> =>
      Promise.all(
        records.map(async (record, index) => {
          const own = batch[index];
          if (!own || failed.has(own.messageId)) return;
          try {
            await work(own, record);
          } catch (error) {
            this.#services.logger.error(`Cannot dispatch message "${own.messageId}"; it comes again`, error);
            failed.add(own.messageId);
          }
        }),
      );
    await each(async (own, record) => void own.wakes.push(...(await this.#handleRecord(record, registry, own))));
    // Only now that all events of the batch are on record (match-waiters.ts, A1).
    const shapes = new ShapeReader(this.#services);
    await each((own) => this.#match(own, registry, shapes));
    await this.#send(batch, failed);
    await this.#removeServed(batch.filter(({ messageId }) => !failed.has(messageId)));
    return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
  }

  /** Shows the events of a message to those who wait for them. */
  async #match(own: MessageWork, registry: Registry, shapes: ShapeReader): Promise<void> {
    await forEachLimited(own.recorded, PARALLEL_EVENTS, async (accepted) => {
      addServed(own, await matchWaiters(this.#services, registry, shapes, accepted));
    });
  }

  /** Waiters whose runs are woken are of no more use. One that stays is harmless, and goes with its TTL. */
  async #removeServed(batch: readonly MessageWork[]): Promise<void> {
    const keys = new Map(batch.flatMap(({ served }) => served.map((key) => [`${key.pk}\n${key.sk}`, key])));
    try {
      await new WaiterStore(this.#services).remove([...keys.values()]);
    } catch (error) {
      this.#services.logger.warn("Cannot remove waiters that were served; they go with their TTL", error);
    }
  }

  /** Sends all wakes of the batch, ten to a call and queue. What cannot be sent comes again with its message. */
  async #send(batch: readonly MessageWork[], failed: Set<string>): Promise<void> {
    const wakes = batch.flatMap(({ messageId, wakes: own }) => own.map((wake) => ({ ...wake, messageId })));
    for (const queueUrl of new Set(wakes.map((wake) => wake.queueUrl))) {
      const own = wakes.filter((wake) => wake.queueUrl === queueUrl);
      try {
        await sendWakes(this.#services, queueUrl, own);
      } catch (error) {
        this.#services.logger.error(`Cannot send ${own.length} wakes; their messages come again`, error);
        for (const { messageId } of own) failed.add(messageId);
      }
    }
  }

  async #handleRecord(record: SQSRecord, registry: Registry, own: MessageWork): Promise<QueuedWake[]> {
    const message = readDispatchMessage(record.body);
    if ("unreadable" in message) {
      if (message.newer) throw new TypeError(`Cannot read a message yet: ${message.unreadable}`);
      const { messageId, body, eventSourceARN: queue } = record;
      await quarantine(this.#services, { messageId, body, queue, why: message.unreadable });
      return [];
    }
    switch (message.kind) {
      case "events":
        return this.#startAll(message.events, registry, message.trace, own);
      case "events-object":
        return this.#startAll(await this.#readObject(message.key), registry, message.trace, own);
      case "cron":
        return this.#tick(message, registry, own);
      case "timer":
        return this.#passOn(message, registry);
      case "match":
        return addServed(own, await matchMore(this.#services, registry, message));
      case "lookback":
        return addServed(own, await lookBack(this.#services, registry, message));
      case "invoke":
        return invoke(this.#room(registry, own), message);
      case "disown":
        return cancelChild(this.#room(registry, own), message.run, message.parent);
      case "ended":
        return announceEnd(this.#room(registry, own), message.run, message.wake === true);
      case "arrive":
        return arrive(this.#services, registry, message);
      case "signal":
        return passSignal(this.#services, registry, message);
      case "cancel-runs":
        return cancelPage(this.#services, registry, message);
    }
  }

  #room(registry: Registry, own: MessageWork): DispatchRoom {
    return {
      services: this.#services,
      registry,
      starter: this.#starter,
      route: (event) => this.#startAll([event], registry, event.trace, own),
      isListenedTo: (eventName) => this.#isListenedTo(eventName, registry),
      wakesOf: (started) => this.#wakesOf(started, registry),
    };
  }

  async #isListenedTo(eventName: string, registry: Registry): Promise<boolean> {
    if (hasListener(registry, eventName)) return true;
    return (await new WaiterStore(this.#services).shapesOf(eventName)).length > 0;
  }

  async #readObject(key: string): Promise<AcceptedEvent[]> {
    const events = readEventList(await getPayloadObject(this.#services, key));
    if (!events) throw new TypeError(`Cannot read request "${key}": the object holds no accepted events`);
    return events;
  }

  async #startAll(
    events: readonly AcceptedEvent[],
    registry: Registry,
    trace: string | undefined,
    own: MessageWork,
  ): Promise<QueuedWake[]> {
    const wakes: QueuedWake[] = [];
    await forEachLimited(events, PARALLEL_EVENTS, async (event, place) => {
      const accepted = { ...event, place, ...traceMember(trace) };
      wakes.push(...(await this.#wakesOf(await this.#starter.start(accepted, registry), registry)));
      own.recorded.push(accepted);
    });
    return wakes;
  }

  /** A tick of a cron starts at most one run: its event's id derives from the function, the cron and the nominal time. */
  async #tick(
    message: Extract<DispatchMessage, { kind: "cron" }>,
    registry: Registry,
    own: MessageWork,
  ): Promise<QueuedWake[]> {
    const { app, fn, cron, at } = message;
    const registered = registry.apps.get(app)?.functions.find(({ config }) => config.id === fn);
    const tick = registered?.crons.find((known) => known.cron === cron);
    if (!registered || !tick) return [];
    const atMs = Date.parse(at);
    const seed = `cron\n${app}\n${fn}\n${cron}`;
    const id = childEventId(seed, 0, atMs);
    const ts = atMs + jitterOffsetMs(seed, atMs, tick.jitterMs);
    const data = { cron, scheduledAt: new Date(atMs).toISOString(), fireAt: new Date(ts).toISOString() };
    const event = { name: "perdure/scheduled.timer", data, id, ts };
    const accepted: AcceptedEvent = { id, receivedAtMs: this.#services.clock.now(), event };
    // Once each: a function whose own tick it is may listen to everybody's.
    const functions = new Set([registered, ...triggeredBy(registry, event)]);
    const started = await this.#starter.startFunctions(accepted, [...functions]);
    own.recorded.push(accepted);
    return this.#wakesOf(started, registry);
  }

  /** A long timer, two minutes early: the exact rest is an SQS delay. */
  async #passOn(message: Extract<DispatchMessage, { kind: "timer" }>, registry: Registry): Promise<QueuedWake[]> {
    const { run, fn, why, dueMs } = message;
    const wakeAt = { run, fn, why, dueMs, ...traceMember(message.trace) };
    const { stepQueueUrl: queueUrl } = requireApp(registry, message.app);
    const delayMs = Math.max(0, dueMs - this.#services.clock.now());
    if (delayMs <= MAX_SQS_DELAY_MS) return [{ queueUrl, wake: { v: 1, ...wakeAt }, delayMs }];
    await armTimer(this.#services, queueUrl, wakeAt);
    return [];
  }

  async #wakesOf(started: readonly StartedRun[], registry: Registry): Promise<QueuedWake[]> {
    const wakes: QueuedWake[] = [];
    for (const { app, fn, run, notBeforeMs, trace } of started) {
      const wake = { run, fn, why: "start", ...traceMember(trace) } as const;
      const { stepQueueUrl: queueUrl } = requireApp(registry, app);
      if (notBeforeMs === null) wakes.push({ queueUrl, wake: { v: 1, ...wake }, delayMs: 0 });
      else await armTimer(this.#services, queueUrl, { ...wake, dueMs: notBeforeMs });
    }
    return wakes;
  }
}

/** The app's registration. Absent only while one is under way: the message comes again. */
export function requireApp(registry: Registry, appId: string): RegisteredApp {
  const app = registry.apps.get(appId);
  if (!app) throw new TypeError(`Cannot wake a run of app "${appId}": it is not registered`);
  return app;
}
