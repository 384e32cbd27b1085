/**
 * Owns: what travels on the queues, as JSON text. A message is a hint: it says "look at this run because …", never what to
 * do. Events are the exception: until dispatch has stored them, the events queue is where they are.
 * Must not: be trusted. Whatever cannot be read is quarantined, not crashed upon.
 */
import { shown } from "../../sdk/error-catalogue.js";
import { serializeError } from "../../sdk/errors.js";
import type { EventMatch, Json, SerializedError, StoredEvent } from "../../sdk/protocol.js";
import { signalData } from "../../sdk/signals.js";
import { appIdPattern, functionIdPattern, isUlid, parseRunId } from "../core/ids.js";
import { readTraceparent, traceMember } from "../observe/trace.js";
import type { ParentOp } from "../core/run.js";
import {
  holdsInfinity,
  isCount,
  isEventName,
  isEventPlace,
  isFanGroup,
  isFanName,
  isOpHash,
  isRecord,
  isRequestObject,
  isSlotHash,
  isStorableText,
  isText,
  isTime,
  isWaiterPartition,
  isWholeTime,
  MAY_BE_INFINITE,
} from "./message-fields.js";

export type WakeReason =
  "start" | "retry" | "sleep" | "continue" | "arrival" | "branch" | "slot" | "sweep" | "dead-letter";

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
  /** A place of a concurrency limit was given to the run: the hash of the limit's key. */
  slot?: string;
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
  "slot",
  "sweep",
  "dead-letter",
];

/**
 * Why a body holds no message. `newer`: it may hold one of a later version of the platform, whose functions are being replaced
 * one after the other: it comes again, and what is still not known in the end is a dead letter.
 */
export interface Unreadable {
  unreadable: string;
  newer?: true;
}

/** As later versions will name what they add. */
const isLaterName = (value: unknown): boolean => typeof value === "string" && /^[a-z][a-z-]{1,39}$/.test(value);

function unknownVersion(v: unknown): Unreadable {
  const newer = typeof v === "number" && Number.isSafeInteger(v) && v > 1;
  return { unreadable: `version ${shown(v)} is not known`, ...(newer ? { newer } : {}) };
}

/** The wake a step queue's body holds, or why it holds none. */
export function readWake(body: string): WakeMessage | Unreadable {
  const value = parse(body);
  if (!isRecord(value)) return { unreadable: "the body is no JSON object" };
  const { v, run, fn, why, dueMs } = value;
  if (v !== 1) return unknownVersion(v);
  if (typeof run !== "string" || !parseRunId(run)) return { unreadable: "run is no run id" };
  if (!isFunctionId(fn)) return { unreadable: "fn is no function id" };
  const reason = WAKE_REASONS.find((known) => known === why);
  if (!reason) return { unreadable: "why is no known reason", ...(isLaterName(why) ? { newer: true } : {}) };
  if (dueMs !== undefined && !isTime(dueMs)) return { unreadable: "dueMs is no time" };
  const trace = traceMember(readTraceparent(value["trace"]));
  const branch = value["branch"] === undefined ? undefined : readBranch(value["branch"]);
  if (branch === null) return { unreadable: "the branch is incomplete" };
  const { slot } = value;
  if (slot !== undefined && !isSlotHash(slot)) return { unreadable: "slot is no key of a limit" };
  const due = dueMs === undefined ? {} : { dueMs };
  const given = slot === undefined ? {} : { slot };
  return { v: 1, run, fn, why: reason, ...due, ...trace, ...given, ...(branch ? { branch } : {}) };
}

function readBranch(value: unknown): BranchWork | null {
  if (!isRecord(value)) return null;
  const { id, i, attempt, fan } = value;
  if (!isText(id) || !isCount(i) || !isCount(attempt)) return null;
  if (fan === undefined) return { id, i, attempt };
  if (!isRecord(fan)) return null;
  const { group, shard, name } = fan;
  if (!isFanGroup(group) || !isCount(shard) || !isFanName(name)) return null;
  return { id, i, attempt, fan: { group, shard, name } };
}

