/**
 * Goal: limits that several functions share, or that meet other ways of waiting: whoever waits holds nothing, unless it has
 * promised to keep its place to the end (reliability.md §9: 55).
 * Method: the whole platform in virtual time; functions share places by an app's key, invoke one another, sleep, fail, and are
 * cancelled.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { NonRetriableError } from "../../sdk/errors.js";
import type { ConcurrencyOption } from "../../sdk/concurrency.js";
import { events, Floor, leftOver, statuses } from "./floor.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const crm = { limit: 2, scope: "app", key: "'crm'" } as const;

it("two functions that share an app's places never use more of them together", async () => {
  const floor = new Floor();
  const both = ["orders", "customers"].map((id) =>
    client.createFunction({ id, triggers: { event: "shop/go" }, concurrency: crm }, async ({ event, step }) => {
      const { n } = event.data as { n: string };
      await step.run("one", () => floor.work(`${id} ${n}`, 5 * SECOND));
      await step.run("two", () => floor.work(`${id} ${n}`, 5 * SECOND));
    }),
  );
  const scenario = await start({ client, functions: both });
  floor.scenario = scenario;
  const ids = await scenario.send(...events(4));
  await scenario.advance(3 * MINUTE);
  expect(new Set(await statuses(scenario, ids))).toEqual(new Set(["Completed"]));
  expect([floor.most.get("all"), floor.order.length]).toEqual([2, 16]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("of functions that share places, each goes up to its own limit", async () => {
  const floor = new Floor();
  const [narrow, wide] = [1, 3].map((limit) =>
    client.createFunction(
      { id: `up-to-${limit}`, triggers: { event: `shop/${limit}` }, concurrency: { ...crm, limit } },
      async ({ event, step }) => {
        const { n } = event.data as { n: string };
        await step.run("work", () => floor.work(n, 10 * SECOND));
      },
    ),
  );
  if (!narrow || !wide) throw new Error("There are two functions");
  const scenario = await start({ client, functions: [narrow, wide] });
  floor.scenario = scenario;
  const ids: string[] = [];
  for (const [name, n] of [
    ["shop/3", "w0"],
    ["shop/3", "w1"],
    ["shop/1", "n0"],
    ["shop/3", "w2"],
    ["shop/3", "w3"],
  ]) {
    ids.push(...(await scenario.send({ name, data: { n } })));
    await scenario.advance(10);
  }
  await scenario.advance(2 * MINUTE);
  expect(new Set(await statuses(scenario, ids))).toEqual(new Set(["Completed"]));
  // The narrow one begins alone, and those behind it wait for it: the queue is one.
  expect([floor.order, floor.besides.get("n0"), floor.most.get("all")]).toEqual([["w0", "w1", "n0", "w2", "w3"], 1, 3]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("steps side by side take no place past somebody who waits for fewer to be taken", async () => {
  const floor = new Floor();
  const narrow = client.createFunction(
    { id: "narrow", triggers: { event: "shop/narrow" }, concurrency: { ...crm, limit: 1 } },
    async ({ step }) => step.run("work", () => floor.work("narrow", SECOND)),
  );
  const wide = client.createFunction(
    { id: "wide", triggers: { event: "shop/wide" }, concurrency: { ...crm, limit: 4 } },
    async ({ step }) => {
      const names = ["a", "b", "c", "d", "e"];
      await Promise.all(names.map((name) => step.run(name, () => floor.work(name, 5 * SECOND))));
    },
  );
  const scenario = await start({ client, functions: [narrow, wide] });
  floor.scenario = scenario;
  const ids = await scenario.send({ name: "shop/wide" });
  await scenario.advance(10);
  ids.push(...(await scenario.send({ name: "shop/narrow" })));
  await scenario.advance(2 * MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
  expect([floor.order, floor.most.get("all")]).toEqual([["a", "b", "c", "d", "e", "narrow"], 1]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a run that keeps its place takes no second one when it wakes", async () => {
  const floor = new Floor();
  const fn = client.createFunction(
    { id: "naps", triggers: { event: "shop/go" }, concurrency: { limit: 3, hold: "run" } },
    async ({ step }) => {
      for (const nap of ["one", "two"]) {
        await step.sleep(nap, "1m");
        await step.run(`after ${nap}`, () => floor.work(nap, 20 * SECOND));
      }
    },
  );
  const scenario = await start({ client, functions: [fn] });
  floor.scenario = scenario;
  const ids = await scenario.send({ name: "shop/go" });
  for (const [ms, works, places] of [
    [30 * SECOND, 0, 1],
    [40 * SECOND, 1, 1],
    [MINUTE, 1, 1],
    [20 * SECOND, 2, 1],
    [MINUTE, 2, 0],
  ] as const) {
    await scenario.advance(ms);
    expect([floor.order.length, (await leftOver(scenario, ids)).length]).toEqual([works, places]);
  }
});

it("two functions that name two shared places in opposite order both end", async () => {
  const floor = new Floor();
  const one = { limit: 1, scope: "app", key: "'one'" } as const;
  const two = { limit: 1, scope: "app", key: "'two'" } as const;
  const make = (id: string, concurrency: ConcurrencyOption) =>
    client.createFunction({ id, triggers: { event: "shop/go" }, concurrency }, async ({ event, step }) => {
      const { n } = event.data as { n: string };
      await step.run("work", () => floor.work(`${id} ${n}`, SECOND));
      await step.sleep("nap", "1s");
      await step.run("again", () => floor.work(`${id} ${n}`, SECOND));
    });
  const scenario = await start({ client, functions: [make("there", [one, two]), make("back", [two, one])] });
  floor.scenario = scenario;
  const ids = await scenario.send(...events(6));
  await scenario.advance(5 * MINUTE);
  expect(new Set(await statuses(scenario, ids))).toEqual(new Set(["Completed"]));
  expect(floor.most.get("all")).toBe(1);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a place that is held for the run is kept through a week's sleep, and given on at its end", async () => {
  const floor = new Floor();
  const fn = client.createFunction(
    { id: "week", triggers: { event: "shop/go" }, concurrency: { limit: 1, hold: "run" } },
    async ({ event, step }) => {
      const { n } = event.data as { n: string };
      await step.run("before", () => floor.work(`${n} before`, SECOND));
      await step.sleep("week", "7d");
      await step.run("after", () => floor.work(`${n} after`, SECOND));
    },
  );
  const scenario = await start({ client, functions: [fn], sweeper: "seldom" });
  floor.scenario = scenario;
  const ids: string[] = [];
  for (const event of events(2)) ids.push(...(await scenario.send(event)));
  await scenario.advance(7 * DAY);
  expect([await statuses(scenario, ids), floor.order]).toEqual([["Running", "Queued"], ["n0 before"]]);
  await scenario.advance(MINUTE);
  expect(floor.order).toEqual(["n0 before", "n0 after", "n1 before"]);
  await scenario.advance(8 * DAY);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a parent that waits holds nothing: its child of the same single place runs, and so do others", async () => {
  const floor = new Floor();
  const shared = { limit: 1, scope: "app", key: "'family'" } as const;
  const child = client.createFunction({ id: "child", triggers: [], concurrency: shared }, async ({ step }) =>
    step.run("work", () => floor.work("child", 10 * SECOND)),
  );
  const parent = client.createFunction(
    { id: "parent", triggers: { event: "shop/go" }, concurrency: shared },
    async ({ step }) => {
      await step.run("before", () => floor.work("parent before", SECOND));
      const answer = await step.invoke("ask", { function: child });
      return step.run("after", () => floor.work(`parent after ${String(answer)}`, SECOND));
    },
  );
  const scenario = await start({ client, functions: [parent, child] });
  floor.scenario = scenario;
  const ids = await scenario.send(...events(2));
  await scenario.advance(2 * MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
  expect([floor.order.length, floor.most.get("all")]).toEqual([6, 1]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a parent that keeps the only place its child needs waits for ever, or until its time is up", async () => {
  const floor = new Floor();
  const shared = { limit: 1, scope: "app", key: "'family'", hold: "run" } as const;
  const child = client.createFunction({ id: "child", triggers: [], concurrency: shared }, async ({ step }) =>
    step.run("work", () => floor.work("child", SECOND)),
  );
  const parent = client.createFunction(
    { id: "parent", triggers: { event: "shop/go" }, concurrency: shared, timeouts: { finish: "1h" } },
    async ({ step }) => String(await step.invoke("ask", { function: child })),
  );
  const scenario = await start({ client, functions: [parent, child], sweeper: true });
  floor.scenario = scenario;
  const ids = await scenario.send({ name: "shop/go" });
  await scenario.advance(59 * MINUTE);
  expect([await statuses(scenario, ids), floor.order]).toEqual([["Running"], []]);
  await scenario.advance(HOUR);
  // It takes its child along, which may have got the place for a moment.
  const children = (await scenario.runsOf("child")).timeSorted.map(({ head }) => head.status);
  expect([await statuses(scenario, ids), children]).toEqual([["Cancelled"], ["Cancelled"]]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a failure handler has no part in its function's limit, and the place is free for the next", async () => {
  const floor = new Floor();
  const quiet = new Perdure({ id: "shop", logger: silent });
  const fn = quiet.createFunction(
    {
      id: "fails",
      triggers: { event: "shop/go" },
      concurrency: { limit: 1, hold: "run" },
      onFailure: ({ step, event }) =>
        step.run("handle", () => floor.work(`handled ${String(Reflect.get(event.data.event.data, "n"))}`, 10 * SECOND)),
    },
    async ({ event, step }) => {
      const { n } = event.data as { n: string };
      await step.run("work", async () => {
        await floor.work(n, 2 * SECOND, "limited");
        throw new NonRetriableError("void");
      });
    },
  );
  const scenario = await start({ client: quiet, functions: [fn] });
  floor.scenario = scenario;
  const ids: string[] = [];
  for (const event of events(2)) ids.push(...(await scenario.send(event)));
  await scenario.advance(MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Failed", "Failed"]);
  expect(floor.order).toEqual(["n0", "n1", "handled n0", "handled n1"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("an event cancels a run in the queue, and nothing of it is left there", async () => {
  const floor = new Floor();
  const fn = client.createFunction(
    {
      id: "fn",
      triggers: { event: "shop/go" },
      concurrency: 1,
      cancelOn: [{ event: "shop/stop", match: "data.n" }],
    },
    async ({ event, step }) => {
      const { n } = event.data as { n: string };
      await step.run("work", () => floor.work(n, 30 * SECOND));
    },
  );
  const scenario = await start({ client, functions: [fn] });
  floor.scenario = scenario;
  const ids: string[] = [];
  for (const event of events(3)) ids.push(...(await scenario.send(event)));
  await scenario.send({ name: "shop/stop", data: { n: "n1" } });
  await scenario.advance(SECOND);
  expect(await leftOver(scenario, ids)).toHaveLength(2);
  await scenario.advance(2 * MINUTE);
  expect([await statuses(scenario, ids), floor.order]).toEqual([
    ["Completed", "Cancelled", "Completed"],
    ["n0", "n2"],
  ]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});
