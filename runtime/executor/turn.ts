/**
 * Owns: one turn of one run: from a granted claim to its settling (DESIGN §5). Loads what has happened, runs passes of the
 * function, writes down what comes, and ends, parks or yields.
 * Must not: look at the message (handle-wake.ts does), import a handler (a FunctionHost runs it), or decide whether a
 * write is safe (the store's conditions do).
 */
import { retryDelayMs } from "../core/backoff.js";
import { appOfRun } from "../core/ids.js";
import { FIRST_GRACE_MS, IN_TURN_WAIT_MS, LONGEST_GRACE_MS, MAX_PARALLEL_BODIES } from "../core/limits.js";
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
  WaitingStep,
} from "../../sdk/protocol.js";
import { outcomeUnknown, PATIENT_ATTEMPTS } from "../aws/until-known.js";
import { TurnSlots } from "../flow/turn-slots.js";
import { publishEvents } from "../ingest/publish.js";
import type { Services } from "../services.js";
import type { StoredRun } from "../state/head-item.js";
import { LogStore, type LoadedRun } from "../state/log-store.js";
import { RunTimeouts } from "./run-timeouts.js";
import type { Deadline } from "./deadline.js";
import { armOperations, disarmOperations } from "../operations/arm.js";
import { sendSignal, workerReach } from "../operations/send-signal.js";
import type { OperationContext } from "../operations/operation.js";
import type { Lease } from "./lease.js";
import { outstandingWaits, waitsLetGo } from "./let-go.js";
import { readTriggeringEvents } from "./triggering-events.js";
import { Settlement, type TurnState } from "./settlement.js";
import { TurnInbox } from "./turn-inbox.js";
import { TurnNotes } from "./turn-notes.js";

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
  /** The sweeper woke the run: its own wake did not come. */
  swept: boolean;
  /** The key of a concurrency limit under which the run was given a place; null: it was woken for something else. */
  slot: string | null;
}

export class Turn {
  readonly #services: Services;
  readonly #host: FunctionHost;
  readonly #input: TurnInput;
  readonly #log: LogStore;
  readonly #inbox: TurnInbox;
  /** Calls the pass does not wait for. */
  readonly #loose = new Set<Promise<void>>();
  readonly #timeouts: RunTimeouts;
  readonly #slots: TurnSlots;
  /** Resolves when nothing is being written to the log. */
  #written: Promise<unknown> = Promise.resolve();
  readonly #state: TurnState;
  readonly #settlement: Settlement;
  readonly #notes: TurnNotes;
  #resultBytes = 0;
  #armsAgain = false;
  #hasArmed = false;
  /** The next log item's number in this epoch. */
  #n = 1;

  constructor(services: Services, host: FunctionHost, input: TurnInput) {
    this.#services = services;
    this.#host = host;
    this.#input = input;
    const { head } = input.run;
    this.#state = { head, entries: [], events: [], items: 0, objects: head.objects, crashAnswered: false };
    this.#log = new LogStore(services);
    this.#inbox = new TurnInbox(services, input.lease);
    this.#timeouts = new RunTimeouts(services, head, input.config.timeouts);
    this.#notes = new TurnNotes(services, { runId: head.runId, epoch: input.lease.epoch, functionId: input.config.id });
    this.#slots = new TurnSlots(services, { ...input, head, hasBegun: () => this.#state.entries.length > 0 });
    this.#settlement = new Settlement(
      services,
      { ...input, timeouts: this.#timeouts, notes: this.#notes, slots: this.#slots },
      this.#state,
    );
  }

