/**
 * Goal: a function that waits is suspended, not interrupted: none of its own code notices.
 * Method: sleeps, retries and races inside try, catch and finally, on the virtual clock; what ran is counted.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

it("no catch and no finally runs when a function sleeps or waits for a retry", async () => {
  const noticed: string[] = [];
  let failures = 0;
  const fn = client.createFunction({ id: "careful", triggers: { event: "shop/go" } }, async ({ step }) => {
    try {
      await step.sleep("nap", "1h");
      await step.run("flaky", () => {
        failures += 1;
        if (failures === 1) throw new Error("once");
      });
    } catch {
      noticed.push("catch");
    } finally {
      noticed.push("finally");
    }
    return "done";
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/go" });
  await scenario.advance(HOUR + SECOND);
  expect([failures, noticed]).toEqual([1, []]);
  await scenario.advance(MINUTE);
  const run = await scenario.runOf(eventId);
  expect([run.head.status, run.output, noticed]).toEqual(["Completed", "done", ["finally"]]);
});

it("a sleep that is never awaited holds up neither the function nor its end", async () => {
  const fn = client.createFunction({ id: "hasty", triggers: { event: "shop/go" } }, async ({ step }) => {
    void step.sleep("for-nothing", "30d");
    return step.run("work", () => "worked");
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/go" });
  const run = await scenario.runOf(eventId);
  expect([run.head.status, run.output]).toEqual(["Completed", "worked"]);
});
