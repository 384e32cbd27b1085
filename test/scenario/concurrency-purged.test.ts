/**
 * Goal: a distributed step that has the only place, and whose message is lost, does not stop the queue behind it for ever, its
 * own run in it.
 * Method: its worker dies as it takes the place up, and an operator purges the queue. Then the run itself needs a place, and
 * others come: all of them wait for a step that nobody will do, unless the run asks for it anew (world 20206).
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { events, Floor, leftOver, statuses } from "./floor.js";
import { purge } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, SECOND } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

it.each([
  ["given to", "crash-before"],
  ["taken up by", "crash-after"],
] as const)("a queue goes on when the place was %s a distributed step whose message is lost", async (_, death) => {
  const floor = new Floor();
  const fn = client.createFunction({ id: "fn", triggers: { event: "shop/go" }, concurrency: 1 }, ({ step }) =>
    Promise.all([
      step.run({ id: "far", distributed: true }, () => floor.work("far", SECOND)),
      step.sleep("a while", HOUR).then(() => step.run("near", () => floor.work("near", SECOND))),
    ]),
  );
  const scenario = await start({ client, functions: [fn], sweeper: true });
  floor.scenario = scenario;
  let deaths = 0;
  // Its place is given to it by the turn that asked for it; the worker that takes it up writes until when it has it.
  scenario.world.aws.faults.add(({ caller, operation, input }) => {
    const isTakenUp = operation === "PutItem" && /#SLOT#.*"until".*stamp = :stamp/.test(JSON.stringify(input));
    if (caller.name !== "worker" || !isTakenUp || deaths > 0) return undefined;
    deaths += 1;
    return death;
  });
  const [first = ""] = await scenario.send(...events(1));
  await scenario.advance(SECOND);
  expect(deaths).toBe(1);
  await purge(scenario, scenario.world.stepQueueUrl);
  await scenario.advance(HOUR);
  const ids = [first, ...(await scenario.send(...events(2)))];
  await scenario.advance(SECOND);
  expect(floor.order).toEqual([]);
  expect(await leftOver(scenario, ids)).toHaveLength(4);
  await scenario.advance(3 * HOUR);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed", "Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
  expect(floor.most.get("all")).toBe(1);
});
