/**
 * Owns: the clock as one sandbox sees it. It is the world's until the sandbox dies; then its timers never fire and what it
 * held of the clock is let go: a killed process does no work, real or other, and time must not wait for it.
 */
import type { Clock, Hold } from "../../sdk/clock.js";

export class SandboxClock implements Clock {
  readonly #clock: Clock;
  readonly #holds = new Set<Hold>();
  #isDead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#clock.after(delayMs, () => {
      if (!this.#isDead) callback();
    });
  }

  hold(): Hold {
    const hold = this.#clock.hold();
    return {
      run: (work) => hold.run(work),
      resume: () => {
        if (this.#isDead) return;
        this.#holds.add(hold);
        hold.resume();
      },
      pause: () => {
        this.#holds.delete(hold);
        hold.pause();
      },
    };
  }

  die(): void {
    this.#isDead = true;
    for (const hold of this.#holds) hold.pause();
    this.#holds.clear();
  }
}
