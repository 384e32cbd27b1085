/**
 * Goal: messages that come twice, early, late or to a run that is busy or over are harmless, and each is acknowledged exactly
 * when PROTOCOL §4 says so (reliability.md §9: 4, 5, 6, 21, 22, 25).
 * Method: wakes are sent by hand, or sent twice by a fault, at the moment that matters; what is left on the queue is counted.
 */
import { expect, it } from "vitest";
import { sleep } from "../../sdk/clock.js";
import { RunStore } from "../../runtime/state/run-store.js";
import { isPutOf, isSendTo, onceAt, sendRaw } from "../scenario/hands.js";
import { scenarios } from "../scenario/started.js";
import { HOUR, MINUTE, SECOND, type Scenario } from "../scenario/world.js";
import { isHeadWrite, peek, quietClient, stepMessages, Workers } from "./stage.js";

const start = scenarios();

interface Case {
  scenario: Scenario;
  workers: Workers;
  /** Bodies that have begun. */
  bodies: string[];
  /** Sends an event; answers its run. */
  begin(): Promise<string>;
  /** Sends a wake of the run by hand; answers the message's id. */
  wake(runId: string, more?: { dueMs?: number }): Promise<string>;
}

/** A function of a step that takes `stepMs` and, when it is told to, a sleep and a last step. */
async function busy(stepMs: number, sleepMs = 0): Promise<Case> {
  const client = quietClient();
  const bodies: string[] = [];
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "busy", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("work", async () => {
      bodies.push("work");
      if (scenario) await sleep(scenario.clock, stepMs);
    });
    if (sleepMs > 0) await step.sleep("nap", sleepMs);
    return step.run("last", () => {
      bodies.push("last");
      return scenario?.clock.now() ?? 0;
    });
  });
  scenario = await start({ client, functions: [fn] });
  const { world } = scenario;
  const begun = scenario;
  return {
    scenario,
    workers: new Workers(scenario),
    bodies,
    begin: async () => {
      const [eventId = ""] = await begun.send({ name: "shop/x" });
      return (await begun.runIds(eventId))[0] ?? "";
    },
    wake: (run, more = {}) => {
      const body = JSON.stringify({ v: 1, run, fn: "busy", why: "sweep", ...more });
      return sendRaw(begun, world.stepQueueUrl, body);
    },
  };
}

it("a duplicate wake while the turn runs is counted and acknowledged, and the turn is not disturbed", async () => {
  const { scenario, workers, bodies, begin, wake } = await busy(10 * SECOND);
  const runId = await begin();
  await scenario.advance(SECOND);
  await wake(runId);
  await scenario.advance(SECOND);
  expect(peek(scenario).head(runId)).toMatchObject({ epoch: 1, wakes: 1 });
  // The claim's own message alone is left.
  expect(stepMessages(scenario)).toBe(1);
  await scenario.advance(20 * SECOND);
  expect((await scenario.run(runId)).head).toMatchObject({ status: "Completed", epoch: 1 });
  expect(bodies).toEqual(["work", "last"]);
  expect(workers.sandboxes).toBe(2);
  expect(stepMessages(scenario)).toBe(0);
});

it("a wake counted before a park makes the turn look again: it parks once more, and still sleeps to the end", async () => {
  const { scenario, bodies, begin, wake } = await busy(SECOND, MINUTE);
  const runId = await begin();
  await scenario.advance(500);
  await wake(runId);
  await scenario.advance(5 * SECOND);
  expect(peek(scenario).head(runId)).toMatchObject({ epoch: 1, leaseUntilMs: 0, wakes: 1 });
  await scenario.advance(2 * MINUTE);
  const { head, output } = await scenario.run(runId);
  expect(bodies).toEqual(["work", "last"]);
  expect(Number(output) - head.createdAtMs).toBeGreaterThanOrEqual(61 * SECOND);
  expect(Number(output) - head.createdAtMs).toBeLessThan(63 * SECOND);
  expect(stepMessages(scenario)).toBe(0);
});

