/**
 * Goal: a deployment that changes a limit counts at once, kills nothing that is at work, and loses nobody who waits
 * (reliability.md §9: 56, 57).
 * Method: the whole platform in virtual time; a function is deployed again with another limit while runs work and others wait.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { ConcurrencyOption } from "../../sdk/concurrency.js";
import type { PerdureFunction } from "../../sdk/function.js";
import { events, Floor, leftOver, runsOf, statuses } from "./floor.js";
import { isPutOf, onceAt } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });
const workerTimeoutMs = 15 * MINUTE;

/** One step of a minute and some seconds, each run's longer than the one before, so that they end one by one. */
function version(floor: Floor, concurrency: ConcurrencyOption | undefined): PerdureFunction<never> {
  const options = { id: "fn", triggers: { event: "shop/go" } };
  return client.createFunction(
    concurrency === undefined ? options : { ...options, concurrency },
    async ({ event, step }) => {
      const { n, at } = event.data as { n: string; at: number };
      await step.run("work", () => floor.work(n, MINUTE + at * SECOND));
    },
  );
}

/** Sends runs one after the other: n0, n1, … */
async function sendInOrder(scenario: Scenario, count: number, more: object = {}): Promise<string[]> {
  const ids: string[] = [];
  for (const event of events(count, (at) => ({ n: `n${at}`, at, ...more }))) {
    ids.push(...(await scenario.send(event)));
    await scenario.advance(10);
  }
  return ids;
}

