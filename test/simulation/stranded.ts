/**
 * Owns: finding who waits for a place of a concurrency limit though nobody who could need one has it: looked at now and then, once
 * nothing goes wrong any more. Whoever lost a wake looks again within the hour, and then everybody is served.
 */
import { CLOCK_SKEW_MS, LEASE_MS } from "../../runtime/core/limits.js";
import { isLive, type RunHead } from "../../runtime/core/run.js";
import { HOUR } from "../scenario/world.js";
import type { SlotRecord, SlotWatch } from "./slot-watch.js";

/** An hour until the last in a queue looks again, and half an hour for a sweeper that is late; twice, for two limits. */
const LONGEST_WAIT_MS = 3 * HOUR;

export class Stranded {
  readonly #headOf: (runId: string) => RunHead | null;
  readonly #sinceMs = new Map<string, number>();
  readonly #problems: string[] = [];

  constructor(headOf: (runId: string) => RunHead | null) {
    this.#headOf = headOf;
  }

  look(slots: SlotWatch, nowMs: number): void {
    const waiting = new Map(slots.tickets.map(({ hash, run }) => [hash, run]));
    const inVain = [...waiting].filter(
      ([hash]) => !slots.taken.some((slot) => slot.hash === hash && this.#isInUse(slot, nowMs)),
    );
    const hashes = new Set(inVain.map(([hash]) => hash));
    for (const hash of this.#sinceMs.keys()) if (!hashes.has(hash)) this.#sinceMs.delete(hash);
    for (const [hash, run] of inVain) {
      const sinceMs = this.#sinceMs.get(hash) ?? nowMs;
      this.#sinceMs.set(hash, sinceMs);
      if (nowMs - sinceMs < LONGEST_WAIT_MS) continue;
      this.#problems.push(`run ${run} waited for ${nowMs - sinceMs} ms under ${hash}, and nobody was at work there`);
      this.#sinceMs.set(hash, nowMs);
    }
  }

  problems({ tickets }: SlotWatch): string[] {
    return [
      ...this.#problems,
      ...tickets.map(({ run, hash }) => `run ${run} still has a ticket of ${hash} at the end`),
    ];
  }

  #isInUse({ run, hash, stamps }: SlotRecord, nowMs: number): boolean {
    const head = this.#headOf(run);
    const untilMs = stamps.at(-1)?.untilMs ?? null;
    if (untilMs !== null && untilMs + CLOCK_SKEW_MS >= nowMs) return true;
    if (!head) return false;
    if (!isLive(head.status)) return (head.endedAtMs ?? 0) + LEASE_MS + CLOCK_SKEW_MS >= nowMs;
    // One whose worker is gone, and its message too, is nobody at work.
    return head.leaseUntilMs > 0 ? head.leaseUntilMs + CLOCK_SKEW_MS >= nowMs : head.places.held[hash] !== undefined;
  }
}
