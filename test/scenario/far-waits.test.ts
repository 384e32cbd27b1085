/**
 * Goal: a wait that something is meant to end arms no timer while its end is far off, is looked at before anything expires,
 * and times out to the second all the same.
 * Method: the whole platform in virtual time, the sweeper called once an hour by hand; schedules and writes are counted.
 */
import { expect, it } from "vitest";
import { StepError } from "../../sdk/errors.js";
import { quietClient } from "../crash/stage.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = quietClient();

const child = client.createFunction({ id: "child" }, async ({ step }) => {
  await step.sleep("long", "200d");
  return "late";
});

const asking = (timeout?: "8d" | "5d") =>
  client.createFunction({ id: "parent", triggers: { event: "shop/go" } }, async ({ step }) => {
    try {
      return await step.invoke("ask", { function: child, timeout });
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      return String(error.code);
    }
  });

/** Calls of the worker since the world began. */
function calls(scenario: Scenario, operation: string): number {
  return scenario.world.aws.ledger
    .rows()
    .filter((row) => row.caller === "worker" && row.operation === operation)
    .reduce((sum, row) => sum + row.calls, 0);
}

async function pass(scenario: Scenario, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += HOUR) {
    await scenario.advance(Math.min(HOUR, ms - passedMs));
    await scenario.world.lambda("sweep").invoke({});
  }
}

it("arms no schedule, and keeps nothing longer than it is kept anyway", async () => {
  const answers = client.createFunction({ id: "child" }, async ({ step }) => {
    await step.sleep("short", "5m");
    return "soon";
  });
  const parent = client.createFunction({ id: "parent", triggers: { event: "shop/go" } }, ({ step }) =>
    step.invoke("ask", { function: answers }),
  );
  const scenario = await start({ client, functions: [parent, answers] });
  const [eventId = ""] = await scenario.send({ name: "shop/go" });
  await scenario.advance(10 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe("soon");
  expect([calls(scenario, "CreateSchedule"), calls(scenario, "DeleteSchedule")]).toEqual([0, 0]);
  // Parent: claim, release, claim, end. Child: claim, release, claim, end, effects done.
  expect(calls(scenario, "UpdateItem")).toBe(9);
});

it("times out to the second, though its timer was armed on the way", async () => {
  const scenario = await start({ client, functions: [asking("8d"), child] });
  const [eventId = ""] = await scenario.send({ name: "shop/go" });
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(eventId)).head).toMatchObject({ epoch: 1, timer: null });
  await pass(scenario, 7 * DAY);
  expect((await scenario.runOf(eventId)).head).toMatchObject({ status: "Running", epoch: 2 });
  expect((await scenario.runOf(eventId)).head.timer).not.toBeNull();
  await scenario.advance(DAY - MINUTE - SECOND);
  expect((await scenario.runOf(eventId)).head.status).toBe("Running");
  await scenario.advance(5 * SECOND);
  expect((await scenario.runOf(eventId)).output).toBe("INVOKE_TIMED_OUT");
});

it("has its timer at once when the end is near", async () => {
  const scenario = await start({ client, functions: [asking("5d"), child] });
  const [eventId = ""] = await scenario.send({ name: "shop/go" });
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(eventId)).head.timer).not.toBeNull();
  await scenario.advance(5 * DAY);
  expect((await scenario.runOf(eventId)).output).toBe("INVOKE_TIMED_OUT");
});

it("is kept for as long as it takes: the answer comes after more than half a year", async () => {
  const scenario = await start({ client, functions: [asking(), child] });
  const [eventId = ""] = await scenario.send({ name: "shop/go" });
  await scenario.advance(MINUTE);
  const [runId = ""] = await scenario.runIds(eventId);
  for (let day = 0; day < 201; day += 1) {
    await scenario.advance(DAY);
    await scenario.world.lambda("sweep").invoke({});
  }
  expect((await scenario.run(runId)).output).toBe("late");
});
