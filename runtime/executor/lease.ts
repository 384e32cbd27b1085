/**
 * Owns: knowing whether this turn may still act. A lease is held until its end minus a margin, on the monotonic clock and
 * counted from before the write that granted it was sent, so that no other clock is ever compared with this one.
 */
import type { Clock } from "../../sdk/clock.js";
import { LEASE_MARGIN_MS, LEASE_MS } from "../core/limits.js";

const VALID_MS = LEASE_MS - LEASE_MARGIN_MS;

export class Lease {
  readonly runId: string;
  readonly epoch: number;
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  #sentAtMonotonicMs: number;
  #onExtended: (sentAtMonotonicMs: number) => void = () => undefined;
  #extension: () => number | null = () => null;
  /** As of the last look at what has arrived: a release is refused when the head has counted more. */
  wakes: number;
  /** As last seen by a beat. */
  noticedWakes: number;
  /** As last read from the head by a beat; null before. */
  dueAtMs: number | null = null;

  constructor(clock: Clock, granted: { runId: string; epoch: number; wakes: number; sentAtMonotonicMs: number }) {
    this.#clock = clock;
    this.runId = granted.runId;
    this.epoch = granted.epoch;
    this.wakes = granted.wakes;
    this.noticedWakes = granted.wakes;
    this.#sentAtMonotonicMs = granted.sentAtMonotonicMs;
  }

  /** True while this turn may start bodies and write the head. */
  get held(): boolean {
    return !this.#lost.signal.aborted && this.#clock.monotonic() < this.#lastGrantedMs() + VALID_MS;
  }

  /** Aborted with reason "lost" once another epoch has begun or the lease ran out. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Ms since the write that granted or last extended the lease was sent. */
  get ageMs(): number {
    return this.#clock.monotonic() - this.#lastGrantedMs();
  }

  /** A beat that was sent at `sentAtMonotonicMs` has been granted. */
  extend(sentAtMonotonicMs: number): void {
    this.#sentAtMonotonicMs = Math.max(this.#sentAtMonotonicMs, sentAtMonotonicMs);
    this.#onExtended(this.#sentAtMonotonicMs);
  }

  onExtended(listener: (sentAtMonotonicMs: number) => void): void {
    this.#onExtended = listener;
  }

  /** Where beats of another thread are read: when the last granted one was sent, on this process's monotonic clock. */
  readExtension(read: () => number | null): void {
    this.#extension = read;
  }

  lose(): void {
    this.#lost.abort("lost");
  }

  #lastGrantedMs(): number {
    return Math.max(this.#sentAtMonotonicMs, this.#extension() ?? this.#sentAtMonotonicMs);
  }
}
