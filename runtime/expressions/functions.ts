/**
 * Owns: the functions an expression may call. A receiver (`text.contains("x")`) is the first argument.
 * Must not: reach anything but its arguments. What they give for nothing at all is said at `takesNothing`.
 */
import { durationMs } from "../../sdk/duration.js";
import type { Budget } from "./budget.js";
import { TimeSpan, Timestamp, isMap, isMissing, kindOf, textOf } from "./values.js";

export interface ExpressionFunction {
  /** How it may be called: `size(x)`, `x.size()`, or both. */
  form: "call" | "method" | "both";
  /** Number of arguments, the receiver counted. */
  arity: number;
  /** Set where a missing or null first argument has a meaning of its own; elsewhere it makes the call false. */
  takesNothing?: true;
  /** What it gives depends on when it is asked. */
  readsClock?: true;
  apply(args: readonly unknown[], budget: Budget): unknown;
}

const call = (arity: number, apply: ExpressionFunction["apply"]): ExpressionFunction => ({
  form: "call",
  arity,
  apply,
});
const method = (arity: number, apply: ExpressionFunction["apply"]): ExpressionFunction => ({
  form: "method",
  arity,
  apply,
});

const ofClock = (arity: number, apply: ExpressionFunction["apply"]): ExpressionFunction => ({
  ...call(arity, apply),
  readsClock: true,
});

/** A text method with one text argument. A missing argument is contained in nothing. */
function textTest(name: string, test: (text: string, part: string) => boolean): ExpressionFunction {
  return method(2, ([text, part], budget) => {
    if (isMissing(part)) return false;
    if (typeof text !== "string" || typeof part !== "string") {
      return budget.fail(`${name} takes two strings, not a ${kindOf(text)} and a ${kindOf(part)}`);
    }
    budget.chargeText(text.length);
    return test(text, part);
  });
}

function textChange(name: string, change: (text: string) => unknown): ExpressionFunction {
  return call(1, ([text], budget) => {
    if (typeof text !== "string") return budget.fail(`${name} takes a string, not a ${kindOf(text)}`);
    // Native, but each makes a new value from every character.
    budget.chargeBuilt(text.length);
    budget.chargeText(text.length * 8);
    return change(text);
  });
}

function dateMember(name: string, member: (date: Date) => number): ExpressionFunction {
  return method(1, ([time], budget) =>
    time instanceof Timestamp
      ? member(new Date(time.ms))
      : budget.fail(`${name} takes a timestamp, not a ${kindOf(time)}`),
  );
}

export const FUNCTIONS: ReadonlyMap<string, ExpressionFunction> = new Map<string, ExpressionFunction>([
  ["size", { form: "both", arity: 1, takesNothing: true, apply: sizeOf }],
  ["contains", textTest("contains", (text, part) => text.includes(part))],
  ["startsWith", textTest("startsWith", (text, part) => text.startsWith(part))],
  ["endsWith", textTest("endsWith", (text, part) => text.endsWith(part))],
  ["lowercase", textChange("lowercase", (text) => text.toLowerCase())],
  ["uppercase", textChange("uppercase", (text) => text.toUpperCase())],
  ["b64decode", textChange("b64decode", (text) => Buffer.from(text, "base64").toString("utf8"))],
  ["json_parse", call(1, parseJson)],
  ["int", call(1, ([value], budget) => Math.trunc(numberFrom("int", value, budget)))],
  ["uint", call(1, ([value], budget) => Math.trunc(numberFrom("uint", value, budget)))],
  ["double", call(1, ([value], budget) => numberFrom("double", value, budget))],
  ["string", call(1, ([value], budget) => textOf(value) ?? budget.fail(`string takes no ${kindOf(value)}`))],
  ["bool", call(1, ([value], budget) => boolFrom(value, budget))],
  ["dyn", { form: "call", arity: 1, takesNothing: true, apply: ([value]) => value }],
  ["date", call(1, ([value], budget) => timestampFrom("date", value, budget))],
  ["timestamp", call(1, ([value], budget) => timestampFrom("timestamp", value, budget))],
  ["duration", call(1, ([value], budget) => new TimeSpan(spanMs(value, budget)))],
  ["now", ofClock(0, (_, budget) => new Timestamp(nowMs(budget)))],
  ["now_plus", ofClock(1, ([value], budget) => new Timestamp(nowMs(budget) + spanMs(value, budget)))],
  ["now_minus", ofClock(1, ([value], budget) => new Timestamp(nowMs(budget) - spanMs(value, budget)))],
  ["getFullYear", dateMember("getFullYear", (date) => date.getUTCFullYear())],
  ["getMonth", dateMember("getMonth", (date) => date.getUTCMonth())],
  ["getDate", dateMember("getDate", (date) => date.getUTCDate())],
  ["getDayOfMonth", dateMember("getDayOfMonth", (date) => date.getUTCDate() - 1)],
  ["getDayOfWeek", dateMember("getDayOfWeek", (date) => date.getUTCDay())],
  ["getDayOfYear", dateMember("getDayOfYear", dayOfYear)],
  ["getHours", dateMember("getHours", (date) => date.getUTCHours())],
  ["getMinutes", dateMember("getMinutes", (date) => date.getUTCMinutes())],
  ["getSeconds", dateMember("getSeconds", (date) => date.getUTCSeconds())],
  ["getMilliseconds", dateMember("getMilliseconds", (date) => date.getUTCMilliseconds())],
]);