/** What an events queue's body holds, or why it holds nothing. */
export function readDispatchMessage(body: string): DispatchMessage | Unreadable {
  const value = parse(body);
  if (!isRecord(value)) return { unreadable: "the body is no JSON object" };
  if (value["v"] !== 1) return unknownVersion(value["v"]);
  const { returns } = value;
  const trace = traceMember(readTraceparent(value["trace"]));
  const common = { v: 1, ...(isCount(returns) ? { returns } : {}), ...trace } as const;
  const text = (name: string): string | null => {
    const member = value[name];
    return typeof member === "string" ? member : null;
  };
  switch (value["kind"]) {
    case "events": {
      const events = readEvents(value["events"]);
      return events ? { ...common, kind: "events", events } : { unreadable: "events is no list of accepted events" };
    }
    case "events-object": {
      const key = text("key");
      return isRequestObject(key)
        ? { ...common, kind: "events-object", key }
        : { unreadable: "key names no large request" };
    }
    case "timer": {
      const [app, run, fn] = [text("app"), text("run"), text("fn")];
      const reason = WAKE_REASONS.find((known) => known === value["why"]);
      const { dueMs } = value;
      if (!isAppId(app) || run === null || !isFunctionId(fn) || !parseRunId(run) || !reason || !isTime(dueMs)) {
        return { unreadable: "the timer is incomplete" };
      }
      return { ...common, kind: "timer", app, run, fn, why: reason, dueMs };
    }
    case "cron": {
      const [app, fn, cron, at] = [text("app"), text("fn"), text("cron"), text("at")];
      if (!isAppId(app) || !isFunctionId(fn) || !isText(cron) || at === null || !isWholeTime(Date.parse(at))) {
        return { unreadable: "the cron tick is incomplete" };
      }
      return { ...common, kind: "cron", app, fn, cron, at };
    }
    case "match": {
      const [event, key, after] = [text("event"), text("key"), text("after")];
      if (!isEventId(event) || !isWaiterPartition(key) || !isStorableText(after)) {
        return { unreadable: "the match is incomplete" };
      }
      return { ...common, kind: "match", event, key, after };
    }
    case "lookback": {
      const lookback = readLookback(value);
      return lookback ? { ...common, kind: "lookback", ...lookback } : { unreadable: "the look back is incomplete" };
    }
    case "invoke":
    case "disown":
    case "ended":
    case "arrive":
      return readAboutRun(common, value);
    case "signal":
    case "cancel-runs":
      return readCommand(common, value);
    default:
      return {
        unreadable: `kind ${shown(value["kind"])} is not known`,
        ...(isLaterName(value["kind"]) ? { newer: true } : {}),
      };
  }
}

type Common = Pick<DispatchMessage, "v" | "returns" | "trace">;

/** What somebody asks for from outside: a signal to be sent, a page of runs to be cancelled. */
function readCommand(common: Common, value: Record<string, unknown>): DispatchMessage | Unreadable {
  const { kind, signal, token, data, cancellation, page } = value;
  if (kind === "cancel-runs") {
    if (!isEventId(cancellation) || !isCount(page)) return { unreadable: "the bulk cancel is incomplete" };
    return { ...common, kind, cancellation, page };
  }
  if (typeof signal !== "string" || !isText(token) || !isJson(data)) return { unreadable: "the signal is incomplete" };
  if (!isSendable(signal, data)) return { unreadable: "the signal is none that can be sent" };
  return { ...common, kind: "signal", signal, data, token };
}

/** A message about an operation of a run, or about the end of one. */
function readAboutRun(common: Common, value: Record<string, unknown>): DispatchMessage | { unreadable: string } {
  const { kind, run, wake } = value;
  if (kind === "invoke") {
    const invoke = readInvoke(value);
    return invoke ? { ...common, kind, ...invoke } : { unreadable: "the invoke is incomplete" };
  }
  if (kind === "arrive") {
    const arrive = readArrive(value);
    return arrive ? { ...common, kind, ...arrive } : { unreadable: "the arrival is incomplete" };
  }
  if (typeof run !== "string" || !parseRunId(run)) return { unreadable: "run is no run id" };
  if (kind === "ended") return { ...common, kind, run, ...(wake === true ? { wake } : {}) };
  const parent = readParent(value["parent"]);
  return parent ? { ...common, kind: "disown", run, parent } : { unreadable: "the disowning is incomplete" };
}

