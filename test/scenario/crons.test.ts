/**
 * Goal: a cron starts one run at each of its times, whatever the clocks of its zone do, and only while it is registered.
 * Method: functions that note the nominal time of their tick, over hours, a spring and a whole year of virtual time.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { PerdureFunction } from "../../sdk/function.js";
import { isPutOf, onceAt } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, START_MS, type Scenario } from "./world.js";

const start = scenarios();

/** A function that notes its ticks. */
function ticker(client: Perdure, id: string, ...crons: string[]): { fn: PerdureFunction<never>; ticks: string[] } {
  const ticks: string[] = [];
  const fn = client.createFunction({ id, triggers: crons.map((cron) => ({ cron })) }, async ({ event, step }) =>
    step.run("note", () => void ticks.push(event.data.scheduledAt)),
  );
  return { fn, ticks };
}

/** How often Scheduler has fired in `ms`. */
async function firingsDuring(scenario: Scenario, ms: number): Promise<number> {
  const mark = scenario.world.aws.ledger.mark();
  await scenario.advance(ms);
  return scenario.world.aws.ledger.since(mark).units.scheduleInvocations;
}

it("an hourly cron starts one run an hour", async () => {
  const client = new Perdure({ id: "shop" });
  const { fn, ticks } = ticker(client, "hourly", "0 * * * *");
  const scenario = await start({ client, functions: [fn] });
  await scenario.advance(DAY + MINUTE);
  expect(ticks).toHaveLength(24);
  expect(ticks.slice(0, 2)).toEqual(["2026-03-02T10:00:00.000Z", "2026-03-02T11:00:00.000Z"]);
  expect(ticks.at(-1)).toBe("2026-03-03T09:00:00.000Z");
});

it("a weekly cron in Paris runs at local noon all year, across both clock changes", async () => {
  const client = new Perdure({ id: "shop" });
  const { fn, ticks } = ticker(client, "weekly", "TZ=Europe/Paris 0 12 * * 5");
  const scenario = await start({ client, functions: [fn] });
  await scenario.advance(365 * DAY);
  expect(ticks).toHaveLength(52);
  expect(new Set(ticks).size).toBe(52);
  expect(ticks[0]).toBe("2026-03-06T11:00:00.000Z");
  // Summer time begins on 29 March 2026 and ends on 25 October 2026.
  expect(ticks.slice(3, 5)).toEqual(["2026-03-27T11:00:00.000Z", "2026-04-03T10:00:00.000Z"]);
  expect(ticks.slice(33, 35)).toEqual(["2026-10-23T10:00:00.000Z", "2026-10-30T11:00:00.000Z"]);
  expect(ticks.at(-1)).toBe("2027-02-26T11:00:00.000Z");
});

it("a tick that is delivered twice starts one run", async () => {
  const client = new Perdure({ id: "shop" });
  const { fn, ticks } = ticker(client, "hourly", "0 * * * *");
  const scenario = await start({ client, functions: [fn] });
  onceAt(scenario, (call) => call.caller.name === "scheduler.amazonaws.com", "double");
  await scenario.advance(2 * HOUR + MINUTE);
  expect(ticks).toEqual(["2026-03-02T10:00:00.000Z", "2026-03-02T11:00:00.000Z"]);
});

it("day of month and day of week together mean either, and a day that is both starts one run", async () => {
  const client = new Perdure({ id: "shop" });
  const { fn, ticks } = ticker(client, "either", "0 12 13 * 5");
  const scenario = await start({ client, functions: [fn] });
  await scenario.advance(43 * DAY);
  // Friday, 13 March is both; Monday, 13 April is a thirteenth only.
  expect(ticks.map((tick) => tick.slice(5, 10))).toEqual([
    "03-06",
    "03-13",
    "03-20",
    "03-27",
    "04-03",
    "04-10",
    "04-13",
  ]);
});

