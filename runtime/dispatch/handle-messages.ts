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
import { sendWakes, type DelayedWake } from "../queue/send.js";
import { RegistryReader, type RegisteredApp, type Registry } from "../registry/registry.js";
import type { Services } from "../services.js";
import { getPayloadObject } from "../state/payloads.js";
import { jitterOffsetMs } from "../timers/jitter.js";
import { armTimer } from "../timers/timer.js";
import { RunStarter, type StartedRun } from "./start-runs.js";

/** Events of one message worked on side by side: 5,000 of them in about a second and a half at 5 ms a write. */
const PARALLEL_EVENTS = 32;

interface QueuedWake extends DelayedWake {
  queueUrl: string;
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
    const wakes: (QueuedWake & { messageId: string })[] = [];
    await Promise.all(
      records.map(async (record) => {
        try {
          const own = await this.#handleRecord(record, registry);
          wakes.push(...own.map((wake) => ({ ...wake, messageId: record.messageId })));
        } catch (error) {
          this.#services.logger.error(`Cannot dispatch message "${record.messageId}"; it comes again`, error);
          failed.add(record.messageId);
        }
      }),
    );
    await this.#send(wakes, failed);
    return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
  }

  /** Sends all wakes of the batch, ten to a call and queue. What cannot be sent comes again with its message. */
  async #send(wakes: readonly (QueuedWake & { messageId: string })[], failed: Set<string>): Promise<void> {
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

  async #handleRecord(record: SQSRecord, registry: Registry): Promise<QueuedWake[]> {
    const message = readDispatchMessage(record.body);
    if ("unreadable" in message) {
      const { messageId, body, eventSourceARN: queue } = record;
      await quarantine(this.#services, { messageId, body, queue, why: message.unreadable });
      return [];
    }
    switch (message.kind) {
      case "events":
        return this.#startAll(message.events, registry, message.trace);
      case "events-object":
        return this.#startAll(await this.#readObject(message.key), registry, message.trace);
      case "cron":
        return this.#tick(message, registry);
      case "timer":
        return this.#passOn(message, registry);
    }
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
  ): Promise<QueuedWake[]> {
    const wakes: QueuedWake[] = [];
    await forEachLimited(events, PARALLEL_EVENTS, async (event) => {
      const accepted = { ...event, ...traceMember(trace) };
      wakes.push(...(await this.#wakesOf(await this.#starter.start(accepted, registry), registry)));
    });
    return wakes;
  }

  /** A tick of a cron starts at most one run: its event's id derives from the function, the cron and the nominal time. */
  async #tick(message: Extract<DispatchMessage, { kind: "cron" }>, registry: Registry): Promise<QueuedWake[]> {
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
    return this.#wakesOf(await this.#starter.startFunctions(accepted, [registered]), registry);
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
