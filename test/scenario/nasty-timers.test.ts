/**
 * Goal: what is particularly nasty for timers: late schedules, wrong clocks, the border between queue and schedule, many at
 * once, runs that end before them (docs/scenarios.md, 21–28 and 76).
 * Method: the whole platform in virtual time; times of wakes are compared with when they were due.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { NonRetriableError } from "../../sdk/errors.js";
import { peek, quietClient, Workers } from "../crash/stage.js";
import { isSendTo, onceAt } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

/** Sleeps and returns how long it slept, by the test's clock. */
const sleeper = (lengthMs: number, now: () => number) =>
  client.createFunction({ id: "sleeper", triggers: { event: "shop/x" } }, async ({ step }) => {
    const begunMs = await step.run("begin", now);
    await step.sleep("sleep", lengthMs);
    return step.run("end", () => now() - begunMs);
  });

async function slept(lengthMs: number, prepare: (scenario: Scenario) => void = () => undefined, skew = 0) {
  let scenario: Scenario | null = null;
  const fn = sleeper(lengthMs, () => scenario?.clock.now() ?? 0);
  let workers = 0;
  const skewMs = (id: string): number => (id.startsWith("worker") && workers++ > 0 ? skew : 0);
  scenario = await start({ client, functions: [fn], skewMs });
  prepare(scenario);
  const [id = ""] = await scenario.send({ name: "shop/x" });
  return { scenario, id };
}

it.each([
  ["14 min 59 s, by the queue", 899_000, 0],
  ["15 min, by the queue", 900_000, 0],
  ["15 min 1 s, by a schedule", 901_000, 1],
])("a sleep of %s ends to the second", async (_, lengthMs, schedules) => {
  const { scenario, id } = await slept(lengthMs);
  await scenario.advance(MINUTE);
  expect(peek(scenario).timers()).toHaveLength(schedules);
  await scenario.advance(lengthMs);
  const { output } = await scenario.runOf(id);
  expect(Number(output)).toBeGreaterThanOrEqual(lengthMs);
  expect(Number(output)).toBeLessThan(lengthMs + SECOND);
});

it.each([
  ["a minute late still ends its sleep to the second", 60, 0],
  ["three minutes late ends its sleep when it fires", 180, 60],
])("a schedule that fires %s", async (_, lateSeconds, lateAtMostSeconds) => {
  const { scenario, id } = await slept(2 * HOUR, (begun) => {
    const fires = (call: Parameters<typeof isSendTo>[0]) => isSendTo(call, "scheduler.amazonaws.com", "perdure-events");
    onceAt(begun, fires, { freezeMs: lateSeconds * SECOND });
  });
  await scenario.advance(3 * HOUR);
  const { output, head } = await scenario.runOf(id);
  expect(head.epoch).toBe(2);
  expect(Number(output)).toBeGreaterThanOrEqual(2 * HOUR);
  expect(Number(output)).toBeLessThan(2 * HOUR + lateAtMostSeconds * SECOND + SECOND);
});

it("a worker whose clock is 90 s behind wakes no sleep early, and does not spin until it is due", async () => {
  let turns = 0;
  const { scenario, id } = await slept(
    5 * MINUTE,
    (begun) => {
      const workers = new Workers(begun);
      begun.clock.after(MINUTE, () => workers.kill());
      begun.clock.after(MINUTE, () =>
        begun.world.aws.faults.add(({ caller, operation }) => {
          if (caller.name === "worker" && operation !== "ReceiveMessage") turns += 1;
          return undefined;
        }),
      );
    },
    -90 * SECOND,
  );
  await scenario.advance(HOUR);
  const { head, output } = await scenario.runOf(id);
  expect(head.status).toBe("Completed");
  expect(Number(output)).toBeGreaterThanOrEqual(5 * MINUTE);
  expect(Number(output)).toBeLessThan(5 * MINUTE + 92 * SECOND);
  // A read, a claim, two results' worth of writes, and the message put off once.
  expect(turns).toBeLessThan(12);
});

it("200 sleeps due in one second all end, once each, and no message dies of it", async () => {
  const ends = new Map<string, number>();
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "many", triggers: { event: "shop/x" } }, async ({ step, runId }) => {
    await step.sleepUntil("noon", new Date(Date.UTC(2026, 2, 2, 9, 10)));
    await step.run("end", () => void ends.set(runId, (ends.get(runId) ?? 0) + 1));
  });
  scenario = await start({ client, functions: [fn], workerConcurrency: 20 });
  await scenario.post(Array.from({ length: 200 }, () => ({ name: "shop/x" })));
  await scenario.advance(9 * MINUTE);
  expect(ends.size).toBe(0);
  await scenario.advance(3 * MINUTE);
  expect(ends.size).toBe(200);
  expect(new Set(ends.values())).toEqual(new Set([1]));
  expect(
    peek(scenario)
      .messages()
      .map(({ messages }) => messages),
  ).toEqual([0, 0, 0, 0]);
});

it("a run that fails beside a branch that sleeps takes its timer along", async () => {
  const quiet = quietClient();
  const woken: string[] = [];
  const fn = quiet.createFunction({ id: "branches", triggers: { event: "shop/x" } }, async ({ step }) => {
    const sleeping = step.sleep("winter", "2h").then(() => woken.push("awake"));
    const failing = async (): Promise<void> => {
      await step.sleep("moment", "20m");
      await step.run("charge", () => {
        throw new NonRetriableError("the card is void");
      });
    };
    await Promise.all([sleeping, failing()]);
  });
  const scenario = await start({ client: quiet, functions: [fn] });
  const [id = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(21 * MINUTE);
  expect((await scenario.runOf(id)).head.status).toBe("Failed");
  expect(peek(scenario).timers()).toEqual([]);
  await scenario.advance(3 * HOUR);
  expect(woken).toEqual([]);
});

it("a cron ticks though the run of its last tick is still under way", async () => {
  const fn = client.createFunction({ id: "slow", triggers: { cron: "*/10 * * * *" } }, async ({ step }) => {
    await step.sleep("work", "25m");
    return "done";
  });
  const scenario = await start({ client, functions: [fn] });
  await scenario.advance(31 * MINUTE);
  const statuses = (await scenario.runsOf("slow")).timeSorted.map(({ head }) => head.status);
  expect(statuses).toEqual(["Running", "Running", "Running"]);
});
