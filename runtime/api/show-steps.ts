/**
 * Owns: a run's log as rows a person reads: one for each operation, in the order in which they first appear, each with its
 * attempts. Pure.
 * What the log does not hold is not shown: a body's first attempt is written down when it ends (in a turn after a crash,
 * also when it begins), so a step that runs for the first time has no row yet.
 */
import { serializeError, stepInterrupted } from "../../sdk/errors.js";
import type { Json, LogEntry, SerializedError, StepKind, WaitingOp } from "../../sdk/protocol.js";
import { isLive, type RunHead } from "../core/run.js";
import { isoTime } from "./show-run.js";

/**
 * - Running: an attempt has begun and has no outcome yet. Retrying: the next attempt starts at `retryAt`.
 * - Waiting: a sleep, until `until`. Cancelled: the run ended before this did.
 */
export type StepStatus = "Running" | "Retrying" | "Waiting" | "Completed" | "Failed" | "Cancelled";

export interface AttemptView {
  /** 1 first. */
  attempt: number;
  /** Null for the attempt that succeeded, and for one without an outcome yet. */
  error: SerializedError | null;
  /** Null where the log does not say: the function's own attempts. */
  startedAt: string | null;
  endedAt: string | null;
  /** After a failed attempt: when the next was allowed to start. */
  retryAt?: string;
}

export interface StepView {
  /** As its author named it; the function's own id for the row "function". */
  id: string;
  /** How often the id was used before in this run, 0 first. */
  index: number;
  /** "function": errors thrown outside any step, for which the function itself was tried again. */
  op: StepKind | (typeof OP_NAMES)[keyof typeof OP_NAMES] | "function";
  status: StepStatus;
  attempts: AttemptView[];
  startedAt: string | null;
  endedAt: string | null;
  output: Json;
  /** Left out because of its size. */
  outputOmitted?: true;
  /** Final: null as long as another attempt may come. */
  error: SerializedError | null;
  /** Of a wait: its end at the latest. */
  until?: string;
  /** Of a wait: nothing came in time. */
  timedOut?: true;
  /** Of a row that is Retrying. */
  retryAt?: string;
}

/** What waits are called by the tools of `step`. A distributed step is a step. */
const OP_NAMES = {
  sleep: "sleep",
  event: "waitForEvent",
  signal: "waitForSignal",
  invoke: "invoke",
  branch: "run",
} as const satisfies { [Kind in WaitingOp["kind"]]: string };

type Thrown = Extract<LogEntry, { k: "thrown" }>;
type StepEntry = Exclude<LogEntry, Thrown>;

/** What the log holds of one operation, in order. */
interface Trace {
  key: string;
  entries: StepEntry[];
}

const FUNCTION_KEY = "function";

export function showSteps(head: RunHead, log: readonly LogEntry[]): StepView[] {
  const traces = new Map<string, Trace>();
  for (const entry of log) {
    const key = entry.k === "thrown" ? FUNCTION_KEY : JSON.stringify([entry.id, entry.i]);
    const trace = traces.get(key) ?? { key, entries: [] };
    traces.set(key, trace);
    if (entry.k !== "thrown") trace.entries.push(entry);
  }
  const ended = !isLive(head.status);
  return [...traces.values()].flatMap(({ key, entries }) => {
    if (key === FUNCTION_KEY) return showFunction(head, log);
    const [first] = entries;
    if (!first) return [];
    return isWaitEntry(first) ? showWait(first, entries, ended) : showBody(first, entries, ended);
  });
}

// Waits

/** What was asked for, what came of it, or that nobody waits for it any more. */
type WaitEntry = Extract<StepEntry, { k: "op" | "seen" | "gone" }>;

function isWaitEntry(entry: StepEntry): entry is WaitEntry {
  return entry.k === "op" || entry.k === "seen" || entry.k === "gone";
}

function showWait(first: StepEntry, entries: readonly StepEntry[], ended: boolean): StepView {
  const op = entries.find((entry) => entry.k === "op");
  const seen = entries.find((entry) => entry.k === "seen");
  const isGone = entries.some((entry) => entry.k === "gone");
  const untilMs = op && op.op.kind !== "branch" ? op.op.untilMs : null;
  const error = seen && "err" in seen ? seen.err : null;
  return {
    id: first.id,
    index: first.i,
    op: op ? OP_NAMES[op.op.kind] : "sleep",
    status: seen ? (error ? "Failed" : "Completed") : ended || isGone ? "Cancelled" : "Waiting",
    attempts: [],
    startedAt: isoTime(op?.atMs ?? null),
    endedAt: isoTime(seen?.atMs ?? null),
    output: seen && "ok" in seen ? (seen.ok ?? null) : null,
    error,
    ...(untilMs === null ? {} : { until: isoTime(untilMs) }),
    ...(seen && "timedOut" in seen ? { timedOut: true as const } : {}),
  };
}

