/**
 * Owns: one Lambda function: its sandboxes, started on demand up to the concurrency, reused while warm, one invocation at a
 * time each; the timeout, which kills the sandbox; throttling beyond the concurrency; the change to new code.
 * Invariants: I1 a sandbox never runs two invocations at once. I2 an invocation settles exactly once, whatever dies.
 * I3 a sandbox that timed out, died, was retired or holds old code is never used again.
 * Must not: retry. Who invokes decides (a mapping leaves the message, an asynchronous invocation tries again).
 */
import type { Clock, Random } from "../../sdk/clock.js";
import { exceedsPayloadLimit, exited, handlerError, initError, requestIdFrom, requestTooLarge } from "./invocation.js";
import { InvocationError, throttled, timedOut } from "./invocation.js";
import type { FunctionSettings, Invocation } from "./invocation.js";
import type { Sandbox, SandboxAnswer, SandboxFactory } from "./sandbox.js";

/** What one invocation came to, for logs and for counting its cost. */
export interface InvocationReport {
  functionName: string;
  memoryMb: number;
  requestId: string;
  sandboxId: string;
  coldStart: boolean;
  durationMs: number;
  /** What it was invoked with. */
  event: unknown;
  error: InvocationError | undefined;
}

export interface LambdaFunctionOptions {
  clock: Clock;
  random: Random;
  sandboxes: SandboxFactory;
  /**
   * With two sandboxes started and all busy, wait this long for one before starting another. Lambda would start one at once;
   * on a laptop's few cores a third process makes the first two slower, and each runs cold code. Absent: as Lambda.
   */
  startAfterMs?: number;
  /** A sandbox idle for this long is ended, except the last one. Absent: kept for ever. */
  idleMs?: number;
  onReport?(report: InvocationReport): void;
}

const STARTED_AT_ONCE = 2;

interface Warm {
  sandbox: Sandbox;
  generation: number;
  cancelIdle: () => void;
}

export class LambdaFunction {
  readonly settings: FunctionSettings;
  readonly #options: LambdaFunctionOptions;
  #sandboxes: SandboxFactory;
  /** Raised when the code is replaced; a sandbox of an earlier generation finishes what it runs and is ended. */
  #generation = 0;
  #started = 0;
  #busy = 0;
  #stopped = false;
  /** Set at the end of `stop`: a sandbox that was still starting is ended as soon as it is there. */
  #ended = false;
  /** Most recently used last: the busiest sandboxes stay warm, the others grow old and are ended. */
  readonly #idle: Warm[] = [];
  readonly #living = new Set<Sandbox>();
  readonly #becameIdle: (() => void)[] = [];
  /** Invocations that wait for a sandbox, first come, first served. */
  readonly #waiting: ((warm: Warm | undefined) => void)[] = [];
  #starting = 0;

  constructor(settings: FunctionSettings, options: LambdaFunctionOptions) {
    this.settings = settings;
    this.#options = options;
    this.#sandboxes = options.sandboxes;
  }

  get running(): number {
    return this.#busy;
  }

