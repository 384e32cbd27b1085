/** Owns: when what happened to a run became true in the table, by the world's own clock and not by those of its sandboxes. */
import { isLive, type RunHead } from "../../runtime/core/run.js";

export interface RunTimes {
  createdAtMs: number;
  /** The first claim. */
  beganAtMs: number | null;
  endedAtMs: number | null;
}

export class RunTimetable {
  readonly #times = new Map<string, RunTimes>();

  of(runId: string): RunTimes {
    return this.#times.get(runId) ?? { createdAtMs: 0, beganAtMs: null, endedAtMs: null };
  }

  /** A head was written, and is this now. */
  noteHead(head: RunHead | null, nowMs: number): void {
    if (!head) return;
    const times = this.#times.get(head.runId) ?? { createdAtMs: nowMs, beganAtMs: null, endedAtMs: null };
    if (head.startedAtMs !== null) times.beganAtMs ??= nowMs;
    if (!isLive(head.status)) times.endedAtMs ??= nowMs;
    this.#times.set(head.runId, times);
  }
}
