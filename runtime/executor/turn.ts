/**
 * Owns: one turn of one run: from a granted claim to its settling (DESIGN §5). Loads what has happened, runs passes of the
 * function, writes down what comes, and ends, parks or yields.
 * Must not: look at the message (handle-wake.ts does), import a handler (a FunctionHost runs it), or decide whether a
 * write is safe (the store's conditions do).
 */
import { retryDelayMs } from "../core/backoff.js";
import { appOfRun } from "../core/ids.js";
import {
  CREATED_DUE_MS,
  FIRST_GRACE_MS,
  IN_TURN_WAIT_MS,
  LONGEST_GRACE_MS,
  MAX_PARALLEL_BODIES,
  WAKE_GRACE_MS,
} from "../core/limits.js";
import type { RunHead } from "../core/run.js";
import { serializeError } from "../../sdk/errors.js";
import { defineError } from "../../sdk/error-catalogue.js";
import type {
  FunctionConfig,
  FunctionHost,
  Json,
  LogEntry,
  OutgoingEvent,
  PassOutcome,
  PassPort,
  SerializedError,
  StoredEvent,
} from "../../sdk/protocol.js";
import { outcomeUnknown } from "../aws/until-known.js";
import { publishEvents } from "../ingest/publish.js";
import type { MetricName } from "../observe/metrics.js";
import { traceMember } from "../observe/trace.js";
import { sendMessage } from "../queue/send.js";
import type { WakeReason } from "../queue/messages.js";
import type { Services } from "../services.js";
import { EventStore } from "../state/event-store.js";
import type { StoredRun } from "../state/head-item.js";
import { payloadObjectKey } from "../state/keys.js";
import { LogStore, type LoadedRun } from "../state/log-store.js";
import { pack, unpack } from "../state/payloads.js";
import { RunStore, type Release } from "../state/run-store.js";
import { armTimer, type Timer } from "../timers/timer.js";
import type { Deadline } from "./deadline.js";
import { effectsOf, performEffects } from "./effects.js";
import type { Lease } from "./lease.js";
import { endedTtl, retainUntil } from "./retain.js";

export const functionCrashed = defineError<{ functionId: string; crashes: number }>({
  code: "FUNCTION_CRASHED",
  status: 500,
  retryable: false,
  message: ({ functionId, crashes }) =>
    `Cannot run function "${functionId}": its worker died ${crashes} times without getting anything done; expected it to survive`,
  remedy: "Look at the worker's log: it runs out of memory, exits, or blocks past its timeout before the first step.",
});

/** How a turn ended. "lost": another epoch has begun. "unknown": AWS gave no answer; the message must come again. */
export type TurnResult = "settled" | "lost" | "unknown";

export interface TurnInput {
  run: StoredRun;
  lease: Lease;
  deadline: Deadline;
  config: FunctionConfig;
  stepQueueUrl: string;
  /** Asks for this sandbox to be ended after the invocation: user code still runs in it that was told to stop. */
  retireSandbox: () => void;
  /** The run as it was read before the claim; null in a run's first turn, which finds nothing. */
  loaded: LoadedRun | null;
}

export class Turn {
  readonly #services: Services;
  readonly #host: FunctionHost;
  readonly #input: TurnInput;
  readonly #runs: RunStore;
  readonly #log: LogStore;
  #head: RunHead;
  #entries: LogEntry[] = [];
  #events: StoredEvent[] = [];
  #items = 0;
  #objects: number;
  #resultBytes = 0;
  /** The next log item's number in this epoch. */
  #n = 1;
  /** Every step that could have been running when a worker was lost has had an outcome since. */
  #crashAnswered = false;

  constructor(services: Services, host: FunctionHost, input: TurnInput) {
    this.#services = services;
    this.#host = host;
    this.#input = input;
    this.#head = input.run.head;
    this.#objects = input.run.head.objects;
    this.#runs = new RunStore(services);
    this.#log = new LogStore(services);
  }

