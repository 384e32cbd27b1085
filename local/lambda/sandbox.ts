/**
 * Owns: what a sandbox is. A sandbox is one execution environment of a function: it runs one invocation at a time, stays
 * warm between them, and can die at any moment, taking with it whatever it had not written down.
 * Must not: decide when to start or end one; `LambdaFunction` does.
 */
import type { Invocation } from "./invocation.js";

export interface SandboxAnswer {
  /** The handler's result as JSON text. */
  resultJson: string;
  /** The handler asked that this sandbox not be used again. */
  retire: boolean;
}

export interface Sandbox {
  readonly id: string;
  /**
   * Runs one invocation; `eventJson` is the event as JSON text. Rejects with an InvocationError when the handler throws.
   * When the sandbox dies meanwhile, the promise may stay unsettled for ever: a dead process answers nobody.
   */
  invoke(eventJson: string, invocation: Invocation): Promise<SandboxAnswer>;
  /** Ends it at once, without telling the code inside. Safe to call twice. */
  kill(): void;
  /**
   * Told once when it is dead, however it died; at once when it is dead already. `how` completes "Runtime exited with
   * error: ". The returned function takes the listener away.
   */
  onDeath(listener: (how: string) => void): () => void;
}

/** Starts a sandbox and resolves when its code is loaded. Rejects with an InvocationError ("init") when it cannot be. */
export type SandboxFactory = (sandboxId: string) => Promise<Sandbox>;

/** Remembers one death and tells everybody who asks, now or later. */
export class Death {
  #how: string | undefined;
  readonly #listeners = new Set<(how: string) => void>();

  get isDead(): boolean {
    return this.#how !== undefined;
  }

  announce(how: string): void {
    if (this.#how !== undefined) return;
    this.#how = how;
    for (const listener of this.#listeners) listener(how);
    this.#listeners.clear();
  }

  listen(listener: (how: string) => void): () => void {
    if (this.#how === undefined) this.#listeners.add(listener);
    else listener(this.#how);
    return () => this.#listeners.delete(listener);
  }
}
