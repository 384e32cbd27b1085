/**
 * Goal: code that asks for a recorded step as another kind parks its run with a readable difference; it never fails because of
 * it, and goes on after a fix or a rollback. (What may change without that is in replay.test.ts.)
 * Method: a function with two steps and a sleep is deployed again, changed, while its run sleeps.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { FunctionContext } from "../../sdk/function.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

type Handler = (context: FunctionContext, ran: string[]) => unknown;

/** Runs `before` up to its sleep, then deploys `after` and lets the hour pass. */
async function change(
  before: Handler,
  after: Handler,
): Promise<{ scenario: Scenario; eventId: string; ran: string[] }> {
  const ran: string[] = [];
  const version = (handler: Handler) =>
    client.createFunction({ id: "flow", triggers: { event: "shop/x" }, retries: 0 }, (context) =>
      handler(context, ran),
    );
  const scenario = await start({ client, functions: [version(before)], sweeper: true });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  await scenario.world.redeploy([version(after)]);
  await scenario.advance(HOUR);
  return { scenario, eventId, ran };
}

const original: Handler = async ({ step }, ran) => {
  const a = await step.run("a", () => ran.push("a"));
  const b = await step.run("b", () => ran.push("b"));
  await step.sleep("pause", "1h");
  return [a, b];
};

it.each<[string, Handler]>([
  ["a step as a sleep", async ({ step }) => step.sleep("a", "1m")],
  ["a step as an event to send", async ({ step }) => step.sendEvent("a", { name: "shop/other" })],
  ["a sleep as a step", async ({ step }) => step.run("pause", () => 1)],
  [
    "a sleep as a wait for an event",
    async ({ step }) => step.waitForEvent("pause", { event: "shop/y", timeout: "1d" }),
  ],
  ["a step, caught", async ({ step }) => step.sleep("a", "1m").catch(() => "caught")],
])("%s: the run rests, runs nothing and does not fail", async (_, after) => {
  const { scenario, eventId, ran } = await change(original, after);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Running");
  expect(run.head.diverged).not.toBeNull();
  expect(ran).toEqual(["a", "b"]);
});

it("a distributed step may become an ordinary one, and the other way round", async () => {
  const ordinary: Handler = async ({ step }) => {
    const a = await step.run("a", () => "a");
    await step.sleep("pause", "1h");
    return a;
  };
  const distributed: Handler = async ({ step }) => {
    const a = await step.run({ id: "a", distributed: true }, () => "a");
    await step.sleep("pause", "1h");
    return a;
  };
  const there = await change(ordinary, distributed);
  expect((await there.scenario.runOf(there.eventId)).output).toBe("a");
  const back = await change(distributed, ordinary);
  expect((await back.scenario.runOf(back.eventId)).output).toBe("a");
});

it("a step of another kind parks the run with a readable difference, which goes on after a rollback", async () => {
  const { scenario, eventId, ran } = await change(original, async ({ step }, log) => {
    await step.sleep("a", "1m");
    const b = await step.run("b", () => log.push("b"));
    return [b];
  });
  const parked = await scenario.runOf(eventId);
  expect(parked.head.status).toBe("Running");
  expect(parked.head.diverged).toMatchObject({ stepId: "a", recorded: "run", requested: "sleep" });
  // Left alone it is looked at again, ever more rarely, and never fails.
  const { epoch } = parked.head;
  await scenario.advance(2 * DAY);
  const later = await scenario.runOf(eventId);
  expect(later.head.status).toBe("Running");
  expect(later.head.epoch - epoch).toBeLessThan(2 * 48 + 12);
  expect(ran).toEqual(["a", "b"]);

  const rolledBack = client.createFunction({ id: "flow", triggers: { event: "shop/x" }, retries: 0 }, (context) =>
    original(context, ran),
  );
  await scenario.world.redeploy([rolledBack]);
  await scenario.advance(HOUR);
  const resumed = await scenario.runOf(eventId);
  expect([resumed.head.status, resumed.output, resumed.head.diverged]).toEqual(["Completed", [1, 2], null]);
  expect(ran).toEqual(["a", "b"]);
});

it("a divergence in one branch does not lose what the other branch is doing", async () => {
  const ran: string[] = [];
  const version = (handler: Handler) =>
    client.createFunction({ id: "flow", triggers: { event: "shop/x" }, retries: 0 }, (context) =>
      handler(context, ran),
    );
  const before = version(async ({ step }, log) => {
    await step.run("a", () => log.push("a"));
    await step.sleep("pause", "1h");
  });
  const after = version(async ({ step }, log) => {
    const other = step.run("other", () => log.push("other"));
    await step.sleep("a", "1m");
    return other;
  });
  const fixed = version(async ({ step }, log) => {
    const other = step.run("other", () => log.push("other"));
    await step.run("a", () => log.push("a"));
    return other;
  });
  const scenario = await start({ client, functions: [before], sweeper: true });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.world.redeploy([after]);
  await scenario.advance(2 * HOUR);
  await scenario.world.redeploy([fixed]);
  await scenario.advance(2 * HOUR);
  expect((await scenario.runOf(eventId)).head.status).toBe("Completed");
  expect(ran).toEqual(["a", "other"]);
});