it("a limit lowered from 10 to 2 ends nothing, and nobody begins before less than two are at work", async () => {
  const floor = new Floor();
  const scenario = await start({ client, workerTimeoutMs, functions: [version(floor, 10)] });
  floor.scenario = scenario;
  const ids = await sendInOrder(scenario, 14);
  await scenario.advance(10 * SECOND);
  expect(floor.order).toHaveLength(10);
  await scenario.world.redeploy([version(floor, 2)]);
  await scenario.advance(20 * MINUTE);
  expect(new Set(await statuses(scenario, ids))).toEqual(new Set(["Completed"]));
  expect(floor.order).toHaveLength(14);
  const late = floor.order.slice(10);
  expect(late.toSorted()).toEqual(["n10", "n11", "n12", "n13"]);
  // Turns of the old version give their places on by the limit they know: whoever gets one beyond the new limit does not begin.
  expect(late.map((name) => floor.besides.get(name))).toEqual([2, 2, 2, 2]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("distributed steps beyond a lowered limit wait, too", async () => {
  const floor = new Floor();
  const fan = (limit: number): PerdureFunction<never> =>
    client.createFunction(
      { id: "fan", triggers: { event: "shop/go" }, parallel: "distributed", concurrency: limit },
      async ({ step }) => {
        const names = Array.from({ length: 9 }, (_, at) => `s${at}`);
        await Promise.all(names.map((name, at) => step.run(name, () => floor.work(name, MINUTE + at * SECOND))));
      },
    );
  const scenario = await start({ client, workerTimeoutMs, functions: [fan(6)] });
  floor.scenario = scenario;
  const ids = await scenario.send({ name: "shop/go" });
  await scenario.advance(10 * SECOND);
  expect(floor.order).toHaveLength(6);
  await scenario.world.redeploy([fan(2)]);
  await scenario.advance(20 * MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Completed"]);
  expect(floor.order).toHaveLength(9);
  expect(floor.order.slice(6).map((name) => floor.besides.get(name))).toEqual([2, 2, 2]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a limit raised from 2 to 10 lets those who wait begin within three minutes, though no place is given back", async () => {
  const floor = new Floor();
  const scenario = await start({ client, workerTimeoutMs, functions: [version(floor, 2)], sweeper: true });
  floor.scenario = scenario;
  const ids: string[] = [];
  for (const event of events(8, (at) => ({ n: `n${at}`, at: 9 * 60 }))) ids.push(...(await scenario.send(event)));
  await scenario.advance(10 * SECOND);
  expect(floor.order).toHaveLength(2);
  await scenario.world.redeploy([version(floor, 10)]);
  await scenario.advance(3 * MINUTE);
  expect(floor.order).toHaveLength(8);
  await scenario.advance(20 * MINUTE);
  expect(new Set(await statuses(scenario, ids))).toEqual(new Set(["Completed"]));
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a limit that is taken away holds nobody back: those who wait begin when they are looked at", async () => {
  const floor = new Floor();
  const scenario = await start({ client, workerTimeoutMs, functions: [version(floor, 1)], sweeper: true });
  floor.scenario = scenario;
  const ids: string[] = [];
  for (const event of events(5, (at) => ({ n: `n${at}`, at: 9 * 60 }))) ids.push(...(await scenario.send(event)));
  await scenario.advance(10 * SECOND);
  expect(floor.order).toHaveLength(1);
  await scenario.world.redeploy([version(floor, undefined)]);
  ids.push(...(await scenario.send({ name: "shop/go", data: { n: "new", at: 0 } })));
  await scenario.advance(SECOND);
  expect(floor.order).toEqual([expect.any(String), "new"]);
  await scenario.advance(4 * MINUTE);
  expect(floor.order).toHaveLength(6);
  await scenario.advance(HOUR);
  expect(new Set(await statuses(scenario, ids))).toEqual(new Set(["Completed"]));
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a key that changes parts old runs from new ones: those who waited under the old key end, too", async () => {
  const floor = new Floor();
  const keyed = (key: string): ConcurrencyOption => ({ limit: 1, key });
  const scenario = await start({
    client,
    workerTimeoutMs,
    functions: [version(floor, keyed("event.data.a"))],
    sweeper: true,
  });
  floor.scenario = scenario;
  const old = await sendInOrder(scenario, 3, { a: "x", b: "x" });
  await scenario.advance(10 * SECOND);
  expect(floor.order).toEqual(["n0"]);
  await scenario.world.redeploy([version(floor, keyed("event.data.b"))]);
  const fresh = await scenario.send(
    ...["m0", "m1"].map((n) => ({ name: "shop/go", data: { n, at: 0, a: "x", b: "x" } })),
  );
  await scenario.advance(SECOND);
  // The new key's only place is free, whatever is left of the old one's.
  expect(floor.order).toHaveLength(2);
  await scenario.advance(HOUR);
  expect(new Set(await statuses(scenario, [...old, ...fresh]))).toEqual(new Set(["Completed"]));
  expect(floor.order.toSorted()).toEqual(["m0", "m1", "n0", "n1", "n2"]);
  expect(await leftOver(scenario, [...old, ...fresh])).toEqual([]);
});

it("a rollback to the old key finds its waiters where they were", async () => {
  const floor = new Floor();
  const keyed = (key: string): ConcurrencyOption => ({ limit: 1, key });
  const scenario = await start({
    client,
    workerTimeoutMs,
    functions: [version(floor, keyed("event.data.a"))],
    sweeper: true,
  });
  floor.scenario = scenario;
  const ids = await sendInOrder(scenario, 3, { a: "x", b: "y" });
  await scenario.world.redeploy([version(floor, keyed("event.data.b"))]);
  await scenario.advance(SECOND);
  await scenario.world.redeploy([version(floor, keyed("event.data.a"))]);
  await scenario.advance(HOUR);
  expect(new Set(await statuses(scenario, ids))).toEqual(new Set(["Completed"]));
  expect([floor.order, floor.most.get("all")]).toEqual([["n0", "n1", "n2"], 1]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a run keeps its place under a lowered limit although the turn that began it was lost", async () => {
  const floor = new Floor();
  const kept = (limit: number): PerdureFunction<never> =>
    client.createFunction(
      { id: "kept", triggers: { event: "shop/go" }, concurrency: { limit, hold: "run" } },
      async ({ event, step }) => {
        await step.run({ id: "far", distributed: true }, () => floor.work((event.data as { n: string }).n, SECOND));
        await step.sleep("kept", "10m");
      },
    );
  const scenario = await start({ client, functions: [kept(2)] });
  floor.scenario = scenario;
  const died = onceAt(scenario, (call) => isPutOf(call, "LOG#"), "crash-after");
  const ids = await sendInOrder(scenario, 2);
  await scenario.advance(SECOND);
  expect([died(), floor.order.length]).toEqual([true, 1]);
  await scenario.world.redeploy([kept(1)]);
  await scenario.advance(90 * SECOND);
  expect(floor.order).toHaveLength(2);
  const heads = (await runsOf(scenario, ids)).map(({ head }) => head);
  expect(heads.map(({ places }) => [Object.keys(places.held).length, places.queued])).toEqual([
    [1, null],
    [1, null],
  ]);
  await scenario.advance(12 * MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
});
