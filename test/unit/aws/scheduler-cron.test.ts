/**
 * Goal: cron expressions fire when EventBridge Scheduler says they do, clock changes included.
 * Method: literal cases for every wildcard and both clock changes; then random expressions over a year against an independent
 * computation: croner finds the wall-clock readings (in UTC, where no clock changes), and a table of the zone's offsets, written
 * down by hand, turns them into instants. A failure prints the seed, the expression and the zone.
 */
import { Cron as Croner } from "croner";
import { describe, expect, it } from "vitest";
import { readCron, type Cron } from "../../../local/aws/scheduler/cron-fields.js";
import { nextCronTime } from "../../../local/aws/scheduler/cron-times.js";
import { timeZone, type TimeZone } from "../../../local/aws/scheduler/time-zone.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";

function cronOf(text: string): Cron {
  const cron = readCron(text);
  if (cron === undefined) throw new Error(`"${text}" was refused`);
  return cron;
}

function zoneOf(name: string): TimeZone {
  const zone = timeZone(name);
  if (zone === undefined) throw new Error(`there is no zone "${name}"`);
  return zone;
}

function times(text: string, after: string, count: number, zoneName = "UTC"): string[] {
  const found: string[] = [];
  let afterMs = Date.parse(after);
  while (found.length < count) {
    const nextMs = nextCronTime(cronOf(text), zoneOf(zoneName), afterMs);
    if (nextMs === null) return [...found, "never"];
    found.push(new Date(nextMs).toISOString().slice(0, 16));
    afterMs = nextMs;
  }
  return found;
}

describe("fields", () => {
  it.each([
    ["0 10 * * ? *", ["2026-01-01T10:00", "2026-01-02T10:00"]],
    ["15 12 * * ? *", ["2026-01-01T12:15", "2026-01-02T12:15"]],
    ["0 18 ? * MON-FRI *", ["2026-01-01T18:00", "2026-01-02T18:00", "2026-01-05T18:00"]],
    ["0 8 1 * ? *", ["2026-01-01T08:00", "2026-02-01T08:00"]],
    ["0/15 9 ? * 2 *", ["2026-01-05T09:00", "2026-01-05T09:15", "2026-01-05T09:30", "2026-01-05T09:45"]],
    ["5/20 0 1 1 ? *", ["2026-01-01T00:05", "2026-01-01T00:25", "2026-01-01T00:45", "2027-01-01T00:05"]],
    ["*/30 23 31 12 ? 2026", ["2026-12-31T23:00", "2026-12-31T23:30", "never"]],
    ["10-12/2,40 0 1 JAN,jul ? 2026-2027", ["2026-01-01T00:10", "2026-01-01T00:12", "2026-01-01T00:40"]],
    ["0 0 29 2 ? *", ["2028-02-29T00:00", "2032-02-29T00:00", "2036-02-29T00:00"]],
    ["0 0 31 * ? *", ["2026-01-31T00:00", "2026-03-31T00:00", "2026-05-31T00:00"]],
    ["0 0 L * ? *", ["2026-01-31T00:00", "2026-02-28T00:00", "2026-03-31T00:00"]],
    ["0 0 L 2 ? 2028", ["2028-02-29T00:00", "never"]],
    ["0 0 ? * 6L *", ["2026-01-30T00:00", "2026-02-27T00:00", "2026-03-27T00:00"]],
    ["0 0 ? * FRIL *", ["2026-01-30T00:00", "2026-02-27T00:00"]],
    ["0 0 ? * L *", ["2026-01-03T00:00", "2026-01-10T00:00"]],
    ["0 0 ? * 3#2 *", ["2026-01-13T00:00", "2026-02-10T00:00"]],
    ["0 0 ? * SUN#5 *", ["2026-03-29T00:00", "2026-05-31T00:00"]],
    ["0 0 ? * 1,SAT *", ["2026-01-03T00:00", "2026-01-04T00:00"]],
    // August 15, 2026 is a Saturday; November 15 a Sunday.
    ["0 0 15W 8,11 ? *", ["2026-08-14T00:00", "2026-11-16T00:00"]],
    // August 1, 2026 is a Saturday, May 31 a Sunday: the nearest weekday stays within the month.
    ["0 0 1W 8 ? 2026", ["2026-08-03T00:00", "never"]],
    ["0 0 31W 5,6,7 ? 2026", ["2026-05-29T00:00", "2026-07-31T00:00", "never"]],
    ["0 0 30 2 ? *", ["never"]],
  ])("cron(%s)", (text, expected) => {
    expect(times(text, "2025-12-31T23:59:59Z", expected.length)).toEqual(expected);
  });

  it.each([
    "",
    "* * * * *",
    "* * * * ? * *",
    "* * * * * *",
    "* * ? * ? *",
    "0 0 1 * MON *",
    "60 * * * ? *",
    "-1 * * * ? *",
    "* 24 * * ? *",
    "* * 0 * ? *",
    "* * 32 * ? *",
    "* * * 13 ? *",
    "* * ? * 0 *",
    "* * ? * 8 *",
    "* * ? * 2/2 *",
    "* * ? * MON#6 *",
    "* * ? * 3#1,6#3 *",
    "* * ? * L,MON *",
    "* * LW * ? *",
    "* * L-3 * ? *",
    "* * 15W,20 * ? *",
    "* * ? FOO ? *",
    "0/0 * * * ? *",
    "0/60 * * * ? *",
    "5-1 * * * ? *",
    "1,,2 * * * ? *",
    "1, * * * ? *",
    "1.5 * * * ? *",
    "? * * * ? *",
    "* * * * ? 1969",
    "* * * * ? 2200",
  ])("refuses cron(%s)", (text) => {
    expect(readCron(text)).toBeUndefined();
  });

  it("an expression that can never match ends its search quickly", () => {
    expect(nextCronTime(cronOf("0 0 31 2,4,6,9,11 ? *"), zoneOf("UTC"), 0)).toBeNull();
  });
});