function sizeOf([value]: readonly unknown[], budget: Budget): number {
  if (isMissing(value)) return 0;
  if (Array.isArray(value)) return value.length;
  if (isMap(value)) {
    const count = Object.keys(value).length;
    budget.charge(count / 16);
    return count;
  }
  if (typeof value !== "string") return budget.fail(`size takes a string, list or map, not a ${kindOf(value)}`);
  budget.chargeText(value.length * 16);
  let codePoints = 0;
  for (let i = 0; i < value.length; i += (value.codePointAt(i) ?? 0) > 0xffff ? 2 : 1) codePoints++;
  return codePoints;
}

function parseJson([text]: readonly unknown[], budget: Budget): unknown {
  if (typeof text !== "string") return budget.fail(`json_parse takes a string, not a ${kindOf(text)}`);
  budget.chargeText(text.length * 16);
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return budget.fail("json_parse was given text that is not JSON");
  }
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const MAX_NUMBER_CHARACTERS = 100;

function numberFrom(name: string, value: unknown, budget: Budget): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return Number(value);
  if (value instanceof Timestamp) return Math.floor(value.ms / 1_000);
  if (typeof value === "string" && value.length <= MAX_NUMBER_CHARACTERS && NUMBER.test(value)) return Number(value);
  return budget.fail(`${name} takes a number or a string that is one, not this ${kindOf(value)}`);
}

function boolFrom(value: unknown, budget: Budget): boolean {
  if (typeof value === "boolean") return value;
  if (value === "true") return true;
  return value === "false" ? false : budget.fail(`bool takes "true" or "false", not this ${kindOf(value)}`);
}

/** RFC 3339 with or without its time and zone; without a zone it is UTC, wherever the code runs. */
const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:?\d\d)?)?$/i;
/** Below it a number of a date is seconds: in ms it would be before March 1973. */
const SMALLEST_MS = 100_000_000_000;

function timestampFrom(name: string, value: unknown, budget: Budget): Timestamp {
  if (value instanceof Timestamp) return value;
  if (typeof value === "number" && Math.abs(value) <= 8.64e15) {
    return new Timestamp(Math.abs(value) < SMALLEST_MS ? value * 1_000 : value);
  }
  const [, day, time = "00:00", zone = "Z"] = (typeof value === "string" && DATE.exec(value.slice(0, 40))) || [];
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  const ms = day === undefined ? Number.NaN : Date.parse(`${day}T${time}${offset}`);
  return Number.isNaN(ms) ? budget.fail(`${name} takes a date, not this ${kindOf(value)}`) : new Timestamp(ms);
}

const LONGEST_SPAN_MS = 1_000 * 366 * 86_400_000;

function spanMs(value: unknown, budget: Budget): number {
  if (value instanceof TimeSpan) return value.ms;
  if (typeof value !== "string") return budget.fail(`a duration is a string such as "1h", not a ${kindOf(value)}`);
  const negative = value.startsWith("-");
  try {
    return durationMs(negative ? value.slice(1) : value, LONGEST_SPAN_MS) * (negative ? -1 : 1);
  } catch {
    return budget.fail('a duration is a string such as "1h30m"');
  }
}

function nowMs(budget: Budget): number {
  return budget.nowMs ?? budget.fail("the time is not known here");
}

function dayOfYear(date: Date): number {
  const newYear = Date.UTC(date.getUTCFullYear(), 0, 1);
  return Math.floor((date.getTime() - newYear) / 86_400_000);
}
