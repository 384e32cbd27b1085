/**
 * Owns: what travels on the queues, as JSON text. A message is a hint: it says "look at this run because …", never what to
 * do. Events are the exception: until dispatch has stored them, the events queue is where they are.
 * Must not: be trusted. Whatever cannot be read is quarantined, not crashed upon.
 */
import type { StoredEvent } from "../../sdk/protocol.js";
import { parseRunId } from "../core/ids.js";
import { readTraceparent, traceMember } from "../observe/trace.js";

export type WakeReason = "start" | "retry" | "sleep" | "continue" | "sweep" | "dead-letter";

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
}

/** An accepted event with its internal id. `senderId` is the id its sender gave it, if any. */
export interface AcceptedEvent {
  id: string;
  receivedAtMs: number;
  event: StoredEvent;
  senderId?: string;
  /** Its trace context, once dispatch has read the message: it travels there, once for all events of a request. */
  trace?: string;
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

const WAKE_REASONS: readonly WakeReason[] = ["start", "retry", "sleep", "continue", "sweep", "dead-letter"];

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
  return { v: 1, run, fn, why: reason, ...(typeof dueMs === "number" ? { dueMs } : {}), ...trace };
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
    default:
      return { unreadable: `kind ${JSON.stringify(value["kind"])} is not known` };
  }
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