// Steps with a body

function showBody(first: StepEntry, entries: readonly StepEntry[], ended: boolean): StepView {
  const attempts = showAttempts(entries);
  const done = entries.find((entry) => entry.k === "done");
  const last = attempts.at(-1);
  const status = done ? ("ok" in done ? "Completed" : "Failed") : unfinishedStatus(last, ended);
  return {
    id: first.id,
    index: first.i,
    op: done?.kind ?? ("kind" in first ? first.kind : "run"),
    status,
    attempts,
    startedAt: attempts[0]?.startedAt ?? null,
    endedAt: isoTime(done?.atMs ?? null),
    output: done && "ok" in done ? done.ok : null,
    error: done && "err" in done ? done.err : null,
    ...(status === "Retrying" && last?.retryAt !== undefined ? { retryAt: last.retryAt } : {}),
  };
}

function unfinishedStatus(last: AttemptView | undefined, ended: boolean): StepStatus {
  if (ended) return "Cancelled";
  return last?.retryAt === undefined ? "Running" : "Retrying";
}

/** One row for each attempt. An attempt that began, and was followed by another without an outcome, lost its worker. */
function showAttempts(entries: readonly StepEntry[]): AttemptView[] {
  const attempts = new Map<number, AttemptView>();
  for (const entry of entries) {
    if (isWaitEntry(entry)) continue;
    const begun = attempts.get(entry.a);
    // The first outcome stands, as it does in a replay (sdk/host/history.ts).
    if (begun?.endedAt != null) continue;
    attempts.set(entry.a, entry.k === "start" ? begin(entry) : finish(entry, begun?.startedAt ?? null));
  }
  const rows = [...attempts.values()].sort((a, b) => a.attempt - b.attempt);
  const stepId = entries[0]?.id ?? "";
  return rows.map((row, index) => {
    const isAbandoned = row.endedAt === null && index < rows.length - 1;
    return isAbandoned ? { ...row, error: serializeError(withoutStack(stepInterrupted({ stepId }))) } : row;
  });
}

function begin({ a, atMs }: Extract<LogEntry, { k: "start" }>): AttemptView {
  return { attempt: a, error: null, startedAt: isoTime(atMs), endedAt: null };
}

function finish(entry: Extract<LogEntry, { k: "done" | "failed" }>, startedAt: string | null): AttemptView {
  return {
    attempt: entry.a,
    error: "err" in entry ? entry.err : null,
    startedAt: startedAt ?? isoTime(entry.fromMs),
    endedAt: isoTime(entry.atMs),
    ...(entry.k === "failed" ? { retryAt: isoTime(entry.retryAtMs) } : {}),
  };
}

/** An error that is made here has this file's stack, which tells nobody anything. */
function withoutStack(error: Error): { name: string; message: string; code?: unknown } {
  return { name: error.name, message: error.message, ...("code" in error ? { code: error.code } : {}) };
}

// The function itself

/**
 * The function's own attempts, there only once it threw outside its steps and was tried again. The count starts anew when a
 * step gets done, so a number may appear twice. The last, fatal error is the run's: no entry of the log holds it.
 */
function showFunction(head: RunHead, log: readonly LogEntry[]): StepView {
  const thrown = log.filter((entry) => entry.k === "thrown");
  const attempts = thrown.map(({ a, err, atMs, retryAtMs }): AttemptView => {
    return { attempt: a, error: err, startedAt: null, endedAt: isoTime(atMs), retryAt: isoTime(retryAtMs) };
  });
  if (head.status === "Failed") {
    attempts.push({
      attempt: attemptsSinceProgress(log) + 1,
      error: head.error,
      startedAt: null,
      endedAt: isoTime(head.endedAtMs),
    });
  }
  const last = log.at(-1);
  const retryAtMs = isLive(head.status) && last?.k === "thrown" ? last.retryAtMs : null;
  return {
    id: head.functionId,
    index: 0,
    op: "function",
    status: functionStatus(head, retryAtMs),
    attempts,
    startedAt: isoTime(head.startedAtMs),
    endedAt: isoTime(head.endedAtMs),
    output: null,
    error: head.error,
    ...(retryAtMs === null ? {} : { retryAt: isoTime(retryAtMs) }),
  };
}

function functionStatus(head: RunHead, retryAtMs: number | null): StepStatus {
  if (head.status !== "Queued" && head.status !== "Running") return head.status;
  return retryAtMs === null ? "Running" : "Retrying";
}

/** As the function's host counts them: the attempts since something last got done. */
function attemptsSinceProgress(log: readonly LogEntry[]): number {
  let attempts = 0;
  for (const entry of log) {
    if (entry.k === "thrown") attempts = entry.a;
    else if (entry.k === "done" || entry.k === "seen") attempts = 0;
  }
  return attempts;
}
