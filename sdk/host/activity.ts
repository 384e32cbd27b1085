/** Owns: "something happened": one loop waits, many places wake it. A call before the wait is not lost. */
import type { Clock } from "../clock.js";

export class Activity {
  #happened = false;
  #wake: (() => void) | null = null;

  signal(): void {
    this.#happened = true;
    this.#wake?.();
  }

  /** Resolves at the next signal, or at once if one came since the last wait. */
  async next(): Promise<void> {
    if (!this.#happened) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    this.#happened = false;
  }

  /** True when `ms` pass without a signal; false as soon as one comes. */
  async quietFor(clock: Clock, ms: number): Promise<boolean> {
    let cancel = (): void => undefined;
    let elapsed = false;
    cancel = clock.after(ms, () => {
      elapsed = true;
      this.#wake?.();
    });
    if (!this.#happened) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    cancel();
    const quiet = elapsed && !this.#happened;
    this.#happened = false;
    return quiet;
  }
}