  /** Runs the turn to its settling. */
  async run(): Promise<TurnResult> {
    try {
      await this.#load();
      await this.#armAgain(!this.#input.stolen && this.#state.head.places.queued !== null);
      for (;;) {
        const result = await this.#pass();
        if (result !== "again") return result;
        await this.#reload();
      }
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === outcomeUnknown.definition.code) {
        this.#notes.count(
          "TurnsUnanswered",
          `Turn of run "${this.#state.head.runId}" ends without an answer from AWS`,
          {},
          error,
        );
        return "unknown";
      }
      throw error;
    } finally {
      this.#slots.bodies.stop();
      this.#timeouts.close();
    }
  }

  // What has happened

  async #load(): Promise<void> {
    const { loaded } = this.#input;
    if (loaded) await this.#take(loaded);
    this.#state.events = await readTriggeringEvents(this.#services, this.#input.run);
  }

  async #reload(): Promise<void> {
    const loaded = await this.#log.load(this.#state.head.runId);
    if (loaded) await this.#take(loaded);
  }

  async #take(loaded: LoadedRun): Promise<void> {
    this.#state.entries = loaded.entries;
    this.#state.items = loaded.items;
    this.#resultBytes = loaded.resultBytes;
    this.#state.objects = Math.max(this.#state.objects, loaded.objects);
    this.#input.lease.wakes = loaded.head.wakes;
    await this.#inbox.take(loaded.arrivals, loaded.entries);
  }

  /** A beat has seen that the head counts more wakes: something may have arrived for what the function waits for. */
  noticeWakes(wakes: number): void {
    void this.#inbox.refresh(wakes).catch((error: unknown) => {
      // The release is refused as long as the count is not taken over, and then everything is read again.
      this.#services.logger.warn(`Cannot look what arrived for run "${this.#state.head.runId}" now`, error);
    });
  }

  // A pass

  async #pass(): Promise<TurnResult | "again"> {
    const { config } = this.#input;
    const late = this.#state.entries.length === 0 ? this.#timeouts.startReason() : null;
    const reason = late ?? this.#timeouts.finishReason();
    if (reason) return this.#settlement.end("Cancelled", null, reason);
    const waitUntilMs = this.#notBeforeMs();
    if (waitUntilMs > this.#services.clock.now()) {
      await this.#slots.leaveUntilNeeded();
      return this.#settlement.park(waitUntilMs, this.#state.head.epoch > 1 ? "retry" : "start");
    }
    // More crashes without progress than attempts: whatever it is, it is not the weather (PROTOCOL §2.5).
    if (this.#state.head.crashes > config.retries + 1) {
      const crashed = functionCrashed({ functionId: config.id, crashes: this.#state.head.crashes });
      return this.#settlement.end("Failed", null, serializeError(crashed));
    }
    if (!(await this.#slots.take())) return this.#settlement.queue();
    await this.#armAgain(false);
    const outcome = await this.#host.run(
      {
        functionId: config.id,
        runId: this.#state.head.runId,
        events: this.#state.events,
        ...(this.#state.head.trace === null ? {} : { traceparent: this.#state.head.trace }),
        history: [...this.#state.entries],
        historyBytes: this.#resultBytes,
        // Across turns, until every step that could have been running at the crash has an outcome (PROTOCOL §2.5).
        careful: this.#state.head.crashes > 0 && !this.#state.crashAnswered,
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
    const last = this.#state.entries.at(-1);
    const retryAtMs = last?.k === "thrown" ? last.retryAtMs : 0;
    return Math.max(this.#state.head.notBeforeMs ?? 0, retryAtMs);
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
      maxParallelBodies: () => Math.min(MAX_PARALLEL_BODIES, this.#slots.bodies.count),
      wantBodies: (count, onRoom) => this.#slots.bodies.want(count, onRoom),
      crashAnswered: () => void (this.#state.crashAnswered = true),
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
    const position = { runId: lease.runId, epoch: lease.epoch, n: this.#n, ttlSeconds: this.#state.head.ttlSeconds };
    try {
      const patience = { giveUp: () => !lease.held, maxAttempts: PATIENT_ATTEMPTS };
      const writing = this.#log.append(position, entries, patience);
      this.#written = writing.catch(() => undefined);
      const written = await writing;
      this.#n += written.items;
      this.#state.items += written.items;
      this.#state.objects += written.objects;
      this.#state.entries.push(...entries);
      for (const entry of entries) this.#notes.attempt(entry);
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
      head: this.#state.head,
      events: this.#state.events,
      entries: this.#state.entries,
      stepQueueUrl: this.#input.stepQueueUrl,
      again: this.#armsAgain,
      ttlSeconds: this.#state.head.ttlSeconds,
    };
  }

  /**
   * The turn before was lost, perhaps between writing down what it waits for and arming it. Everything the log says is waited
   * for is armed before anything else: the function may end, throw or rest before it asks for it again, and the turn after
   * this one does not steal (test/model, waits). Likewise what it let go it may not have disarmed: a child would run on for
   * nobody, and a signal's name stay taken by the run that asks for it again.
   * The sweeper's wake may stand for an answer that was lost with its message (a purged queue): what messages carry is asked
   * for anew. A run in a queue is woken to look whether it has a place, again and again: it asks once it has one,
   * but for its distributed steps, one of which may have that place, and have lost its message.
   */
  async #armAgain(isQueued: boolean): Promise<void> {
    const { stolen, swept } = this.#input;
    if (this.#hasArmed || (!stolen && !swept)) return;
    this.#hasArmed = !isQueued;
    const outstanding = outstandingWaits(this.#state.entries);
    if (stolen) await disarmOperations(this.#context(), waitsLetGo(this.#state.entries));
    const waits = stolen
      ? outstanding
      : outstanding.filter(({ op }) => op.kind === "branch" || (op.kind === "invoke" && !isQueued));
    if (waits.length === 0) return;
    this.#armsAgain = true;
    await this.#arm(waits);
    this.#armsAgain = false;
    if (swept && waits.some(({ op }) => op.kind === "branch")) await this.#slots.checkForBranches();
  }

  async #arm(steps: readonly WaitingStep[]): Promise<void> {
    await armOperations(this.#context(), steps);
    // What can never be waited for was answered in the inbox: an expression that is none, a signal another run waits for.
    if (steps.some(({ op }) => op.kind === "event" || op.kind === "signal")) await this.#inbox.look();
  }

  #disarm(steps: readonly WaitingStep[]): void {
    const disarming = disarmOperations(this.#context(), steps).catch((error: unknown) => {
      this.#services.logger.warn(`Cannot take back what run "${this.#state.head.runId}" no longer waits for`, error);
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
    const { runId, createdAtMs, trace } = this.#state.head;
    return publishEvents(this.#services, events, { seed: `${runId}\n${seed}`, atMs: createdAtMs }, trace);
  }

  #sendSignal(seed: string, signal: string, data: Json): Promise<{ runId: string | null }> {
    const { runId } = this.#state.head;
    const reach = workerReach(this.#services, appOfRun(runId), this.#input.stepQueueUrl);
    return sendSignal(this.#services, reach, { signal, data, token: `step\n${runId}\n${seed}` });
  }

  // Settling

  async #settle(outcome: PassOutcome): Promise<TurnResult | "again"> {
    // The continuation goes on at once: it keeps the run's places. Further ones are for this turn's bodies alone.
    if (outcome.kind === "yielded") await this.#slots.bodies.close();
    else if (this.#input.lease.held) await this.#slots.giveBack();
    // What the function came to in time counts, though its time is up by now.
    const late = outcome.kind === "finished" || outcome.kind === "failed" ? null : this.#timeouts.finishReason();
    if (late) {
      // An item that lands after the end would be a part of the history.
      await this.#written;
      return this.#settlement.end("Cancelled", null, late);
    }
    switch (outcome.kind) {
      case "finished":
        return this.#settlement.end("Completed", outcome.output, null);
      case "failed":
        return this.#settlement.end("Failed", null, outcome.error);
      case "retry":
        return this.#settlement.park(outcome.retryAtMs, "retry");
      case "parked":
        return this.#settlement.park(outcome.nextMs, "sleep");
      case "yielded":
        return this.#settlement.yield();
      case "unreadable": {
        const { name: stepId, error } = outcome;
        const recorded = error.message.slice(0, MAX_UNREADABLE_CHARACTERS);
        return this.#settlement.diverge({ stepId, recorded, requested: "what this worker can read" }, error);
      }
      case "diverged": {
        const { stepId, recorded, requested } = outcome;
        return this.#settlement.diverge(
          { stepId, recorded, requested },
          stepKindChanged({ stepId, recorded, requested }),
        );
      }
      case "lost":
      case "branch":
      case "absent":
        return "lost";
    }
  }
}

/**
 * Quiet before a park. It doubles with the turns a run has had, so that plain I/O beside a sleeping branch, cut off once,
 * gets its time in a later turn (ADR 0006).
 */
function graceMs(epoch: number): number {
  return Math.min(LONGEST_GRACE_MS, FIRST_GRACE_MS * 2 ** Math.max(0, Math.floor(Math.log2(epoch)) - 2));
}
