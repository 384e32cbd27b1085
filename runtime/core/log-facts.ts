/** Owns: what a log says about how its epochs went. Pure. */
import type { LogEntry } from "../../sdk/protocol.js";

/** Whether the entries say that something got done. */
export function hasProgress(entries: readonly Pick<LogEntry, "k">[]): boolean {
  return entries.some((entry) => entry.k === "done" || entry.k === "seen");
}

/** Whether a body was begun on record and has left no outcome: its worker died in it. */
export function hasInterruptedBody(entries: readonly AttemptFact[]): boolean {
  const open = new Set<string>();
  for (const entry of entries) {
    if (entry.k === "start") open.add(attemptKey(entry));
    else if (entry.k === "failed") open.delete(attemptKey(entry));
    else if (entry.k === "done") for (let a = 1; a <= entry.a; a += 1) open.delete(attemptKey({ ...entry, a }));
  }
  return open.size > 0;
}

type AttemptFact =
  | { k: "start" | "failed" | "done"; id: string; i: number; a: number }
  | { k: Exclude<LogEntry["k"], "start" | "failed" | "done"> };

function attemptKey({ id, i, a }: { id: string; i: number; a: number }): string {
  return JSON.stringify([id, i, a]);
}
