/**
 * Goal: a five-field cron means what Unix says, is written as EventBridge Scheduler reads it, and its next times follow
 * Scheduler's rule at clock changes; anything else is refused with the field named.
 * Method: literals for meaning, schedules and both clock changes of two zones; random crons against
 * the embedded Scheduler and against croner, which share no code with what is tested (croner's clock-change rule differs,
 * so days around a change are left out there).
 */
import { Cron } from "croner";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PerdureError } from "../../../sdk/error-catalogue.js";
import { nextRecurrence, readExpression } from "../../../local/aws/scheduler/expression.js";
import { timeZone } from "../../../local/aws/scheduler/time-zone.js";
import { nextTicks, parseCron, toSchedules } from "../../../runtime/timers/cron.js";
import "../seeded-properties.js";

const at = (iso: string): number => Date.parse(iso);
const ticks = (cron: string, from: string, count: number): string[] =>
  nextTicks(parseCron(cron), at(from), count).map((ms) => new Date(ms).toISOString());
const seed = Number(process.env["PERDURE_SEED"] ?? "20260302") | 0;

function refusal(text: string): PerdureError {
  try {
    parseCron(text);
  } catch (error) {
    if (error instanceof PerdureError) return error;
    throw error;
  }
  throw new Error("expected a refusal");
}

