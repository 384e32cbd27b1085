/**
 * Owns: what a pass still has to write down, and the group commit: one append under way at a time, whatever comes up
 * meanwhile shares the next one (ADR 0003). So a prefix of what was appended is always what is durable (PROTOCOL §2.1).
 * Invariants: L1 `then` of an entry runs only after the log holds it, in the order of the log, with the function at rest
 * between two of them. L2 carried entries go ahead of the next append and never cause one by themselves.
 */
import { drainMicrotasks, type Hold } from "../clock.js";
import type { LogEntry, PassPort } from "../protocol.js";

interface Pending {
  entry: LogEntry;
  /** Runs once the entry is durable. */
  then: (() => void) | null;
}

export class PassLog {
  readonly #port: Pick<PassPort, "append" | "clock">;
  readonly #showHold: Hold;
  #pending: Pending[] = [];
  #carried: Pending[] = [];
  #appending = false;

  constructor(port: Pick<PassPort, "append" | "clock">) {
    this.#port = port;
    this.#showHold = port.clock.hold();
  }

  /** To be made durable as soon as possible. */
  add(entry: LogEntry, then: (() => void) | null = null): void {
    this.#pending.push({ entry, then });
  }

  /** To be written with whatever is written next: nothing can have been ordered against it yet (PROTOCOL §1). */
  carry(entry: LogEntry, then: (() => void) | null = null): void {
    this.#carried.push({ entry, then });
  }

  /** Nothing is being written and nothing waits to be. */
  get idle(): boolean {
    return !this.#appending && this.#pending.length === 0;
  }

  get hasCarried(): boolean {
    return this.#carried.length > 0;
  }

  /** What is carried says more than that a sleep has ended or that nobody waits any more: worth a write of its own when nothing else will be written. */
  get carriesNews(): boolean {
    return this.#carried.some(({ entry }) =>
      entry.k === "seen" ? "ok" in entry || "err" in entry : entry.k !== "gone",
    );
  }

  get appending(): boolean {
    return this.#appending;
  }

  get needsFlush(): boolean {
    return !this.#appending && this.#pending.length > 0;
  }

  /** Writes all that is pending, then runs what waited for it. With `force`, what is carried is reason enough. */
  async flush(force = false): Promise<void> {
    if (this.#appending || (this.#pending.length === 0 && !(force && this.#carried.length > 0))) return;
    const batch = [...this.#carried, ...this.#pending];
    const entries = batch.map((pending) => pending.entry);
    this.#pending = [];
    this.#carried = [];
    this.#appending = true;
    await this.#port.append(entries);
    this.#showHold.resume();
    for (const { then } of batch) {
      if (!then) continue;
      then();
      // The function comes to rest before it sees the next result, exactly as it will on replay.
      if (batch.length > 1) await drainMicrotasks();
    }
    this.#showHold.pause();
    this.#appending = false;
  }
}
