/**
 * Goal: a write whose answer was lost is neither taken for failed nor done twice: a failed condition whose stored item carries
 * one's own token is success (PROTOCOL §3; reliability.md §9: 2).
 * Method: the answer to one kind of write is lost, once or for good; what the table and the bodies show afterwards.
 */
import { describe, expect, it } from "vitest";
import { sleep } from "../../sdk/clock.js";
import type { AwsCall } from "../../local/aws/call.js";
import { RunStore, type RunEnd } from "../../runtime/state/run-store.js";
import { isPutOf, isSendTo, onceAt } from "../scenario/hands.js";
import { scenarios } from "../scenario/started.js";
import { MINUTE, SECOND, type Scenario } from "../scenario/world.js";
import { isHeadWrite, peek, quietClient, stepMessages, Workers } from "./stage.js";
import { Tap } from "./tap.js";

const start = scenarios();

interface Case {
  scenario: Scenario;
  bodies: string[];
  tap: Tap;
}

/** A step of `stepMs`, a sleep of a minute, a step. */
async function sleeper(stepMs: number, workerTimeoutMs?: number): Promise<Case> {
  const client = quietClient();
  const bodies: string[] = [];
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "sleeper", triggers: { event: "shop/x" } }, async ({ step }) => {
    for (const id of ["a", "b"]) {
      await step.run(id, async () => {
        bodies.push(id);
        if (scenario) await sleep(scenario.clock, stepMs);
      });
    }
    await step.sleep("nap", "1m");
    return step.run("last", () => bodies.push("last"));
  });
  scenario = await start({
    client,
    functions: [fn],
    ...(workerTimeoutMs === undefined ? {} : { workerTimeoutMs }),
  });
  return { scenario, bodies, tap: new Tap(scenario.world, () => scenario?.clock.now() ?? 0) };
}

const isWorker = (call: AwsCall): boolean => call.caller.name === "worker";

/** The kinds of writes by a part of what tells them, and the epoch and seals a run of two turns ends with. */
const headWrites: [string, (call: AwsCall) => boolean][] = [
  ["the first claim", (call) => isWorker(call) && isHeadWrite(call, "startedAt")],
  ["a beat", (call) => isWorker(call) && isHeadWrite(call, "leaseUntil = :s0") && !isHeadWrite(call, "logged")],
  ["a log item", (call) => isWorker(call) && isPutOf(call, "LOG#")],
  ["the timer's message", (call) => isSendTo(call, "worker", "perdure-steps")],
  ["the release", (call) => isWorker(call) && isHeadWrite(call, "logged")],
  ["the end", (call) => isWorker(call) && isHeadWrite(call, "endedAt")],
];

describe.each(["lost", "double"] as const)("an answer that is %s", (fault) => {
  it.each(headWrites)("%s stands, and the turn goes on", async (_name, matches) => {
    const { scenario, bodies, tap } = await sleeper(4 * SECOND);
    const struck = onceAt(scenario, matches, fault);
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(9 * SECOND);
    const [runId = ""] = await scenario.runIds(eventId);
    // Nothing was waited for: the first turn has ended in its own time, in its own epoch.
    expect(peek(scenario).head(runId)).toMatchObject({ epoch: 1, leaseUntilMs: 0, crashes: 0 });
    await scenario.advance(2 * MINUTE);
    expect(struck()).toBe(true);
    expect((await scenario.run(runId)).head).toMatchObject({ status: "Completed", epoch: 2, seals: new Map() });
    expect(tap.fates.of(runId)).toEqual({ ends: 1, changedAfterEnd: [] });
    expect(bodies).toEqual(["a", "b", "last"]);
    expect(stepMessages(scenario)).toBe(0);
  });

  it("the yield stands, and one continuation goes on", async () => {
    // After the first step the invocation has too little time left for the second.
    const { scenario, bodies } = await sleeper(8_600, 10 * SECOND);
    const struck = onceAt(scenario, (call) => isWorker(call) && isHeadWrite(call, "logged"), fault);
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(3 * MINUTE);
    expect(struck()).toBe(true);
    const { head } = await scenario.runOf(eventId);
    // A turn for each step, one after the sleep.
    expect(head).toMatchObject({ status: "Completed", epoch: 3, seals: new Map() });
    expect(bodies).toEqual(["a", "b", "last"]);
    expect(stepMessages(scenario)).toBe(0);
  });

  it("the steal stands, and seals what was read", async () => {
    const { scenario, bodies } = await sleeper(4 * SECOND);
    const workers = new Workers(scenario);
    const struck = onceAt(scenario, (call) => isWorker(call) && isHeadWrite(call, "seals."), fault);
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(5 * SECOND);
    workers.kill();
    await scenario.advance(3 * MINUTE);
    expect(struck()).toBe(true);
    const { head } = await scenario.runOf(eventId);
    expect(head).toMatchObject({ status: "Completed", epoch: 3, seals: new Map([[1, 1]]) });
    expect(bodies).toEqual(["a", "b", "b", "last"]);
  });

  it("the cancel stands, and is no second cancel", async () => {
    const { scenario, bodies } = await sleeper(4 * SECOND);
    const struck = onceAt(scenario, (call) => call.caller.name === "operator", fault);
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(6 * SECOND);
    const [runId = ""] = await scenario.runIds(eventId);
    const end: RunEnd = {
      status: "Cancelled",
      endedAtMs: scenario.clock.now(),
      output: null,
      error: null,
      ttlSeconds: 4_000_000_000,
      effects: [],
      objects: 0,
    };
    const cancelling = new RunStore(scenario.world.services("operator")).cancel(runId, end);
    await scenario.advance(SECOND);
    expect(await cancelling).toMatchObject({ done: true });
    expect(struck()).toBe(true);
    await scenario.advance(5 * MINUTE);
    expect((await scenario.run(runId)).head).toMatchObject({ status: "Cancelled", epoch: 2 });
    expect(bodies).toEqual(["a", "b"]);
  });
});

it("answers that are lost for good end the turn as unknown, and the run goes on when they come again", async () => {
  const { scenario, bodies, tap } = await sleeper(4 * SECOND);
  let isDown = false;
  scenario.world.aws.faults.add((call) => (isDown && isWorker(call) ? "lost" : undefined));
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(6 * SECOND);
  isDown = true;
  await scenario.advance(2 * MINUTE);
  isDown = false;
  await scenario.advance(5 * MINUTE);
  const { head } = await scenario.runOf(eventId);
  expect(head.status).toBe("Completed");
  expect(tap.fates.of(head.runId)).toEqual({ ends: 1, changedAfterEnd: [] });
  expect(bodies.filter((id) => id === "a")).toHaveLength(1);
  expect(bodies.filter((id) => id === "last")).toHaveLength(1);
  expect(stepMessages(scenario)).toBe(0);
});

it("a retry whose wake cannot be sent is sent by the message that comes again", async () => {
  const client = quietClient();
  const attempts: number[] = [];
  const fn = client.createFunction({ id: "flaky", triggers: { event: "shop/x" } }, async (context) =>
    context.step.run("flaky", () => {
      attempts.push(context.attempt);
      if (context.attempt === 0) throw new Error("not yet");
      return "done";
    }),
  );
  const scenario = await start({ client, functions: [fn] });
  let isDown = true;
  scenario.world.aws.faults.add((call) => (isDown && isSendTo(call, "worker", "perdure-steps") ? "drop" : undefined));
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * SECOND);
  isDown = false;
  await scenario.advance(90 * SECOND);
  expect((await scenario.runOf(eventId)).output).toBe("done");
  expect(attempts).toEqual([0, 1]);
});