describe("parseCron()", () => {
  it("reads lists, ranges, steps and names, whatever their case", () => {
    const trigger = parseCron("5/15,3 9-17/4 1,15,10-12 jan-MAR,Dec MON-Fri,0");
    expect(trigger.minute.values).toEqual([3, 5, 20, 35, 50]);
    expect(trigger.hour.values).toEqual([9, 13, 17]);
    expect(trigger.dayOfMonth.values).toEqual([1, 10, 11, 12, 15]);
    expect(trigger.month.values).toEqual([1, 2, 3, 12]);
    expect(trigger.dayOfWeek.values).toEqual([0, 1, 2, 3, 4, 5]);
    expect(trigger.timezone).toBe("UTC");
  });

  it.each([
    ["0", [0]],
    ["7", [0]],
    ["5-7", [0, 5, 6]],
    ["0-7", [0, 1, 2, 3, 4, 5, 6]],
    ["FRI-SUN", [0, 5, 6]],
    ["SUN-TUE", [0, 1, 2]],
    ["*/2", [0, 2, 4, 6]],
    ["1/2", [1, 3, 5]],
    ["7/2", [0]],
  ])("reads day of week %s as %j, 0 and 7 being Sunday", (field, days) => {
    expect(parseCron(`0 0 * * ${field}`).dayOfWeek.values).toEqual(days);
  });

  it.each([
    ["@hourly", "cron(0 * * * ? *)"],
    ["@daily", "cron(0 0 * * ? *)"],
    ["@Midnight", "cron(0 0 * * ? *)"],
    ["@weekly", "cron(0 0 ? * 1 *)"],
    ["@monthly", "cron(0 0 1 * ? *)"],
    ["@yearly", "cron(0 0 1 1 ? *)"],
    ["@annually", "cron(0 0 1 1 ? *)"],
  ])("expands %s", (text, expression) => {
    expect(toSchedules(parseCron(text))).toEqual([{ expression, timezone: "UTC" }]);
  });

  it.each([
    ["TZ=Europe/Paris 0 12 * * 5", "Europe/Paris"],
    ["CRON_TZ=America/New_York 0 12 * * 5", "America/New_York"],
    ["  TZ=europe/paris\t0  12 * * 5 ", "Europe/Paris"],
    ["TZ=Asia/Kolkata @daily", "Asia/Kolkata"],
    ["TZ=Etc/UTC 0 0 * * *", "Etc/UTC"],
    ["TZ=UTC 0 0 * * *", "UTC"],
  ])("reads the zone of %j as %s", (text, timezone) => {
    expect(parseCron(text).timezone).toBe(timezone);
  });

  it.each([
    ["", "it has no fields; expected five fields"],
    ["   ", "it has no fields"],
    ["*", "it has 1 field; expected five"],
    ["0 9 * *", "it has 4 fields; expected five: minute, hour, day of month, month, day of week"],
    ["0 0 9 * * *", "it has 6 fields; expected five: minute, hour, day of month, month, day of week (seconds and"],
    ["0 0 9 * * * 2026", "it has 7 fields"],
    ["TZ=Europe/Paris", "it has 1 field"],
    ["TZ=Mars/Olympus * * * * *", '"Mars/Olympus" is not a time zone; expected an IANA name such as "Europe/Paris"'],
    ["TZ=+02:00 * * * * *", '"+02:00" is not a time zone'],
    ["TZ= * * * * *", '"" is not a time zone'],
    ["@every 5m", '"@every 5m" is not known; expected @yearly'],
    ["@reboot", '"@reboot" is not known'],
    ["60 * * * *", 'minute has "60"; expected *, numbers from 0 to 59'],
    ["* 24 * * *", 'hour has "24"; expected *, numbers from 0 to 23'],
    ["* * 0 * *", 'day of month has "0"; expected *, numbers from 1 to 31'],
    ["* * * 13 *", 'month has "13"; expected *, numbers from 1 to 12 or JAN to DEC'],
    ["* * * * 8", 'day of week has "8"; expected *, numbers from 0 to 7 or SUN to SAT'],
    ["* * * FOO *", 'month has "FOO"'],
    ["* * * MON *", 'month has "MON"'],
    ["* * * * MONDAY", 'day of week has "MONDAY"'],
    ["-1 * * * *", 'minute has "-1"'],
    ["1.5 * * * *", 'minute has "1.5"'],
    ["1e1 * * * *", 'minute has "1e1"'],
    ["1,,2 * * * *", 'minute has ""'],
    ["1-2-3 * * * *", 'minute has "1-2-3"'],
    ["1/2/3 * * * *", 'minute has "1/2/3"'],
    ["/5 * * * *", 'minute has "/5"'],
    ["? * * * *", 'minute has "?"'],
    ["*/0 * * * *", 'minute has the step "0"; expected 1 to 60'],
    ["*/61 * * * *", 'minute has the step "61"; expected 1 to 60'],
    ["*/x * * * *", 'minute has the step "x"'],
    ["* 22-2 * * *", 'runs backwards; expected the smaller first; a range over the end is two, "22-23,0-2"'],
    ["0 0 L * *", 'day of month has "L"; expected'],
    ["0 0 15W * *", "L, W and # are not part of five-field cron"],
    ["0 0 * * MON#2", "L, W and # are not part of five-field cron"],
    ["__proto__ * * * *", 'minute has "__proto__"'],
    [`${"0,".repeat(200)}0 * * * *`, "it has 409 characters; expected at most 255"],
  ])("refuses %j: %s", (text, message) => {
    const error = refusal(text);
    expect(error.code).toBe("CRON_INVALID");
    expect(error.message).toContain(message);
  });

  it.each(["0 0 31 2 *", "0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 31 FEB,APR ?"])(
    "refuses %j, which names no date that exists",
    (text) => {
      expect(refusal(text).code).toBe("CRON_NEVER_FIRES");
    },
  );

  it("takes a date that exists in one of the months, or a weekday that fires in its stead", () => {
    expect(ticks("0 0 31 2,3 *", "2026-01-01T00:00:00Z", 1)).toEqual(["2026-03-31T00:00:00.000Z"]);
    expect(ticks("0 0 31 2 MON", "2026-01-01T00:00:00Z", 1)).toEqual(["2026-02-02T00:00:00.000Z"]);
  });
});

describe("parseCron(), from callers without types", () => {
  it("refuses what is not text", () => {
    for (const value of [undefined, null, 5, {}, ["* * * * *"]]) {
      expect(() => Reflect.apply(parseCron, undefined, [value])).toThrow("it is not text; expected five fields");
    }
  });
});

