/**
 * Owns: what an acceptable event is. All or nothing: one event that is not acceptable refuses the request, and the error
 * names its index, the member, what it is and what it should be.
 * Must not: give ids, store, or send anything; nor repair what a sender meant (it is told, and sends again).
 */
import { isPerdureError, type PerdureError, shown } from "../../sdk/error-catalogue.js";
import type { Json } from "../../sdk/protocol.js";
import { eventTooLarge, invalidEvent, requestTooLarge, reservedEventName, tooManyEvents } from "./errors.js";
import { REQUEST_LIMITS } from "./read-json.js";

export const MAX_EVENTS = 5_000;
/** Of the event as JSON. SQS messages have the same limit; larger requests travel through S3 whole. */
export const MAX_EVENT_BYTES = 1024 * 1024;
export const MAX_EVENT_NAME_CHARACTERS = 256;
export const MAX_EVENT_ID_CHARACTERS = 256;
export const MAX_EVENT_VERSION_CHARACTERS = 64;

/** 1980-01-01 and 2101-01-01. Outside of it a time is a mistake of unit, not a date someone means. */
const EARLIEST_TS_MS = 315_532_800_000;
const LATEST_TS_MS = 4_133_980_800_000;

const RESERVED_PREFIXES = ["perdure/", "inngest/"] as const;

/** An event a sender may send, with what was left out filled in. `id` is the sender's own, absent when it gave none. */
export interface NewEvent {
  name: string;
  data: { [key: string]: Json };
  id?: string;
  /** Milliseconds since 1970; a time in the future delays the start. */
  ts: number;
  v?: string;
}

export type ReadEvents = { ok: true; events: NewEvent[] } | { ok: false; error: PerdureError };

/** The events in a request's body, which is a JSON value: one event, or an array of 1 to 5,000. */
export function readEvents(body: unknown, { nowMs }: { nowMs: number }): ReadEvents {
  const list: unknown[] = Array.isArray(body) ? body : [body];
  if (list.length === 0 || list.length > MAX_EVENTS) {
    return { ok: false, error: tooManyEvents({ count: list.length, maxCount: MAX_EVENTS }) };
  }
  const events: NewEvent[] = [];
  let totalBytes = 0;
  for (const [index, value] of list.entries()) {
    const event = readEvent(value, index, nowMs);
    if (isPerdureError(event)) return { ok: false, error: event };
    const bytes = Buffer.byteLength(JSON.stringify(event), "utf8");
    if (bytes > MAX_EVENT_BYTES)
      return { ok: false, error: eventTooLarge({ index, bytes, maxBytes: MAX_EVENT_BYTES }) };
    totalBytes += bytes;
    events.push(event);
  }
  const { maxBytes } = REQUEST_LIMITS;
  if (totalBytes > maxBytes) return { ok: false, error: requestTooLarge({ bytes: totalBytes, maxBytes }) };
  return { ok: true, events };
}

function readEvent(value: unknown, index: number, nowMs: number): NewEvent | PerdureError {
  if (!isJsonObject(value)) {
    const expected = 'an object such as {"name":"app/user.created","data":{}}';
    return invalidEvent({ index, is: `it is ${kindOf(value)}`, expected });
  }
  const unknown = Object.keys(value).find((member) => !MEMBERS.has(member));
  if (unknown !== undefined) {
    const expected = "the members name, data, id, ts and v alone; put your own inside data";
    return invalidEvent({ index, is: `it has the member ${shown(unknown)}`, expected });
  }
  const members = membersOf(value);
  return nameError(members.name, index) ?? memberError(members, index) ?? completeEvent(members, nowMs);
}

/** `user` is a member senders of other platforms are used to; it is let in and left out. */
const MEMBERS: ReadonlySet<string> = new Set(["name", "data", "id", "ts", "v", "user"]);

interface Members {
  name: unknown;
  data: unknown;
  id: unknown;
  ts: unknown;
  v: unknown;
}

