/**
 * Owns: the shapes that pass between the code that runs a function (a FunctionHost) and the code that keeps its history
 * (the executor), and the manifest a worker gives of its functions. Everything here is JSON once written down.
 * Must not: know AWS, or know how a function is written. A second host drives functions over HTTP behind the same shapes.
 */
import type { Clock, Random } from "./clock.js";
import type { Logger } from "./logger.js";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** An event as a function sees it. `id` is the sender's id if it gave one, else the internal one. `ts` in ms since 1970. */
export interface StoredEvent {
  name: string;
  data: { [key: string]: Json };
  id: string;
  ts: number;
  v?: string;
}

/** An error as it is kept: enough to show it and to rebuild it. `stack` and `cause` are cut to bounded length. */
export interface SerializedError {
  name: string;
  message: string;
  stack?: string;
  code?: string;
  cause?: SerializedError;
}

/** Which operation: the id the user gave it and, for an id used again, how often it was used before (0 first). */
export interface StepName {
  id: string;
  i: number;
}

/** An event that ends a wait, or cancels a run. `if` is a CEL expression over `event` (what started the run) and `async` (what arrives). */
export interface EventMatch {
  event: string;
  if?: string;
}

/**
 * Operations that wait for the outside. `untilMs` is when waiting ends at the latest, in ms since 1970.
 * - `event`: the first event that fits one of `on`. `lookback` also takes events up to that many ms old, or as old as the run.
 * - `signal`: whoever sends the signal of that name.
 * - `invoke`: the end of another function's run. `onCancel`: what becomes of it when this run is cancelled or lets it go.
 * - `branch`: a step whose body runs in a Lambda of its own.
 */
export type WaitingOp =
  | { kind: "sleep"; untilMs: number }
  | { kind: "event"; untilMs: number; on: readonly EventMatch[]; lookback?: number | "run" }
  | { kind: "signal"; untilMs: number; signal: string; onConflict: "fail" | "replace" }
  | {
      kind: "invoke";
      untilMs: number;
      appId: string;
      functionId: string;
      data: { [key: string]: Json };
      onCancel: "cancel" | "detach";
    }
  | { kind: "branch" };

/**
 * What came from outside for one operation. The first that arrives is the only one (PROTOCOL §1).
 * `eventId` is the internal id of the event that ended a wait; `timedOut` says that the time was up first.
 */
export type Arrival = { ok: Json; eventId?: string; timedOut?: true } | { err: SerializedError };

/** An operation by name, and what it waits for. */
export interface WaitingStep {
  name: StepName;
  op: WaitingOp;
}

/**
 * One thing that has happened, in order. Times are ms since 1970 and for showing only: order is the place in the log.
 * - `done`: a step's final value (`ok`) or final error (`err`); `a` attempts were used. `kind` tells run from sendEvent.
 * - `failed`: attempt `a` (1 first) of a step failed; the next may start at `retryAtMs`.
 * - `start`: attempt `a` of a step is about to begin (written after a crash, and for steps that begin at most once).
 * - `op`: the function asked to wait for something.
 * - `seen`: the outcome of an `op` was shown to the function here; without `ok` and `err` (a sleep) it is null.
 * - `gone`: the function no longer waits for an `op`: another branch of its race has won.
 * - `thrown`: the function itself threw outside any step; the next attempt may start at `retryAtMs`.
 */
export type LogEntry =
  | (StepName & { k: "done"; kind: StepKind; a: number; ok: Json; fromMs: number; atMs: number })
  | (StepName & { k: "done"; kind: StepKind; a: number; err: SerializedError; fromMs: number; atMs: number })
  | (StepName & {
      k: "failed";
      kind: StepKind;
      a: number;
      err: SerializedError;
      fromMs: number;
      atMs: number;
      retryAtMs: number;
    })
  | (StepName & { k: "start"; kind: StepKind; a: number; atMs: number })
  | (StepName & { k: "op"; op: WaitingOp; atMs: number })
  | (StepName & { k: "seen"; atMs: number; ok?: Json; eventId?: string; timedOut?: true })
  | (StepName & { k: "seen"; atMs: number; err: SerializedError })
  | (StepName & { k: "gone"; atMs: number })
  | { k: "thrown"; a: number; err: SerializedError; atMs: number; retryAtMs: number };

