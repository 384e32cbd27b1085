/**
 * Owns: reading the six fields of `cron(minutes hours day-of-month month day-of-week year)` as EventBridge Scheduler documents
 * them: `, - * /` everywhere but no `/` in day-of-week; `? L W` in day-of-month; `? L #` in day-of-week, where 1 is Sunday.
 * Source: EventBridge Scheduler user guide, "Schedule types".
 * Must not: guess. What the guide does not describe (`LW`, `L-3`, `?` in both day fields, ranges that run backwards) is refused.
 */

/** Which days of a month match. */
export type DayRule =
  | { kind: "monthDays"; days: ReadonlySet<number> }
  | { kind: "lastDay" }
  | { kind: "nearestWeekday"; day: number }
  | { kind: "weekdays"; weekdays: ReadonlySet<number> }
  | { kind: "lastWeekday"; weekday: number }
  | { kind: "nthWeekday"; weekday: number; nth: number };

/** Sorted values; weekdays count from 0 = Sunday. */
export interface Cron {
  minutes: readonly number[];
  hours: readonly number[];
  days: DayRule;
  months: readonly number[];
  years: readonly number[];
}

interface FieldRule {
  least: number;
  most: number;
  names?: readonly string[];
  hasSteps: boolean;
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const MINUTE: FieldRule = { least: 0, most: 59, hasSteps: true };
const HOUR: FieldRule = { least: 0, most: 23, hasSteps: true };
const MONTH_DAY: FieldRule = { least: 1, most: 31, hasSteps: true };
const MONTH: FieldRule = { least: 1, most: 12, names: MONTHS, hasSteps: true };
const WEEKDAY: FieldRule = { least: 1, most: 7, names: WEEKDAYS, hasSteps: false };
const YEAR: FieldRule = { least: 1970, most: 2199, hasSteps: true };

/** `*`, `5`, `5-9`, each with an optional step. */
const PART = /^(?:\*|([0-9]+|[A-Z]{3})(?:-([0-9]+|[A-Z]{3}))?)(?:\/([0-9]+))?$/;

function valueOf(text: string, rule: FieldRule): number | undefined {
  const named = rule.names?.indexOf(text) ?? -1;
  if (named >= 0) return named + rule.least;
  const value = /^[0-9]{1,4}$/.test(text) ? Number(text) : Number.NaN;
  return value >= rule.least && value <= rule.most ? value : undefined;
}

function partValues(text: string, rule: FieldRule): number[] | undefined {
  const match = PART.exec(text);
  if (match === null) return undefined;
  const [, fromText, toText, stepText] = match;
  const from = fromText === undefined ? rule.least : valueOf(fromText, rule);
  // A start with a step but without an end runs to the end of the field: 5/15 is 5, 20, 35, 50.
  const isOpen = fromText === undefined || (stepText !== undefined && toText === undefined);
  const to = isOpen ? rule.most : toText === undefined ? from : valueOf(toText, rule);
  const step = stepText === undefined ? 1 : Number(stepText);
  if (from === undefined || to === undefined || from > to) return undefined;
  if (stepText !== undefined && (!rule.hasSteps || step < 1 || step > rule.most)) return undefined;
  const values: number[] = [];
  for (let value = from; value <= to; value += step) values.push(value);
  return values;
}

function fieldValues(text: string, rule: FieldRule): number[] | undefined {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const some = partValues(part, rule);
    if (some === undefined) return undefined;
    for (const value of some) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

function monthDayRule(text: string): DayRule | undefined {
  if (text === "L") return { kind: "lastDay" };
  const weekday = /^([0-9]{1,2})W$/.exec(text)?.[1];
  if (weekday !== undefined) {
    const day = valueOf(weekday, MONTH_DAY);
    return day === undefined ? undefined : { kind: "nearestWeekday", day };
  }
  const days = fieldValues(text, MONTH_DAY);
  return days && { kind: "monthDays", days: new Set(days) };
}

function weekdayRule(text: string): DayRule | undefined {
  // The last day of the week.
  if (text === "L") return { kind: "weekdays", weekdays: new Set([6]) };
  const special = /^([1-7]|[A-Z]{3})(?:(L)|#([1-5]))$/.exec(text);
  if (special !== null) {
    const [, dayText = "", last, nthText] = special;
    const value = valueOf(dayText, WEEKDAY);
    if (value === undefined) return undefined;
    const weekday = value - 1;
    return last === undefined
      ? { kind: "nthWeekday", weekday, nth: Number(nthText) }
      : { kind: "lastWeekday", weekday };
  }
  const values = fieldValues(text, WEEKDAY);
  return values && { kind: "weekdays", weekdays: new Set(values.map((value) => value - 1)) };
}

function dayRule(monthDay: string, weekday: string): DayRule | undefined {
  if (weekday === "?") return monthDay === "?" ? undefined : monthDayRule(monthDay);
  return monthDay === "?" ? weekdayRule(weekday) : undefined;
}

/** The fields between the brackets, or undefined if Scheduler would refuse them. */
export function readCron(text: string): Cron | undefined {
  const fields = text.trim().toUpperCase().split(/\s+/);
  const [minute = "", hour = "", monthDay = "", month = "", weekday = "", year = ""] = fields;
  if (fields.length !== 6) return undefined;
  const minutes = fieldValues(minute, MINUTE);
  const hours = fieldValues(hour, HOUR);
  const months = fieldValues(month, MONTH);
  const years = fieldValues(year, YEAR);
  const days = dayRule(monthDay, weekday);
  if (!minutes || !hours || !months || !years || !days) return undefined;
  return { minutes, hours, days, months, years };
}