describe("toSchedules()", () => {
  it.each([
    ["* * * * *", ["cron(* * * * ? *)"]],
    ["0 9 * * 1", ["cron(0 9 ? * 2 *)"]],
    ["0 9 * * MON-FRI", ["cron(0 9 ? * 2-6 *)"]],
    ["0 9 * * 0,6", ["cron(0 9 ? * 1,7 *)"]],
    ["0 9 * * FRI-SUN", ["cron(0 9 ? * 1,6,7 *)"]],
    ["0 9 * * */2", ["cron(0 9 ? * 1,3,5,7 *)"]],
    ["0 9 * * 0-6", ["cron(0 9 ? * * *)"]],
    ["0 9 1 * *", ["cron(0 9 1 * ? *)"]],
    ["*/15 * * * *", ["cron(0/15 * * * ? *)"]],
    ["5/20 */6 * * *", ["cron(5/20 0/6 * * ? *)"]],
    ["0 0 */2 */3 *", ["cron(0 0 1/2 1/3 ? *)"]],
    ["10-50/10 9-17 * * *", ["cron(10/10 9-17 * * ? *)"]],
    ["10-40/10 9-17/3 * * *", ["cron(10,20,30,40 9,12,15 * * ? *)"]],
    ["0,30 8,20 * JAN,JUL *", ["cron(0,30 8,20 * 1,7 ? *)"]],
    ["0-28,30-58 * * * *", ["cron(0-28,30-58 * * * ? *)"]],
    ["0 0 13 * FRI", ["cron(0 0 13 * ? *)", "cron(0 0 ? * 6 *)"]],
    ["0 0 */2 * MON", ["cron(0 0 1/2 * ? *)", "cron(0 0 ? * 2 *)"]],
    ["0 0 */1 * MON", ["cron(0 0 ? * 2 *)"]],
    ["0 0 ? * ?", ["cron(0 0 * * ? *)"]],
  ])("writes %s as %j", (text, expressions) => {
    expect(toSchedules(parseCron(`TZ=Europe/Paris ${text}`))).toEqual(
      expressions.map((expression) => ({ expression, timezone: "Europe/Paris" })),
    );
  });

  it("keeps every expression within 256 characters, one ? in the day fields", () => {
    fc.assert(
      fc.property(randomCron, (text) => {
        for (const { expression } of toSchedules(parseCron(text))) {
          expect(expression.length).toBeLessThanOrEqual(256);
          const fields = expression.slice("cron(".length, -1).split(" ");
          expect(fields).toHaveLength(6);
          expect([fields[2], fields[4]].filter((field) => field === "?")).toHaveLength(1);
        }
      }),
      { seed, numRuns: 300 },
    );
  });

  it("refuses a cron that no 256 characters can say", () => {
    const pairs = Array.from({ length: 20 }, (_, i) => `${i * 3}-${i * 3 + 1}`).join(",");
    const error = refusal(`${pairs} 0-21,23 1-8,10-17,19-26 1-2,4-5,7-8,10-11 *`);
    expect(error.code).toBe("CRON_TOO_LONG");
    expect(error.message).toContain("as a schedule it has 263 characters; expected at most 256");
  });
});

