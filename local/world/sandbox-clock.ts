/**
 * Owns: the clock as one sandbox sees it. It is the world's until the sandbox dies; then its timers never fire and what it
 * held of the clock is let go: a killed process does no work, real or other, and time must not wait for it.
 * It may be wrong (`skewMs`: no two machines agree on the time), and it may stand still: the timers of a frozen sandbox
 * fire, late and in order, when it thaws. Its monotonic time goes on meanwhile, as the kernel's does.
 */
import type { Clock, Hold } from "../../sdk/clock.js";

export class SandboxClock implements Clock {
  readonly #clock: Clock;
  readonly #skewMs: number;
  readonly #holds = new Set<Hold>();
  #isDead = false;
  #frozenUntilMonotonicMs = 0;

  /** `skewMs` is how far its wall time is ahead of the world's. */
  constructor(clock: Clock, skewMs = 0) {
    this.#clock = clock;
    this.#skewMs = skewMs;
  }

  now(): number {
    return this.#clock.now() + this.#skewMs;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(delayMs: number, callback: () => void): () => void {
    let cancel = (): void => undefined;
    const fire = (): void => {
      if (this.#isDead) return;
      const frozenMs = this.#frozenUntilMonotonicMs - this.#clock.monotonic();
      if (frozenMs > 0) cancel = this.#clock.after(frozenMs, fire);
      else callback();
    };
    cancel = this.#clock.after(delayMs, fire);
    return () => cancel();
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

  /** No timer fires for so long. A second freeze only makes it longer. */
  freeze(ms: number): void {
    this.#frozenUntilMonotonicMs = Math.max(this.#frozenUntilMonotonicMs, this.#clock.monotonic() + ms);
  }

  die(): void {
    this.#isDead = true;
    for (const hold of this.#holds) hold.pause();
    this.#holds.clear();
  }
}