/** Steps that have a body. */
export type StepKind = "run" | "sendEvent" | "sendSignal";

/** What a pass is given. */
export interface PassInput {
  functionId: string;
  runId: string;
  events: StoredEvent[];
  /** The trace the run belongs to (W3C Trace Context), when what started it came with one. */
  traceparent?: string;
  /** What has happened, in the order the function must see it. */
  history: readonly LogEntry[];
  /** UTF-8 bytes of JSON the results in `history` have together. */
  historyBytes: number;
  /** True after a crash: `start` before a body, one body at a time, until all that could have run then had an outcome. */
  careful: boolean;
  /** A pass for one distributed step alone: replays up to it, runs its body once and writes nothing down. Null: an ordinary pass. */
  only: { name: StepName; attempt: number } | null;
}

/** What a pass asks of the executor while it runs. */
export interface PassPort {
  clock: Clock;
  random: Random;
  logger: Logger;
  /**
   * Makes entries durable as one log item, in this order. Resolves when the log holds them; never rejects: when the lease
   * is lost or the outcome stays unknown it never resolves, and `stopped` aborts instead.
   * One call is under way at a time; the pass gathers what comes up meanwhile (ADR 0003).
   */
  append(entries: readonly LogEntry[]): Promise<void>;
  /**
   * Makes it so that what ends these waits reaches the run. They are in the log; called once for each. (What a
   * turn that was lost has not armed is armed by the next one before its pass.) Resolves when all are armed; like `append` it never rejects.
   */
  arm(steps: readonly WaitingStep[]): Promise<void>;
  /** What has arrived for an operation so far, or null. */
  arrivalOf(name: StepName): Arrival | null;
  /** Calls `listener` whenever something more may have arrived, until the pass ends. */
  onArrival(listener: () => void): void;
  /** The time of a wait is up: answers what counts, the timeout or what arrived before it. Never rejects. */
  expire(step: WaitingStep): Promise<Arrival>;
  /** The function no longer waits for these. A kindness to whoever would have answered; it may fail. */
  disarm(steps: readonly WaitingStep[]): void;
  /** Sends events to the platform. The ids derive from `seed`, so sending again with the same seed starts nothing twice. */
  sendEvents(seed: string, events: readonly OutgoingEvent[]): Promise<{ ids: string[] }>;
  /** Sends a signal to the run that waits for it; answers that run, or null. The same `seed` again is the same signal. */
  sendSignal(seed: string, signal: string, data: Json): Promise<{ runId: string | null }>;
  /** False past the lease's deadline or the invocation's soft deadline: start no further body. */
  mayStartBody(): boolean;
  /** Aborted when the pass must end now: "lost" (lease, cancel), "deadline" (the invocation is nearly over). */
  stopped: AbortSignal;
  /** Ms of quiet (nothing new requested) after which a function that waits for something may be parked. */
  graceMs: number;
  /** Ms to wait after failed attempt `attempt` (1 first), jitter included. Without a backoff of the step's own, the function's. */
  retryDelayMs(attempt: number, backoff?: BackoffConfig): number;
  /** Bodies that may run side by side inside one turn, now. */
  maxParallelBodies(): number;
  /** So many run, or wait for room, which may be made for them: then `onRoom` is called. Said again whenever it changes. */
  wantBodies(count: number, onRoom: () => void): void;
  /** In a careful pass: every step that could have been running at the crash has had an outcome. */
  crashAnswered(): void;
  /** The pass has ended and bodies it told to stop still run: they must not wake inside another run's turn. */
  abandoned(): void;
  /** A wait that ends within this many ms is waited for inside the turn: shorter than a hop is worth. */
  inTurnWaitMs: number;
}

export interface OutgoingEvent {
  name: string;
  data?: { [key: string]: Json } | undefined;
  id?: string | undefined;
  ts?: number | undefined;
  v?: string | undefined;
}