describe("nextTicks()", () => {
  it("gives the times after the given one, not at it", () => {
    expect(ticks("0 9 * * *", "2026-03-01T09:00:00Z", 2)).toEqual([
      "2026-03-02T09:00:00.000Z",
      "2026-03-03T09:00:00.000Z",
    ]);
    expect(ticks("0 9 * * *", "2026-03-01T08:59:59.999Z", 1)).toEqual(["2026-03-01T09:00:00.000Z"]);
    expect(ticks("* * * * *", "2026-03-01T00:00:30Z", 0)).toEqual([]);
  });

  it("finds 29 February across a century that has none", () => {
    expect(ticks("0 0 29 2 *", "2026-01-01T00:00:00Z", 2)).toEqual([
      "2028-02-29T00:00:00.000Z",
      "2032-02-29T00:00:00.000Z",
    ]);
    expect(ticks("0 0 29 2 *", "2096-03-01T00:00:00Z", 1)).toEqual(["2104-02-29T00:00:00.000Z"]);
  });

  it("takes either day field when both are restricted, and one tick when both match", () => {
    expect(ticks("0 0 13 * FRI", "2026-02-01T00:00:00Z", 4)).toEqual([
      "2026-02-06T00:00:00.000Z",
      "2026-02-13T00:00:00.000Z",
      "2026-02-20T00:00:00.000Z",
      "2026-02-27T00:00:00.000Z",
    ]);
    expect(ticks("0 0 13 * FRI", "2026-04-10T12:00:00Z", 2)).toEqual([
      "2026-04-13T00:00:00.000Z",
      "2026-04-17T00:00:00.000Z",
    ]);
  });

  it("keeps the local hour over a year of a weekly cron in Paris", () => {
    const all = nextTicks(parseCron("TZ=Europe/Paris 0 12 * * 5"), at("2026-01-01T00:00:00Z"), 52);
    const hours = all.map((ms) => new Date(ms).getUTCHours());
    expect(all).toHaveLength(52);
    expect(hours.filter((hour) => hour === 11)).toHaveLength(22);
    expect(hours.filter((hour) => hour === 10)).toHaveLength(30);
    expect(new Date(all[0] ?? 0).toISOString()).toBe("2026-01-02T11:00:00.000Z");
    expect(new Date(all[51] ?? 0).toISOString()).toBe("2026-12-25T11:00:00.000Z");
  });

  it("skips what does not exist when Paris goes forward (29 March 2026, 02:00 to 03:00)", () => {
    expect(ticks("TZ=Europe/Paris 30 2 * * *", "2026-03-28T00:00:00Z", 2)).toEqual([
      "2026-03-28T01:30:00.000Z",
      "2026-03-30T00:30:00.000Z",
    ]);
    expect(ticks("TZ=Europe/Paris */30 * * * *", "2026-03-29T00:00:00Z", 4)).toEqual([
      "2026-03-29T00:30:00.000Z",
      "2026-03-29T01:00:00.000Z",
      "2026-03-29T01:30:00.000Z",
      "2026-03-29T02:00:00.000Z",
    ]);
    expect(ticks("TZ=Europe/Paris 0 3 29 3 *", "2026-01-01T00:00:00Z", 1)).toEqual(["2026-03-29T01:00:00.000Z"]);
  });

  it("fires once what occurs twice when Paris goes back (25 October 2026, 03:00 to 02:00)", () => {
    expect(ticks("TZ=Europe/Paris 30 2 * * *", "2026-10-24T12:00:00Z", 2)).toEqual([
      "2026-10-25T00:30:00.000Z",
      "2026-10-26T01:30:00.000Z",
    ]);
    expect(ticks("TZ=Europe/Paris 0 * * * *", "2026-10-24T23:30:00Z", 4)).toEqual([
      "2026-10-25T00:00:00.000Z",
      "2026-10-25T02:00:00.000Z",
      "2026-10-25T03:00:00.000Z",
      "2026-10-25T04:00:00.000Z",
    ]);
  });

  it("skips what does not exist when New York goes forward (8 March 2026, 02:00 to 03:00)", () => {
    expect(ticks("TZ=America/New_York 30 2 * * *", "2026-03-07T00:00:00Z", 2)).toEqual([
      "2026-03-07T07:30:00.000Z",
      "2026-03-09T06:30:00.000Z",
    ]);
    expect(ticks("CRON_TZ=America/New_York 59 1 8 3 *", "2026-01-01T00:00:00Z", 1)).toEqual([
      "2026-03-08T06:59:00.000Z",
    ]);
  });

  it("fires once what occurs twice when New York goes back (1 November 2026, 02:00 to 01:00)", () => {
    expect(ticks("TZ=America/New_York 30 1 * * *", "2026-10-31T12:00:00Z", 2)).toEqual([
      "2026-11-01T05:30:00.000Z",
      "2026-11-02T06:30:00.000Z",
    ]);
    expect(ticks("TZ=America/New_York 0 2 * * *", "2026-10-31T12:00:00Z", 1)).toEqual(["2026-11-01T07:00:00.000Z"]);
  });

  it("knows zones that change by half an hour, at midnight, or by a whole day", () => {
    expect(ticks("TZ=Australia/Lord_Howe 15 2 * * *", "2026-10-02T15:00:00Z", 2)).toEqual([
      "2026-10-02T15:45:00.000Z",
      "2026-10-04T15:15:00.000Z",
    ]);
    expect(ticks("TZ=Africa/Cairo 0 0 * * *", "2026-04-22T23:00:00Z", 2)).toEqual([
      "2026-04-24T21:00:00.000Z",
      "2026-04-25T21:00:00.000Z",
    ]);
    expect(ticks("TZ=Pacific/Apia 0 12 * * *", "2011-12-29T00:00:00Z", 2)).toEqual([
      "2011-12-29T22:00:00.000Z",
      "2011-12-30T22:00:00.000Z",
    ]);
  });

  it("agrees with the schedules it asks for, clock changes included", () => {
    console.info(`cron seed ${seed} (PERDURE_SEED=${seed} repeats it)`);
    const zones = fc.constantFrom("UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo");
    // Just before the changes of spring and autumn 2026 in these zones, and anywhere in five years.
    const from = fc.oneof(
      fc
        .constantFrom("2026-03-07", "2026-03-28", "2026-04-03", "2026-04-23", "2026-10-02", "2026-10-24", "2026-10-31")
        .map(at),
      fc.integer({ min: at("2025-01-01T00:00:00Z"), max: at("2030-01-01T00:00:00Z") }),
    );
    fc.assert(
      fc.property(randomCron, zones, from, (pattern, zone, fromMs) => {
        const trigger = parseCron(`TZ=${zone} ${pattern}`);
        const fired = new Set(
          toSchedules(trigger).flatMap(({ expression }) => firingTimes(expression, zone, fromMs, 12)),
        );
        const first = [...fired].sort((a, b) => a - b).slice(0, 12);
        expect(nextTicks(trigger, fromMs, 12)).toEqual(first);
      }),
      { seed, numRuns: 250 },
    );
  });

  it("agrees with croner on random crons", () => {
    const zones = fc.constantFrom(
      "UTC",
      "Asia/Tokyo",
      "Asia/Kolkata",
      "America/Sao_Paulo",
      "Europe/Paris",
      "America/New_York",
    );
    const from = fc.integer({ min: at("2025-01-01T00:00:00Z"), max: at("2030-01-01T00:00:00Z") });
    fc.assert(
      fc.property(randomCron, zones, from, (pattern, zone, fromMs) => {
        const ours = nextTicks(parseCron(`TZ=${zone} ${pattern}`), fromMs, 12);
        const theirs = new Cron(pattern, { timezone: zone, mode: "5-part" }).nextRuns(12, new Date(fromMs));
        const untilMs = Math.min(ours.at(-1) ?? Infinity, theirs.at(-1)?.getTime() ?? Infinity);
        const comparable = (ms: number): boolean => ms <= untilMs && !isNearClockChange(zone, ms);
        expect(ours.filter(comparable)).toEqual(theirs.map((run) => run.getTime()).filter(comparable));
      }),
      { seed, numRuns: 250 },
    );
  });
});