it("a function with two crons runs at the times of both, and at a shared time once for each", async () => {
  const client = new Perdure({ id: "shop" });
  const { fn, ticks } = ticker(client, "both", "0 12 * * *", "0 */6 * * *");
  const scenario = await start({ client, functions: [fn] });
  await scenario.advance(DAY);
  expect(ticks.map((tick) => tick.slice(11, 13)).sort()).toEqual(["00", "06", "12", "12", "18"]);
});

it("the event of a tick says which cron and which nominal time", async () => {
  const client = new Perdure({ id: "shop" });
  const events: unknown[] = [];
  const fn = client.createFunction({ id: "shape" }, { cron: "CRON_TZ=Asia/Kolkata 30 15 * * *" }, ({ event }) => {
    events.push({ name: event.name, data: event.data, ts: event.ts, hasId: event.id.length });
  });
  const scenario = await start({ client, functions: [fn] });
  await scenario.advance(2 * HOUR);
  expect(events).toEqual([
    {
      name: "perdure/scheduled.timer",
      data: {
        cron: "CRON_TZ=Asia/Kolkata 30 15 * * *",
        scheduledAt: "2026-03-02T10:00:00.000Z",
        fireAt: "2026-03-02T10:00:00.000Z",
      },
      ts: START_MS + HOUR,
      hasId: 26,
    },
  ]);
});

/** A function whose cron has a jitter; it notes when each run was meant to start, by how much that is late, and when it did. */
function jittered(client: Perdure, id: string, jitter: "30s" | "5m" | 1_000, clock: () => number) {
  const starts: { scheduledAt: string; offsetMs: number; lateMs: number }[] = [];
  const fn = client.createFunction({ id, triggers: { cron: "0 * * * *", jitter } }, ({ event }) => {
    const { scheduledAt, fireAt } = event.data;
    const offsetMs = Date.parse(fireAt) - Date.parse(scheduledAt);
    starts.push({ scheduledAt, offsetMs, lateMs: clock() - event.ts });
  });
  return { fn, starts };
}

it("with a jitter each start is put off by up to that long, no two alike, and never begins before", async () => {
  const client = new Perdure({ id: "shop" });
  let now = (): number => 0;
  const short = jittered(client, "short", "30s", () => now());
  const long = jittered(client, "long", "5m", () => now());
  const scenario = await start({ client, functions: [short.fn, long.fn] });
  now = () => scenario.clock.now();
  await scenario.advance(4 * DAY + 10 * MINUTE);
  for (const [{ starts }, jitterMs] of [
    [short, 30_000],
    [long, 300_000],
  ] as const) {
    const offsets = starts.map(({ offsetMs }) => offsetMs);
    expect(offsets).toHaveLength(96);
    expect(offsets.filter((offsetMs) => offsetMs < 0 || offsetMs > jitterMs)).toEqual([]);
    // Spread over all of it: each quarter has some of 96.
    expect(new Set(offsets.map((offsetMs) => Math.floor((offsetMs * 4) / (jitterMs + 1)))).size).toBe(4);
    expect(starts.filter(({ lateMs }) => lateMs < 0 || lateMs > 2_000)).toEqual([]);
  }
  expect(short.starts[0]?.scheduledAt).toBe("2026-03-02T10:00:00.000Z");
  expect(short.starts.map(({ offsetMs }) => offsetMs * 10)).not.toEqual(long.starts.map(({ offsetMs }) => offsetMs));
});

it("a tick with a jitter that is delivered twice, or whose dispatcher dies, starts one run at the one time", async () => {
  const offsets: number[][] = [];
  for (const fault of [null, "double", "crash-after"] as const) {
    const client = new Perdure({ id: "shop" });
    const { fn, starts } = jittered(client, "hourly", "5m", () => 0);
    const scenario = await start({ client, functions: [fn] });
    if (fault === "double") onceAt(scenario, (call) => call.caller.name === "scheduler.amazonaws.com", fault);
    if (fault === "crash-after") onceAt(scenario, (call) => isPutOf(call, "RUN"), fault);
    await scenario.advance(2 * HOUR + 10 * MINUTE);
    offsets.push(starts.map(({ offsetMs }) => offsetMs));
  }
  expect(offsets[0]).toHaveLength(2);
  expect(offsets).toEqual([offsets[0], offsets[0], offsets[0]]);
});

