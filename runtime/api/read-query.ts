/**
 * Owns: reading a query string strictly: what is not known, given twice or malformed is refused, never ignored. A filter
 * that was misspelt and dropped would answer another question than the one that was asked.
 */
import { shown } from "../../sdk/error-catalogue.js";
import { invalidQuery } from "./errors.js";

/** The parameters of a query. Throws INVALID_QUERY for one that is not among `allowed`, or is there twice. */
export function readQuery(raw: string, allowed: readonly string[]): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(raw)) {
    if (!allowed.includes(name)) {
      const expected = allowed.length === 0 ? "no query" : `only ${allowed.join(", ")}`;
      throw invalidQuery({ name, is: "it is not known here", expected });
    }
    if (query.has(name)) throw invalidQuery({ name, is: "it is given twice", expected: "it once" });
    query.set(name, value);
  }
  return query;
}

/** A whole number within bounds, or `otherwise` when it is not given. */
export function readInteger(
  query: ReadonlyMap<string, string>,
  name: string,
  { min, max, otherwise }: { min: number; max: number; otherwise: number },
): number {
  const value = query.get(name);
  if (value === undefined) return otherwise;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw invalidQuery({ name, is: `it is ${shown(value)}`, expected: `a whole number from ${min} to ${max}` });
}

/** One of the words, or null when none is given. */
export function readWord<Word extends string>(
  query: ReadonlyMap<string, string>,
  name: string,
  words: readonly Word[],
): Word | null {
  const value = query.get(name);
  if (value === undefined) return null;
  const word = words.find((known) => known === value);
  if (word !== undefined) return word;
  throw invalidQuery({ name, is: `it is ${shown(value)}`, expected: `one of ${words.join(", ")}` });
}

const ISO_TIME = /^(\d{4})-(\d{2})-(\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;
/** Ten digits would be seconds: refused, since as ms they would mean January 1970. */
const EPOCH_MS = /^(0|\d{12,13})$/;

/** A point in time in ms since 1970, or null when it is not given. A date alone means its first instant in UTC. */
export function readTime(query: ReadonlyMap<string, string>, name: string): number | null {
  const value = query.get(name);
  if (value === undefined) return null;
  const ms = parseTime(value);
  if (ms !== null) return ms;
  throw invalidQuery({
    name,
    is: `it is ${shown(value)}`,
    expected: "an ISO 8601 time with its zone such as 2026-03-01T09:00:00Z, a date, or ms since 1970",
  });
}

/** The same of text that may be none. */
export function parseTime(value: string): number | null {
  const ms = EPOCH_MS.test(value) ? Number(value) : isoMs(value);
  return ms !== null && ms >= 0 ? ms : null;
}

function isoMs(value: string): number | null {
  const [matched, year, month, day] = ISO_TIME.exec(value) ?? [];
  if (matched === undefined) return null;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  // A day its month does not have would silently become one of the next month.
  if (date.getUTCMonth() !== Number(month) - 1) return null;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? null : ms;
}
