/**
 * Goal: a cancelled run is over: what its turn still does is told to stop within a beat, and nothing of it is recorded
 * (DESIGN §7; reliability.md §9: 25, 45, 46, 47).
 * Method: the run is cancelled by the operator's own write at the moment that matters.
 */
import { expect, it } from "vitest";
import { sleep } from "../../sdk/clock.js";
import { RunStore, type HeadWrite } from "../../runtime/state/run-store.js";
import { isPutOf, onceAt } from "../scenario/hands.js";
import { scenarios } from "../scenario/started.js";
import { MINUTE, SECOND, type Scenario } from "../scenario/world.js";
import { isHeadWrite, peek, quietClient, stepMessages } from "./stage.js";
import { Tap } from "./tap.js";

const start = scenarios();

interface Case {
  scenario: Scenario;
  tap: Tap;
  bodies: string[];
  /** When the body's signal was aborted, ms after the cancel; null when it never was. */
  abortedAfterMs: () => number | null;
  begin(): Promise<string>;
  cancel(runId: string): Promise<HeadWrite>;
}

/** Cancels as an operator does, leaving no effects. */
function cancelRun({ world, clock }: Scenario, runId: string): Promise<HeadWrite> {
  const end = { endedAtMs: clock.now(), output: null, error: null, ttlSeconds: 4_000_000_000, objects: 0 };
  return new RunStore(world.services("operator")).cancel(runId, { ...end, status: "Cancelled", effects: [] });
}

/** A step of `bodyMs` that watches its signal, and one after it. */
async function watched(bodyMs: number): Promise<Case> {
  const client = quietClient();
  const bodies: string[] = [];
  let abortedAtMs: number | null = null;
  let cancelledAtMs = 0;
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "watched", triggers: { event: "shop/x" } }, async ({ step, signal }) => {
    await step.run("work", async () => {
      bodies.push("work");
      signal.addEventListener("abort", () => (abortedAtMs ??= scenario?.clock.now() ?? 0));
      if (scenario) await sleep(scenario.clock, bodyMs);
      bodies.push("work ended");
    });
    await step.run("next", () => void bodies.push("next"));
    return "done";
  });
  scenario = await start({ client, functions: [fn] });
  const { clock, world } = scenario;
  const begun = scenario;
  return {
    scenario,
    tap: new Tap(world, () => clock.now()),
    bodies,
    abortedAfterMs: () => (abortedAtMs === null ? null : abortedAtMs - cancelledAtMs),
    begin: async () => {
      const [eventId = ""] = await begun.send({ name: "shop/x" });
      return (await begun.runIds(eventId))[0] ?? "";
    },
    cancel: (runId) => {
      cancelledAtMs = clock.now();
      return cancelRun(begun, runId);
    },
  };
}

it("during a body: its signal is aborted within a beat, nothing is recorded, and no further body begins", async () => {
  const { scenario, tap, bodies, abortedAfterMs, begin, cancel } = await watched(20 * SECOND);
  const runId = await begin();
  await scenario.advance(7 * SECOND);
  expect(await cancel(runId)).toMatchObject({ done: true });
  const cancelled = peek(scenario).head(runId);
  await scenario.advance(5 * MINUTE);
  expect(abortedAfterMs()).toBeGreaterThan(0);
  expect(abortedAfterMs()).toBeLessThanOrEqual(5 * SECOND);
  expect(peek(scenario).head(runId)).toEqual(cancelled);
  expect(cancelled).toMatchObject({ status: "Cancelled", epoch: 2 });
  expect(peek(scenario).entries(runId)).toEqual([]);
  expect(tap.fates.of(runId)).toEqual({ ends: 1, changedAfterEnd: [] });
  // The body ends by itself; nobody listens.
  expect(bodies).toEqual(["work", "work ended"]);
  expect(stepMessages(scenario)).toBe(0);
});

it("that comes while the end is on its way: the first of the two stands, and the other is told so", async () => {
  const { scenario, tap, begin, cancel } = await watched(SECOND);
  const struck = onceAt(scenario, (call) => isHeadWrite(call, "endedAt") && call.caller.name === "worker", {
    freezeMs: 3 * SECOND,
  });
  const runId = await begin();
  await scenario.advance(2 * SECOND);
  expect(await cancel(runId)).toMatchObject({ done: true });
  await scenario.advance(MINUTE);
  expect(struck()).toBe(true);
  expect((await scenario.run(runId)).head).toMatchObject({ status: "Cancelled" });
  expect((await scenario.run(runId)).output).toBeNull();
  expect(tap.fates.of(runId)).toEqual({ ends: 1, changedAfterEnd: [] });
});

