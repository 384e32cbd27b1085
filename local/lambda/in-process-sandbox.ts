/**
 * Owns: the sandbox of the tests and the simulation: the handler runs in this process, on the given clock.
 * Event and result cross as JSON text, as they do on Lambda, so that no object is shared between caller and handler.
 * Must not: throw into the handler to end it. Death is an abandoned continuation: the handler's promise is simply no
 * longer listened to, and `onKill` tells the embedded AWS to answer this sandbox nothing more.
 */
import type { Clock } from "../../sdk/clock.js";
import { handlerError, makeContext, resultToJson } from "./invocation.js";
import type { Invocation, LambdaHandler } from "./invocation.js";
import { Death } from "./sandbox.js";
import type { Sandbox, SandboxAnswer, SandboxFactory } from "./sandbox.js";

export interface InProcessOptions {
  clock: Clock;
  /** Makes the handler of one sandbox: module state (clients, caches) is made anew for each. */
  createHandler(sandboxId: string): LambdaHandler | Promise<LambdaHandler>;
  /** Subscribes to sandboxes killed from outside, by id: the fault switch of the embedded AWS. */
  onCrash?(listener: (sandboxId: string) => void): void;
  /** Told when a sandbox was killed by its function (timeout, retired, stopped). */
  onKill?(sandboxId: string): void;
}

export function inProcessSandboxes(options: InProcessOptions): SandboxFactory {
  const living = new Map<string, InProcessSandbox>();
  options.onCrash?.((sandboxId) => living.get(sandboxId)?.die("signal: killed"));
  return async (sandboxId) => {
    const handler = await options.createHandler(sandboxId);
    const sandbox = new InProcessSandbox(sandboxId, handler, options.clock, options.onKill);
    living.set(sandboxId, sandbox);
    sandbox.onDeath(() => living.delete(sandboxId));
    return sandbox;
  };
}

class InProcessSandbox implements Sandbox {
  readonly id: string;
  readonly #handler: LambdaHandler;
  readonly #clock: Clock;
  readonly #onKill: ((sandboxId: string) => void) | undefined;
  readonly #death = new Death();

  constructor(id: string, handler: LambdaHandler, clock: Clock, onKill: ((sandboxId: string) => void) | undefined) {
    this.id = id;
    this.#handler = handler;
    this.#clock = clock;
    this.#onKill = onKill;
  }

  async invoke(eventJson: string, invocation: Invocation): Promise<SandboxAnswer> {
    const endsAt = this.#clock.monotonic() + invocation.settings.timeoutMs;
    let retire = false;
    const context = makeContext(
      invocation,
      this.id,
      () => endsAt - this.#clock.monotonic(),
      () => (retire = true),
    );
    try {
      const result = await this.#handler(JSON.parse(eventJson), context);
      return { resultJson: resultToJson(result), retire };
    } catch (error) {
      throw handlerError(error);
    }
  }

  kill(): void {
    if (this.#death.isDead) return;
    this.#onKill?.(this.id);
    this.die("signal: killed");
  }

  die(how: string): void {
    this.#death.announce(how);
  }

  onDeath(listener: (how: string) => void): () => void {
    return this.#death.listen(listener);
  }
}
