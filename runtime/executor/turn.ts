/**
 * Owns: one turn of one run: from a granted claim to its settling (DESIGN §5). Loads what has happened, runs passes of the
 * function, writes down what comes, and ends, parks or yields.
 * Must not: look at the message (handle-wake.ts does), import a handler (a FunctionHost runs it), or decide whether a
 * write is safe (the store's conditions do).
 */
import { retryDelayMs } from "../core/backoff.js";
import { appOfRun } from "../core/ids.js";
import {
  FIRST_GRACE_MS,
  IN_TURN_WAIT_MS,
  LONGEST_GRACE_MS,
  MAX_PARALLEL_BODIES,
  SWEEP_FIRST_MS,
  SWEEP_LONGEST_MS,
  WAKE_GRACE_MS,
} from "../core/limits.js";
import { isQuiet, RUN_DIVERGED, type Divergence, type RunHead } from "../core/run.js";
import { serializeError } from "../../sdk/errors.js";
import { defineError, shown } from "../../sdk/error-catalogue.js";
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
  WaitingStep,
} from "../../sdk/protocol.js";
import { outcomeUnknown } from "../aws/until-known.js";
import { publishEvents } from "../ingest/publish.js";
import type { MetricName } from "../observe/metrics.js";
import { traceMember } from "../observe/trace.js";
import { sendMessage } from "../queue/send.js";
import type { WakeReason } from "../queue/messages.js";
import { isFinishListenedTo } from "../registry/listeners.js";
import type { Services } from "../services.js";
import type { StoredRun } from "../state/head-item.js";
import { payloadObjectKey } from "../state/keys.js";
import { LogStore, type LoadedRun } from "../state/log-store.js";
import { pack } from "../state/payloads.js";
import { RunStore, type Release } from "../state/run-store.js";
import { RunTimeouts } from "./run-timeouts.js";
import { armTimer, type Timer } from "../timers/timer.js";
import type { Deadline } from "./deadline.js";
import { effectsOf, performEffects, type End } from "./effects.js";
import { armOperations, disarmOperations } from "../operations/arm.js";
import { sendSignal, workerReach } from "../operations/send-signal.js";
import type { OperationContext } from "../operations/operation.js";
import type { Lease } from "./lease.js";
import { outstandingWaits } from "./let-go.js";
import { endedTtl, retainUntil } from "./retain.js";
import { readTriggeringEvents } from "./triggering-events.js";
import { TurnInbox } from "./turn-inbox.js";
import { planWake } from "./wake-plan.js";

export const functionCrashed = defineError<{ functionId: string; crashes: number }>({
  code: "FUNCTION_CRASHED",
  status: 500,
  retryable: false,
  message: ({ functionId, crashes }) =>
    `Cannot run function "${functionId}": its worker died ${crashes} times without getting anything done; expected it to survive`,
  remedy: "Look at the worker's log: it runs out of memory, exits, or blocks past its timeout before the first step.",
});

export const stepKindChanged = defineError<{ stepId: string; recorded: string; requested: string }>({
  code: "STEP_KIND_CHANGED",
  status: 409,
  retryable: true,
  message: ({ stepId, recorded, requested }) =>
    `Cannot replay step ${shown(stepId)}: the run recorded it as "${recorded}" and the code now asks for "${requested}"; expected the same kind`,
  remedy:
    "Give the changed step a new id, or roll the code back until this run has ended. The run rests meanwhile and goes on by itself, within half an hour of the fix.",
});

/** Of a reason why a history cannot be read: it stands on the head, which stays under 1 KB. */
const MAX_UNREADABLE_CHARACTERS = 300;

/** How a turn ended. "lost": another epoch has begun. "unknown": AWS gave no answer; the message must come again. */
export type TurnResult = "settled" | "lost" | "unknown";

type EndStatus = "Completed" | "Failed" | "Cancelled";

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
  /** The turn before was lost: what it wrote down to wait for may not be armed. */
  stolen: boolean;
}

