/**
 * Goal: a run whose wake is lost is found and goes on; nobody else is disturbed, however often the sweeper looks.
 * Method: wakes are lost by purging the step queue; sweeps and what they send are counted on a virtual clock.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import { Sweeper } from "../../runtime/sweep/sweep.js";
import { isSendTo, objects, onceAt, purge } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, START_MS, type Scenario } from "./world.js";

const start = scenarios();

/** When the sweeper sends wakes, in minutes since the beginning. */
function watchSweeps(scenario: Scenario): number[] {
  const minutes: number[] = [];
  scenario.world.aws.faults.add((call) => {
    if (isSendTo(call, "sweep", "perdure-steps")) minutes.push((scenario.clock.now() - START_MS) / MINUTE);
    return undefined;
  });
  return minutes;
}

/** Nobody takes messages from the step queue until the returned function is called. */
function stopWorkers(scenario: Scenario): () => void {
  return scenario.world.aws.faults.add((call) =>
    call.caller.name === "mapping-worker" && call.operation === "ReceiveMessage" ? "throttle" : undefined,
  );
}

it("a new run whose wake is lost is woken eleven minutes later at the latest", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "quick", triggers: { event: "shop/x" } }, () => "done");
  const scenario = await start({ client, functions: [fn], sweeper: true });
  const minutes = watchSweeps(scenario);
  const restart = stopWorkers(scenario);
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await purge(scenario, scenario.world.stepQueueUrl);
  restart();
  await scenario.advance(12 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.output).toBe("done");
  expect(minutes).toHaveLength(1);
  const afterMinutes = ((run.head.startedAtMs ?? 0) - START_MS) / MINUTE;
  expect(afterMinutes).toBeGreaterThanOrEqual(10);
  expect(afterMinutes).toBeLessThan(11.1);
});

it("a sleeping run whose wake is lost goes on three minutes late at the latest", async () => {
  const client = new Perdure({ id: "shop" });
  let wokenAtMs = 0;
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "sleeper", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.sleep("nap", "10m");
    await step.run("note", () => {
      wokenAtMs = scenario?.clock.now() ?? 0;
    });
  });
  scenario = await start({ client, functions: [fn], sweeper: true });
  await scenario.send({ name: "shop/x" });
  // The delayed wake is on its queue once the turn has settled.
  await scenario.advance(SECOND);
  await purge(scenario, scenario.world.stepQueueUrl);
  await scenario.advance(20 * MINUTE);
  expect(wokenAtMs - START_MS).toBeGreaterThanOrEqual(12 * MINUTE);
  expect(wokenAtMs - START_MS).toBeLessThan(13 * MINUTE + SECOND);
});

it("a long sleep whose schedule was never created is ended by the due index", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "sleeper", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.sleep("nap", "3h");
    return "woken";
  });
  const scenario = await start({ client, functions: [fn], sweeper: true });
  scenario.world.aws.faults.add((call) => (call.service === "scheduler" ? "throttle" : undefined));
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(3 * HOUR + 4 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe("woken");
});

it("a run that does not go on is woken after 1, 2, 4 … 30 minutes, and not more often", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "quick", triggers: { event: "shop/x" } }, () => "done");
  const scenario = await start({ client, functions: [fn], sweeper: true });
  const minutes = watchSweeps(scenario);
  const restart = stopWorkers(scenario);
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(140 * MINUTE);
  const pauses = minutes.slice(1).map((minute, index) => minute - (minutes[index] ?? 0));
  expect(pauses).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
  restart();
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe("done");
  await scenario.advance(HOUR);
  expect(minutes).toHaveLength(9);
});

it("a run with a valid lease is left alone, however long its turn", async () => {
  const client = new Perdure({ id: "shop" });
  let scenario: Scenario | null = null;
  let bodies = 0;
  const fn = client.createFunction({ id: "long", triggers: { event: "shop/x" } }, async ({ step }) =>
    step.run("work", async () => {
      bodies += 1;
      if (scenario) await sleep(scenario.clock, 13 * MINUTE);
      return "worked";
    }),
  );
  scenario = await start({ client, functions: [fn], sweeper: true, workerTimeoutMs: 15 * MINUTE });
  const minutes = watchSweeps(scenario);
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(14 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.output).toBe("worked");
  expect(run.head.epoch).toBe(1);
  expect(bodies).toBe(1);
  expect(minutes).toEqual([]);
});