it("the claim's own message, delivered again while its holder is healthy, waits and is not deleted", async () => {
  const { scenario, workers, bodies, begin } = await busy(15 * SECOND);
  const runId = await begin();
  await scenario.advance(SECOND);
  await workers.redeliver();
  await scenario.advance(SECOND);
  expect(workers.sandboxes).toBe(2);
  // Not absorbed: were it deleted, the holder's crash would leave nothing behind that could wake the run.
  expect(peek(scenario).head(runId)).toMatchObject({ epoch: 1, wakes: 0 });
  expect(stepMessages(scenario)).toBe(1);
  await scenario.advance(MINUTE);
  expect((await scenario.run(runId)).head).toMatchObject({ status: "Completed", epoch: 1 });
  expect(bodies).toEqual(["work", "last"]);
  expect(stepMessages(scenario)).toBe(0);
});

it("the claim's own message, delivered again, brings the run back when its holder then dies", async () => {
  const { scenario, workers, bodies, begin } = await busy(15 * SECOND);
  const runId = await begin();
  await scenario.advance(SECOND);
  const [{ caller: { sandboxId: holder = "" } } = { caller: {} }] = workers.calls;
  await workers.redeliver();
  await scenario.advance(SECOND);
  scenario.world.aws.kill(holder);
  await scenario.advance(MINUTE);
  expect((await scenario.run(runId)).head).toMatchObject({ status: "Completed", epoch: 2 });
  expect(bodies).toEqual(["work", "work", "last"]);
});

it("two messages that start together make one claim, and the other is counted", async () => {
  const { scenario, bodies, begin } = await busy(SECOND);
  const doubled = onceAt(scenario, (call) => isSendTo(call, "dispatch", "perdure-steps"), "double");
  const runId = await begin();
  await scenario.advance(MINUTE);
  expect(doubled()).toBe(true);
  expect(bodies).toEqual(["work", "last"]);
  expect((await scenario.run(runId)).head).toMatchObject({ status: "Completed", epoch: 1, wakes: 1 });
  expect(stepMessages(scenario)).toBe(0);
});

it("a wake after the end is acknowledged and writes nothing", async () => {
  const { scenario, begin, wake } = await busy(SECOND);
  const runId = await begin();
  await scenario.advance(MINUTE);
  const before = peek(scenario).head(runId);
  expect(before?.status).toBe("Completed");
  await wake(runId);
  await scenario.advance(MINUTE);
  expect(peek(scenario).head(runId)).toEqual(before);
  expect(stepMessages(scenario)).toBe(0);
});

it("a timer that comes early claims nothing and waits on its queue until it is due", async () => {
  const { scenario, workers, bodies, begin, wake } = await busy(100, 10 * MINUTE);
  const runId = await begin();
  await scenario.advance(SECOND);
  const dueMs = scenario.clock.now() + 90 * SECOND;
  const callsBefore = workers.calls.length;
  await wake(runId, { dueMs });
  await scenario.advance(80 * SECOND);
  // One look, one change of its visibility: no busy loop, no claim.
  expect(workers.calls.slice(callsBefore).map(({ operation }) => operation)).toEqual(["ChangeMessageVisibility"]);
  expect(peek(scenario).head(runId)).toMatchObject({ epoch: 1 });
  await scenario.advance(20 * SECOND);
  // Due as a message, but the run still sleeps: looked at, and parked again.
  expect(peek(scenario).head(runId)).toMatchObject({ epoch: 2, leaseUntilMs: 0 });
  expect(bodies).toEqual(["work"]);
  await scenario.advance(10 * MINUTE);
  const { head, output } = await scenario.run(runId);
  expect(bodies).toEqual(["work", "last"]);
  expect(Number(output) - head.createdAtMs).toBeGreaterThanOrEqual(10 * MINUTE);
  expect(Number(output) - head.createdAtMs).toBeLessThan(10 * MINUTE + 2 * SECOND);
});

