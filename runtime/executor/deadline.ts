/**
 * Owns: stopping in time before Lambda does. `near`: start no further body, go on in a fresh invocation. `over`: whatever
 * runs is told to stop and charged, so that it is on record before Lambda kills the sandbox.
 */
import type { Clock } from "../../sdk/clock.js";

const between = (low: number, value: number, high: number): number => Math.min(high, Math.max(low, value));

export class Deadline {
  readonly #over = new AbortController();
  readonly #clock: Clock;
  readonly #nearAtMs: number;
  readonly #cancel: () => void;

  /** `remainingMs` of the invocation, as Lambda tells it. */
  constructor(clock: Clock, remainingMs: number) {
    this.#clock = clock;
    const marginMs = between(500, remainingMs * 0.05, 3_000);
    const nearMarginMs = between(1_000, remainingMs * 0.15, 10_000);
    this.#nearAtMs = clock.monotonic() + Math.max(0, remainingMs - nearMarginMs);
    this.#cancel = clock.after(Math.max(0, remainingMs - marginMs), () => this.#over.abort("deadline"));
  }

  get near(): boolean {
    return this.#over.signal.aborted || this.#clock.monotonic() >= this.#nearAtMs;
  }

  get over(): AbortSignal {
    return this.#over.signal;
  }

  close(): void {
    this.#cancel();
  }
}
