/**
 * Goal: a function that has ended while something it no longer awaits is due does not spin on the clock until its last
 * write is answered.
 * Method: a sleep that nobody awaits is due while the last write is on its way. On a virtual clock a loop that waits for no
 * time at all would never let the answer come: the clock says so and fails.
 */
import { expect, it } from "vitest";
import { sleep, type Clock } from "../../sdk/clock.js";
import { SECOND } from "./world.js";
import { quietClient } from "../crash/stage.js";
import { isPutOf, onceAt } from "./hands.js";
import { scenarios } from "./started.js";

const start = scenarios();

it("ends once the slow write is answered", async () => {
  const client = quietClient();
  let clock: Clock | null = null;
  const functions = [
    client.createFunction({ id: "leaver", triggers: { event: "app/go" } }, async ({ step }) => {
      void step.sleep("nobody-awaits-this", 3 * SECOND);
      void step.run("nor-this", () => "done");
      if (clock) await sleep(clock, SECOND);
      return "left";
    }),
  ];
  const scenario = await start({ client, functions });
  clock = scenario.clock;
  const struck = onceAt(scenario, (call) => isPutOf(call, "LOG#"), { freezeMs: 8 * SECOND });
  const [eventId = ""] = await scenario.send({ name: "app/go" });
  await scenario.advance(10 * SECOND);
  const { head, output } = await scenario.runOf(eventId);
  expect(struck()).toBe(true);
  expect([head.status, output]).toEqual(["Completed", "left"]);
});