  /** Invokes synchronously. Resolves with the handler's result; rejects with an InvocationError, never anything else. */
  async invoke(event: unknown): Promise<unknown> {
    const eventJson = JSON.stringify(event) ?? "null";
    if (exceedsPayloadLimit(eventJson)) throw requestTooLarge(Buffer.byteLength(eventJson));
    if (this.#stopped || this.#busy >= this.settings.maxConcurrency) {
      throw throttled(this.settings.name, this.settings.maxConcurrency);
    }
    this.#busy += 1;
    try {
      return JSON.parse(await this.#invokeInSandbox(event, eventJson));
    } finally {
      this.#busy -= 1;
      if (this.#busy === 0) for (const wake of this.#becameIdle.splice(0)) wake();
    }
  }

  /** Has one sandbox ready before the first invocation, as provisioned concurrency does. What fails here, the first invocation tells. */
  async warm(): Promise<void> {
    if (this.#stopped || this.#living.size > 0) return;
    const generation = this.#generation;
    const sandbox = await this.#startSandbox("warm").catch(() => undefined);
    if (sandbox !== undefined) this.#release(sandbox, generation, false);
  }

  /** From now on invocations run in sandboxes of the new code. What runs in the old code finishes there. */
  replaceCode(sandboxes: SandboxFactory): void {
    this.#sandboxes = sandboxes;
    this.#generation += 1;
    for (const warm of this.#idle.splice(0)) endWarm(warm);
  }

  /** Takes nothing more, waits up to `graceMs` for what runs, then ends every sandbox. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    for (const warm of this.#idle.splice(0)) endWarm(warm);
    for (const give of this.#waiting.splice(0)) give(undefined);
    if (this.#busy > 0 && graceMs > 0) await this.#quiet(graceMs);
    this.#ended = true;
    for (const sandbox of this.#living) sandbox.kill();
  }

  #quiet(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(graceMs, resolve);
      this.#becameIdle.push(() => {
        cancel();
        resolve();
      });
    });
  }

  async #invokeInSandbox(event: unknown, eventJson: string): Promise<string> {
    const requestId = requestIdFrom(this.#options.random);
    const free = this.#warmSandbox();
    const warm = free instanceof Promise ? await free : free;
    const generation = warm?.generation ?? this.#generation;
    const sandbox = warm?.sandbox ?? (await this.#startSandbox(requestId));
    const startedAt = this.#options.clock.monotonic();
    const report = (error: InvocationError | undefined): void =>
      this.#options.onReport?.({
        functionName: this.settings.name,
        memoryMb: this.settings.memoryMb,
        requestId,
        sandboxId: sandbox.id,
        coldStart: warm === undefined,
        durationMs: this.#options.clock.monotonic() - startedAt,
        event,
        error,
      });
    try {
      const answer = await this.#runToEnd(sandbox, eventJson, { requestId, settings: this.settings });
      this.#release(sandbox, generation, answer.retire);
      report(undefined);
      return answer.resultJson;
    } catch (error) {
      const failure = handlerError(error);
      // Lambda keeps the environment of a handler that merely threw; dead and timed-out ones are gone already (I3).
      this.#release(sandbox, generation, failure.failure === "timeout" || failure.failure === "exit");
      report(failure);
      throw failure;
    }
  }

  /** A sandbox that is free, now or soon; undefined when one is to be started. */
  #warmSandbox(): Promise<Warm | undefined> | Warm | undefined {
    const warm = this.#idle.pop();
    warm?.cancelIdle();
    const { startAfterMs, clock } = this.#options;
    if (warm || startAfterMs === undefined || this.#living.size + this.#starting < STARTED_AT_ONCE) return warm;
    return new Promise((resolve) => {
      const give = (given: Warm | undefined): void => {
        cancel();
        resolve(given);
      };
      const cancel = clock.after(startAfterMs, () => {
        this.#waiting.splice(this.#waiting.indexOf(give), 1);
        resolve(undefined);
      });
      this.#waiting.push(give);
    });
  }

  async #startSandbox(requestId: string): Promise<Sandbox> {
    if (this.#stopped) throw exited(requestId, "the function was stopped");
    this.#started += 1;
    this.#starting += 1;
    const sandbox = await this.#sandboxes(`${this.settings.name}-${this.#started}`)
      .catch((error: unknown) => {
        throw initError(error);
      })
      .finally(() => (this.#starting -= 1));
    if (this.#ended) {
      sandbox.kill();
      throw exited(requestId, "the function was stopped");
    }
    this.#living.add(sandbox);
    sandbox.onDeath(() => {
      this.#living.delete(sandbox);
      const index = this.#idle.findIndex((warm) => warm.sandbox === sandbox);
      if (index >= 0) for (const warm of this.#idle.splice(index, 1)) warm.cancelIdle();
    });
    return sandbox;
  }

  /** Settles once, by whichever comes first: the answer, the sandbox's death, the timeout (I2). */
  #runToEnd(sandbox: Sandbox, eventJson: string, invocation: Invocation): Promise<SandboxAnswer> {
    return new Promise((resolve, reject) => {
      const cancelTimeout = this.#options.clock.after(this.settings.timeoutMs, () => {
        reject(timedOut(invocation.requestId, this.settings.timeoutMs));
        sandbox.kill();
      });
      const forgetDeath = sandbox.onDeath((how) => {
        cancelTimeout();
        reject(exited(invocation.requestId, how));
      });
      const settled = (): void => {
        cancelTimeout();
        forgetDeath();
      };
      sandbox.invoke(eventJson, invocation).then(
        (answer) => {
          settled();
          resolve(answer);
        },
        (error: unknown) => {
          settled();
          reject(handlerError(error));
        },
      );
    });
  }

  #release(sandbox: Sandbox, generation: number, retire: boolean): void {
    if (!this.#living.has(sandbox)) return;
    if (retire || this.#stopped || generation !== this.#generation) {
      sandbox.kill();
      return;
    }
    const next = this.#waiting.shift();
    if (next) next({ sandbox, generation, cancelIdle: () => undefined });
    else this.#idle.push({ sandbox, generation, cancelIdle: this.#endWhenIdle(sandbox) });
  }

  #endWhenIdle(sandbox: Sandbox): () => void {
    const { idleMs, clock } = this.#options;
    if (idleMs === undefined) return () => undefined;
    return clock.after(idleMs, () => {
      if (this.#idle.length > 1) sandbox.kill();
    });
  }
}

function endWarm(warm: Warm): void {
  warm.cancelIdle();
  warm.sandbox.kill();
}
