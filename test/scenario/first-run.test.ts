/**
 * Goal: one event, one durable function, the real path: ingest, events queue, dispatch, step queue, worker, table.
 * Method: the whole platform in process on a virtual clock; what it did is read back from the table.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { scenarios } from "./started.js";
import { DAY, MINUTE, SECOND, START_MS, type Scenario } from "./world.js";

const start = scenarios();

it("an event runs a function of two steps to its end, each body once", async () => {
  const client = new Perdure({ id: "shop" });
  const bodies: string[] = [];
  const fn = client.createFunction({ id: "greet", triggers: { event: "shop/hello" } }, async ({ event, step }) => {
    const name = await step.run("read", () => {
      bodies.push("read");
      return String(event.data["name"]);
    });
    const text = await step.run("greet", () => {
      bodies.push("greet");
      return `Hello, ${name}`;
    });
    return { text };
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/hello", data: { name: "Ada" } });
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toEqual({ text: "Hello, Ada" });
  expect(bodies).toEqual(["read", "greet"]);
  expect(run.entries.map((entry) => entry.k)).toEqual(["done", "done"]);
});

it("a sleep ends at its time, to the second, and the steps before it are not run again", async () => {
  const client = new Perdure({ id: "shop" });
  const bodies: string[] = [];
  const fn = client.createFunction({ id: "wait", triggers: { event: "shop/wait" } }, async ({ step }) => {
    await step.run("before", () => void bodies.push("before"));
    await step.sleep("nap", "10m");
    return step.run("after", () => {
      bodies.push("after");
      return "done";
    });
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/wait" });
  expect((await scenario.runOf(eventId)).head.status).toBe("Running");
  await scenario.advance(10 * MINUTE - 2 * SECOND);
  expect(bodies).toEqual(["before"]);
  await scenario.advance(3 * SECOND);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(bodies).toEqual(["before", "after"]);
});

it("a sleep of 300 days ends to the second", async () => {
  const client = new Perdure({ id: "shop" });
  let wokenAtMs = 0;
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "long", triggers: { event: "shop/long" } }, async ({ step }) => {
    await step.sleep("winter", "300d");
    return step.run("wake", () => {
      wokenAtMs = scenario?.clock.now() ?? 0;
      return null;
    });
  });
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/long" });
  await scenario.advance(301 * DAY);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(wokenAtMs - START_MS).toBeGreaterThanOrEqual(300 * DAY);
  expect(wokenAtMs - START_MS).toBeLessThan(300 * DAY + 2 * SECOND);
});
