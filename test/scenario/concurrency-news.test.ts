/**
 * Goal: a run that has a concurrency limit and rests before its next attempt is released, whatever wakes came during its turn.
 * Method: the function throws once, outside its steps, and another wake of its run comes while it works. A turn that overlooks it parks again and again in the same instant: a worker with too many calls dies.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import { sendMessage } from "../../runtime/queue/send.js";
import { Floor, leftOver, statuses } from "./floor.js";
import { scenarios } from "./started.js";
import { MINUTE, SECOND } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });
const MOST_CALLS = 400;

it("a wake that comes while a run works, and then rests until its next attempt, is looked at once", async () => {
  const floor = new Floor();
  let throws = 1;
  const fn = client.createFunction(
    { id: "shaky", triggers: { event: "shop/go" }, concurrency: 1 },
    async ({ step }) => {
      await sleep(scenario.clock, SECOND);
      throws -= 1;
      if (throws >= 0) throw new Error("not yet");
      await step.run("work", () => floor.work("work", SECOND));
    },
  );
  const scenario = await start({ client, functions: [fn] });
  floor.scenario = scenario;
  let calls = 0;
  scenario.world.aws.faults.add(({ caller }) => {
    if (caller.name !== "worker") return undefined;
    calls += 1;
    return calls > MOST_CALLS ? "crash-before" : undefined;
  });
  const ids = await scenario.send({ name: "shop/go", data: {} }, { name: "shop/go", data: {} });
  const services = scenario.world.services("observer");
  for (const id of ids) {
    const [run = ""] = await scenario.runIds(id);
    await sendMessage(services, scenario.world.stepQueueUrl, { v: 1, run, fn: "shaky", why: "arrival" });
  }
  await scenario.advance(10 * MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
  expect(floor.most.get("all")).toBe(1);
  expect(calls).toBeLessThan(MOST_CALLS);
  expect(await leftOver(scenario, ids)).toEqual([]);
});