it("two sweeps at once wake a run twice at most, and it goes on once", async () => {
  const client = new Perdure({ id: "shop" });
  const bodies: string[] = [];
  const fn = client.createFunction({ id: "sleeper", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.sleep("nap", "10m");
    await step.run("first", () => void bodies.push("first"));
    await step.run("second", () => void bodies.push("second"));
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  // The delayed wake is on its queue once the turn has settled.
  await scenario.advance(SECOND);
  await purge(scenario, scenario.world.stepQueueUrl);
  await scenario.advance(HOUR);
  const results = await Promise.all(
    [1, 2].map((number) => new Sweeper(scenario.world.services(`sweep-${number}`)).sweep()),
  );
  expect(results.map(({ candidates }) => candidates)).toEqual([1, 1]);
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(eventId)).head.status).toBe("Completed");
  expect(bodies).toEqual(["first", "second"]);
});

it("a sweep that dies after a wake and before it moved the due time is made good by the next", async () => {
  const client = new Perdure({ id: "shop" });
  let bodies = 0;
  const fn = client.createFunction({ id: "sleeper", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.sleep("nap", "10m");
    await step.run("count", () => void (bodies += 1));
  });
  const scenario = await start({ client, functions: [fn], sweeper: true });
  const hasDied = onceAt(scenario, (call) => isSendTo(call, "sweep", "perdure-steps"), "crash-after");
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  // The delayed wake is on its queue once the turn has settled.
  await scenario.advance(SECOND);
  await purge(scenario, scenario.world.stepQueueUrl);
  await scenario.advance(20 * MINUTE);
  expect(hasDied()).toBe(true);
  expect((await scenario.runOf(eventId)).head.status).toBe("Completed");
  expect(bodies).toBe(1);
});

it("a sweep that dies before its wake is sent has postponed nothing", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "sleeper", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.sleep("nap", "10m");
  });
  const scenario = await start({ client, functions: [fn], sweeper: true });
  const hasDied = onceAt(scenario, (call) => isSendTo(call, "sweep", "perdure-steps"), "crash-before");
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  await purge(scenario, scenario.world.stepQueueUrl);
  await scenario.advance(15 * MINUTE);
  expect(hasDied()).toBe(true);
  expect((await scenario.runOf(eventId)).head.status).toBe("Completed");
});

it("what an ended run left undone is done: its payloads are marked although its last message is lost", async () => {
  const client = new Perdure({ id: "shop" });
  const text = Array.from({ length: 20_000 }, (_, n) => ((n * 2_654_435_761) % 4_294_967_296).toString(36)).join("");
  const fn = client.createFunction({ id: "large", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("large", () => text);
  });
  const scenario = await start({ client, functions: [fn], sweeper: true });
  onceAt(scenario, (call) => call.operation === "PutObjectTagging", "crash-before");
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await purge(scenario, scenario.world.stepQueueUrl);
  expect((await scenario.runOf(eventId)).head.effects).toEqual(["payloads"]);
  await scenario.advance(5 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head.effects).toEqual([]);
  expect(run.head.dueAtMs).toBe(null);
  expect((await objects(scenario, "runs/")).map(({ tags }) => tags)).toEqual([["perdure=ended"]]);
});

it("where nothing is overdue a sweep finds nothing", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "sleeper", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.sleep("nap", "1h");
  });
  const scenario = await start({ client, functions: [fn] });
  await scenario.send({ name: "shop/x" }, { name: "shop/x" });
  await scenario.advance(59 * MINUTE);
  expect(await new Sweeper(scenario.world.services("sweep")).sweep()).toEqual({ candidates: 0, woken: 0 });
});