/** What a pass came to. */
export type PassOutcome =
  | { kind: "finished"; output: Json }
  /** The function threw; `final` when no further attempt may be made. The `thrown` entry is already in the log when not final. */
  | { kind: "failed"; error: SerializedError }
  | { kind: "retry"; retryAtMs: number }
  /** Everything left waits. `nextMs` is the earliest time at which something is due, null when nothing has a time. */
  | { kind: "parked"; nextMs: number | null }
  /** The invocation is nearly over; the rest goes on in a fresh turn. */
  | { kind: "yielded" }
  /** The log holds a step as another kind than the code asks for: nobody may go on before one of the two has changed. */
  | { kind: "diverged"; stepId: string; recorded: string; requested: string }
  /** The log, or an event, holds what this worker cannot read: nobody may go on before it can. `name` is the step's or the event's. */
  | { kind: "unreadable"; name: string; error: SerializedError }
  /** Of a pass for one step: what its attempt came to. `retryAtMs` null: final. `absent`: the code did not ask for it. */
  | { kind: "branch"; result: { ok: Json } | { err: SerializedError; retryAtMs: number | null } }
  | { kind: "absent" }
  /** The lease is gone: what this pass knows is no longer true. */
  | { kind: "lost" };

/** How a registered function is described to the platform: JSON, independent of the language it is written in. */
export interface FunctionConfig {
  id: string;
  name: string;
  triggers: TriggerConfig[];
  /** Attempts after the first, 0 to 20. */
  retries: number;
  /** Where steps started together run: one Lambda, as when absent, or one each. */
  parallel?: "in-turn" | "distributed";
  /** How long failed attempts wait; the platform's own when absent. */
  backoff?: BackoffConfig;
  /** A CEL expression over `event`: one run for each of its values in 24 hours. Null lets the event through. */
  idempotency?: string;
  /** After which a run is cancelled. */
  timeouts?: TimeoutsConfig;
  /** Events that cancel a run; at most five. */
  cancelOn?: CancelConfig[];
  /** How many may execute at once; at most two, of different scope or key. A run has a place of each before it executes. */
  concurrency?: ConcurrencyConfig[];
}

/**
 * `limit` places (1 to 1,000) for each value of `key`, a CEL expression over `event` that is asked when the run is made;
 * without one, for all runs. Null is a value like another.
 * - `scope` "function": the places are this function's. "app", with a key only: they are shared by all functions of the app
 *   whose keys of that scope come to the same value, each up to its own `limit`.
 * - `hold` "step": a place is held by what executes: a run that sleeps, waits or rests between attempts holds none. "run": by
 *   the run, one place from its first turn to its end.
 */
export interface ConcurrencyConfig {
  limit: number;
  key?: string;
  scope: "function" | "app";
  hold: "step" | "run";
}

/** An event that cancels a run, received within `timeoutMs` (366 days when absent) after the one that started it. */
export interface CancelConfig extends EventMatch {
  timeoutMs?: number;
}

/** Ms. `startMs` from the run's event to its first turn; `finishMs` from its first turn to its end. */
export interface TimeoutsConfig {
  startMs?: number;
  finishMs?: number;
}

/** The pause after attempt `a` (1 first): `firstMs * factor^(a-1)`, at most `longestMs`, spread by a quarter. */
export interface BackoffConfig {
  firstMs: number;
  factor: number;
  longestMs: number;
}

/** `jitterMs`: each start is put off by up to that long, a tick always by the same. */
export type TriggerConfig = { event: string; if?: string } | { cron: string; jitterMs?: number };

/** A worker's answer to "which functions do you have?". */
export interface AppManifest {
  appId: string;
  sdkVersion: string;
  functions: FunctionConfig[];
}

/** The functions of one app, however they are run. The executor knows them by this alone. */
export interface FunctionHost {
  readonly manifest: AppManifest;
  /** The function's configuration, or undefined when this worker does not have it. */
  get(functionId: string): FunctionConfig | undefined;
  /** Runs one pass of a function that `get` knows. Never rejects. */
  run(input: PassInput, port: PassPort): Promise<PassOutcome>;
}
