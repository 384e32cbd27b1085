/**
 * Owns: what a five-field Unix cron means: read from text, said as EventBridge Scheduler expressions, and its next times.
 * Must not: call AWS or read a clock. The times follow Scheduler's rule at clock changes, because Scheduler fires them:
 * a local time that does not exist is skipped, one that occurs twice fires once (the first time).
 *
 * I1: day of month and day of week both restricted means either (Unix); one Scheduler expression cannot say so, hence two,
 *     and a tick that both fire is one run because the run's id derives from the nominal time.
 */
import { shown } from "../../sdk/error-catalogue.js";
import { cronNeverFires, cronTooLong, invalidCron } from "./cron-errors.js";
import { type CronField, readField, readWeekdays } from "./cron-fields.js";
import { firstInstantOf, localTimeAt, timezoneNamed } from "./local-time.js";

/** What a text of this length says can be said shorter; senders of other platforms know the same limit. */
export const MAX_CRON_CHARACTERS = 255;
/** The limit of ScheduleExpression. https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html */
const MAX_SCHEDULE_CHARACTERS = 256;

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** 29 February may be eight years away (1896 to 1904, 2096 to 2104). */
const MAX_SEARCH_DAYS = 8 * 366 + 1;

export interface CronTrigger {
  /** As it was written. */
  text: string;
  /** An IANA name; "UTC" when none was given. */
  timezone: string;
  minute: CronField;
  hour: CronField;
  dayOfMonth: CronField;
  month: CronField;
  /** 0 = Sunday to 6. */
  dayOfWeek: CronField;
}

export interface CronSchedule {
  /** `cron(minute hour day-of-month month day-of-week year)`, in Scheduler's dialect. */
  expression: string;
  timezone: string;
}

const DESCRIPTORS: ReadonlyMap<string, string> = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"],
]);

/** The cron a text spells: `[TZ=Zone |CRON_TZ=Zone ]minute hour day-of-month month day-of-week`, or `@daily` and its like. */
export function parseCron(text: string): CronTrigger {
  // Typed as text, but manifests come from other processes and other languages.
  if (typeof text !== "string") throw invalidCron({ text: shown(text), is: "it is not text", expected: "five fields" });
  if (text.length > MAX_CRON_CHARACTERS) {
    throw invalidCron({ text, is: `it has ${text.length} characters`, expected: `at most ${MAX_CRON_CHARACTERS}` });
  }
  const [, zone, pattern = ""] = /^\s*(?:(?:CRON_)?TZ=(\S*)\s+)?(.*)$/s.exec(text) ?? [];
  const timezone = zone === undefined ? "UTC" : requireTimezone(text, zone);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fiveFields(text, pattern.trim());
  const trigger: CronTrigger = {
    text,
    timezone,
    minute: readField(text, "minute", minute),
    hour: readField(text, "hour", hour),
    dayOfMonth: readField(text, "day of month", dayOfMonth),
    month: readField(text, "month", month),
    dayOfWeek: readWeekdays(text, dayOfWeek),
  };
  requireSomeDate(trigger);
  // What Scheduler could not be told is refused now, not when the schedules are written.
  toSchedules(trigger);
  return trigger;
}

function requireTimezone(text: string, zone: string): string {
  const timezone = timezoneNamed(zone);
  if (timezone !== null) return timezone;
  throw invalidCron({ text, is: `"${zone}" is not a time zone`, expected: 'an IANA name such as "Europe/Paris"' });
}

type FiveFields = [string, string, string, string, string];

