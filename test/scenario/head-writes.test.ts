/**
 * Goal: a write to a run's head that comes too late for what it was decided upon is refused, and whoever made it looks again
 * (PROTOCOL §3).
 * Method: the store itself, with what happens in between made by hand; and a whole platform in which one call is slow.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import { RunStore, type Claim } from "../../runtime/state/run-store.js";
import { sendRaw } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, START_MS, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });
const idle = client.createFunction({ id: "idle", triggers: { event: "shop/idle" } }, () => null);
const RUN = "shop_aaaaaaaaaaaaaaaaaaaaaaaaaa";
const RELEASE = { logged: 0, crashes: 0, objects: 0, dueAtMs: START_MS + DAY, ttlSeconds: 2_000_000_000, timer: null };

/** A run in its first epoch, held until 20 s from the beginning. */
async function heldRun(scenario: Scenario): Promise<{ runs: RunStore; claimAt: (nowMs: number) => Claim }> {
  const runs = new RunStore(scenario.world.services("test"));
  await runs.create({
    runId: RUN,
    functionId: "idle",
    eventId: "01KJQAJ0000000000000000000",
    events: { form: "text", text: "[]" },
    createdAtMs: START_MS,
    notBeforeMs: null,
    dueAtMs: START_MS + DAY,
    ttlSeconds: 2_000_000_000,
  });
  const claimAt = (nowMs: number): Claim => {
    return { holder: "one", messageId: "m-1", leaseUntilMs: nowMs + 20 * SECOND, nowMs };
  };
  await runs.claim(RUN, 0, claimAt(START_MS));
  return { runs, claimAt };
}

it("a steal whose victim has beaten since is refused", async () => {
  const scenario = await start({ client, functions: [idle] });
  const { runs, claimAt } = await heldRun(scenario);
  const read = await runs.get(RUN);
  if (!read) throw new Error("The run is not there");
  expect((await runs.beat(RUN, 1, { leaseUntilMs: START_MS + 60 * SECOND })).done).toBe(true);
  expect((await runs.steal(read.head, claimAt(START_MS + 30 * SECOND), 0, 1)).done).toBe(false);
  const after = await runs.get(RUN);
  expect(after?.head).toMatchObject({ epoch: 1, leaseUntilMs: START_MS + 60 * SECOND, crashes: 0 });
  expect(after?.head.seals.size).toBe(0);
});

it("a release that overlooks a wake is refused", async () => {
  const scenario = await start({ client, functions: [idle] });
  const { runs } = await heldRun(scenario);
  await runs.absorb(RUN, 1, START_MS + MINUTE);
  const refused = await runs.release(RUN, 1, 0, RELEASE);
  expect(refused.done).toBe(false);
  expect(refused.run?.head).toMatchObject({ epoch: 1, wakes: 1, leaseUntilMs: START_MS + 20 * SECOND });
  expect((await runs.release(RUN, 1, 1, RELEASE)).done).toBe(true);
});

it("an end of an epoch that is over is refused", async () => {
  const scenario = await start({ client, functions: [idle] });
  const { runs, claimAt } = await heldRun(scenario);
  await runs.release(RUN, 1, 0, RELEASE);
  await runs.claim(RUN, 1, claimAt(START_MS));
  const end = { output: null, error: null, ttlSeconds: 2_000_000_000, effects: [], objects: 0 };
  expect((await runs.end(RUN, 1, null, { status: "Completed", endedAtMs: START_MS, ...end })).done).toBe(false);
  expect((await runs.get(RUN))?.head).toMatchObject({ status: "Running", epoch: 2 });
});

it("a turn whose end is not answered keeps its message: it comes again and ends the run", async () => {
  let bodies = 0;
  const fn = client.createFunction({ id: "ends", triggers: { event: "shop/x" } }, ({ step }) =>
    step.run("work", () => (bodies += 1)),
  );
  const scenario = await start({ client, functions: [fn] });
  const isUp = scenario.world.aws.faults.add(({ input }) =>
    String(input["UpdateExpression"]).includes("endedAt") ? "drop" : undefined,
  );
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  isUp();
  await scenario.advance(30 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe(1);
});

it("a wake is not absorbed by a run that was released since it was read", async () => {
  const scenario = await start({ client, functions: [idle] });
  const { runs } = await heldRun(scenario);
  await runs.release(RUN, 1, 0, RELEASE);
  expect((await runs.absorb(RUN, 1, START_MS + MINUTE)).done).toBe(false);
  expect((await runs.get(RUN))?.head).toMatchObject({ wakes: 0, dueAtMs: START_MS + DAY });
});

it("a wake that comes as its run is released starts over", async () => {
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "parks", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("work", async () => {
      if (scenario) await sleep(scenario.clock, SECOND);
    });
    await step.sleep("nap", "1h");
  });
  scenario = await start({ client, functions: [fn] });
  // It counts the wake in a run that is at work; the write arrives when the run has parked.
  scenario.world.aws.faults.add(({ caller, input }) =>
    caller.name === "worker" && String(input["UpdateExpression"]).includes("wakes = wakes")
      ? { freezeMs: 5 * SECOND }
      : undefined,
  );
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  const [run = ""] = await scenario.runIds(eventId);
  await scenario.advance(500);
  await sendRaw(scenario, scenario.world.stepQueueUrl, JSON.stringify({ v: 1, run, fn: "parks", why: "arrival" }));
  await scenario.advance(3 * SECOND);
  expect((await scenario.run(run)).head).toMatchObject({ epoch: 1, leaseUntilMs: 0, wakes: 0 });
  await scenario.advance(5 * SECOND);
  // What the wake was for is looked for in a turn of its own.
  expect((await scenario.run(run)).head).toMatchObject({ epoch: 2, leaseUntilMs: 0, wakes: 0 });
  await scenario.advance(HOUR);
  expect((await scenario.run(run)).head.status).toBe("Completed");
});
