/**
 * Owns: one pass over a function: replay what the log holds, then run new steps here and now until the function ends, has
 * to wait, or must stop.
 * Must not: know AWS, or decide whether a lease is held: the port says so.
 *
 * Invariants
 * P1 The function sees results in the order of the log and nothing else; between two it comes to rest (PROTOCOL §1).
 * P2 No body starts before the log is shown to its end, or the code is quiet and does not ask for the rest. What it asks
 *    for later is shown in the order of the log, too.
 * P3 A result is shown only once the log holds it. A wait's end may be shown ahead of the log only when it is the single
 *    thing outstanding; it is then carried ahead of whatever is written next.
 * P4 Suspension is a promise that never settles: user `catch` and `finally` never see it.
 * P5 After the pass has ended nothing it still produces is written, shown or started.
 */
import { drainMicrotasks, type Hold } from "../clock.js";
import { serializeError } from "../errors.js";
import type { Json, PassInput, PassOutcome, PassPort } from "../protocol.js";
import { Activity } from "./activity.js";
import { judge, toJson } from "./attempt.js";
import { Bodies } from "./bodies.js";
import { functionTimedOut } from "./errors.js";
import { keyOf, readHistory, type History, type StepResult } from "./history.js";
import { ABORT_WAIT_MS, LEAST_PATIENCE_MS, REPLAY_PATIENCE_MS } from "./limits.js";
import { Operations, type Operation, type StepRequest } from "./operations.js";
import { PassLog } from "./pass-log.js";
import { currentBranch } from "./race-branch.js";
import { isShownError, reviveShownError } from "./shown-error.js";
import { Shows } from "./shows.js";
import { Waits } from "./waits.js";

export interface PassFunction {
  id: string;
  retries: number;
  /** Steps run in Lambdas of their own unless they say otherwise. */
  distributesSteps: boolean;
  /** Starts the handler. `pass` makes its step tools. */
  start(pass: Pass): Promise<unknown>;
}

type Settled = { ok: unknown } | { error: unknown };

export class Pass {
  readonly input: PassInput;
  readonly port: PassPort;
  readonly operations: Operations;
  readonly #function: PassFunction;
  readonly #history: History;
  readonly #shows: Shows;
  readonly #activity = new Activity();
  readonly #log: PassLog;
  readonly #abort = new AbortController();
  /** The function's own code, outside bodies: counted except while the pass waits for the clock, the log or a body. */
  readonly #codeHold: Hold;
  readonly #bodies: Bodies;
  readonly #waits: Waits;
  #settled: Settled | null = null;
  /** The code, or this worker, does not fit the log: nothing goes on until one of them has changed. */
  #diverged: Extract<PassOutcome, { kind: "diverged" | "unreadable" }> | null = null;
  #ended = false;
  #replayed: boolean;

  constructor(passFunction: PassFunction, input: PassInput, port: PassPort) {
    this.#function = passFunction;
    this.input = input;
    this.port = port;
    this.#history = readHistory(input.history);
    this.operations = new Operations(this.#history);
    this.#shows = new Shows(this.#history.shows);
    this.#replayed = this.#shows.isOver && this.#repeatsAloud;
    this.#log = new PassLog(port);
    this.#bodies = new Bodies(
      {
        input,
        port,
        retries: passFunction.retries,
        operations: this.operations,
        log: this.#log,
        signal: this.#abort.signal,
      },
      {
        show: (operation, result) => this.#show(operation, result),
        ended: () => this.#activity.signal(),
      },
    );
    this.#waits = new Waits(
      { port, operations: this.operations, log: this.#log },
      {
        show: (operation, result) => this.#show(operation, result),
        signal: () => this.#activity.signal(),
      },
    );
    this.#codeHold = port.clock.hold();
  }

  get distributesSteps(): boolean {
    return this.#function.distributesSteps;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Failed attempts of whatever this pass tries again, a step or the function itself: 0 when it tries nothing again. */
  get attempt(): number {
    return this.#history.attempt;
  }

  /**
   * Whether the code after the last result is written of: it runs for the first time, it threw when it last ran, or its
   * worker died and nobody knows how far it came. In any other pass it came to rest, and its lines are written already.
   */
  get #repeatsAloud(): boolean {
    return this.input.history.length === 0 || this.#history.thrown > 0 || this.input.careful;
  }