it("of a run that has completed changes nothing and says so", async () => {
  const { scenario, begin, cancel } = await watched(SECOND);
  const runId = await begin();
  await scenario.advance(MINUTE);
  const completed = peek(scenario).head(runId);
  expect(await cancel(runId)).toMatchObject({ done: false, run: { head: { status: "Completed" } } });
  expect(peek(scenario).head(runId)).toEqual(completed);
});

it("what the turn still writes after the cancel, before its next beat, is no history", async () => {
  const { scenario, bodies, begin, cancel } = await watched(6 * SECOND);
  const runId = await begin();
  await scenario.advance(5_500);
  await cancel(runId);
  const cancelled = peek(scenario).head(runId);
  await scenario.advance(5 * MINUTE);
  // The turn has not heard of it yet when its body ends: it writes, and goes on for less than a beat.
  expect(bodies).toEqual(["work", "work ended", "next"]);
  expect(peek(scenario).written(runId)).toHaveLength(2);
  expect((await scenario.run(runId)).entries).toEqual([]);
  expect(peek(scenario).head(runId)).toEqual(cancelled);
  expect(cancelled).toMatchObject({ status: "Cancelled", epoch: 2, seals: new Map([[1, 0]]) });
  expect(stepMessages(scenario)).toBe(0);
});

it("what was written before the cancel stays, of this turn and of those before it", async () => {
  const client = quietClient();
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "four", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("a", () => "a");
    await step.sleep("nap", "1m");
    await step.run("b", () => "b");
    await step.run("c", async () => {
      if (scenario) await sleep(scenario.clock, 2 * SECOND);
    });
  });
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE + 2 * SECOND);
  const [runId = ""] = await scenario.runIds(eventId);
  const before = (await scenario.run(runId)).entries;
  expect(before.map((entry) => entry.k)).toEqual(["done", "op", "seen", "done"]);
  await cancelRun(scenario, runId);
  await scenario.advance(5 * MINUTE);
  const { head, entries } = await scenario.run(runId);
  expect(entries).toEqual(before);
  expect(head).toMatchObject({ status: "Cancelled", epoch: 3, seals: new Map([[2, 1]]) });
});

it("of a run that waits needs one write and seals nothing: its log is complete", async () => {
  const client = quietClient();
  const fn = client.createFunction({ id: "waits", triggers: { event: "shop/x" } }, ({ step }) =>
    step.sleep("nap", "1h"),
  );
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  const [runId = ""] = await scenario.runIds(eventId);
  const mark = scenario.world.aws.ledger.mark();
  expect(await cancelRun(scenario, runId)).toMatchObject({ done: true });
  expect(scenario.world.aws.ledger.since(mark).rows.map(({ operation, calls }) => [operation, calls])).toEqual([
    ["UpdateItem", 1],
  ]);
  expect(peek(scenario).head(runId)).toMatchObject({ status: "Cancelled", seals: new Map() });
});

it("of a run that parks under the cancel's eyes takes it as it has parked, with all it wrote", async () => {
  const client = quietClient();
  const fn = client.createFunction({ id: "parks", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("a", () => "a");
    await step.sleep("nap", "1h");
  });
  const scenario = await start({ client, functions: [fn] });
  // The log is counted, and the answer takes its time: meanwhile the turn writes and parks.
  const struck = onceAt(scenario, (call) => call.caller.name === "operator" && call.operation === "Query", {
    freezeMs: 3 * SECOND,
    when: "after",
  });
  onceAt(scenario, (call) => isPutOf(call, "LOG#"), { freezeMs: SECOND });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  const [runId = ""] = await scenario.runIds(eventId);
  const cancelling = cancelRun(scenario, runId);
  await scenario.advance(MINUTE);
  expect(struck()).toBe(true);
  expect(await cancelling).toMatchObject({ done: true });
  const { head, entries } = await scenario.run(runId);
  expect(head).toMatchObject({ status: "Cancelled", epoch: 2, seals: new Map() });
  expect(entries.map((entry) => entry.k)).toEqual(["done", "op"]);
});
