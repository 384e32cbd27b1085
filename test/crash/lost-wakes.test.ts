/**
 * Goal: when the message or the schedule that should wake a run is gone, the due index wakes it; and a schedule that is late
 * or cannot be made costs minutes, not runs (PROTOCOL §4 "Alive", §5; reliability.md §9: 20, 21, 24, 28, 102).
 * Method: queues are purged, schedules are refused, and the sweeper is on.
 */
import { expect, it } from "vitest";
import { sleep } from "../../sdk/clock.js";
import { isSendTo, onceAt, purge } from "../scenario/hands.js";
import { scenarios } from "../scenario/started.js";
import { HOUR, MINUTE, SECOND, type Scenario } from "../scenario/world.js";
import { peek, quietClient, Workers } from "./stage.js";

const start = scenarios();

interface Case {
  scenario: Scenario;
  bodies: string[];
  runId: string;
}

/** A run of a step, a sleep and a step, begun. The output is how long after the first step the last one ran. */
async function sleeping(
  sleepMs: number,
  before: (scenario: Scenario) => void = () => undefined,
  firstMs = 0,
): Promise<Case> {
  const client = quietClient();
  const bodies: string[] = [];
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "sleeper", triggers: { event: "shop/x" } }, async ({ step }) => {
    const fromMs = await step.run("first", async () => {
      bodies.push("first");
      if (scenario) await sleep(scenario.clock, firstMs);
      return scenario?.clock.now() ?? 0;
    });
    await step.sleep("nap", sleepMs);
    return step.run("last", () => {
      bodies.push("last");
      return (scenario?.clock.now() ?? 0) - fromMs;
    });
  });
  scenario = await start({ client, functions: [fn], sweeper: true });
  before(scenario);
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  const [runId = ""] = await scenario.runIds(eventId);
  return { scenario, bodies, runId };
}

function killLatest(workers: Workers | null): void {
  if (!workers) throw new Error("Nobody has watched the workers");
  workers.kill();
}

it("every run goes on after the step queue was purged, and no step of it runs twice", async () => {
  const { scenario, bodies, runId } = await sleeping(5 * MINUTE);
  await purge(scenario, scenario.world.stepQueueUrl);
  await scenario.advance(HOUR);
  const { head, output } = await scenario.run(runId);
  expect(head.status).toBe("Completed");
  // Two minutes of grace, and the sweep that comes then.
  expect(Number(output)).toBeGreaterThanOrEqual(7 * MINUTE);
  expect(Number(output)).toBeLessThan(8 * MINUTE + 5 * SECOND);
  expect(bodies).toEqual(["first", "last"]);
});

it("a run whose worker dies after the queue was purged of its message is found by its first due time", async () => {
  let workers: Workers | null = null;
  const watch = (begun: Scenario): void => void (workers = new Workers(begun));
  const { scenario, bodies, runId } = await sleeping(5 * MINUTE, watch, 3 * SECOND);
  await purge(scenario, scenario.world.stepQueueUrl);
  killLatest(workers);
  await scenario.advance(10 * MINUTE - 2 * SECOND);
  expect(bodies).toEqual(["first"]);
  await scenario.advance(HOUR);
  const { head } = await scenario.run(runId);
  expect(head).toMatchObject({ status: "Completed", seals: new Map([[1, 0]]) });
  expect(bodies).toEqual(["first", "first", "last"]);
});

it.each([
  ["throttled", "throttle"],
  ["never answered", "drop"],
] as const)("a long sleep whose schedule is %s is ended by the due index", async (_name, fault) => {
  const { scenario, bodies, runId } = await sleeping(2 * HOUR, ({ world }) => {
    world.aws.faults.add((call) => (call.operation === "CreateSchedule" ? fault : undefined));
  });
  await scenario.advance(MINUTE);
  expect(peek(scenario).head(runId)).toMatchObject({ timer: null, leaseUntilMs: 0 });
  await scenario.advance(3 * HOUR);
  const { head, output } = await scenario.run(runId);
  expect(head.status).toBe("Completed");
  expect(Number(output)).toBeGreaterThanOrEqual(2 * HOUR);
  expect(Number(output)).toBeLessThan(2 * HOUR + 3 * MINUTE + 5 * SECOND);
  expect(bodies).toEqual(["first", "last"]);
});

it("a schedule that fires and whose message is lost is made good by the due index", async () => {
  const { scenario, bodies, runId } = await sleeping(2 * HOUR);
  const lost = onceAt(scenario, (call) => isSendTo(call, "scheduler.amazonaws.com", "perdure-events"), "drop");
  await scenario.advance(3 * HOUR);
  expect(lost()).toBe(true);
  const { output } = await scenario.run(runId);
  expect(Number(output)).toBeGreaterThanOrEqual(2 * HOUR);
  expect(Number(output)).toBeLessThan(2 * HOUR + 3 * MINUTE + 5 * SECOND);
  expect(bodies).toEqual(["first", "last"]);
});

it("a worker that dies between the schedule and the release leaves a run that still wakes in time, once", async () => {
  const { scenario, bodies, runId } = await sleeping(2 * HOUR, (begun) => {
    onceAt(begun, (call) => call.operation === "CreateSchedule", "crash-after");
  });
  await scenario.advance(5 * MINUTE);
  expect(peek(scenario).head(runId)).toMatchObject({ epoch: 2, leaseUntilMs: 0 });
  expect(peek(scenario).timers()).toHaveLength(1);
  await scenario.advance(3 * HOUR);
  const { head, output } = await scenario.run(runId);
  expect(head).toMatchObject({ status: "Completed", epoch: 3 });
  expect(Number(output)).toBeGreaterThanOrEqual(2 * HOUR);
  expect(Number(output)).toBeLessThan(2 * HOUR + 2 * SECOND);
  expect(bodies).toEqual(["first", "last"]);
  expect(peek(scenario).timers()).toEqual([]);
});
