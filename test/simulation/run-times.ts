/** Owns: when what happened to a run became true in the table, by the world's own clock and not by those of its sandboxes. */
import { isLive, type RunHead } from "../../runtime/core/run.js";

export interface RunTimes {
  createdAtMs: number;
  /** The first claim after which it did not go back to the queue of a limit. */
  beganAtMs: number | null;
  endedAtMs: number | null;
  /** When each epoch began. */
  epochs: ReadonlyMap<number, number>;
}

export class RunTimetable {
  readonly #times = new Map<string, RunTimes & { epochs: Map<number, number> }>();

  of(runId: string): RunTimes {
    return this.#times.get(runId) ?? newTimes(0);
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

function newTimes(createdAtMs: number): RunTimes & { epochs: Map<number, number> } {
  return { createdAtMs, beganAtMs: null, endedAtMs: null, epochs: new Map() };
}
