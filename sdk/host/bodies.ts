/**
 * Owns: running the bodies of steps: which may start, side by side or with care after a crash, and what an attempt's end is
 * recorded as.
 * Must not: show a result before the log holds it, or know why the pass ends.
 *
 * Invariants
 * B1 In a careful pass a body begins only after its `start` is in the log, and alone, while a step that could have been
 *    running at the crash has had no outcome since (PROTOCOL §2.5).
 * B2 A body that ends after `close`, or after its time was up, is not recorded.
 * B3 A body that is to run at most once begins only after its `start` is in the log, and never when the log holds an attempt
 *    of it. The log holds what was written while the lease was held, and a thief reads it after that: whoever may begin the
 *    body has written the `start` every later turn sees (PROTOCOL §2.3, §2.4).
 */
import { serializeError, stepInterrupted } from "../errors.js";
import type { LogEntry, PassInput, PassOutcome, PassPort, StepKind } from "../protocol.js";
import { runAttempt, type Attempt, type AttemptOutcome } from "./attempt.js";
import { runTooLarge, stepTimedOut } from "./errors.js";
import type { StepResult } from "./history.js";
import { MAX_RUN_BYTES } from "./limits.js";
import type { Operation, Operations } from "./operations.js";
import type { PassLog } from "./pass-log.js";
import { NO_RULES, type StepRules } from "./step-options.js";

interface Around {
  input: PassInput;
  port: PassPort;
  retries: number;
  operations: Operations;
  log: PassLog;
  /** Aborted when the pass ends. */
  signal: AbortSignal;
}

interface Listener {
  show(operation: Operation, result: StepResult): void;
  /** An attempt has ended, or there is room for another. */
  ended(): void;
}

export class Bodies {
  /** Operations whose body is running now. */
  readonly running = new Set<Operation>();
  readonly #around: Around;
  readonly #listener: Listener;
  /** In a careful pass: steps that could have been running at the crash, without an outcome since. Null: not known yet. */
  #suspects: Set<Operation> | null = null;
  #closed = false;
  #progressed = false;
  #resultBytes: number;
  /** Bodies that still run though their time is up. */
  #overrunning = 0;

  constructor(around: Around, listener: Listener) {
    this.#around = around;
    this.#listener = listener;
    this.#resultBytes = around.input.historyBytes;
    const { signal } = around;
    const stopAll = (): void => {
      for (const { abort } of this.running) abort?.abort(signal.reason);
    };
    signal.addEventListener("abort", stopAll, { once: true });
  }

  /** Some body still runs, awaited or not. */
  get anyRunning(): boolean {
    return this.running.size + this.#overrunning > 0;
  }

  /** A step has got its result since the pass began. */
  get progressed(): boolean {
    return this.#progressed;
  }

  /** What still runs is no longer recorded. */
  close(): void {
    this.#closed = true;
  }

  /** Starts what was asked for, as far as there is room and time. */
  startRequested(): void {
    const { operations, port, input } = this.#around;
    if (!input.careful) port.wantBodies(operations.running.size + operations.requested.size, this.#listener.ended);
    if (operations.requested.size === 0) return;
    const nowMs = port.clock.now();
    for (const operation of [...operations.requested]) {
      if (operation.dueMs > nowMs) {
        operations.move(operation, "waiting");
        continue;
      }
      const careful = this.#isCareful();
      const places = careful ? 1 : port.maxParallelBodies();
      if (operations.running.size >= places || !port.mayStartBody()) return;
      operations.move(operation, "running");
      if (this.#mayNotBegin(operation)) this.#recordInterrupted(operation);
      else if (careful || rulesOf(operation).atMostOnce) this.#startOnRecord(operation);
      else void this.#attempt(operation);
    }
  }

  /** The invocation is over: what runs has used up an attempt. */
  timeOutRunning(): void {
    for (const operation of this.running) {
      if (operation.state === "resolved") continue;
      operation.attemptsUsed += 1;
      const error = serializeError(stepTimedOut({ stepId: operation.name.id }));
      this.#record(operation, { kind: "error", error, final: false, retryAtMs: null }, this.#around.port.clock.now());
    }
  }

  /** The function no longer waits for this step: what its body still does is not recorded. */
  forget(operation: Operation): void {
    operation.abort?.abort();
    this.#clear(operation);
  }

  /** One attempt of one step, of which nothing is written down here: its outcome goes to the run's inbox. */
  async runOnly(operation: Operation, attempt: number): Promise<PassOutcome> {
    operation.attemptsUsed = attempt;
    return this.#branchOutcome(operation, attempt, await this.#runBody(operation));
  }

  /** The same for a body that did not stop in time. */
  overdueOnly(operation: Operation, attempt: number): PassOutcome {
    const error = serializeError(stepTimedOut({ stepId: operation.name.id }));
    return this.#branchOutcome(operation, attempt, { kind: "error", error, final: false, retryAtMs: null });
  }

  #branchOutcome(operation: Operation, attempt: number, outcome: AttemptOutcome): PassOutcome {
    const { stopped } = this.#around.port;
    if (stopped.aborted && stopped.reason !== "deadline") return { kind: "lost" };
    if (outcome.kind === "ok") return { kind: "branch", result: { ok: outcome.value } };
    const isFinal = outcome.final || attempt >= this.#retriesOf(operation);
    const retryAtMs = isFinal ? null : this.#retryAtMs(operation, attempt + 1, outcome);
    return { kind: "branch", result: { err: outcome.error, retryAtMs } };
  }

  #isCareful(): boolean {
    const { input, operations } = this.#around;
    if (!input.careful) return false;
    // What is asked for once the log is shown to its end is what could have been running.
    this.#suspects ??= new Set([...operations.requested, ...operations.waiting].filter(({ op }) => op === null));
    return this.#suspects.size > 0;
  }

