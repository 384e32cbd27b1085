/**
 * Goal: a run whose distributed steps' messages were lost, by an operator who purges the queue, goes on.
 * Method: the queue is purged once the branches are on it; no worker is there to take them before. What brings the run back is
 * the sweeper's wake, whose turn arms again what the log says is waited for.
 */
import { expect, it } from "vitest";
import { quietClient } from "../crash/stage.js";
import { onceAt, purge } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, SECOND } from "./world.js";

const start = scenarios();

it("does its distributed steps after all", async () => {
  const client = quietClient();
  const functions = [
    client.createFunction({ id: "fan", triggers: { event: "app/go" } }, async ({ step }) =>
      Promise.all(["a", "b"].map((id) => step.run({ id, distributed: true }, () => id))),
    ),
  ];
  const scenario = await start({ client, functions, sweeper: true, workerConcurrency: 1 });
  // The turn that sends the branches is slow to give its run back, so that nobody else has taken them.
  const isRelease = onceAt(
    scenario,
    ({ operation, input }) =>
      operation === "UpdateItem" && String(input["ConditionExpression"]).includes("wakes = :wakes"),
    { freezeMs: 5 * SECOND },
  );
  const [eventId = ""] = await scenario.send({ name: "app/go" });
  await scenario.advance(2 * SECOND);
  expect(isRelease()).toBe(true);
  await purge(scenario, scenario.world.stepQueueUrl);
  await scenario.advance(HOUR);
  const { head, output } = await scenario.runOf(eventId);
  expect([head.status, output]).toEqual(["Completed", ["a", "b"]]);
});
