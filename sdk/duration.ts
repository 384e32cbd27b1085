/**
 * Owns: "10m", "1h30m", "2.5d", "5 minutes" → milliseconds, and the type that refuses most typos before the code runs.
 * Must not: guess. Text without a unit, an unknown unit or a negative length is an error that says what would be read.
 */
import { defineError, isPerdureError, shown } from "./error-catalogue.js";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;

/** The longest a run may wait in one go: a leap year, so that "a year from today" always fits. */
export const MAX_WAIT_MS = 366 * DAY_MS;

/** Longer text is no duration; it is refused before any of it is read. */
const MAX_TEXT_CHARACTERS = 100;

type Segment<Unit extends string> = "" | `${number}${Unit}` | ` ${number}${Unit}`;
type LongUnit = "week" | "day" | "hour" | "minute" | "second" | "millisecond";

/**
 * A duration as text: one or more segments from large to small (`"1w 2d"`, `"1h30m"`, `"2.5d"`, `"250ms"`), or one number
 * with a unit spelled out (`"5 minutes"`). `"10x"` does not compile. `durationMs` also reads segments in another order
 * and several long ones (`"1 hour 30 minutes"`), which a type cannot spell without becoming slow.
 */
export type TimeStr =
  | Exclude<`${Segment<"w">}${Segment<"d">}${Segment<"h">}${Segment<"m">}${Segment<"s">}`, "">
  | `${number}ms`
  | `${number} ${LongUnit | `${LongUnit}s`}`;

const UNIT_MS: ReadonlyMap<string, number> = new Map(
  (
    [
      [["ms", "millisecond", "milliseconds"], 1],
      [["s", "sec", "secs", "second", "seconds"], SECOND_MS],
      [["m", "min", "mins", "minute", "minutes"], MINUTE_MS],
      [["h", "hr", "hrs", "hour", "hours"], HOUR_MS],
      [["d", "day", "days"], DAY_MS],
      [["w", "week", "weeks"], WEEK_MS],
    ] as const
  ).flatMap(([spellings, unitMs]) => spellings.map((spelling): [string, number] => [spelling, unitMs])),
);

const EXPECTED = 'milliseconds as a number, or text such as "10m", "1h30m" or "2.5d" (units w, d, h, m, s, ms)';

export const invalidDuration = defineError<{ value: unknown; is: string; expected?: string }>({
  code: "INVALID_DURATION",
  status: 400,
  retryable: false,
  message: ({ value, is, expected }) => `Cannot read duration ${shown(value)}: ${is}; expected ${expected ?? EXPECTED}`,
  remedy: "Write the duration as a number of milliseconds or as text with units, for example 1h30m.",
});

/**
 * The duration in whole milliseconds (a fraction is rounded). Numbers are milliseconds already. Throws INVALID_DURATION
 * for what is no duration, for a negative or endless one, and for one beyond `limitMs`.
 *
 * @example
 * durationMs("1h30m"); // 5_400_000
 */
export function durationMs(value: number | string, limitMs: number = MAX_WAIT_MS): number {
  const ms = Math.round(typeof value === "string" ? textMs(value) : numberMs(value));
  if (ms <= limitMs) return ms;
  throw invalidDuration({ value, is: `it is ${ms} ms long`, expected: `at most ${limitMs} ms (${days(limitMs)})` });
}

/** The same for a value of any type; null when it is no duration. */
export function durationOrNull(value: unknown, limitMs: number = MAX_WAIT_MS): number | null {
  if (typeof value !== "number" && typeof value !== "string") return null;
  try {
    return durationMs(value, limitMs);
  } catch (error) {
    if (isPerdureError(error)) return null;
    throw error;
  }
}

function days(ms: number): string {
  return ms >= DAY_MS ? `${ms / DAY_MS} days` : `${ms / SECOND_MS} seconds`;
}

function numberMs(value: unknown): number {
  if (typeof value !== "number") {
    // Not the value itself: a bigint or a cyclic object has no JSON to show.
    const type = Object.prototype.toString.call(value);
    throw invalidDuration({ value: type, is: "it is neither a number nor text" });
  }
  if (!Number.isFinite(value)) throw invalidDuration({ value: String(value), is: "it is not a finite number" });
  if (value < 0) throw invalidDuration({ value, is: "it is negative" });
  return value;
}

/** Numbers and units in turn, white space between them optional. Each unit once: "1h1h" is a slip, not two hours. */
function textMs(text: string): number {
  if (text.length > MAX_TEXT_CHARACTERS) throw invalidDuration({ value: text, is: `it has ${text.length} characters` });
  const segment = /\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-zA-Zµ]+)\s*/y;
  const seen = new Set<number>();
  let totalMs = 0;
  while (segment.lastIndex < text.length) {
    const from = segment.lastIndex;
    const match = segment.exec(text);
    if (match === null) throw invalidDuration({ value: text, is: notASegment(text.slice(from).trim()) });
    const [, amount = "", unit = ""] = match;
    const unitMs = UNIT_MS.get(unit);
    if (unitMs === undefined) throw invalidDuration({ value: text, is: `"${unit}" is not a unit` });
    if (seen.has(unitMs)) throw invalidDuration({ value: text, is: `the unit "${unit}" is given twice` });
    seen.add(unitMs);
    totalMs += Number(amount) * unitMs;
  }
  if (seen.size === 0) throw invalidDuration({ value: text, is: "it is empty" });
  return totalMs;
}

function notASegment(rest: string): string {
  if (rest === "") return "it is empty";
  if (rest.startsWith("-")) return "it is negative";
  if (/^[\d.]+$/.test(rest)) return `"${rest}" has no unit`;
  return `${shown(rest)} is not a number with a unit`;
}
