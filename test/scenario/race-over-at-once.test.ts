/**
 * Goal: a race that is over before what its losers wait for is in the log leaves a log that can be replayed.
 * Method: an entrant that returns at once beside one that waits for an event; then a wait that ends the turn, so that the next
 * one reads the log. The loser must not be taken for something else than it was (the run would be parked as diverged).
 */
import { expect, it } from "vitest";
import { quietClient } from "../crash/stage.js";
import { scenarios } from "./started.js";
import { MINUTE } from "./world.js";

const start = scenarios();

it("goes on after the next wait", async () => {
  const client = quietClient();
  const functions = [
    client.createFunction({ id: "racer", triggers: { event: "app/go" } }, async ({ step, group }) => {
      const won = await group.race([
        () => Promise.resolve("at once"),
        () => step.waitForEvent("approval", { event: "app/approved", timeout: "1d" }),
      ]);
      await step.sleep("later", MINUTE);
      return won;
    }),
  ];
  const scenario = await start({ client, functions });
  const [eventId = ""] = await scenario.send({ name: "app/go" });
  await scenario.advance(5 * MINUTE);
  const { head, output } = await scenario.runOf(eventId);
  expect(head.diverged).toBe(null);
  expect([head.status, output]).toEqual(["Completed", "at once"]);
});