  /** Runs the turn to its settling. */
  async run(): Promise<TurnResult> {
    try {
      await this.#load();
      for (;;) {
        const result = await this.#pass();
        if (result !== "again") return result;
        await this.#reload();
      }
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === outcomeUnknown.definition.code) {
        this.#count("TurnsUnanswered", `Turn of run "${this.#head.runId}" ends without an answer from AWS`, {}, error);
        return "unknown";
      }
      throw error;
    }
  }

  // What has happened

  async #load(): Promise<void> {
    const { loaded } = this.#input;
    if (loaded) this.#take(loaded);
    this.#events = await this.#readEvents();
  }

  async #reload(): Promise<void> {
    const loaded = await this.#log.load(this.#head.runId);
    if (loaded) this.#take(loaded);
  }

  #take(loaded: LoadedRun): void {
    this.#entries = loaded.entries;
    this.#items = loaded.items;
    this.#resultBytes = loaded.resultBytes;
    this.#objects = Math.max(this.#objects, loaded.objects);
    this.#input.lease.wakes = loaded.head.wakes;
  }

  async #readEvents(): Promise<StoredEvent[]> {
    const { events } = this.#input.run;
    // Written by dispatch as a list of events and by nothing else.
    if (events) return JSON.parse(await unpack(this.#services, events)) as StoredEvent[];
    const store = new EventStore(this.#services);
    const record = await store.get(this.#head.eventId);
    if (!record) throw new TypeError(`Cannot run "${this.#head.runId}": its event "${this.#head.eventId}" is gone`);
    return [await store.unpack(record.payload)];
  }

  // A pass

  async #pass(): Promise<TurnResult | "again"> {
    const { config } = this.#input;
    const waitUntilMs = this.#notBeforeMs();
    if (waitUntilMs > this.#services.clock.now())
      return this.#park(waitUntilMs, this.#head.epoch > 1 ? "retry" : "start");
    // More crashes without progress than attempts: whatever it is, it is not the weather (PROTOCOL §2.5).
    if (this.#head.crashes > config.retries + 1) {
      const crashed = functionCrashed({ functionId: config.id, crashes: this.#head.crashes });
      return this.#end("Failed", null, serializeError(crashed));
    }
    const outcome = await this.#host.run(
      {
        functionId: config.id,
        runId: this.#head.runId,
        events: this.#events,
        ...(this.#head.trace === null ? {} : { traceparent: this.#head.trace }),
        history: [...this.#entries],
        historyBytes: this.#resultBytes,
        // Across turns, until every step that could have been running at the crash has an outcome (PROTOCOL §2.5).
        careful: this.#head.crashes > 0 && !this.#crashAnswered,
      },
      this.#port(),
    );
    return this.#settle(outcome);
  }

  /** A run whose event lies ahead, or whose function threw a moment ago, has nothing to do before this time. */
  #notBeforeMs(): number {
    const last = this.#entries.at(-1);
    const retryAtMs = last?.k === "thrown" ? last.retryAtMs : 0;
    return Math.max(this.#head.notBeforeMs ?? 0, retryAtMs);
  }

  #port(): PassPort {
    const { services, lease, deadline, config } = { services: this.#services, ...this.#input };
    return {
      clock: services.clock,
      random: services.random,
      logger: services.logger,
      append: (entries) => this.#append(entries),
      sendEvents: (seed, events) => this.#sendEvents(seed, events),
      mayStartBody: () => lease.held && !deadline.near,
      stopped: AbortSignal.any([lease.lost, deadline.over]),
      graceMs: graceMs(lease.epoch),
      inTurnWaitMs: IN_TURN_WAIT_MS,
      retryDelayMs: (attempt, backoff = config.backoff) => retryDelayMs(attempt, services.random.unit(), backoff),
      maxParallelBodies: MAX_PARALLEL_BODIES,
      crashAnswered: () => void (this.#crashAnswered = true),
      abandoned: () => this.#input.retireSandbox(),
    };
  }

  /**
   * Resolves when the log holds the entries. When that stays unknown the turn is lost and this never resolves; so too past
   * the lease's deadline, when the answer may be to a write that landed outside a thief's seal:
   *
   *   epoch 1: claim … body ──── frozen ──────── put LOG#1#2 ─▶ stored, but it never existed
   *   epoch 2:                    load, seal 1 → 1 item, body again …
   */
  async #append(entries: readonly LogEntry[]): Promise<void> {
    const { lease } = this.#input;
    const position = { runId: lease.runId, epoch: lease.epoch, n: this.#n, ttlSeconds: this.#head.ttlSeconds };
    try {
      const written = await this.#log.append(position, entries, { giveUp: () => !lease.held, maxAttempts: 1_000 });
      this.#n += written.items;
      this.#items += written.items;
      this.#objects += written.objects;
      this.#entries.push(...entries);
      for (const entry of entries) this.#noteAttempt(entry);
    } catch (error) {
      this.#services.logger.error(`Cannot write the log of run "${lease.runId}": the turn ends`, error);
      lease.lose();
    }
    if (lease.held) return;
    lease.lose();
    await new Promise<never>(() => undefined);
  }

  async #sendEvents(seed: string, events: readonly OutgoingEvent[]): Promise<{ ids: string[] }> {
    const { runId, createdAtMs, trace } = this.#head;
    return publishEvents(this.#services, events, { seed: `${runId}\n${seed}`, atMs: createdAtMs }, trace);
  }

  // Settling

  #settle(outcome: PassOutcome): Promise<TurnResult | "again"> {
    switch (outcome.kind) {
      case "finished":
        return this.#end("Completed", outcome.output, null);
      case "failed":
        return this.#end("Failed", null, outcome.error);
      case "retry":
        return this.#park(outcome.retryAtMs, "retry");
      case "parked":
        return this.#park(outcome.nextMs, "sleep");
      case "yielded":
        return this.#yield();
      case "lost":
        return Promise.resolve("lost");
    }
  }

  async #end(status: "Completed" | "Failed", output: Json, error: SerializedError | null): Promise<TurnResult> {
    const { lease } = this.#input;
    const nowMs = this.#services.clock.now();
    const packed =
      status === "Completed"
        ? await pack(this.#services, JSON.stringify(output), () =>
            payloadObjectKey(`runs/${lease.runId}`, `output-${lease.epoch}`),
          )
        : null;
    const objects = this.#objects + (packed?.form === "object" ? 1 : 0);
    const effects = effectsOf({ timer: this.#head.timer, objects }, nowMs);
    const end = {
      status,
      endedAtMs: nowMs,
      output: packed,
      error,
      ttlSeconds: endedTtl(this.#services, nowMs),
      effects,
      objects,
    };
    if (!lease.held) return "lost";
    const write = await this.#runs.end(lease.runId, lease.epoch, end, { giveUp: () => !lease.held });
    if (!write.done) return "lost";
    if (error) this.#noteFailure(error);
    if (effects.length > 0) await performEffects(this.#services, write.run.head);
    return "settled";
  }

  /** An alarm counts these. Names only, here and below: an error's text may hold what its run is about. */
  #noteFailure({ name }: SerializedError): void {
    this.#count("RunsFailed", `Run "${this.#head.runId}" failed`, { errorName: name });
  }

  #noteAttempt(entry: LogEntry): void {
    if (!("err" in entry && "a" in entry)) return;
    const step = "id" in entry ? { step: entry.id, stepIndex: entry.i } : {};
    const what = "id" in entry ? `of step "${entry.id}"` : "of the function";
    const about = { ...step, attempt: entry.a, errorName: entry.err.name, ...retryAt(entry) };
    this.#count("AttemptsFailed", `Attempt ${entry.a} ${what} of run "${this.#head.runId}" failed`, about);
  }

  #count(name: MetricName, message: string, more: Record<string, unknown>, error?: unknown): void {
    const { runId, epoch } = this.#input.lease;
    this.#services.metrics.count(name, {
      message,
      app: appOfRun(runId),
      functionId: this.#input.config.id,
      about: { runId, turn: epoch, ...more },
      ...(error === undefined ? {} : { error }),
    });
  }

  /** Arms the next wake, then gives the lease back. In this order: a run that is released must already be woken by something. */
  async #park(nextMs: number | null, why: WakeReason): Promise<TurnResult | "again"> {
    const { lease, stepQueueUrl } = this.#input;
    const nowMs = this.#services.clock.now();
    const wakeMs = nextMs ?? nowMs + CREATED_DUE_MS;
    const ttlSeconds = await retainUntil(this.#services, this.#head, wakeMs);
    const timer =
      nextMs === null ? null : await armTimer(this.#services, stepQueueUrl, { ...this.#wake(why), dueMs: nextMs });
    if (!lease.held) return "lost";
    const release = this.#releaseWith(wakeMs + WAKE_GRACE_MS, ttlSeconds, timer ?? this.#armedTimer(nowMs));
    const write = await this.#runs.release(lease.runId, lease.epoch, lease.wakes, release, {
      giveUp: () => !lease.held,
    });
    if (write.done) return "settled";
    if (write.run?.head.epoch !== lease.epoch) return "lost";
    // Something came while this turn was parking: look again before going.
    lease.wakes = write.run.head.wakes;
    return "again";
  }

  /** Gives the lease back to a continuation, which is sent after the release: before, it would be absorbed. */
  async #yield(): Promise<TurnResult> {
    const { lease, stepQueueUrl } = this.#input;
    const nowMs = this.#services.clock.now();
    const release = this.#releaseWith(nowMs + WAKE_GRACE_MS, this.#head.ttlSeconds, this.#head.timer);
    if (!lease.held) return "lost";
    const write = await this.#runs.yield(lease.runId, lease.epoch, release, { giveUp: () => !lease.held });
    if (!write.done) return "lost";
    await sendMessage(this.#services, stepQueueUrl, { v: 1, ...this.#wake("continue") });
    return "settled";
  }

  #wake<Why extends WakeReason>(why: Why): { run: string; fn: string; why: Why; trace?: string } {
    return { run: this.#head.runId, fn: this.#input.config.id, why, ...traceMember(this.#head.trace) };
  }

  /** A schedule armed for a later time stays on the head: an end before it fires removes it. */
  #armedTimer(nowMs: number): Timer | null {
    const { timer } = this.#head;
    return timer && timer.atMs > nowMs ? timer : null;
  }

  #releaseWith(dueAtMs: number, ttlSeconds: number, timer: Timer | null): Release {
    const crashes = this.#crashAnswered ? 0 : this.#head.crashes;
    return { logged: this.#items, crashes, objects: this.#objects, dueAtMs, ttlSeconds, timer };
  }
}

function retryAt(entry: LogEntry): { retryAt?: string } {
  return "retryAtMs" in entry ? { retryAt: new Date(entry.retryAtMs).toISOString() } : {};
}

/**
 * Quiet before a park. It doubles with the turns a run has had, so that plain I/O beside a sleeping branch, cut off once,
 * gets its time in a later turn (ADR 0006).
 */
function graceMs(epoch: number): number {
  return Math.min(LONGEST_GRACE_MS, FIRST_GRACE_MS * 2 ** Math.max(0, Math.floor(Math.log2(epoch)) - 2));
}