describe("clock changes", () => {
  const PARIS = "Europe/Paris";

  it("spring: a reading that does not exist is skipped, not moved", () => {
    // In Paris 02:00 to 02:59 do not exist on March 29, 2026.
    expect(times("30 2 * * ? *", "2026-03-27T12:00:00Z", 3, PARIS)).toEqual([
      "2026-03-28T01:30",
      "2026-03-30T00:30",
      "2026-03-31T00:30",
    ]);
    expect(times("0/30 * * * ? *", "2026-03-29T00:15:00Z", 3, PARIS)).toEqual([
      "2026-03-29T00:30",
      "2026-03-29T01:00",
      "2026-03-29T01:30",
    ]);
  });

  it("autumn: a reading that occurs twice fires the first time only", () => {
    // In Paris 02:00 to 02:59 occur twice on October 25, 2026: from 00:00Z and again from 01:00Z.
    expect(times("30 2 * * ? *", "2026-10-24T12:00:00Z", 2, PARIS)).toEqual(["2026-10-25T00:30", "2026-10-26T01:30"]);
    expect(times("0/30 * * * ? *", "2026-10-25T00:15:00Z", 3, PARIS)).toEqual([
      "2026-10-25T00:30",
      "2026-10-25T02:00",
      "2026-10-25T02:30",
    ]);
    expect(times("30 2 * * ? *", "2026-10-25T01:10:00Z", 1, PARIS)).toEqual(["2026-10-26T01:30"]);
  });

  it("a weekly noon in Paris is at noon all year", () => {
    const year = times("0 12 ? * FRI *", "2026-01-01T00:00:00Z", 52, PARIS);
    expect(year.filter((time) => time.endsWith("T11:00"))).toHaveLength(22);
    expect(year.filter((time) => time.endsWith("T10:00"))).toHaveLength(30);
    expect(year.at(12)).toBe("2026-03-27T11:00");
    expect(year.at(13)).toBe("2026-04-03T10:00");
    expect(year.at(42)).toBe("2026-10-23T10:00");
    expect(year.at(43)).toBe("2026-10-30T11:00");
  });

  it("a change of half an hour (Lord Howe) and a skipped day (Apia, 2011) are no exception", () => {
    expect(times("15 2 * * ? *", "2026-10-02T00:00:00Z", 3, "Australia/Lord_Howe")).toEqual([
      "2026-10-02T15:45",
      "2026-10-04T15:15",
      "2026-10-05T15:15",
    ]);
    expect(times("0 12 * * ? *", "2011-12-29T00:00:00Z", 2, "Pacific/Apia")).toEqual([
      "2011-12-29T22:00",
      "2011-12-30T22:00",
    ]);
  });

  it.each(["Mars/Olympus", "", "+01:00", "Europe/Paris ", "../UTC"])("there is no zone %j", (name) => {
    expect(timeZone(name)).toBeUndefined();
  });
});

/** Readings after this are not compared: the offsets below are those of 2026. */
const TABLE_ENDS_MS = Date.parse("2026-12-31T00:00Z");

/** Offsets of 2026 in minutes, each valid from its instant on. Written down from the zones' published rules. */
const OFFSETS: Record<string, [from: string, minutes: number][]> = {
  UTC: [["2025-01-01T00:00Z", 0]],
  "Asia/Kolkata": [["2025-01-01T00:00Z", 330]],
  "Europe/Paris": [
    ["2025-10-26T01:00Z", 60],
    ["2026-03-29T01:00Z", 120],
    ["2026-10-25T01:00Z", 60],
  ],
  "America/New_York": [
    ["2025-11-02T06:00Z", -300],
    ["2026-03-08T07:00Z", -240],
    ["2026-11-01T06:00Z", -300],
  ],
  "Australia/Sydney": [
    ["2025-10-04T16:00Z", 660],
    ["2026-04-04T16:00Z", 600],
    ["2026-10-03T16:00Z", 660],
  ],
};