export class Turn {
  readonly #services: Services;
  readonly #host: FunctionHost;
  readonly #input: TurnInput;
  readonly #runs: RunStore;
  readonly #log: LogStore;
  readonly #inbox: TurnInbox;
  /** Calls the pass does not wait for. */
  readonly #loose = new Set<Promise<void>>();
  readonly #timeouts: RunTimeouts;
  /** Resolves when nothing is being written to the log. */
  #written: Promise<unknown> = Promise.resolve();
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
    this.#inbox = new TurnInbox(services, input.lease);
    this.#timeouts = new RunTimeouts(services, this.#head, input.config.timeouts);
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
    } finally {
      this.#timeouts.close();
    }
  }

  // What has happened

  async #load(): Promise<void> {
    const { loaded } = this.#input;
    if (loaded) await this.#take(loaded);
    this.#events = await readTriggeringEvents(this.#services, this.#input.run);
  }

  async #reload(): Promise<void> {
    const loaded = await this.#log.load(this.#head.runId);
    if (loaded) await this.#take(loaded);
  }

  async #take(loaded: LoadedRun): Promise<void> {
    this.#entries = loaded.entries;
    this.#items = loaded.items;
    this.#resultBytes = loaded.resultBytes;
    this.#objects = Math.max(this.#objects, loaded.objects);
    this.#input.lease.wakes = loaded.head.wakes;
    await this.#inbox.take(loaded.arrivals, loaded.entries);
  }

  /** A beat has seen that the head counts more wakes: something may have arrived for what the function waits for. */
  noticeWakes(wakes: number): void {
    void this.#inbox.refresh(wakes).catch((error: unknown) => {
      // The release is refused as long as the count is not taken over, and then everything is read again.
      this.#services.logger.warn(`Cannot look what arrived for run "${this.#head.runId}" now`, error);
    });
  }

  // A pass

  async #pass(): Promise<TurnResult | "again"> {
    const { config } = this.#input;
    const late = this.#entries.length === 0 ? this.#timeouts.startReason() : null;
    const reason = late ?? this.#timeouts.finishReason();
    if (reason) return this.#end("Cancelled", null, reason);
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
        rearm: this.#input.stolen,
        only: null,
      },
      this.#port(),
    );
    this.#inbox.deafen();
    // Whatever is under way would freeze with the sandbox.
    await Promise.all(this.#loose);
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
      arm: (steps) => this.#untilDone("arm what it waits for", () => this.#arm(steps)),
      arrivalOf: (name) => this.#inbox.arrivalOf(name),
      onArrival: (listener) => this.#inbox.onArrival(listener),
      expire: (step) => this.#untilDone("end a wait", () => this.#inbox.expire(this.#context(), step)),
      disarm: (steps) => this.#disarm(steps),
      sendEvents: (seed, events) => this.#sendEvents(seed, events),
      sendSignal: (seed, signal, data) => this.#sendSignal(seed, signal, data),
      mayStartBody: () => lease.held && !deadline.near,
      stopped: AbortSignal.any([lease.lost, deadline.over, this.#timeouts.over]),
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
      const writing = this.#log.append(position, entries, { giveUp: () => !lease.held, maxAttempts: 1_000 });
      this.#written = writing.catch(() => undefined);
      const written = await writing;
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

  /** What a waiting operation of this run is armed with. */
  #context(): OperationContext {
    return {
      services: this.#services,
      head: this.#head,
      events: this.#events,
      entries: this.#entries,
      stepQueueUrl: this.#input.stepQueueUrl,
      rearm: this.#input.stolen,
      ttlSeconds: this.#head.ttlSeconds,
    };
  }

  async #arm(steps: readonly WaitingStep[]): Promise<void> {
    await armOperations(this.#context(), steps);
    // What can never be waited for was answered in the inbox: an expression that is none, a signal another run waits for.
    if (steps.some(({ op }) => op.kind === "event" || op.kind === "signal")) await this.#inbox.look();
  }

  #disarm(steps: readonly WaitingStep[]): void {
    const disarming = disarmOperations(this.#context(), steps).catch((error: unknown) => {
      this.#services.logger.warn(`Cannot take back what run "${this.#head.runId}" no longer waits for`, error);
    });
    this.#loose.add(disarming);
    void disarming.then(() => this.#loose.delete(disarming));
  }

  /** Does what the pass must not go on without. When that fails the turn is lost: its message comes again and repeats it. */
  async #untilDone<T>(what: string, work: () => Promise<T>): Promise<T> {
    const { lease } = this.#input;
    try {
      const result = await work();
      if (lease.held) return result;
    } catch (error) {
      this.#services.logger.error(`Cannot ${what} in run "${lease.runId}": the turn ends`, error);
    }
    lease.lose();
    return new Promise<never>(() => undefined);
  }

  async #sendEvents(seed: string, events: readonly OutgoingEvent[]): Promise<{ ids: string[] }> {
    const { runId, createdAtMs, trace } = this.#head;
    return publishEvents(this.#services, events, { seed: `${runId}\n${seed}`, atMs: createdAtMs }, trace);
  }

  #sendSignal(seed: string, signal: string, data: Json): Promise<{ runId: string | null }> {
    const { runId } = this.#head;
    const reach = workerReach(this.#services, appOfRun(runId), this.#input.stepQueueUrl);
    return sendSignal(this.#services, reach, { signal, data, token: `step\n${runId}\n${seed}` });
  }

  // Settling

  async #settle(outcome: PassOutcome): Promise<TurnResult | "again"> {
    // What the function came to in time counts, though its time is up by now.
    const late = outcome.kind === "finished" || outcome.kind === "failed" ? null : this.#timeouts.finishReason();
    if (late) {
      // An item that lands after the end would be a part of the history.
      await this.#written;
      return this.#end("Cancelled", null, late);
    }
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
      case "unreadable": {
        const { name: stepId, error } = outcome;
        const recorded = error.message.slice(0, MAX_UNREADABLE_CHARACTERS);
        return this.#diverge({ stepId, recorded, requested: "what this worker can read" }, error);
      }
      case "diverged": {
        const { stepId, recorded, requested } = outcome;
        return this.#diverge({ stepId, recorded, requested }, stepKindChanged({ stepId, recorded, requested }));
      }
      case "lost":
      case "branch":
      case "absent":
        return "lost";
    }
  }

  /** `error`: what it failed with, or why it is cancelled. */
  async #end(status: EndStatus, output: Json, error: SerializedError | null): Promise<TurnResult> {
    const { lease } = this.#input;
    const nowMs = this.#services.clock.now();
    const packed =
      status === "Completed"
        ? await pack(this.#services, JSON.stringify(output), () =>
            payloadObjectKey(`runs/${lease.runId}`, `output-${lease.epoch}`),
          )
        : null;
    const objects = this.#objects + (packed?.form === "object" ? 1 : 0);
    const effects = effectsOf({ ...this.#head, objects }, await this.#endOf(status, nowMs));
    const end = {
      status,
      endedAtMs: nowMs,
      output: packed,
      error: status === "Failed" ? error : null,
      reason: status === "Cancelled" ? error : null,
      ttlSeconds: endedTtl(this.#services, nowMs),
      effects,
      objects,
    };
    if (!lease.held) return "lost";
    const write = await this.#runs.end(lease.runId, lease.epoch, end, { giveUp: () => !lease.held });
    if (!write.done) return "lost";
    if (status === "Failed" && error) this.#noteFailure(error);
    if (effects.length > 0) await performEffects(this.#services, write.run.head);
    return "settled";
  }

  /** Whether anybody listens to runs that complete is asked only where it decides: a parent is told in any case. */
  async #endOf(status: EndStatus, nowMs: number): Promise<End> {
    const isTold = this.#head.parent !== null || this.#events.some((event) => isQuiet(this.#head, event.name));
    const isListenedTo = !isTold && (status !== "Completed" || (await isFinishListenedTo(this.#services)));
    return { nowMs, waits: outstandingWaits(this.#entries).length > 0, isListenedTo };
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
    const { timerMs, wakeMs } = planWake(this.#entries, this.#timeouts.earlier(nextMs), nowMs);
    const ttlSeconds = await retainUntil(this.#services, this.#head, wakeMs);
    const wake = this.#wake(why);
    const timer = timerMs === null ? null : await armTimer(this.#services, stepQueueUrl, { ...wake, dueMs: timerMs });
    // Should the run not park after all, its end removes what was armed.
    if (timer) this.#head = { ...this.#head, timer };
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

  /**
   * The code asks for a step as another kind than the log holds it, or this worker cannot read what it holds. The run rests:
   * it goes on once the code, the id or a key was changed back. It is looked at again after half of the time it has rested, a minute at least and half an hour at most.
   */
  async #diverge(difference: Omit<Divergence, "sinceMs">, error: { message: string }): Promise<TurnResult> {
    const { lease } = this.#input;
    const nowMs = this.#services.clock.now();
    const sinceMs = this.#head.diverged?.sinceMs ?? nowMs;
    const restMs = Math.min(SWEEP_LONGEST_MS, Math.max(SWEEP_FIRST_MS, (nowMs - sinceMs) / 2));
    if (!this.#head.diverged) this.#noteDivergence(error);
    // It may rest for longer than its items are kept.
    const ttlSeconds = await retainUntil(this.#services, this.#head, nowMs + restMs);
    if (!lease.held) return "lost";
    const release = {
      ...this.#releaseWith(nowMs + restMs, ttlSeconds, this.#armedTimer(nowMs)),
      diverged: { ...difference, sinceMs },
    };
    const write = await this.#runs.yield(lease.runId, lease.epoch, release, { giveUp: () => !lease.held });
    return write.done ? "settled" : "lost";
  }

  #noteDivergence(error: { message: string }): void {
    const { runId } = this.#head;
    const about = { event: RUN_DIVERGED, runId, functionId: this.#input.config.id };
    this.#services.logger.error(`Run "${runId}" rests until its code fits its history again: ${error.message}`, about);
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
