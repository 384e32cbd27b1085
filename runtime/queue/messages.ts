/**
 * Owns: what travels on the queues, as JSON text. A message is a hint: it says "look at this run because …", never what to
 * do. Events are the exception: until dispatch has stored them, the events queue is where they are.
 * Must not: be trusted. Whatever cannot be read is quarantined, not crashed upon.
 */
import type { EventMatch, Json, SerializedError, StoredEvent } from "../../sdk/protocol.js";
import { parseRunId } from "../core/ids.js";
import { readTraceparent, traceMember } from "../observe/trace.js";
import type { ParentOp } from "../core/run.js";

export type WakeReason = "start" | "retry" | "sleep" | "continue" | "arrival" | "branch" | "sweep" | "dead-letter";

/** On the step queue: look at this run. */
export interface WakeMessage {
  v: 1;
  run: string;
  fn: string;
  why: WakeReason;
  /** Not before this time, ms since 1970. */
  dueMs?: number;
  /** The run's trace context, a `traceparent`. */
  trace?: string;
  /** Not the run itself but one distributed step of it. */
  branch?: BranchWork;
}

/** One distributed step: which, the attempt (0 first), and the group that waits for its result (operations/branch.ts). */
export interface BranchWork {
  id: string;
  i: number;
  attempt: number;
  fan?: { group: string; shard: number; name: string };
}

/** An accepted event with its internal id. `senderId` is the id its sender gave it, if any. */
export interface AcceptedEvent {
  id: string;
  receivedAtMs: number;
  event: StoredEvent;
  senderId?: string;
  /** Its place in its request, 0 first; known while the request is dispatched. */
  place?: number;
  /** Its trace context, once dispatch has read the message: it travels there, once for all events of a request. */
  trace?: string;
}

/** What was asked for of another function, by an operation of a run. */
export interface InvokeRequest {
  /** Who asks: the run, its function, and the operation (core/ids.ts, `stepHash`). */
  parent: ParentOp;
  app: string;
  fn: string;
  /** Absent when `dataKey` names the S3 object that holds it. */
  data?: { [key: string]: Json };
  dataKey?: string;
  /** How many invokes lie between this child and a run that nobody invoked; 1 for that one's own child. */
  depth: number;
  /** Part of the child's event id, as stable as the parent: when the parent was created. */
  createdAtMs: number;
  /** When it was asked. */
  sentAtMs: number;
  /** The parent was started by a system event, or by a run that was: what its children do is not announced either. */
  quiet?: true;
}

/** The outcome of an operation, as whoever has it may not write it into the run himself. */
export interface ArriveRequest {
  run: string;
  fn: string;
  /** The operation (core/ids.ts, `stepHash`). */
  op: string;
  /** Names where the outcome comes from; who finds his own name standing has been here before (state/inbox-store.ts). */
  by: string;
  outcome: { ok: Json } | { err: SerializedError };
}

/** Look for an event that came before somebody waited for it. */
export interface LookbackRequest {
  run: string;
  fn: string;
  /** The operation that waits (core/ids.ts, `stepHash`); null: the run is to be cancelled by what is found. */
  op: string | null;
  on: readonly EventMatch[];
  /** Internal id of the event that started the run. */
  trigger: string;
  /** Events count that were received after, and at the latest. */
  afterMs: number;
  untilMs: number;
  /** Internal ids of events that do not count. */
  excluded: readonly string[];
  /** Where the look before ended (state/keys.ts, `timeSort`). */
  from?: string;
  /** Set in the look that makes up for indexes that lag. */
  again?: true;
}

/** On the events queue. `returns`: how often it came back from the dead-letter queue. `trace`: a `traceparent`. */
export type DispatchMessage = { v: 1; returns?: number; trace?: string } & (
  | { kind: "events"; events: AcceptedEvent[] }
  /** The events of one request too large for a message: an S3 object holding an AcceptedEvent[]. */
  | { kind: "events-object"; key: string }
  /** A long timer is about to be due: a wake for the step queue, to be sent with the exact rest of the delay. */
  | { kind: "timer"; app: string; run: string; fn: string; why: WakeReason; dueMs: number }
  /** A cron's tick. `at` is the nominal time in ISO 8601. */
  | { kind: "cron"; app: string; fn: string; cron: string; at: string }
  /** More wait for an event than are answered at once: those of one key after `after`. */
  | { kind: "match"; event: string; key: string; after: string }
  | ({ kind: "lookback" } & LookbackRequest)
  /** Start a function for an operation of a run. */
  | ({ kind: "invoke" } & InvokeRequest)
  /** A run waits no longer for one it has invoked, which is to be cancelled. */
  | { kind: "disown"; run: string; parent: ParentOp }
  /** A run has ended: tell its parent, and whoever listens to system events. `wake`: a worker is to do what else is left. */
  | { kind: "ended"; run: string; wake?: true }
  /** An operation's outcome is here: put it into the run's inbox and wake the run. */
  | ({ kind: "arrive" } & ArriveRequest)
  /** A signal from a worker that may not write the run that waits for it. `token` names the sending. */
  | { kind: "signal"; signal: string; data: Json; token: string }
  /** The next page of a bulk cancel. */
  | { kind: "cancel-runs"; cancellation: string; page: number }
);

