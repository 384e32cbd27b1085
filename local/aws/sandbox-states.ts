/**
 * Owns: which sandboxes are dead, and which stand still until when. A dead one's calls never settle; a frozen one's calls
 * arrive, and the answers it waits for come, when it thaws.
 */
import type { Caller } from "./call.js";
import type { WorldClock } from "./world-clock.js";

/** An answer that never comes: a killed process runs no `catch` and no `finally`. */
export function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

export class SandboxStates {
  readonly #clock: WorldClock;
  readonly #dead = new Set<string>();
  /** On the clock's monotonic time. */
  readonly #thawsAtMs = new Map<string, number>();
  readonly #crashListeners = new Set<(sandboxId: string) => void>();

  constructor(clock: WorldClock) {
    this.#clock = clock;
  }

  isDead({ sandboxId }: Caller): boolean {
    return sandboxId !== undefined && this.#dead.has(sandboxId);
  }

  isFrozen(caller: Caller): boolean {
    return this.#frozenMs(caller) > 0;
  }

  kill(sandboxId: string): void {
    if (this.#dead.has(sandboxId)) return;
    this.#dead.add(sandboxId);
    this.#thawsAtMs.delete(sandboxId);
    for (const listener of this.#crashListeners) listener(sandboxId);
  }

  /** The returned function removes the listener. */
  onCrash(listener: (sandboxId: string) => void): () => void {
    this.#crashListeners.add(listener);
    return () => void this.#crashListeners.delete(listener);
  }

  /** A second freeze only makes it longer. */
  freeze(sandboxId: string, ms: number): void {
    const thawsAtMs = this.#clock.monotonic() + ms;
    if (thawsAtMs > (this.#thawsAtMs.get(sandboxId) ?? 0)) this.#thawsAtMs.set(sandboxId, thawsAtMs);
  }

  /** Does the work once the caller is not frozen; never when it dies before. */
  async whenThawed<T>(caller: Caller, work: () => Promise<T>): Promise<T> {
    for (let frozenMs = this.#frozenMs(caller); frozenMs > 0; frozenMs = this.#frozenMs(caller)) {
      await this.pause(frozenMs);
    }
    return this.isDead(caller) ? never() : work();
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(ms, resolve));
  }

  #frozenMs({ sandboxId }: Caller): number {
    const thawsAtMs = this.#thawsAtMs.get(sandboxId ?? "");
    return thawsAtMs === undefined ? 0 : thawsAtMs - this.#clock.monotonic();
  }
}