/** The first times at which the embedded Scheduler, which shares no code with what is tested here, fires an expression. */
function firingTimes(expression: string, zone: string, fromMs: number, count: number): number[] {
  const [read, known] = [readExpression(expression), timeZone(zone)];
  if (read === undefined || known === undefined) throw new Error(`Scheduler would refuse ${expression} in ${zone}`);
  const timing = { expression: read, zone: known, startMs: null, endMs: null, anchorMs: 0 };
  const times: number[] = [];
  for (let next = nextRecurrence(timing, fromMs); next !== null && times.length < count;) {
    times.push(next);
    next = nextRecurrence(timing, next);
  }
  return times;
}

/** Within a day of a change in March, October or November (2025 to 2040), for the two zones above that have one. */
function isNearClockChange(zone: string, ms: number): boolean {
  if (zone !== "Europe/Paris" && zone !== "America/New_York") return false;
  const offset = (time: number): string =>
    new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" }).format(time).slice(-9);
  return offset(ms - 86_400_000) !== offset(ms + 86_400_000);
}

/** Crons in the syntax that croner and Unix share, as arrays of values, ranges and steps. */
const randomCron = fc
  .tuple(randomField(0, 59), randomField(0, 23), randomField(1, 28), randomField(1, 12), randomField(0, 6))
  .map((fields) => fields.join(" "));

function randomField(min: number, max: number): fc.Arbitrary<string> {
  const number = fc.integer({ min, max });
  const range = fc.tuple(number, number).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = fc.integer({ min: 2, max: Math.floor((max - min) / 2) });
  const stepped = fc.tuple(number, number, fc.constantFrom(1, 2, 3)).map(([a, b, n]) => {
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    return high - low >= n ? `${low}-${high}/${n}` : `${low}`;
  });
  const part = fc.oneof(number.map(String), range, stepped);
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant("*") },
    { weight: 1, arbitrary: step.map((n) => `*/${n}`) },
    { weight: 4, arbitrary: fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(",")) },
  );
}
