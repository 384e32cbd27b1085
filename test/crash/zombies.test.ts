/**
 * Goal: a worker that comes back after its run was taken over changes nothing: not the log, not the head, not what any
 * function sees (PROTOCOL §2; reliability.md §9: 3, 16).
 * Method: a worker is frozen past its lease in the middle of a step; each execution of the body returns its own number.
 */
import { expect, it } from "vitest";
import { sleep } from "../../sdk/clock.js";
import { isPutOf } from "../scenario/hands.js";
import { scenarios } from "../scenario/started.js";
import { MINUTE, SECOND, type Scenario } from "../scenario/world.js";
import { isHeadWrite, peek, quietClient, stepMessages, Workers } from "./stage.js";
import { Tap } from "./tap.js";

const start = scenarios();

interface Case {
  scenario: Scenario;
  workers: Workers;
  tap: Tap;
  /** What the function was shown, pass by pass. */
  shown: number[][];
  executions: () => number;
}

/** A function of one slow step whose result is the number of its execution, and a quick one after it. */
async function slowStep(bodyMs: number, workerTimeoutMs = 15 * MINUTE): Promise<Case> {
  const client = quietClient();
  const shown: number[][] = [];
  let executions = 0;
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "slow", triggers: { event: "shop/x" } }, async ({ step }) => {
    const pass: number[] = [];
    shown.push(pass);
    const result = await step.run("slow", async () => {
      executions += 1;
      const execution = executions;
      if (scenario) await sleep(scenario.clock, bodyMs);
      return execution;
    });
    pass.push(result);
    return step.run("after", () => `after execution ${result}`);
  });
  scenario = await start({ client, functions: [fn], workerTimeoutMs });
  const tap = new Tap(scenario.world, () => scenario?.clock.now() ?? 0);
  return { scenario, workers: new Workers(scenario), tap, shown, executions: () => executions };
}

it("a zombie that thaws after its run was taken over and finished changes nothing", async () => {
  const { scenario, workers, tap, shown, executions } = await slowStep(5 * SECOND);
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  workers.freeze(MINUTE);
  await scenario.advance(50 * SECOND);
  const finished = await scenario.runOf(eventId);
  expect(finished.output).toBe("after execution 2");
  expect(executions()).toBe(2);
  await scenario.advance(10 * MINUTE);
  const { head, entries, output } = await scenario.runOf(eventId);
  expect(output).toBe("after execution 2");
  expect(head).toEqual(finished.head);
  expect(entries).toEqual(finished.entries);
  expect(tap.fates.of(head.runId)).toEqual({ ends: 1, changedAfterEnd: [] });
  expect(shown.flat()).toEqual([2]);
  expect(stepMessages(scenario)).toBe(0);
});

it("a zombie's log write that lands outside the seal is stored and never shown, to anyone", async () => {
  const { scenario, workers, shown, executions } = await slowStep(5 * SECOND);
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  workers.freeze(26 * SECOND);
  // The thief is at work on its own execution when the zombie's result arrives.
  await scenario.advance(26 * SECOND + 100);
  const [runId = ""] = await scenario.runIds(eventId);
  expect(
    peek(scenario)
      .written(runId)
      .map(({ sortKey }) => sortKey),
  ).toEqual(["LOG#000001#000001", "LOG#000002#000001"]);
  expect(
    peek(scenario)
      .entries(runId)
      .map((entry) => entry.k),
  ).toEqual(["start"]);
  expect(peek(scenario).head(runId)?.seals).toEqual(new Map([[1, 0]]));
  expect(executions()).toBe(2);
  await scenario.advance(10 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe("after execution 2");
  expect(shown.flat()).toEqual([2]);
});

it("a log write that lands before the thief reads is history, though its writer is frozen", async () => {
  const { scenario, workers, shown, executions } = await slowStep(5 * SECOND);
  // Applied at once, answered half a minute later: the zombie does not know that its result stands.
  scenario.world.aws.faults.add((call) => {
    if (!isPutOf(call, "LOG#000001")) return undefined;
    workers.freeze(30 * SECOND);
    return { freezeMs: 30 * SECOND, when: "after" };
  });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe("after execution 1");
  expect(executions()).toBe(1);
  expect(shown.flat()).toEqual([1]);
});

it.each([
  ["release", "logged"],
  ["end", "endedAt"],
])("a zombie's %s that arrives while the thief is at work is refused", async (_name, part) => {
  const client = quietClient();
  let executions = 0;
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "parks", triggers: { event: "shop/x" } }, async ({ step }) => {
    const first = await step.run("first", async () => {
      if (scenario) await sleep(scenario.clock, 300);
      return "first";
    });
    if (part === "logged") await step.sleep("nap", "1m");
    return part === "logged" ? step.run("last", () => `${(executions += 1)}`) : first;
  });
  scenario = await start({ client, functions: [fn] });
  const tap = new Tap(scenario.world, () => scenario?.clock.now() ?? 0);
  const workers = new Workers(scenario);
  let struck = false;
  scenario.world.aws.faults.add((call) => {
    if (struck || !isHeadWrite(call, part)) return undefined;
    struck = true;
    workers.freeze(40 * SECOND);
    return { freezeMs: 40 * SECOND };
  });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * MINUTE);
  const { head, output } = await scenario.runOf(eventId);
  expect(struck).toBe(true);
  expect(output).toBe(part === "logged" ? "1" : "first");
  expect(head.seals).toEqual(new Map([[1, part === "logged" ? 2 : 1]]));
  expect(tap.fates.of(head.runId)).toEqual({ ends: 1, changedAfterEnd: [] });
});

it("a body that ignores its signal for 14 minutes past the lease is fenced, and its sandbox is not used again", async () => {
  const { scenario, workers, executions, shown } = await slowStep(14 * MINUTE);
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  const [{ caller: { sandboxId: zombie = "" } } = { caller: {} }] = workers.calls;
  // Long enough for the lease to be taken over; then the body goes on as if nothing had been.
  workers.freeze(30 * SECOND);
  await scenario.advance(MINUTE);
  expect(peek(scenario).head((await scenario.runIds(eventId))[0] ?? "")?.epoch).toBe(2);
  await scenario.advance(30 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe("after execution 2");
  expect(executions()).toBe(2);
  expect(shown.flat()).toEqual([2]);
  workers.calls.length = 0;
  // Two at once need every sandbox that is still warm.
  await scenario.send({ name: "shop/x" }, { name: "shop/x" });
  await scenario.advance(SECOND);
  expect(workers.sandboxes).toBe(2);
  expect(workers.calls.map(({ caller }) => caller.sandboxId)).not.toContain(zombie);
});
