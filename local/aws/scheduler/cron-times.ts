/**
 * Owns: when a cron fires next in its zone. The search walks the wall clock (year, month, day, hour, minute), skipping whole
 * years and months that cannot match, and asks the zone which instant a reading stands for.
 * Clock changes, as Scheduler documents them: a reading that does not exist is skipped; one that occurs twice fires once, the
 * first time. First instants grow with their readings, so the first one found after `afterMs` is the next.
 * Must not: read a clock.
 */
import type { Cron, DayRule } from "./cron-fields.js";
import type { TimeZone } from "./time-zone.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const SATURDAY = 6;
const SUNDAY = 0;

function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function weekdayOf(year: number, month: number, day: number): number {
  return new Date(Date.UTC(year, month - 1, day)).getUTCDay();
}

/** The weekday nearest to a day, never in another month. */
function nearestWeekday(year: number, month: number, day: number): number | undefined {
  const lastDay = daysInMonth(year, month);
  if (day > lastDay) return undefined;
  const weekday = weekdayOf(year, month, day);
  if (weekday === SATURDAY) return day === 1 ? 3 : day - 1;
  if (weekday === SUNDAY) return day === lastDay ? day - 2 : day + 1;
  return day;
}

function daysWhere(year: number, month: number, matches: (day: number) => boolean): number[] {
  const days: number[] = [];
  for (let day = 1; day <= daysInMonth(year, month); day += 1) if (matches(day)) days.push(day);
  return days;
}

/** The days of a month that match, ascending. */
export function matchingDays(rule: DayRule, year: number, month: number): number[] {
  const lastDay = daysInMonth(year, month);
  switch (rule.kind) {
    case "monthDays":
      return daysWhere(year, month, (day) => rule.days.has(day));
    case "lastDay":
      return [lastDay];
    case "nearestWeekday": {
      const day = nearestWeekday(year, month, rule.day);
      return day === undefined ? [] : [day];
    }
    case "weekdays":
      return daysWhere(year, month, (day) => rule.weekdays.has(weekdayOf(year, month, day)));
    case "lastWeekday":
      return daysWhere(year, month, (day) => day > lastDay - 7 && weekdayOf(year, month, day) === rule.weekday);
    case "nthWeekday":
      return daysWhere(
        year,
        month,
        (day) => Math.ceil(day / 7) === rule.nth && weekdayOf(year, month, day) === rule.weekday,
      );
  }
}

/** Beginnings of matching days on the wall clock, ascending, from the day of `fromLocalMs` on. */
function* matchingDates(cron: Cron, fromLocalMs: number): Generator<number> {
  const from = new Date(fromLocalMs);
  const fromYear = from.getUTCFullYear();
  const fromMonth = from.getUTCMonth() + 1;
  const fromDayMs = Math.floor(fromLocalMs / DAY_MS) * DAY_MS;
  for (const year of cron.years) {
    if (year < fromYear) continue;
    for (const month of cron.months) {
      if (year === fromYear && month < fromMonth) continue;
      for (const day of matchingDays(cron.days, year, month)) {
        const dateMs = Date.UTC(year, month - 1, day);
        if (dateMs >= fromDayMs) yield dateMs;
      }
    }
  }
}

function* matchingReadings(cron: Cron, fromLocalMs: number): Generator<number> {
  for (const dateMs of matchingDates(cron, fromLocalMs)) {
    for (const hour of cron.hours) {
      const hourMs = dateMs + hour * HOUR_MS;
      if (hourMs + HOUR_MS <= fromLocalMs) continue;
      for (const minute of cron.minutes) {
        const localMs = hourMs + minute * MINUTE_MS;
        if (localMs >= fromLocalMs) yield localMs;
      }
    }
  }
}

/** The first instant after `afterMs` at which the cron fires, or null when it never does again. */
export function nextCronTime(cron: Cron, zone: TimeZone, afterMs: number): number | null {
  const localMs = zone.localMsAt(afterMs);
  for (const readingMs of matchingReadings(cron, Math.floor(localMs / MINUTE_MS) * MINUTE_MS)) {
    const instantMs = zone.firstInstantOf(readingMs);
    if (instantMs !== null && instantMs > afterMs) return instantMs;
  }
  return null;
}
