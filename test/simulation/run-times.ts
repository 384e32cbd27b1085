/** Owns: when what happened to a run became true in the table, by the world's own clock and not by those of its sandboxes. */
import { isLive, type RunHead } from "../../runtime/core/run.js";

export interface RunTimes {
  createdAtMs: number;
  /** The first claim after which it did not go back to the queue of a limit. */
  beganAtMs: number | null;
  endedAtMs: number | null;
  /** When each epoch began. */
  epochs: ReadonlyMap<number, number>;
  /** When it was released to sleep or wait, not to the queue of a limit. */
  rests: readonly { atMs: number; epoch: number }[];
}

type GrowingTimes = RunTimes & { epochs: Map<number, number>; rests: { atMs: number; epoch: number }[] };

export class RunTimetable {
  readonly #times = new Map<string, GrowingTimes>();

  of(runId: string): RunTimes {
    return this.#times.get(runId) ?? newTimes(0);
  }

  /** A turn has given its run back, and something later is to wake it. */
  noteRest({ runId, places, epoch }: RunHead, nowMs: number): void {
    if (places.queued === null) this.#times.get(runId)?.rests.push({ atMs: nowMs, epoch });
  }

  /** A head was written, and is this now. */
  noteHead(head: RunHead | null, nowMs: number): void {
    if (!head) return;
    const times = this.#times.get(head.runId) ?? newTimes(nowMs);
    // A run that is claimed, finds no place and waits for one has not begun.
    times.beganAtMs = head.startedAtMs === null ? null : (times.beganAtMs ?? nowMs);
    if (!times.epochs.has(head.epoch)) times.epochs.set(head.epoch, nowMs);
    if (!isLive(head.status)) times.endedAtMs ??= nowMs;
    this.#times.set(head.runId, times);
  }
}

function newTimes(createdAtMs: number): GrowingTimes {
  return { createdAtMs, beganAtMs: null, endedAtMs: null, epochs: new Map(), rests: [] };
}