/** `null` counts as left out: many languages write an absent value so. */
function membersOf(value: { [key: string]: Json }): Members {
  const own = (member: string): Json | undefined =>
    Object.hasOwn(value, member) ? (value[member] ?? undefined) : undefined;
  return { name: own("name"), data: own("data"), id: own("id"), ts: own("ts"), v: own("v") };
}

function nameError(name: unknown, index: number): PerdureError | null {
  const expected = `text of 1 to ${MAX_EVENT_NAME_CHARACTERS} characters, such as "app/user.created"`;
  if (name === undefined) return invalidEvent({ index, is: "name is missing", expected });
  if (typeof name !== "string") return invalidEvent({ index, is: `name is ${kindOf(name)}`, expected });
  if (name === "") return invalidEvent({ index, is: "name is empty", expected });
  if (name.length > MAX_EVENT_NAME_CHARACTERS) {
    return invalidEvent({ index, is: `name has ${name.length} characters`, expected });
  }
  // A lone surrogate has no UTF-8: stored, the name would silently be another one.
  if (/[\p{Cc}\p{Cs}]/u.test(name)) {
    const is = `name is ${shown(name)}`;
    return invalidEvent({ index, is, expected: "a name without control characters or lone surrogates" });
  }
  const prefix = RESERVED_PREFIXES.find((reserved) => name.startsWith(reserved));
  return prefix === undefined ? null : reservedEventName({ index, name, prefix });
}

function memberError({ data, id, ts, v }: Members, index: number): PerdureError | null {
  if (data !== undefined && !isJsonObject(data)) {
    return invalidEvent({ index, is: `data is ${kindOf(data)}`, expected: "an object, or nothing" });
  }
  return (
    textError(index, "id", id, MAX_EVENT_ID_CHARACTERS) ??
    timeError(index, ts) ??
    textError(index, "v", v, MAX_EVENT_VERSION_CHARACTERS)
  );
}

function textError(index: number, member: string, value: unknown, maxCharacters: number): PerdureError | null {
  if (value === undefined) return null;
  const expected = `text of 1 to ${maxCharacters} characters, or nothing`;
  if (typeof value !== "string") return invalidEvent({ index, is: `${member} is ${kindOf(value)}`, expected });
  if (value.length >= 1 && value.length <= maxCharacters) return null;
  return invalidEvent({ index, is: `${member} has ${value.length} characters`, expected });
}

function timeError(index: number, ts: unknown): PerdureError | null {
  if (ts === undefined) return null;
  const expected = "milliseconds since 1970 in the years 1980 to 2100, or nothing for now";
  if (typeof ts !== "number") return invalidEvent({ index, is: `ts is ${kindOf(ts)}`, expected });
  if (ts >= EARLIEST_TS_MS && ts < LATEST_TS_MS) return null;
  return invalidEvent({ index, is: `ts is ${ts}${unitHint(ts)}`, expected });
}

function unitHint(ts: number): string {
  const inRange = (ms: number): boolean => ms >= EARLIEST_TS_MS && ms < LATEST_TS_MS;
  if (inRange(ts * 1_000)) return ", which looks like seconds (multiply it by 1000)";
  if (inRange(ts / 1_000)) return ", which looks like microseconds (divide it by 1000)";
  if (inRange(ts / 1_000_000)) return ", which looks like nanoseconds (divide it by 1000000)";
  return "";
}

/** Members are checked by now. A fraction of a millisecond, as Python's time.time() * 1000 gives, is cut off. */
function completeEvent({ name, data, id, ts, v }: Members, nowMs: number): NewEvent {
  return {
    name: String(name),
    data: isJsonObject(data) ? data : {},
    ...(typeof id === "string" && { id }),
    ts: typeof ts === "number" ? Math.floor(ts) : nowMs,
    ...(typeof v === "string" && { v }),
  };
}

/** True for an object. Its members are JSON because the body came out of a JSON parser. */
function isJsonObject(value: unknown): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? `the text ${shown(value)}` : shown(value);
}
