/**
 * Goal: a concurrency limit lets as many work as it says and no more; the others wait in order, are served at once when a place
 * is given back, and hold nothing while they sleep or wait.
 * Method: the whole platform in virtual time; bodies sleep on its clock and say when they begin and end.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { events, Floor, leftOver, runsOf, shown, statuses } from "./floor.js";
import { scenarios } from "./started.js";
import { MINUTE, SECOND } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

it("no more steps execute at once than the limit says, and every run is served without waiting for the sweeper", async () => {
  const floor = new Floor();
  const fn = client.createFunction(
    { id: "narrow", triggers: { event: "shop/go" }, concurrency: 2 },
    async ({ event, step }) => {
      const { n } = event.data as { n: string };
      await step.run("one", () => floor.work(n, 10 * SECOND));
      await step.run("two", () => floor.work(n, 10 * SECOND));
    },
  );
  const scenario = await start({ client, functions: [fn] });
  floor.scenario = scenario;
  const ids: string[] = [];
  for (const event of events(6)) {
    ids.push(...(await scenario.send(event)));
    await scenario.advance(10);
  }
  await scenario.advance(5 * SECOND);
  expect(await statuses(scenario, ids)).toEqual(["Running", "Running", "Queued", "Queued", "Queued", "Queued"]);
  const queued = (await scenario.runIds(ids[5] ?? ""))[0] ?? "";
  expect(await shown(scenario, queued)).toMatchObject({
    status: "Queued",
    queuedFor: "concurrency",
    startedAt: null,
  });
  await scenario.advance(70 * SECOND);
  expect(await shown(scenario, queued)).not.toHaveProperty("queuedFor");
  expect(await statuses(scenario, ids)).toEqual(Array.from({ length: 6 }, () => "Completed"));
  expect(floor.most.get("all")).toBe(2);
  expect(floor.order.filter((name, place) => floor.order.indexOf(name) === place)).toEqual([
    "n0",
    "n1",
    "n2",
    "n3",
    "n4",
    "n5",
  ]);
});

it("steps side by side take a place each while there are some, and never more than there are", async () => {
  const floor = new Floor();
  const wide = client.createFunction(
    { id: "wide", triggers: { event: "shop/go" }, concurrency: { limit: 4, key: "event.data.shelf" } },
    async ({ event, step }) => {
      const { n, shelf } = event.data as { n: string; shelf: string };
      const names = Array.from({ length: 8 }, (_, index) => `${n}.${index}`);
      await Promise.all(names.map((name) => step.run(name, () => floor.work(name, 10 * SECOND, shelf))));
    },
  );
  const scenario = await start({ client, functions: [wide] });
  floor.scenario = scenario;
  const shelves = ["top", "top", "low"];
  const ids = await scenario.send(...events(3, (index) => ({ n: `n${index}`, shelf: shelves[index] })));
  await scenario.advance(SECOND);
  expect([floor.most.get("top"), floor.most.get("low")]).toEqual([4, 4]);
  await scenario.advance(10 * MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed", "Completed"]);
  expect([floor.most.get("top"), floor.most.get("low")]).toEqual([4, 4]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a turn that goes on in another one gives back the places of steps side by side", async () => {
  const floor = new Floor();
  const fn = client.createFunction({ id: "fn", triggers: { event: "shop/go" }, concurrency: 3 }, async ({ step }) => {
    for (const round of [0, 1, 2, 3]) {
      const names = Array.from({ length: 3 }, (_, index) => `${round}.${index}`);
      await Promise.all(names.map((name) => step.run(name, () => floor.work(name, 6 * SECOND))));
    }
  });
  const scenario = await start({ client, functions: [fn], workerTimeoutMs: 14 * SECOND });
  floor.scenario = scenario;
  const ids = await scenario.send(...events(1));
  await scenario.advance(10 * MINUTE);
  const [run] = await runsOf(scenario, ids);
  expect(run?.head.status).toBe("Completed");
  expect(run?.head.epoch).toBeGreaterThan(1);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("distributed steps take a place each, and go on as places are given back", async () => {
  const floor = new Floor();
  const map = client.createFunction(
    { id: "map", triggers: { event: "shop/go" }, parallel: "distributed", concurrency: 3 },
    async ({ event, step }) => {
      const { n } = event.data as { n: string };
      const names = Array.from({ length: 10 }, (_, index) => `${n}.${index}`);
      return Promise.all(names.map((name) => step.run(name, () => floor.work(name, 50 * SECOND))));
    },
  );
  const scenario = await start({ client, functions: [map] });
  floor.scenario = scenario;
  const ids = await scenario.send(...events(2));
  await scenario.advance(10 * MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
  expect([floor.most.get("all"), floor.order.length]).toEqual([3, 20]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a run that sleeps holds no place", async () => {
  const floor = new Floor();
  const fn = client.createFunction(
    { id: "sleepy", triggers: { event: "shop/go" }, concurrency: 1 },
    async ({ event, step }) => {
      const { n } = event.data as { n: string };
      await step.run("before", () => floor.work(`${n} before`, SECOND));
      await step.sleep("nap", "10m");
      await step.run("after", () => floor.work(`${n} after`, SECOND));
    },
  );
  const scenario = await start({ client, functions: [fn] });
  floor.scenario = scenario;
  const ids = await scenario.send(...events(3));
  await scenario.advance(MINUTE);
  expect(floor.order.every((name) => name.endsWith("before"))).toBe(true);
  expect(floor.order).toHaveLength(3);
  await scenario.advance(15 * MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed", "Completed"]);
  expect(floor.most.get("all")).toBe(1);
});