  /** An attempt of the step has ended, well or not: it did not bring its worker down. */
  #clear(operation: Operation): void {
    if (!this.#suspects) return;
    this.#suspects.delete(operation);
    if (this.#suspects.size === 0) this.#around.port.crashAnswered();
  }

  /** The attempt is on record before the body runs: another crash is charged to this step. */
  #startOnRecord(operation: Operation): void {
    const { log, port } = this.#around;
    const a = operation.attemptsUsed + 1;
    const entry: LogEntry = { ...operation.name, k: "start", kind: stepKind(operation), a, atMs: port.clock.now() };
    log.add(entry, () => {
      // Let go, or the pass ended, while the entry was on its way: what it was to announce does not happen.
      if (!this.#closed && operation.state !== "resolved") void this.#attempt(operation);
    });
  }

  /** Its worker died in it, and that was the last attempt; or it must not run twice and has begun, whatever came of it. */
  #mayNotBegin(operation: Operation): boolean {
    if (rulesOf(operation).atMostOnce) return operation.attemptsUsed > 0;
    return operation.memory?.interrupted === true && operation.attemptsUsed > this.#retriesOf(operation);
  }

  #retriesOf(operation: Operation): number {
    return rulesOf(operation).retries ?? this.#around.retries;
  }

  /** When the next attempt may start, after failed attempt `a` (1 first). */
  #retryAtMs(operation: Operation, a: number, { retryAtMs }: { retryAtMs: number | null }): number {
    const { port } = this.#around;
    return retryAtMs ?? port.clock.now() + port.retryDelayMs(a, rulesOf(operation).backoff ?? undefined);
  }

  #recordInterrupted(operation: Operation): void {
    const error = serializeError(stepInterrupted({ stepId: operation.name.id }));
    this.#recordFinal(operation, { err: error }, this.#around.port.clock.now());
  }

  async #attempt(operation: Operation): Promise<void> {
    const { port, operations } = this.#around;
    const fromMs = port.clock.now();
    const attemptIndex = operation.attemptsUsed;
    operations.forgetUnrequested();
    const outcome = await this.#runBody(operation);
    if (this.#closed || operation.state === "resolved") return this.#listener.ended();
    operation.attemptsUsed = attemptIndex + 1;
    this.#record(operation, outcome, fromMs);
    this.#listener.ended();
  }

  async #runBody(operation: Operation): Promise<AttemptOutcome> {
    const { port, input, signal } = this.#around;
    const { name, attemptsUsed, body } = operation;
    const abort = new AbortController();
    if (signal.aborted) abort.abort(signal.reason);
    operation.abort = abort;
    this.running.add(operation);
    const attempt: Attempt = {
      runId: input.runId,
      name,
      index: attemptsUsed,
      maxAttempts: this.#retriesOf(operation) + 1,
      timeoutMs: rulesOf(operation).timeoutMs,
      abort,
      body: body?.run ?? (() => null),
      overran: (ended) => {
        this.#overrunning += 1;
        void ended.then(() => (this.#overrunning -= 1));
      },
    };
    const outcome = await runAttempt(attempt, port.clock);
    this.running.delete(operation);
    operation.abort = null;
    return outcome;
  }

  #record(operation: Operation, outcome: AttemptOutcome, fromMs: number): void {
    if (outcome.kind === "ok") {
      this.#recordFinal(operation, this.#withinRun(outcome), fromMs);
    } else if (outcome.final || operation.attemptsUsed > this.#retriesOf(operation)) {
      this.#recordFinal(operation, { err: outcome.error }, fromMs);
    } else {
      this.#recordFailed(operation, outcome, fromMs);
    }
  }

  /** The result, or the error that it does not fit what a run may hold. */
  #withinRun(outcome: Extract<AttemptOutcome, { kind: "ok" }>): StepResult {
    const bytes = this.#resultBytes + outcome.bytes;
    if (bytes > MAX_RUN_BYTES) {
      const { runId } = this.#around.input;
      return { err: serializeError(runTooLarge({ runId, bytes, limit: MAX_RUN_BYTES })) };
    }
    this.#resultBytes = bytes;
    return { ok: outcome.value };
  }

  #recordFinal(operation: Operation, result: StepResult, fromMs: number): void {
    const { log, port } = this.#around;
    const a = Math.max(1, operation.attemptsUsed);
    const atMs = port.clock.now();
    const entry: LogEntry = { ...operation.name, k: "done", kind: stepKind(operation), a, ...result, fromMs, atMs };
    log.add(entry, () => {
      this.#progressed = true;
      this.#clear(operation);
      this.#listener.show(operation, result);
    });
  }

  #recordFailed(operation: Operation, outcome: Extract<AttemptOutcome, { kind: "error" }>, fromMs: number): void {
    const { log, port, operations } = this.#around;
    const a = operation.attemptsUsed;
    const atMs = port.clock.now();
    const retryAtMs = this.#retryAtMs(operation, a, outcome);
    const kind = stepKind(operation);
    log.add({ ...operation.name, k: "failed", kind, a, err: outcome.error, fromMs, atMs, retryAtMs }, () => {
      this.#clear(operation);
      operation.dueMs = retryAtMs;
      operations.move(operation, "waiting");
    });
  }
}

function stepKind({ kind }: Operation): StepKind {
  return kind === "sendEvent" || kind === "sendSignal" ? kind : "run";
}

function rulesOf({ body }: Operation): StepRules {
  return body?.rules ?? NO_RULES;
}
