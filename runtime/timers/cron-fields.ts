/**
 * Owns: one field of a cron: its values, and how EventBridge Scheduler wants it written.
 * Must not: know how fields combine.
 */
import { invalidCron } from "./cron-errors.js";

export interface CronField {
  /** Ascending, each once. */
  values: readonly number[];
  /** False for `*`: the field lets everything through. */
  restricted: boolean;
  /** The field in Scheduler's dialect: `*`, a number, a range, `start/step` or a list. */
  schedulerText: string;
}

export type CronFieldName = "minute" | "hour" | "day of month" | "month" | "day of week";

interface FieldRules {
  min: number;
  max: number;
  /** Where `*` and an open step end; below `max` for the day of week, whose 7 is the 0 again. */
  last: number;
  names?: readonly string[];
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const SUNDAY_AGAIN = 7;

const RULES: Record<CronFieldName, FieldRules> = {
  minute: { min: 0, max: 59, last: 59 },
  hour: { min: 0, max: 23, last: 23 },
  "day of month": { min: 1, max: 31, last: 31 },
  month: { min: 1, max: 12, last: 12, names: MONTHS },
  "day of week": { min: 0, max: SUNDAY_AGAIN, last: 6, names: WEEKDAYS },
};

/** Everything, numbers or names, ranges `a-b`, steps over these, `a/n` (every n from a on), and lists of all of them. */
export function readField(text: string, name: Exclude<CronFieldName, "day of week">, field: string): CronField {
  const values = readValues(text, name, field);
  const { min, max } = RULES[name];
  return { values, restricted: isRestricted(field), schedulerText: steppedText(values, min, max) };
}

/** Day of week: 0 and 7 are both Sunday here; Scheduler counts 1 = Sunday to 7 = Saturday and knows no steps for it. */
export function readWeekdays(text: string, field: string): CronField {
  const written = readValues(text, "day of week", field).map((value) => value % SUNDAY_AGAIN);
  const values = [...new Set(written)].sort((a, b) => a - b);
  const counted = values.map((value) => value + 1);
  return { values, restricted: isRestricted(field), schedulerText: rangeOrList(counted, 1, 7) };
}

/** As robfig/cron has it: a step above 1 restricts, so "every second day" in a day field takes part in "either". */
function isRestricted(field: string): boolean {
  return !["*", "?", "*/1"].includes(field);
}

function readValues(text: string, name: CronFieldName, field: string): number[] {
  const values = new Set<number>();
  for (const part of field.split(",")) {
    for (const value of readPart(text, name, part)) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

function readPart(text: string, name: CronFieldName, part: string): number[] {
  const { min, max, last } = RULES[name];
  const [range = "", stepText, ...moreSteps] = part.split("/");
  if (range === "" || moreSteps.length > 0) {
    throw invalidCron({ text, is: `${name} has "${part}"`, expected: fieldForms(name) });
  }
  const step = stepText === undefined ? 1 : readStep(text, name, stepText);
  if (range === "*" || (range === "?" && name.startsWith("day"))) {
    return progression(min, last, step);
  }
  const [fromText = "", toText, ...moreEnds] = range.split("-");
  if (moreEnds.length > 0) throw invalidCron({ text, is: `${name} has "${part}"`, expected: fieldForms(name) });
  const from = readNumber(text, name, fromText, part);
  if (toText === undefined) return stepText === undefined ? [from] : progression(from, Math.max(from, last), step);
  const end = readNumber(text, name, toText, part);
  // FRI-SUN is what people say; as numbers it is 5-7.
  const to = name === "day of week" && end === 0 && from > 0 ? SUNDAY_AGAIN : end;
  if (from > to) {
    const expected = `the smaller first; a range over the end is two, "${from}-${max},${min}-${to}"`;
    throw invalidCron({ text, is: `${name} range "${range}" runs backwards`, expected });
  }
  return progression(from, to, step);
}

function readStep(text: string, name: CronFieldName, stepText: string): number {
  const { min, last } = RULES[name];
  const step = /^\d{1,3}$/.test(stepText) ? Number(stepText) : 0;
  if (step >= 1 && step <= last - min + 1) return step;
  throw invalidCron({ text, is: `${name} has the step "${stepText}"`, expected: `1 to ${last - min + 1}` });
}

function readNumber(text: string, name: CronFieldName, written: string, part: string): number {
  const { min, max, names = [] } = RULES[name];
  const named = names.indexOf(written.toUpperCase());
  if (named !== -1) return named + min;
  if (/[LW#]/i.test(written) && !/^[A-Z]{3}$/i.test(written)) {
    const is = `${name} has "${part}"`;
    throw invalidCron({ text, is, expected: `${fieldForms(name)} (L, W and # are not part of five-field cron)` });
  }
  const number = /^\d{1,3}$/.test(written) ? Number(written) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw invalidCron({ text, is: `${name} has "${part}"`, expected: fieldForms(name) });
}

function fieldForms(name: CronFieldName): string {
  const { min, max, names } = RULES[name];
  const orNames = names === undefined ? "" : ` or ${names[0]} to ${names.at(-1)}`;
  return `*, numbers from ${min} to ${max}${orNames}, ranges, steps and lists`;
}

function progression(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);
}

/** `start/step` where the values step regularly to the end of the field, which Scheduler documents; else as below. */
function steppedText(values: readonly number[], min: number, max: number): string {
  const [first = min, second = first] = values;
  const step = second - first;
  const isSteady = step > 1 && values.every((value, index) => value === first + index * step);
  const last = values.at(-1) ?? first;
  if (values.length > 2 && isSteady && last + step > max) return `${first}/${step}`;
  return rangeOrList(values, min, max);
}

/** Up to this many values are a plain list, the form every reader of Scheduler's dialect agrees on. */
const MAX_LISTED_VALUES = 24;

/** `*`, one range, or a list; a long list has its runs as ranges, because an expression has at most 256 characters. */
function rangeOrList(values: readonly number[], min: number, max: number): string {
  if (values.length === max - min + 1) return "*";
  const runs = runsOf(values);
  const [[from, to] = [min, min]] = runs;
  if (runs.length === 1 && to - from >= 2) return `${from}-${to}`;
  if (values.length <= MAX_LISTED_VALUES) return values.join(",");
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

function runsOf(values: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const value of values) {
    const current = runs.at(-1);
    if (current !== undefined && current[1] === value - 1) current[1] = value;
    else runs.push([value, value]);
  }
  return runs;
}