function fiveFields(text: string, pattern: string): FiveFields {
  if (pattern === "") throw invalidCron({ text, is: "it has no fields", expected: "five fields" });
  const written = pattern.startsWith("@") ? DESCRIPTORS.get(pattern.toLowerCase()) : pattern;
  if (written === undefined) {
    throw invalidCron({ text, is: `"${pattern}" is not known`, expected: [...DESCRIPTORS.keys()].join(", ") });
  }
  const [minute, hour, dayOfMonth, month, dayOfWeek, ...rest] = written.split(/\s+/);
  if (
    minute !== undefined &&
    hour !== undefined &&
    dayOfMonth !== undefined &&
    month !== undefined &&
    dayOfWeek !== undefined &&
    rest.length === 0
  ) {
    return [minute, hour, dayOfMonth, month, dayOfWeek];
  }
  const count = written.split(/\s+/).length;
  const hint = count > 5 ? " (seconds and years are not part of it: the shortest interval is a minute)" : "";
  const expected = `five: minute, hour, day of month, month, day of week${hint}`;
  throw invalidCron({ text, is: `it has ${count} ${count === 1 ? "field" : "fields"}`, expected });
}

const DAYS_IN_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function requireSomeDate({ text, dayOfMonth, month, dayOfWeek }: CronTrigger): void {
  if (dayOfWeek.restricted) return;
  const firstDay = dayOfMonth.values[0] ?? 1;
  if (month.values.some((number) => firstDay <= (DAYS_IN_MONTH[number - 1] ?? 0))) return;
  throw cronNeverFires({ text, is: `none of its months has a day ${firstDay}` });
}

/** The schedules that together fire at the trigger's times: one, or two where both day fields are restricted (I1). */
export function toSchedules(trigger: CronTrigger): CronSchedule[] {
  const { dayOfMonth, dayOfWeek } = trigger;
  if (!dayOfWeek.restricted) return [scheduleOn(trigger, dayOfMonth.schedulerText, "?")];
  const byWeekday = scheduleOn(trigger, "?", dayOfWeek.schedulerText);
  return dayOfMonth.restricted ? [scheduleOn(trigger, dayOfMonth.schedulerText, "?"), byWeekday] : [byWeekday];
}

function scheduleOn(trigger: CronTrigger, dayOfMonth: string, dayOfWeek: string): CronSchedule {
  const { text, timezone, minute, hour, month } = trigger;
  const fields = [minute.schedulerText, hour.schedulerText, dayOfMonth, month.schedulerText, dayOfWeek, "*"];
  const expression = `cron(${fields.join(" ")})`;
  if (expression.length > MAX_SCHEDULE_CHARACTERS) {
    throw cronTooLong({ text, expression, maxCharacters: MAX_SCHEDULE_CHARACTERS });
  }
  return { expression, timezone };
}

/** The first `count` times after `fromMs` (not at it), in ms since 1970, ascending. */
export function nextTicks(trigger: CronTrigger, fromMs: number, count: number): number[] {
  const ticks: number[] = [];
  // Local calendar days are counted as if they were UTC days; only the last step turns local time into an instant.
  let localDayMs = Math.floor(localTimeAt(trigger.timezone, fromMs) / DAY_MS) * DAY_MS;
  for (let searched = 0; ticks.length < count && searched < MAX_SEARCH_DAYS; searched++, localDayMs += DAY_MS) {
    if (!isDayOf(trigger, localDayMs)) continue;
    const ofDay = ticksOfDay(trigger, localDayMs).filter((tickMs) => tickMs > fromMs);
    if (ofDay.length > 0) searched = 0;
    ticks.push(...ofDay);
  }
  return ticks.slice(0, count);
}

function isDayOf({ month, dayOfMonth, dayOfWeek }: CronTrigger, localDayMs: number): boolean {
  const day = new Date(localDayMs);
  if (!month.values.includes(day.getUTCMonth() + 1)) return false;
  const byDate = dayOfMonth.values.includes(day.getUTCDate());
  const byWeekday = dayOfWeek.values.includes(day.getUTCDay());
  return dayOfMonth.restricted && dayOfWeek.restricted ? byDate || byWeekday : byDate && byWeekday;
}

function ticksOfDay({ timezone, hour, minute }: CronTrigger, localDayMs: number): number[] {
  const ticks: number[] = [];
  for (const hourNumber of hour.values) {
    for (const minuteNumber of minute.values) {
      const tickMs = firstInstantOf(timezone, localDayMs + (hourNumber * 60 + minuteNumber) * MINUTE_MS);
      if (tickMs !== null) ticks.push(tickMs);
    }
  }
  return ticks;
}