it("a timer that comes twice wakes its run once", async () => {
  const { scenario, bodies, begin } = await busy(100, MINUTE);
  const doubled = onceAt(scenario, (call) => isSendTo(call, "worker", "perdure-steps"), "double");
  const runId = await begin();
  await scenario.advance(5 * MINUTE);
  expect(doubled()).toBe(true);
  expect((await scenario.run(runId)).head.status).toBe("Completed");
  expect(bodies).toEqual(["work", "last"]);
  expect(stepMessages(scenario)).toBe(0);
});

it("a schedule that fires twice wakes its run once, at its time", async () => {
  const { scenario, bodies, begin } = await busy(100, 2 * HOUR);
  const doubled = onceAt(scenario, (call) => isSendTo(call, "scheduler.amazonaws.com", "perdure-events"), "double");
  const runId = await begin();
  await scenario.advance(3 * HOUR);
  expect(doubled()).toBe(true);
  const { head, output } = await scenario.run(runId);
  expect(bodies).toEqual(["work", "last"]);
  expect(Number(output) - head.createdAtMs).toBeGreaterThanOrEqual(2 * HOUR);
  expect(Number(output) - head.createdAtMs).toBeLessThan(2 * HOUR + 2 * SECOND);
  expect(stepMessages(scenario)).toBe(0);
});

it("a schedule that fires after its run was cancelled is ignored, and nothing of it is left", async () => {
  const { scenario, bodies, begin } = await busy(100, 2 * HOUR);
  const runId = await begin();
  await scenario.advance(HOUR);
  expect(peek(scenario).timers()).toHaveLength(1);
  const runs = new RunStore(scenario.world.services("operator"));
  const end = { endedAtMs: scenario.clock.now(), output: null, error: null, ttlSeconds: 4_000_000_000, objects: 0 };
  await runs.cancel(runId, { ...end, status: "Cancelled", effects: [] });
  const cancelled = peek(scenario).head(runId);
  await scenario.advance(2 * HOUR);
  expect(peek(scenario).head(runId)).toEqual(cancelled);
  expect(cancelled?.status).toBe("Cancelled");
  expect(bodies).toEqual(["work"]);
  expect(peek(scenario).timers()).toEqual([]);
  expect(
    peek(scenario)
      .messages()
      .every(({ messages }) => messages === 0),
  ).toBe(true);
});

it("a log item that is written twice is one result, and the run goes on", async () => {
  const { scenario, bodies, begin } = await busy(SECOND);
  const doubled = onceAt(scenario, (call) => isPutOf(call, "LOG#"), "double");
  const runId = await begin();
  await scenario.advance(10 * SECOND);
  expect(doubled()).toBe(true);
  expect((await scenario.run(runId)).entries.map((entry) => entry.k)).toEqual(["done", "done"]);
  expect(bodies).toEqual(["work", "last"]);
});

it("a wake that comes between a turn's last look and its end is acknowledged and loses nothing", async () => {
  const { scenario, bodies, wake } = await busy(100, MINUTE);
  let runId = "";
  let sent = false;
  scenario.world.aws.faults.add((call) => {
    if (sent || !isHeadWrite(call, "logged")) return undefined;
    sent = true;
    // The release is on its way while the wake is counted: its condition must refuse it.
    void wake(runId);
    return { freezeMs: 2 * SECOND };
  });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  runId = (await scenario.runIds(eventId))[0] ?? "";
  await scenario.advance(5 * MINUTE);
  expect(sent).toBe(true);
  expect((await scenario.run(runId)).head).toMatchObject({ status: "Completed", wakes: 1 });
  expect(bodies).toEqual(["work", "last"]);
  expect(stepMessages(scenario)).toBe(0);
});