function readLookback(value: Record<string, unknown>): LookbackRequest | null {
  const { run, fn, op, on, trigger, afterMs, untilMs, excluded, from, again } = value;
  if (typeof run !== "string" || !parseRunId(run) || !isFunctionId(fn) || !isEventId(trigger)) return null;
  if (!isOpHash(op) && op !== null) return null;
  if (!isTime(afterMs) || !isTime(untilMs)) return null;
  if (!Array.isArray(on) || !on.every(isEventMatch)) return null;
  if (!Array.isArray(excluded) || !excluded.every(isEventId)) return null;
  if (from !== undefined && !isEventPlace(from)) return null;
  const position = from === undefined ? {} : { from };
  const second = again === true ? ({ again } as const) : {};
  return { run, fn, op, on, trigger, afterMs, untilMs, excluded, ...position, ...second };
}

/** Whether the expression can be read is not asked here: one that cannot may be a newer version's. */
function isEventMatch(value: unknown): value is EventMatch {
  return isRecord(value) && isEventName(value["event"]) && (value["if"] === undefined || isText(value["if"]));
}

function readInvoke(value: Record<string, unknown>): InvokeRequest | null {
  const { app, fn, data, dataKey, depth, createdAtMs, sentAtMs, quiet } = value;
  const parent = readParent(value["parent"]);
  if (!parent || !isText(app) || !isText(fn)) return null;
  if (!isCount(depth) || !isWholeTime(createdAtMs) || !isTime(sentAtMs)) return null;
  const payload = isRequestObject(dataKey) ? { dataKey } : isJsonObject(data) ? { data } : null;
  if (!payload) return null;
  return { parent, app, fn, ...payload, depth, createdAtMs, sentAtMs, ...(quiet === true ? { quiet } : {}) };
}

/** The parent's operation as a message or a head names it; null when it is incomplete. */
export function readParent(value: unknown): ParentOp | null {
  if (!isRecord(value)) return null;
  const { run, fn, op, detached } = value;
  if (typeof run !== "string" || !parseRunId(run) || !isFunctionId(fn) || !isOpHash(op)) return null;
  return { run, fn, op, ...(detached === true ? { detached } : {}) };
}

function readArrive(value: Record<string, unknown>): ArriveRequest | null {
  const { run, fn, op, by, outcome } = value;
  if (typeof run !== "string" || !parseRunId(run) || !isFunctionId(fn)) return null;
  const read = readOutcome(outcome);
  return isOpHash(op) && isStorableText(by) && read ? { run, fn, op, by, outcome: read } : null;
}

/** An error is made as small as errors are kept (sdk/errors.ts): a larger one would fit no item. */
function readOutcome(value: unknown): ArriveRequest["outcome"] | null {
  if (!isRecord(value)) return null;
  const { ok, err } = value;
  if (isJson(ok)) return { ok };
  return isRecord(err) && typeof err["message"] === "string" ? { err: serializeError(err) } : null;
}

function isSendable(signal: string, data: Json): boolean {
  try {
    signalData(signal, data);
    return true;
  } catch {
    return false;
  }
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
  return readEvents(parse(json));
}

function readEvents(value: unknown): AcceptedEvent[] | null {
  if (!Array.isArray(value)) return null;
  const list: readonly unknown[] = value;
  const events = list.flatMap((one) => readAccepted(one) ?? []);
  return events.length === list.length ? events : null;
}

/** Made anew of what was checked: a member that is not known here might mean something further on. */
function readAccepted(value: unknown): AcceptedEvent | null {
  if (!isRecord(value)) return null;
  const { id, receivedAtMs, senderId } = value;
  const event = readEvent(value["event"]);
  if (!isEventId(id) || !isWholeTime(receivedAtMs) || !event) return null;
  if (senderId !== undefined && !isText(senderId)) return null;
  return { id, receivedAtMs, event, ...(senderId === undefined ? {} : { senderId }) };
}

function readEvent(value: unknown): StoredEvent | null {
  if (!isRecord(value)) return null;
  const { name, data, id, ts, v } = value;
  if (!isEventName(name) || !isJsonObject(data) || !isText(id) || !isTime(ts)) return null;
  if (v !== undefined && !isText(v)) return null;
  return { name, data, id, ts, ...(v === undefined ? {} : { v }) };
}

function isAppId(value: unknown): value is string {
  return typeof value === "string" && appIdPattern.test(value);
}

function isFunctionId(value: unknown): value is string {
  return typeof value === "string" && functionIdPattern.test(value);
}

function isEventId(value: unknown): value is string {
  return typeof value === "string" && isUlid(value);
}

/** Undefined for what is no JSON, or could not be sent on as it is. */
function parse(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    return MAY_BE_INFINITE.test(json) && holdsInfinity(value) ? undefined : value;
  } catch {
    return undefined;
  }
}