/**
 * JSON that SQS accepts: outside XML 1.0's character set it allows nothing (SendMessage, "Amazon SQS message body"), so
 * what JSON leaves unescaped of that kind (U+FFFE, U+FFFF) is escaped here. Control characters and lone surrogates
 * JSON.stringify escapes itself.
 */
export function encodeMessage(message: WakeMessage | DispatchMessage): string {
  return JSON.stringify(message).replace(
    /[\uFFFE\uFFFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  );
}

const WAKE_REASONS: readonly WakeReason[] = [
  "start",
  "retry",
  "sleep",
  "continue",
  "arrival",
  "branch",
  "sweep",
  "dead-letter",
];

/** The wake a step queue's body holds, or why it holds none. */
export function readWake(body: string): WakeMessage | { unreadable: string } {
  const value = parse(body);
  if (!isRecord(value)) return { unreadable: "the body is no JSON object" };
  const { v, run, fn, why, dueMs } = value;
  if (v !== 1) return { unreadable: `version ${JSON.stringify(v)} is not known` };
  if (typeof run !== "string" || !parseRunId(run)) return { unreadable: "run is no run id" };
  if (typeof fn !== "string") return { unreadable: "fn is no function id" };
  const reason = WAKE_REASONS.find((known) => known === why);
  if (!reason) return { unreadable: "why is no known reason" };
  if (dueMs !== undefined && !Number.isFinite(dueMs)) return { unreadable: "dueMs is no time" };
  const trace = traceMember(readTraceparent(value["trace"]));
  const branch = value["branch"] === undefined ? undefined : readBranch(value["branch"]);
  if (branch === null) return { unreadable: "the branch is incomplete" };
  const due = typeof dueMs === "number" ? { dueMs } : {};
  return { v: 1, run, fn, why: reason, ...due, ...trace, ...(branch ? { branch } : {}) };
}

function readBranch(value: unknown): BranchWork | null {
  if (!isRecord(value)) return null;
  const { id, i, attempt, fan } = value;
  if (typeof id !== "string" || typeof i !== "number" || typeof attempt !== "number") return null;
  if (fan === undefined) return { id, i, attempt };
  if (!isRecord(fan)) return null;
  const { group, shard, name } = fan;
  if (typeof group !== "string" || typeof shard !== "number" || typeof name !== "string") return null;
  return { id, i, attempt, fan: { group, shard, name } };
}

/** What an events queue's body holds, or why it holds nothing. */
export function readDispatchMessage(body: string): DispatchMessage | { unreadable: string } {
  const value = parse(body);
  if (!isRecord(value)) return { unreadable: "the body is no JSON object" };
  if (value["v"] !== 1) return { unreadable: `version ${JSON.stringify(value["v"])} is not known` };
  const { returns } = value;
  const trace = traceMember(readTraceparent(value["trace"]));
  const common = { v: 1, ...(typeof returns === "number" ? { returns } : {}), ...trace } as const;
  const text = (name: string): string | null => {
    const member = value[name];
    return typeof member === "string" ? member : null;
  };
  switch (value["kind"]) {
    case "events":
      return isEventList(value["events"])
        ? { ...common, kind: "events", events: value["events"] }
        : { unreadable: "events is no list of accepted events" };
    case "events-object": {
      const key = text("key");
      return key === null ? { unreadable: "key is missing" } : { ...common, kind: "events-object", key };
    }
    case "timer": {
      const [app, run, fn] = [text("app"), text("run"), text("fn")];
      const reason = WAKE_REASONS.find((known) => known === value["why"]);
      const { dueMs } = value;
      if (app === null || run === null || fn === null || !parseRunId(run) || !reason || typeof dueMs !== "number") {
        return { unreadable: "the timer is incomplete" };
      }
      return { ...common, kind: "timer", app, run, fn, why: reason, dueMs };
    }
    case "cron": {
      const [app, fn, cron, at] = [text("app"), text("fn"), text("cron"), text("at")];
      if (app === null || fn === null || cron === null || at === null || Number.isNaN(Date.parse(at))) {
        return { unreadable: "the cron tick is incomplete" };
      }
      return { ...common, kind: "cron", app, fn, cron, at };
    }
    case "match": {
      const [event, key, after] = [text("event"), text("key"), text("after")];
      if (event === null || key === null || after === null) return { unreadable: "the match is incomplete" };
      return { ...common, kind: "match", event, key, after };
    }
    case "lookback": {
      const lookback = readLookback(value);
      return lookback ? { ...common, kind: "lookback", ...lookback } : { unreadable: "the look back is incomplete" };
    }
    case "invoke": {
      const invoke = readInvoke(value);
      return invoke ? { ...common, kind: "invoke", ...invoke } : { unreadable: "the invoke is incomplete" };
    }
    case "disown": {
      const [run, parent] = [text("run"), readParent(value["parent"])];
      if (run === null || !parseRunId(run) || !parent) return { unreadable: "the disowning is incomplete" };
      return { ...common, kind: "disown", run, parent };
    }
    case "ended": {
      const run = text("run");
      if (run === null || !parseRunId(run)) return { unreadable: "run is no run id" };
      return { ...common, kind: "ended", run, ...(value["wake"] === true ? { wake: true } : {}) };
    }
    case "arrive": {
      const arrive = readArrive(value);
      return arrive ? { ...common, kind: "arrive", ...arrive } : { unreadable: "the arrival is incomplete" };
    }
    case "signal": {
      const [signal, token] = [text("signal"), text("token")];
      const { data } = value;
      if (signal === null || token === null || !isJson(data)) return { unreadable: "the signal is incomplete" };
      return { ...common, kind: "signal", signal, data, token };
    }
    case "cancel-runs": {
      const [cancellation, { page }] = [text("cancellation"), value];
      if (cancellation === null || typeof page !== "number") return { unreadable: "the bulk cancel is incomplete" };
      return { ...common, kind: "cancel-runs", cancellation, page };
    }
    default:
      return { unreadable: `kind ${JSON.stringify(value["kind"])} is not known` };
  }
}

function readLookback(value: Record<string, unknown>): LookbackRequest | null {
  const { run, fn, op, on, trigger, afterMs, untilMs, excluded, from, again } = value;
  if (typeof run !== "string" || !parseRunId(run) || typeof fn !== "string" || typeof trigger !== "string") return null;
  if (typeof op !== "string" && op !== null) return null;
  if (typeof afterMs !== "number" || typeof untilMs !== "number") return null;
  if (!Array.isArray(on) || !on.every(isEventMatch)) return null;
  if (!Array.isArray(excluded) || !excluded.every((id) => typeof id === "string")) return null;
  const position = typeof from === "string" ? { from } : {};
  const second = again === true ? ({ again } as const) : {};
  return { run, fn, op, on, trigger, afterMs, untilMs, excluded, ...position, ...second };
}

function isEventMatch(value: unknown): value is EventMatch {
  return (
    isRecord(value) &&
    typeof value["event"] === "string" &&
    (value["if"] === undefined || typeof value["if"] === "string")
  );
}

function readInvoke(value: Record<string, unknown>): InvokeRequest | null {
  const { app, fn, data, dataKey, depth, createdAtMs, sentAtMs, quiet } = value;
  const parent = readParent(value["parent"]);
  if (!parent || typeof app !== "string" || typeof fn !== "string") return null;
  if (typeof depth !== "number" || typeof createdAtMs !== "number" || typeof sentAtMs !== "number") return null;
  const payload = typeof dataKey === "string" ? { dataKey } : isJsonObject(data) ? { data } : null;
  if (!payload) return null;
  return { parent, app, fn, ...payload, depth, createdAtMs, sentAtMs, ...(quiet === true ? { quiet } : {}) };
}

/** The parent's operation as a message or a head names it; null when it is incomplete. */
export function readParent(value: unknown): ParentOp | null {
  if (!isRecord(value)) return null;
  const { run, fn, op, detached } = value;
  if (typeof run !== "string" || !parseRunId(run) || typeof fn !== "string" || typeof op !== "string") return null;
  return { run, fn, op, ...(detached === true ? { detached } : {}) };
}

function readArrive(value: Record<string, unknown>): ArriveRequest | null {
  const { run, fn, op, by, outcome } = value;
  if (typeof run !== "string" || !parseRunId(run) || typeof fn !== "string") return null;
  if (typeof op !== "string" || typeof by !== "string" || !isOutcome(outcome)) return null;
  return { run, fn, op, by, outcome };
}

function isOutcome(value: unknown): value is ArriveRequest["outcome"] {
  if (!isRecord(value)) return false;
  if (value["ok"] !== undefined) return true;
  return isRecord(value["err"]) && typeof value["err"]["message"] === "string";
}

/** Holds for a member that came out of a JSON parser. */
function isJson(value: unknown): value is Json {
  return value !== undefined;
}

/** Holds for an object that came out of a JSON parser. */
function isJsonObject(value: unknown): value is { [key: string]: Json } {
  return isRecord(value);
}

/** The accepted events an S3 object's JSON holds. */
export function readEventList(json: string): AcceptedEvent[] | null {
  const value = parse(json);
  return isEventList(value) ? value : null;
}

function isEventList(value: unknown): value is AcceptedEvent[] {
  return Array.isArray(value) && value.every(isAcceptedEvent);
}

function isAcceptedEvent(value: unknown): value is AcceptedEvent {
  if (!isRecord(value) || typeof value["id"] !== "string" || typeof value["receivedAtMs"] !== "number") return false;
  const { event } = value;
  return (
    isRecord(event) && typeof event["name"] === "string" && isRecord(event["data"]) && typeof event["ts"] === "number"
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
