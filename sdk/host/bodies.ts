/**
 * Owns: running the bodies of steps: which may start, side by side or with care after a crash, and what an attempt's end is
 * recorded as.
 * Must not: show a result before the log holds it, or know why the pass ends.
 *
 * Invariants
 * B1 In a careful pass a body begins only after its `start` is in the log, and alone, while a step that could have been
 *    running at the crash has had no outcome since (PROTOCOL §2.5).
 * B2 A body that ends after `close` is not recorded.
 */
import { serializeError } from "../errors.js";
import type { LogEntry, PassInput, PassPort, StepKind } from "../protocol.js";
import { runAttempt, type AttemptOutcome } from "./attempt.js";
import { runTooLarge, stepInterrupted, stepTimedOut } from "./errors.js";
import type { StepResult } from "./history.js";
import { MAX_RUN_BYTES } from "./limits.js";
import type { Operation, Operations } from "./operations.js";
import type { PassLog } from "./pass-log.js";

interface Around {
  input: PassInput;
  port: PassPort;
  retries: number;
  operations: Operations;
  log: PassLog;
}

interface Listener {
  show(operation: Operation, result: StepResult): void;
  /** An attempt has ended. */
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

  constructor(around: Around, listener: Listener) {
    this.#around = around;
    this.#listener = listener;
    this.#resultBytes = around.input.historyBytes;
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
    const { operations, port } = this.#around;
    if (operations.requested.size === 0) return;
    const nowMs = port.clock.now();
    for (const operation of [...operations.requested]) {
      if (operation.dueMs > nowMs) {
        operations.move(operation, "waiting");
        continue;
      }
      const careful = this.#isCareful();
      const places = careful ? 1 : port.maxParallelBodies;
      if (operations.running.size >= places || !port.mayStartBody()) return;
      operations.move(operation, "running");
      if (this.#interruptedTooOften(operation)) this.#recordInterrupted(operation);
      else if (careful) this.#startCarefully(operation);
      else void this.#attempt(operation);
    }
  }

  /** The invocation is over: what runs has used up an attempt. */
  timeOutRunning(): void {
    for (const operation of this.running) {
      operation.attemptsUsed += 1;
      const error = serializeError(stepTimedOut({ stepId: operation.name.id }));
      this.#record(operation, { kind: "error", error, final: false, retryAtMs: null }, this.#around.port.clock.now());
    }
  }

  #isCareful(): boolean {
    const { input, operations } = this.#around;
    if (!input.careful) return false;
    // What is asked for once the log is shown to its end is what could have been running.
    this.#suspects ??= new Set([...operations.requested, ...operations.waiting].filter(({ kind }) => kind !== "wait"));
    return this.#suspects.size > 0;
  }

  /** An attempt of the step has ended, well or not: it did not bring its worker down. */
  #clear(operation: Operation): void {
    if (!this.#suspects) return;
    this.#suspects.delete(operation);
    if (this.#suspects.size === 0) this.#around.port.crashAnswered();
  }

  /** The attempt is on record before the body runs, so that another crash is charged to this step. */
  #startCarefully(operation: Operation): void {
    const { log, port } = this.#around;
    const a = operation.attemptsUsed + 1;
    const entry: LogEntry = { ...operation.name, k: "start", kind: stepKind(operation), a, atMs: port.clock.now() };
    log.add(entry, () => void this.#attempt(operation));
  }

  #interruptedTooOften(operation: Operation): boolean {
    return operation.memory?.interrupted === true && operation.attemptsUsed > this.#around.retries;
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
    this.running.add(operation);
    const outcome = await runAttempt(operation.name.id, attemptIndex, operation.body ?? (() => null), port.clock);
    this.running.delete(operation);
    if (this.#closed) return;
    operation.attemptsUsed = attemptIndex + 1;
    this.#record(operation, outcome, fromMs);
    this.#listener.ended();
  }

  #record(operation: Operation, outcome: AttemptOutcome, fromMs: number): void {
    if (outcome.kind === "ok") {
      this.#recordFinal(operation, this.#withinRun(outcome), fromMs);
    } else if (outcome.final || operation.attemptsUsed > this.#around.retries) {
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
    const retryAtMs = outcome.retryAtMs ?? atMs + port.retryDelayMs(a);
    const kind = stepKind(operation);
    log.add({ ...operation.name, k: "failed", kind, a, err: outcome.error, fromMs, atMs, retryAtMs }, () => {
      this.#clear(operation);
      operation.dueMs = retryAtMs;
      operations.move(operation, "waiting");
    });
  }
}

function stepKind(operation: Operation): StepKind {
  return operation.kind === "sendEvent" ? "sendEvent" : "run";
}
