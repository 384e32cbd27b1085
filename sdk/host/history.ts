/**
 * Owns: reading a run's log into what a pass needs: what is remembered of each operation, and in which order results are
 * shown. Pure.
 * Must not: decide anything about time or retries.
 */
import type { Json, LogEntry, SerializedError, StepKind, StepName, WaitingOp } from "../protocol.js";

export type StepResult = { ok: Json } | { err: SerializedError };

/** What the log holds of one operation. */
export interface Memory {
  name: StepName;
  kind: StepKind | "wait";
  /** A body's final outcome. */
  result: StepResult | null;
  /** What was asked for, for an operation that waits. */
  op: WaitingOp | null;
  /** The outcome of `op` has been shown. */
  seen: boolean;
  /** Attempts that failed or were begun and never ended. */
  attemptsUsed: number;
  /** The last attempt was begun in a careful turn and left no outcome: its worker died. */
  interrupted: boolean;
  /** When the next attempt may start, after a failed one. */
  retryAtMs: number;
}

export interface History {
  memories: Map<string, Memory>;
  /** Keys in the order in which their results were shown. */
  shows: string[];
  /** Attempts of the function itself since something last got done. */
  thrown: number;
  /** Attempts already used up by what failed last, if nothing got done since. */
  attempt: number;
}

export function keyOf(name: StepName): string {
  return `${name.i}:${name.id}`;
}

/** Digests a log. The same log gives the same history. */
export function readHistory(entries: readonly LogEntry[]): History {
  const history: History = { memories: new Map(), shows: [], thrown: 0, attempt: 0 };
  for (const entry of entries) readEntry(history, entry);
  return history;
}

function readEntry(history: History, entry: LogEntry): void {
  if (entry.k === "thrown") {
    history.thrown = entry.a;
    history.attempt = entry.a;
    return;
  }
  const memory = memoryOf(history, entry, entry.k === "op" || entry.k === "seen" ? "wait" : entry.kind);
  switch (entry.k) {
    case "done":
      // The first result stands. A second cannot be in a sound log; were it there, replays must still agree.
      if (memory.result !== null) return;
      memory.result = "ok" in entry ? { ok: entry.ok } : { err: entry.err };
      memory.attemptsUsed = entry.a;
      memory.interrupted = false;
      history.shows.push(keyOf(entry));
      history.thrown = 0;
      history.attempt = 0;
      return;
    case "failed":
      memory.attemptsUsed = Math.max(memory.attemptsUsed, entry.a);
      memory.interrupted = false;
      memory.retryAtMs = entry.retryAtMs;
      history.attempt = entry.a;
      return;
    case "start":
      memory.attemptsUsed = Math.max(memory.attemptsUsed, entry.a);
      memory.interrupted = true;
      return;
    case "op":
      memory.op ??= entry.op;
      return;
    case "seen":
      if (memory.seen) return;
      memory.seen = true;
      history.shows.push(keyOf(entry));
      history.thrown = 0;
      history.attempt = 0;
      return;
  }
}

function memoryOf(history: History, name: StepName, kind: Memory["kind"]): Memory {
  const key = keyOf(name);
  const known = history.memories.get(key);
  if (known) return known;
  const memory: Memory = {
    name: { id: name.id, i: name.i },
    kind,
    result: null,
    op: null,
    seen: false,
    attemptsUsed: 0,
    interrupted: false,
    retryAtMs: 0,
  };
  history.memories.set(key, memory);
  return memory;
}