describe("random expressions", () => {
  const SEED = 20_261_120;
  const random = seededRandom(SEED);
  const below = (bound: number): number => Math.floor(random.unit() * bound);
  const pick = <Value>(values: readonly [Value, ...Value[]]): Value => values[below(values.length)] ?? values[0];
  const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] as const;

  function field(least: number, most: number): string {
    const value = (): number => least + below(most - least + 1);
    const range = (): string => {
      const from = value();
      return `${from}-${from + below(most - from + 1)}`;
    };
    return pick<() => string>([
      () => "*",
      () => `${value()}`,
      () => `${value()},${value()},${value()}`,
      range,
      () => `${range()}/${1 + below(5)}`,
      () => `*/${1 + below(most)}`,
    ])();
  }

  /** Both day fields, one of them `?`. Croner reads `?` as `*`, and numbers weekdays as we do when told to. */
  function dayFields(): [monthDay: string, weekday: string] {
    const monthDay = pick<() => string>([() => field(1, 31), () => field(1, 31), () => "L", () => `${1 + below(28)}W`]);
    const from = below(7);
    const weekday = pick<() => string>([
      () => `${1 + below(7)},${1 + below(7)}`,
      () => `${WEEKDAYS[from]}-${WEEKDAYS[from + below(7 - from)]}`,
      () => `${1 + below(7)}L`,
      () => `${pick(WEEKDAYS)}#${1 + below(5)}`,
    ]);
    return random.unit() < 0.5 ? [monthDay(), "?"] : ["?", weekday()];
  }

  /** The readings from a given one on, by croner, where no clock changes. */
  function* readings(text: string, fromLocalMs: number): Generator<number> {
    const [minute, hour, monthDay, month, weekday] = text.split(" ");
    // Croner writes "the last Friday" as FRI#L.
    const dayOfWeek = weekday?.replace(/^(\d)L$/, "$1#L");
    const croner = new Croner(`0 ${minute} ${hour} ${monthDay} ${month} ${dayOfWeek}`, {
      timezone: "UTC",
      alternativeWeekdays: true,
    });
    let next = croner.nextRun(new Date(fromLocalMs - 1_000));
    while (next !== null) {
      yield next.getTime();
      next = croner.nextRun(next);
    }
  }

  /** The instants at which the clock shows a reading, by the table. */
  function instants(zoneName: string, localMs: number): number[] {
    const offsets = OFFSETS[zoneName] ?? [];
    return offsets.flatMap(([from, minutes], index) => {
      const instantMs = localMs - minutes * 60_000;
      const untilMs = Date.parse(offsets[index + 1]?.[0] ?? "2027-01-02T00:00Z");
      return instantMs >= Date.parse(from) && instantMs < untilMs ? [instantMs] : [];
    });
  }

  function expectedTimes(text: string, zoneName: string, afterMs: number, count: number): number[] {
    const expected: number[] = [];
    const leastMinutes = Math.min(...(OFFSETS[zoneName] ?? []).map(([, minutes]) => minutes));
    for (const readingMs of readings(text, afterMs + leastMinutes * 60_000)) {
      const [firstMs] = instants(zoneName, readingMs);
      if (readingMs > TABLE_ENDS_MS || expected.length === count) break;
      if (firstMs !== undefined && firstMs > afterMs) expected.push(firstMs);
    }
    return expected;
  }

  function compare(text: string, zoneName: string, afterMs: number, count: number): void {
    const expected = expectedTimes(text, zoneName, afterMs, count);
    const cron = cronOf(text);
    const zone = zoneOf(zoneName);
    let lastMs = afterMs;
    const found = expected.map(() => (lastMs = nextCronTime(cron, zone, lastMs) ?? Number.NaN));
    const show = (atMs: number): string => (Number.isNaN(atMs) ? "never" : new Date(atMs).toISOString());
    expect(found.map(show), `seed ${SEED}: cron(${text}) in ${zoneName}`).toEqual(expected.map(show));
  }

  it(`400 of them agree with an independent computation (seed ${SEED})`, { timeout: 60_000 }, () => {
    for (let round = 0; round < 400; round += 1) {
      const [monthDay, weekday] = dayFields();
      const text = `${field(0, 59)} ${field(0, 23)} ${monthDay} ${field(1, 12)} ${weekday} *`;
      const zoneName = pick(["UTC", "Asia/Kolkata", "Europe/Paris", "America/New_York", "Australia/Sydney"]);
      compare(text, zoneName, Date.parse("2026-01-01T00:00Z") + below(365 * 1_440) * 60_000, 40);
      const [, ...changes] = OFFSETS[zoneName] ?? [];
      for (const [from] of changes) compare(text, zoneName, Date.parse(from) - 3 * 3_600_000, 40);
    }
  });
});