it("a run of a tick retries and sleeps like any other", async () => {
  const client = new Perdure({ id: "shop" });
  let attempts = 0;
  const done: string[] = [];
  const fn = client.createFunction({ id: "daily", triggers: { cron: "0 12 * * *" } }, async ({ event, step }) => {
    await step.run("flaky", () => {
      attempts += 1;
      if (attempts === 1) throw new Error("not yet");
    });
    await step.sleep("rest", "1h");
    await step.run("note", () => void done.push(event.data.scheduledAt));
  });
  const scenario = await start({ client, functions: [fn] });
  await scenario.advance(5 * HOUR);
  expect(done).toEqual(["2026-03-02T12:00:00.000Z"]);
  expect(attempts).toBe(2);
});

it("a cron that is taken away starts nothing more, and its schedule is gone", async () => {
  const client = new Perdure({ id: "shop" });
  const hourly = ticker(client, "hourly", "0 * * * *");
  const other = client.createFunction({ id: "other", triggers: { event: "shop/x" } }, () => null);
  const scenario = await start({ client, functions: [hourly.fn, other] });
  await scenario.advance(2 * HOUR + MINUTE);
  const result = await scenario.world.redeploy([other]);
  expect(result).toMatchObject({ removed: ["hourly"], schedules: 0 });
  expect(await firingsDuring(scenario, DAY)).toBe(0);
  expect(hourly.ticks).toHaveLength(2);
});

it("a cron that is changed replaces its schedule", async () => {
  const client = new Perdure({ id: "shop" });
  const before = ticker(client, "sync", "0 * * * *");
  const after = ticker(client, "sync", "30 */12 * * *");
  const scenario = await start({ client, functions: [before.fn] });
  await scenario.advance(HOUR + MINUTE);
  const result = await scenario.world.redeploy([after.fn]);
  expect(result).toMatchObject({ changed: ["sync"], schedules: 1 });
  expect(await firingsDuring(scenario, DAY)).toBe(2);
  expect(before.ticks).toEqual(["2026-03-02T10:00:00.000Z"]);
  expect(after.ticks).toEqual(["2026-03-02T12:30:00.000Z", "2026-03-03T00:30:00.000Z"]);
});

it("a registration that was interrupted before it removed a schedule is finished by the next one", async () => {
  const client = new Perdure({ id: "shop" });
  const hourly = ticker(client, "hourly", "0 * * * *");
  const changed = { before: ticker(client, "sync", "15 * * * *"), after: ticker(client, "sync", "0 0 1 1 *") };
  const scenario = await start({ client, functions: [hourly.fn, changed.before.fn] });
  const restore = scenario.world.aws.faults.add((call) =>
    call.operation === "DeleteSchedule" ? "throttle" : undefined,
  );
  const interrupted = scenario.world.redeploy([changed.after.fn]);
  await expect(scenario.clock.advanceUntil(interrupted, MINUTE)).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
  restore();
  await scenario.world.register();
  expect(await firingsDuring(scenario, DAY)).toBe(0);
  expect(changed.before.ticks).toEqual([]);
  expect(hourly.ticks).toEqual([]);
});

it("a tick of a cron that is no longer registered is dropped", async () => {
  const client = new Perdure({ id: "shop" });
  const hourly = ticker(client, "hourly", "0 * * * *");
  const daily = ticker(client, "hourly", "0 0 * * *");
  const scenario = await start({ client, functions: [hourly.fn] });
  // The message of the tick is on its way while the cron is replaced.
  onceAt(scenario, (call) => call.caller.name === "mapping-dispatch", { freezeMs: 2 * MINUTE });
  await scenario.advance(HOUR);
  await scenario.world.redeploy([daily.fn]);
  await scenario.advance(HOUR);
  expect(hourly.ticks).toEqual([]);
  expect(daily.ticks).toEqual([]);
});
