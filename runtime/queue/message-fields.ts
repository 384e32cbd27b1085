/**
 * Owns: what a field of a message may hold. A queue's body may be anything, and what gets past here becomes keys, dates and
 * delays: text that no key holds, or a time that is no date, would fail at every delivery and never be put on record.
 * Must not: know kinds of messages (messages.ts does).
 */
import { MAX_EVENT_NAME_CHARACTERS } from "../ingest/read-events.js";

/** 2200-01-01: beyond any event's `ts` and the longest wait after it. */
const LATEST_MS = 7_258_118_400_000;
/** More than there are steps, attempts, pages or shards. */
const MAX_COUNT = 10_000_000;
/** What names something, and is no key by itself. */
const MAX_TEXT_CHARACTERS = 1_024;

const OP_HASH = /^[0-9a-hjkmnp-tv-z]{26}$/;
const WAITER_PARTITION = /^[a-z0-9][a-z0-9-]{0,39}#WAIT#[\w-]{22}$/;
const SLOT_HASH = /^[\w-]{22}$/;
const EVENT_PLACE = /^\d{14}#[0-9A-Z]{0,26}$/;
const REQUEST_OBJECT = /^requests\/[\w-]{1,200}$/;
const FAN_GROUP = /^\d{1,6}-[0-9a-z]{1,26}$/;
const FAN_NAME = /^[0-9a-z]{1,26}$/;

/** No double holds more than 1.8e308: beyond it are an exponent of three digits, or one of two and 209 digits before it. */
export const MAY_BE_INFINITE = /e\+?\d{3}|\d{200}/i;

/** Whether a number in what a JSON parser gave is none that JSON can hold: sent on, it would be null. */
export function holdsInfinity(value: unknown): boolean {
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next === "number" && !Number.isFinite(next)) return true;
    if (typeof next === "object" && next !== null) for (const member of Object.values(next)) left.push(member);
  }
  return false;
}

/** Members of an object that came out of a JSON parser. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isText(value: unknown, maxCharacters: number = MAX_TEXT_CHARACTERS): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= maxCharacters;
}

/** The same as an item can hold it: half a surrogate pair has no UTF-8. */
export function isStorableText(value: unknown): value is string {
  return isText(value) && !/\p{Cs}/u.test(value);
}

/** A point in time, ms since 1970, that calendars and schedules can hold. */
export function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < LATEST_MS;
}

/** The same as part of an id. */
export function isWholeTime(value: unknown): value is number {
  return isTime(value) && Number.isInteger(value);
}

export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_COUNT;
}

/** An event's name, the platform's own included: a part of keys (state/keys.ts, `shapePartition`). */
export function isEventName(value: unknown): value is string {
  return isText(value, MAX_EVENT_NAME_CHARACTERS) && !/[\p{Cc}\p{Cs}]/u.test(value);
}

/** core/ids.ts, `stepHash`. */
export function isOpHash(value: unknown): value is string {
  return typeof value === "string" && OP_HASH.test(value);
}

/** state/keys.ts, `waiterPartition`: no message makes dispatch read other items as if they were waiters. */
export function isWaiterPartition(value: unknown): value is string {
  return typeof value === "string" && WAITER_PARTITION.test(value);
}

/** state/keys.ts, `slotHash`. */
export function isSlotHash(value: unknown): value is string {
  return typeof value === "string" && SLOT_HASH.test(value);
}

/** state/keys.ts, `timeSort` or `timeBound`. */
export function isEventPlace(value: unknown): value is string {
  return typeof value === "string" && EVENT_PLACE.test(value);
}

/** Where large requests are kept: no message makes dispatch open what belongs to a run. */
export function isRequestObject(value: unknown): value is string {
  return typeof value === "string" && REQUEST_OBJECT.test(value);
}

/** A group of distributed steps (operations/branch.ts), and a name in it. */
export function isFanGroup(value: unknown): value is string {
  return typeof value === "string" && FAN_GROUP.test(value);
}

export function isFanName(value: unknown): value is string {
  return typeof value === "string" && FAN_NAME.test(value);
}
