/**
 * Owns: the three kinds of schedule expression, `at(…)`, `rate(…)` and `cron(…)`, and the nominal times they stand for.
 * Source: EventBridge Scheduler user guide, "Schedule types".
 * Must not: read a clock; know when a schedule is actually delivered.
 */
import { NotModelledError } from "../model.js";
import { readCron, type Cron } from "./cron-fields.js";
import { nextCronTime } from "./cron-times.js";
import type { TimeZone } from "./time-zone.js";

export type ScheduleExpression =
  { kind: "at"; localMs: number } | { kind: "rate"; periodMs: number } | { kind: "cron"; cron: Cron };

const AT = /^at\((\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\)$/;
const RATE = /^rate\(([1-9]\d{0,8}) (minute|hour|day)s?\)$/;
const CRON = /^cron\((.+)\)$/;

const UNIT_MS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

function readAt(parts: readonly string[]): ScheduleExpression | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  const localMs = Date.UTC(year, month - 1, day, hour, minute, second);
  // Date rolls the 31st of February over into March; only a reading that comes back unchanged exists.
  const reading = new Date(localMs).toISOString().slice(0, 19).replace(/\D/g, "");
  return reading === parts.join("") ? { kind: "at", localMs } : undefined;
}

/** The expression, or undefined if Scheduler would refuse it. */
export function readExpression(text: string): ScheduleExpression | undefined {
  const at = AT.exec(text);
  if (at !== null) return readAt(at.slice(1));
  const [, count, unit = ""] = RATE.exec(text) ?? [];
  if (count !== undefined) return { kind: "rate", periodMs: Number(count) * (UNIT_MS[unit] ?? 0) };
  const cron = readCron(CRON.exec(text)?.[1] ?? "");
  return cron && { kind: "cron", cron };
}

/** All that decides when a schedule fires. */
export interface Timing {
  expression: ScheduleExpression;
  zone: TimeZone;
  /** The first and the last moment at which a recurring schedule may fire. */
  startMs: number | null;
  endMs: number | null;
  /** Where a rate counts from when there is no start: the schedule's creation or last update. */
  anchorMs: number;
}

export function atInstant(localMs: number, zone: TimeZone): number {
  const instantMs = zone.firstInstantOf(localMs);
  if (instantMs !== null) return instantMs;
  throw new NotModelledError(
    `Cannot schedule at(${new Date(localMs).toISOString().slice(0, 19)}): the clocks in ${zone.name} skip that time; expected a time that exists`,
  );
}

function nextRateTime(periodMs: number, anchorMs: number, afterMs: number): number {
  const firstMs = Math.floor(anchorMs / 1_000) * 1_000;
  const periods = Math.max(0, Math.floor((afterMs - firstMs) / periodMs) + 1);
  return firstMs + periods * periodMs;
}

/** The first time of a recurring schedule after `afterMs`, or null when there is none. */
export function nextRecurrence(timing: Timing, afterMs: number): number | null {
  const { expression, zone, startMs, endMs } = timing;
  const sinceMs = startMs === null ? afterMs : Math.max(afterMs, startMs - 1);
  const nextMs =
    expression.kind === "cron"
      ? nextCronTime(expression.cron, zone, sinceMs)
      : expression.kind === "rate"
        ? nextRateTime(expression.periodMs, startMs ?? timing.anchorMs, sinceMs)
        : null;
  return nextMs !== null && endMs !== null && nextMs > endMs ? null : nextMs;
}

/** The first time a schedule that was just set up fires. A one-time schedule in the past fires at once. */
export function firstTime(timing: Timing, nowMs: number): number | null {
  const { expression, zone } = timing;
  if (expression.kind === "at") return atInstant(expression.localMs, zone);
  // A rate fires at its anchor too, at once when there is no start.
  return nextRecurrence(timing, expression.kind === "rate" ? Math.floor(nowMs / 1_000) * 1_000 - 1 : nowMs);
}
