/**
 * Owns: what no look from outside could be sure of: how often a run ended, and what was written to it afterwards. It is told
 * of every write in the instant in which it is applied.
 */
import { isLive, type RunHead } from "../../runtime/core/run.js";
import { isEntryOf } from "../../runtime/state/log-store.js";

export interface RunFate {
  /** Writes that made a live run an ended one. */
  ends: number;
  /** What changed after the run had ended, though nothing may. */
  changedAfterEnd: string[];
}

const FINAL = ["status", "endedAtMs", "epoch", "leaseUntilMs", "holder", "startedAtMs"] as const;

export class Fates {
  readonly #fates = new Map<string, RunFate>();
  readonly #lastSeen = new Map<string, RunHead>();

  get runIds(): string[] {
    return [...this.#lastSeen.keys()];
  }

  of(runId: string): RunFate {
    return this.#fates.get(runId) ?? { ends: 0, changedAfterEnd: [] };
  }

  /** A head was written, and is this now. */
  noteHead(head: RunHead | null): void {
    if (!head) return;
    const { runId } = head;
    const before = this.#lastSeen.get(runId);
    this.#lastSeen.set(runId, head);
    const fate = this.of(runId);
    this.#fates.set(runId, fate);
    if (before === undefined || isLive(before.status)) {
      if (!isLive(head.status)) fate.ends += 1;
      return;
    }
    for (const member of FINAL) {
      if (before[member] !== head[member]) fate.changedAfterEnd.push(`${member}: ${before[member]} → ${head[member]}`);
    }
  }

  /** A log item was written. An ended run's log is closed; only what a seal shuts out may still arrive: then the answer is true. */
  noteLogItem(runId: string, sortKey: string): { shutOut: boolean } {
    const head = this.#lastSeen.get(runId);
    if (!head) return { shutOut: false };
    if (!isEntryOf(head, sortKey)) return { shutOut: true };
    if (!isLive(head.status)) this.of(runId).changedAfterEnd.push(`${sortKey} was written`);
    return { shutOut: false };
  }
}
