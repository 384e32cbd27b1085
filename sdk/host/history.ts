/**
 * Owns: reading a run's log into what a pass needs: what is remembered of each operation, and in which order results are
 * shown. Pure.
 * Must not: decide anything about time or retries.
 */
import type { Json, LogEntry, SerializedError, StepKind, StepName, WaitingOp } from "../protocol.js";

export type StepResult = { ok: Json } | { err: SerializedError };

/** What an operation is to the function. A distributed step is a step, wherever its body runs. */
export type OperationKind = StepKind | Exclude<WaitingOp["kind"], "branch">;

/** What the log holds of one operation. */
export interface Memory {
  name: StepName;
  kind: OperationKind;
  /** What the function was shown: a body's final outcome, or what a wait came to. */
  result: StepResult | null;
  /** What was asked for, for an operation that waits. */
  op: WaitingOp | null;
  /** Attempts that failed or were begun and never ended. */
  attemptsUsed: number;
  /** The last attempt was begun on record and left no outcome: its worker died. */
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

/** The key of the same id's use before this one; null for its first. */
export function previousUseOf(key: string): string | null {
  const colon = key.indexOf(":");
  const i = Number(key.slice(0, colon));
  return i > 0 ? keyOf({ id: key.slice(colon + 1), i: i - 1 }) : null;
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
  // It says that nobody waits any more, not what for: with a race that is over at once it is written before its `op`.
  if (entry.k === "gone") return;
  const memory = memoryOf(history, entry);
  switch (entry.k) {
    case "done":
      if (!show(history, memory, "ok" in entry ? { ok: entry.ok } : { err: entry.err })) return;
      memory.attemptsUsed = entry.a;
      memory.interrupted = false;
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
      show(history, memory, "err" in entry ? { err: entry.err } : { ok: entry.ok ?? null });
      return;
  }
}

/** The first result stands. A second cannot be in a sound log; were it there, replays must still agree. */
function show(history: History, memory: Memory, result: StepResult): boolean {
  if (memory.result !== null) return false;
  memory.result = result;
  history.shows.push(keyOf(memory.name));
  history.thrown = 0;
  history.attempt = 0;
  return true;
}

/** What says something of an operation that the function still asks for. */
type AboutStep = Exclude<LogEntry, { k: "thrown" | "gone" }>;

/** What the first entry of an operation says it is. The outcome of a wait never comes before what was asked for. */
function kindOf(entry: AboutStep): OperationKind {
  if (entry.k === "op") return entry.op.kind === "branch" ? "run" : entry.op.kind;
  return entry.k === "seen" ? "sleep" : entry.kind;
}

function memoryOf(history: History, entry: AboutStep): Memory {
  const key = keyOf(entry);
  const known = history.memories.get(key);
  if (known) return known;
  const memory: Memory = {
    name: { id: entry.id, i: entry.i },
    kind: kindOf(entry),
    result: null,
    op: null,
    attemptsUsed: 0,
    interrupted: false,
    retryAtMs: 0,
  };
  history.memories.set(key, memory);
  return memory;
}