  /** True while the function only repeats what an earlier turn did. */
  get silent(): boolean {
    return !this.#replayed || this.operations.replaying;
  }

  /** A function asks for an operation. Returns the promise its code waits on. */
  request(id: string, asked: StepRequest): Promise<Json> {
    const branch = currentBranch();
    if (this.#ended || branch?.isGone) return new Promise(() => undefined);
    const { operation, promise } = this.operations.request(id, asked);
    branch?.add(operation);
    const recorded = operation.memory?.kind ?? asked.kind;
    if (recorded !== asked.kind) {
      this.#diverged ??= { kind: "diverged", stepId: id, recorded, requested: asked.kind };
    } else if (!this.#shows.ask(operation) && (operation.op || asked.wait) && !this.input.only) {
      this.#beginWait(operation, asked);
    }
    this.#activity.signal();
    return promise;
  }

  /** What the log holds for a step cannot be shown: not now, and not as an error, which the code might catch. */
  unreadable(name: string, error: unknown): void {
    this.#diverged ??= { kind: "unreadable", name, error: serializeError(error) };
    this.#activity.signal();
  }

  get isForOneStep(): boolean {
    return this.input.only !== null;
  }

  /** In a pass for one step: whatever else the log does not hold is asked for in vain, and a thousand of it cost little. */
  skips(id: string): boolean {
    const { only } = this.input;
    if (!only) return false;
    const name = { id, i: this.operations.occurrencesOf(id) };
    if (keyOf(name) === keyOf(only.name) || this.#history.memories.get(keyOf(name))?.result) return false;
    this.operations.skip(id);
    return true;
  }

  #beginWait(operation: Operation, asked: StepRequest): void {
    const op = operation.op ?? asked.wait?.();
    if (!op) return;
    if (this.#replayed && !operation.op) this.operations.forgetUnrequested();
    this.#waits.begin(operation, op);
  }

  /** These operations are no longer waited for: another branch of their race has won. What they still do is not recorded. */
  letGo(operations: Iterable<Operation>): void {
    if (this.#ended) return;
    for (const operation of operations) {
      if (operation.state === "resolved") continue;
      this.operations.move(operation, "resolved");
      this.#shows.drop(operation.key);
      this.#bodies.forget(operation);
      this.#waits.letGo(operation);
    }
    this.#activity.signal();
  }

  /** Runs the pass to its outcome. Never rejects. */
  async run(): Promise<PassOutcome> {
    const onStop = (): void => this.#activity.signal();
    this.port.stopped.addEventListener("abort", onStop);
    this.port.onArrival(onStop);
    this.#codeHold.resume();
    try {
      this.#startHandler();
      await this.#replay();
      return await (this.input.only ? this.#liveOnly(this.input.only) : this.#live());
    } finally {
      this.#close();
      this.#abort.abort();
      if (this.#bodies.anyRunning) this.port.abandoned();
      this.#codeHold.pause();
      this.port.stopped.removeEventListener("abort", onStop);
    }
  }

  #startHandler(): void {
    const settle = (settled: Settled): void => {
      this.#settled = settled;
      this.#activity.signal();
    };
    this.#codeHold
      .run(async () => this.#function.start(this))
      .then(
        (ok) => settle({ ok }),
        (error: unknown) => settle({ error }),
      );
  }

  // Replay

  /** Shows the log's results in their order (P1). */
  async #replay(): Promise<void> {
    while (!this.#shows.isOver) {
      await drainMicrotasks();
      if (this.#settled || this.#diverged || this.port.stopped.aborted) break;
      if (this.#showNext()) continue;
      // The next result has not been asked for. Plain I/O before it takes its time; code that asks for something else and
      // is quiet then does not ask for it any more.
      if (!this.operations.anyAwaited) await this.#activity.next();
      else if (await this.#quietFor(this.#patienceMs)) this.#shows.giveUp();
    }
    // Up to where it rests after the last result, the code repeats what it did.
    if (!this.#repeatsAloud) await drainMicrotasks();
    this.#replayed = true;
  }

  get #patienceMs(): number {
    const { patience } = this.#shows;
    return patience === 0 ? 0 : Math.max(LEAST_PATIENCE_MS, REPLAY_PATIENCE_MS * patience);
  }

  /** Shows the remembered result whose turn it is. False when there is none, or its operation was not asked for. */
  #showNext(): boolean {
    const operation = this.#shows.takeNext();
    if (!operation) return false;
    this.#show(operation, operation.memory?.result ?? { ok: null });
    return true;
  }

  #show(operation: Operation, result: StepResult): void {
    if (this.#ended || operation.state === "resolved") return;
    this.operations.move(operation, "resolved");
    if ("ok" in result) operation.resolve(result.ok);
    else operation.reject(reviveShownError(result.err, operation.name.id));
  }

  // Live

  async #live(): Promise<PassOutcome> {
    for (;;) {
      await drainMicrotasks();
      if (this.port.stopped.aborted) return this.#stop();
      if (this.#waits.endExpired()) continue;
      if (this.#settled && this.#log.idle && !this.#diverged) return this.#conclude(this.#settled);
      if (!this.#settled && !this.#diverged) {
        if (this.#showNext()) continue;
        this.#waits.wakeDue();
        if (this.#waits.settled) this.#bodies.startRequested();
      }
      if (this.#log.needsFlush) this.#flush();
      this.#waits.armWritten();
      if (this.operations.running.size === 0 && this.#log.idle && this.#waits.settled) {
        if (this.#diverged) return this.#diverged;
        if (this.#settled) continue;
        const outcome = await this.#rest();
        if (outcome) return outcome;
      } else {
        await this.#nextEvent();
      }
    }
  }

  /** A pass for one distributed step: the log has been shown to its end; what it asks for besides is another turn's work. */
  async #liveOnly(only: NonNullable<PassInput["only"]>): Promise<PassOutcome> {
    for (;;) {
      await drainMicrotasks();
      if (this.port.stopped.aborted) return { kind: "lost" };
      if (this.#diverged) return this.#diverged;
      if (this.#showNext()) continue;
      const operation = this.operations.byKey.get(keyOf(only.name));
      if (operation && !operation.memory?.result) {
        this.#codeHold.pause();
        return this.#runOnly(operation, only.attempt);
      }
      if (this.#settled || (await this.#quietFor(REPLAY_PATIENCE_MS))) return { kind: "absent" };
    }
  }

  /** The one body, for as long as the invocation has. One that does not stop when told to has used up its attempt. */
  async #runOnly(operation: Operation, attempt: number): Promise<PassOutcome> {
    const { stopped, clock } = this.port;
    const body = this.#bodies.runOnly(operation, attempt);
    const overdue = new Promise<PassOutcome>((resolve) => {
      const onStop = (): void => {
        this.#abort.abort();
        clock.after(ABORT_WAIT_MS, () => resolve(this.#bodies.overdueOnly(operation, attempt)));
      };
      if (stopped.aborted) onStop();
      else stopped.addEventListener("abort", onStop, { once: true });
    });
    return Promise.race([body, overdue]);
  }

  #flush(force = false): void {
    // An append under way signals by itself when it ends; a signal from here would only make whoever waits for it spin.
    if (this.#log.appending) return;
    void this.#log.flush(force).then(() => this.#activity.signal());
  }

  /** Waits for anything to happen, or for the next thing that is due while bodies run. */
  async #nextEvent(): Promise<void> {
    // Once the function has ended, what it left waiting is due for nobody: looking at the clock for it would only spin.
    const dueMs = this.#settled ? null : this.operations.nextDueMs();
    if (dueMs !== null && dueMs < Number.POSITIVE_INFINITY) {
      await this.#quietFor(Math.max(0, dueMs - this.port.clock.now()));
      return;
    }
    this.#codeHold.pause();
    await this.#activity.next();
    this.#codeHold.resume();
  }

  /** True when `ms` pass without anything happening. The function's code does not hold the clock meanwhile. */
  async #quietFor(ms: number): Promise<boolean> {
    this.#codeHold.pause();
    const quiet = await this.#activity.quietFor(this.port.clock, ms);
    this.#codeHold.resume();
    return quiet;
  }

  /** No body runs and nothing is being written: wait a little, or end the turn. */
  async #rest(): Promise<PassOutcome | null> {
    const { clock } = this.port;
    if (this.operations.requested.size > 0 && !this.port.mayStartBody()) return { kind: "yielded" };
    const dueMs = this.operations.nextDueMs();
    if (dueMs === null) {
      // Nothing outstanding: the function awaits something of its own. Only it, or the deadline, can end that.
      await this.#activity.next();
      return null;
    }
    const waitMs = dueMs - clock.now();
    if (waitMs <= this.port.inTurnWaitMs && this.port.mayStartBody()) {
      if (waitMs > 0) await this.#quietFor(waitMs);
      return null;
    }
    if (!(await this.#quietFor(this.port.graceMs))) return null;
    if (this.#log.hasCarried) {
      this.#flush(true);
      return null;
    }
    return { kind: "parked", nextMs: dueMs < Number.POSITIVE_INFINITY ? dueMs : null };
  }

  // Ends

  /** P5: from now on nothing is shown, started or recorded. */
  #close(): void {
    this.#ended = true;
    this.#bodies.close();
    this.#waits.close();
  }

  /** The lease is gone, or the invocation nearly is. */
  async #stop(): Promise<PassOutcome> {
    this.#abort.abort();
    if (this.port.stopped.reason !== "deadline") return { kind: "lost" };
    const idle = this.operations.unresolvedCount === 0 && !this.#settled;
    this.#close();
    this.#bodies.timeOutRunning();
    await this.#settleLog();
    await this.#settleWaits();
    if (idle) {
      return this.#failFunction(functionTimedOut({ functionId: this.#function.id }));
    }
    return { kind: "yielded" };
  }

  /** The function returned or threw. Bodies nobody waits for any more are told to stop and given a moment. */
  async #conclude(settled: Settled): Promise<PassOutcome> {
    if (this.#bodies.running.size > 0) {
      const ids = [...this.#bodies.running].map((operation) => operation.name.id).join(", ");
      this.port.logger.warn(
        `Function "${this.#function.id}" ended while steps still ran, which are told to stop: ${ids}`,
      );
      this.#abort.abort();
      await this.#awaitBodies();
    }
    if (this.port.stopped.aborted && this.port.stopped.reason !== "deadline") return { kind: "lost" };
    this.#close();
    await this.#settleLog();
    if (this.port.stopped.aborted && this.port.stopped.reason !== "deadline") return { kind: "lost" };
    if ("error" in settled) return this.#failFunction(settled.error);
    try {
      return { kind: "finished", output: toJson("(the function's own result)", settled.ok).value };
    } catch (error) {
      return this.#failFunction(error);
    }
  }

  async #awaitBodies(): Promise<void> {
    const { clock } = this.port;
    const untilMs = clock.now() + ABORT_WAIT_MS;
    while (this.#bodies.running.size > 0 && clock.now() < untilMs && !this.port.stopped.aborted) {
      await this.#quietFor(untilMs - clock.now());
    }
  }

  /** Writes what is still to be written, or gives up when the lease is gone. */
  async #settleLog(): Promise<void> {
    while (!this.#log.idle || this.#log.carriesNews) {
      if (this.port.stopped.aborted && this.port.stopped.reason !== "deadline") return;
      this.#flush(true);
      this.#codeHold.pause();
      await this.#activity.next();
      this.#codeHold.resume();
    }
  }

  /** Nothing is released that is not armed (W1). Past the lease this does not come back, and whoever is next arms again. */
  async #settleWaits(): Promise<void> {
    while (!this.#waits.settled) {
      if (this.port.stopped.aborted && this.port.stopped.reason !== "deadline") return;
      this.#waits.armWritten();
      this.#codeHold.pause();
      await this.#activity.next();
      this.#codeHold.resume();
    }
  }

  /** An error outside any step: another attempt of the function, or the end. */
  async #failFunction(thrown: unknown): Promise<PassOutcome> {
    const nowMs = this.port.clock.now();
    const verdict = judge(thrown, nowMs);
    const a = (this.#waits.ended || this.#bodies.progressed ? 0 : this.#history.thrown) + 1;
    if (isShownError(thrown) || verdict.final || a > this.#function.retries) {
      return { kind: "failed", error: verdict.error };
    }
    const retryAtMs = verdict.retryAtMs ?? nowMs + this.port.retryDelayMs(a);
    this.#log.add({ k: "thrown", a, err: verdict.error, atMs: nowMs, retryAtMs });
    await this.#settleLog();
    await this.#settleWaits();
    if (this.port.stopped.aborted && this.port.stopped.reason !== "deadline") return { kind: "lost" };
    return { kind: "retry", retryAtMs };
  }
}
