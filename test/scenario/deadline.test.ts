/**
 * Goal: a turn that meets the end of its invocation at an awkward moment goes on in the next one.
 * Method: AWS calls are frozen across the worker's soft deadline; time is virtual.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { isPutOf, onceAt } from "./hands.js";
import { scenarios } from "./started.js";
import { MINUTE, SECOND } from "./world.js";

const start = scenarios();

it("a log write still unanswered at the deadline is waited for, without spinning", async () => {
  const client = new Perdure({ id: "shop" });
  let bodies = 0;
  const fn = client.createFunction({ id: "slow-log", triggers: { event: "shop/x" } }, async ({ step }) =>
    step.run("once", () => {
      bodies += 1;
      return "done";
    }),
  );
  const scenario = await start({ client, functions: [fn], workerTimeoutMs: MINUTE });
  // The soft deadline is three seconds before the minute is over: the answer comes in between.
  onceAt(scenario, (call) => isPutOf(call, "LOG#"), { freezeMs: 58 * SECOND, when: "after" });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(3 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toBe("done");
  expect(bodies).toBe(1);
});
