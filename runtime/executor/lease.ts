/**
 * Owns: knowing whether this turn may still act. A lease is held until its end minus a margin, on the monotonic clock and
 * counted from before the write that granted it was sent, so that no other clock is ever compared with this one.
 */
import type { Clock } from "../../sdk/clock.js";
import { LEASE_MARGIN_MS, LEASE_MS } from "../core/limits.js";

export class Lease {
  readonly runId: string;
  readonly epoch: number;
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  #deadlineMs: number;
  /** As last read from the head. */
  wakes: number;

  constructor(clock: Clock, granted: { runId: string; epoch: number; wakes: number; sentAtMonotonicMs: number }) {
    this.#clock = clock;
    this.runId = granted.runId;
    this.epoch = granted.epoch;
    this.wakes = granted.wakes;
    this.#deadlineMs = granted.sentAtMonotonicMs + LEASE_MS - LEASE_MARGIN_MS;
  }

  /** True while this turn may start bodies and write the head. */
  get held(): boolean {
    return !this.#lost.signal.aborted && this.#clock.monotonic() < this.#deadlineMs;
  }

  /** Aborted with reason "lost" once another epoch has begun or the lease ran out. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** A beat that was sent at `sentAtMonotonicMs` has been granted. */
  extend(sentAtMonotonicMs: number): void {
    this.#deadlineMs = Math.max(this.#deadlineMs, sentAtMonotonicMs + LEASE_MS - LEASE_MARGIN_MS);
  }

  lose(): void {
    this.#lost.abort("lost");
  }

  /** Ms until the lease may no longer be relied upon. */
  get remainingMs(): number {
    return this.#deadlineMs - this.#clock.monotonic();
  }
}
