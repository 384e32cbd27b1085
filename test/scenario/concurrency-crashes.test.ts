/**
 * Goal: a worker that dies while its run waits for a place is charged to nobody; one that waits for a step's place is no crash.
 * Method: the whole platform in virtual time; workers are killed as they put a ticket or a place, again and again.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { events, Floor, leftOver, statuses } from "./floor.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

it("workers that die before their run has a place are not charged to the function", async () => {
  const floor = new Floor();
  const fn = client.createFunction(
    { id: "fn", triggers: { event: "shop/go" }, concurrency: 1, retries: 0 },
    ({ step }) => step.run("work", () => floor.work("work", SECOND)),
  );
  const scenario = await start({ client, functions: [fn], sweeper: true });
  floor.scenario = scenario;
  let deaths = 0;
  scenario.world.aws.faults.add(({ caller, operation, input }) => {
    const isPlace = operation === "PutItem" && JSON.stringify(input).includes("#SLOT#");
    if (caller.name !== "worker" || !isPlace || deaths >= 8) return undefined;
    deaths += 1;
    return "crash-before";
  });
  const ids = await scenario.send(...events(2));
  await scenario.advance(2 * HOUR);
  expect(deaths).toBe(8);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a distributed step whose message comes again while it waits for its place has not died", async () => {
  const floor = new Floor();
  const fn = client.createFunction(
    { id: "fn", triggers: { event: "shop/go" }, concurrency: 1, retries: 0, parallel: "distributed" },
    ({ step }) => Promise.all(["a", "b"].map((name) => step.run(name, () => floor.work(name, 40 * SECOND)))),
  );
  const scenario = await start({ client, functions: [fn], sweeper: true });
  floor.scenario = scenario;
  // The first worker dies with its place in hand: the message comes again, finds the place not over yet, and comes again.
  let deaths = 0;
  scenario.world.aws.faults.add(({ caller, operation, input }) => {
    const isPlace = operation === "PutItem" && JSON.stringify(input).includes('"S":"b');
    if (caller.name !== "worker" || !isPlace || deaths > 0) return undefined;
    deaths += 1;
    return "crash-after";
  });
  const ids = await scenario.send(...events(2));
  await scenario.advance(20 * MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
  expect([deaths, floor.most.get("all")]).toEqual([1, 1]);
});
