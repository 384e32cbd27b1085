/**
 * What an operation costs: AWS calls and billed units, counted by the ledger of the embedded AWS on a virtual clock and held
 * against DESIGN §10; dollars per million steps from them. No time is measured here: the numbers are exact and repeatable.
 */
import { Perdure } from "../sdk/client.js";
import type { PerdureFunction } from "../sdk/function.js";
import { priceOf, type Tally } from "../local/aws/ledger.js";
import { Scenario } from "../test/scenario/world.js";
import { report, rounded } from "./report.js";

const client = new Perdure({ id: "bench" });

/** Runs counted together: dispatch's batches and the mapping's receives are shared as they are in life. */
const RUNS = 100;

interface Cost {
  writes: number;
  indexWrites: number;
  reads: number;
  sqsRequests: number;
  schedules: number;
  lambdaStarts: number;
  dollars: number;
}

const WORKER_GB = 0.5;
/** aws.md §2: 15 ms of ingest at 0.25 GB; a worker's turn 24 ms and 8 ms a step of DynamoDB at 0.5 GB, no user work. */
const lambdaDollars = (starts: number, workerMs: number): number =>
  starts * 0.2e-6 + (0.25 * 0.015 + WORKER_GB * (workerMs / 1_000)) * 1.33334e-5;
const HTTP_DOLLARS = 1e-6;

async function costOf(
  fn: PerdureFunction<never> | readonly PerdureFunction<never>[],
  name: string,
  workerMs: number,
  advanceMs: number,
): Promise<Cost> {
  const functions = Array.isArray(fn) ? fn : [fn];
  const scenario = await Scenario.start({ client, functions });
  const mark = scenario.world.aws.ledger.mark();
  let starts = 0;
  scenario.world.onInvocation((report) => (starts += report.functionName === "ingest" ? 0 : 1));
  // At once, as under load: dispatch takes its messages ten at a time.
  await Promise.all(Array.from({ length: RUNS }, () => scenario.post([{ name, data: {} }])));
  await scenario.clock.settle();
  await scenario.advance(advanceMs);
  const tally: Tally = scenario.world.aws.ledger.since(mark);
  await scenario.stop();
  const { units } = tally;
  const perRun = (total: number): number => rounded(total / RUNS);
  return {
    writes: perRun(units.writeUnits),
    indexWrites: perRun(units.indexWriteUnits),
    reads: perRun(units.readUnits),
    sqsRequests: perRun(units.sqsRequests),
    schedules: perRun(units.scheduleInvocations),
    lambdaStarts: perRun(starts),
    dollars: (priceOf(units) / RUNS + HTTP_DOLLARS + lambdaDollars(1 + starts / RUNS, workerMs)) * 1,
  };
}

const steps = (count: number, limits: { concurrency?: number } = {}) =>
  client.createFunction(
    { id: `steps-${count}`, triggers: { event: `bench/steps-${count}` }, ...limits },
    async ({ step }) => {
      for (let index = 0; index < count; index += 1) await step.run(`step-${index}`, () => ({ index }));
      return count;
    },
  );

const sleeping = (id: string, duration: "10m" | "2h") =>
  client.createFunction({ id, triggers: { event: `bench/${id}` } }, async ({ step }) => {
    await step.sleep("nap", duration);
  });

const retrying = () => {
  const failed = new Set<string>();
  return client.createFunction({ id: "retry", triggers: { event: "bench/retry" } }, async ({ step, runId }) => {
    await step.run("once", () => {
      if (failed.has(runId)) return null;
      failed.add(runId);
      throw new Error("once");
    });
  });
};

/** The child answers at once, or after ten minutes; the event starts the parent alone. */
function invoking(id: string, childMs: number): PerdureFunction<never>[] {
  const child = client.createFunction({ id: `${id}-child` }, async ({ step }) => {
    if (childMs > 0) await step.sleep("nap", childMs);
    return "answer";
  });
  const parent = client.createFunction({ id, triggers: { event: `bench/${id}` } }, ({ step }) =>
    step.invoke("ask", { function: child }),
  );
  return [parent, child];
}

const HOUR_MS = 3_600_000;

function difference(a: Cost, b: Cost, divisor = 1): Cost {
  const entries = Object.keys(a).map((key) => {
    const name = key as keyof Cost;
    return [name, rounded((a[name] - b[name]) / divisor, 9)];
  });
  return Object.fromEntries(entries) as Cost;
}

/** What DESIGN §10 allows: writes and index writes together. */
function hold(operation: string, cost: Cost, allowedWrites: number, more: Record<string, unknown> = {}): void {
  const writes = rounded(cost.writes + cost.indexWrites);
  report({ bench: "units", operation, ...cost, allowedWrites, within: writes <= allowedWrites, ...more });
}

export async function benchUnits(): Promise<void> {
  const empty = await costOf(steps(0), "bench/steps-0", 14, 0);
  const five = await costOf(steps(5), "bench/steps-5", 14 + 40, 0);
  const fifty = await costOf(steps(50), "bench/steps-50", 14 + 400, 0);
  const shortSleep = await costOf(sleeping("short", "10m"), "bench/short", 28, HOUR_MS);
  const longSleep = await costOf(sleeping("long", "2h"), "bench/long", 28, 3 * HOUR_MS);
  const retry = await costOf(retrying(), "bench/retry", 36, HOUR_MS);
  const limited = await costOf(steps(5, { concurrency: 1_000 }), "bench/steps-5", 14 + 40 + 16, 0);
  const one = await costOf(steps(1), "bench/steps-1", 22, 0);

  const quickChild = await costOf(invoking("quick", 0), "bench/quick", 42, HOUR_MS);
  const slowChild = await costOf(invoking("slow", 600_000), "bench/slow", 56, HOUR_MS);

  hold("event routed, run created, claimed, ended", empty, 2 + 6);
  hold("step in a turn", difference(fifty, empty, 50), 1);
  hold("five-step run", five, 13, {
    dollarsPerMillionSteps: rounded((five.dollars / 5) * 1e6, 2),
    allowedDollars: 2.3,
  });
  hold("fifty-step run", fifty, 58, { dollarsPerMillionSteps: rounded((fifty.dollars / 50) * 1e6, 2) });
  hold("turn under a concurrency limit that is not reached", difference(limited, five), 2);
  hold("sleep of 10 minutes", difference(shortSleep, empty), 5);
  hold("sleep of 2 hours", difference(longSleep, empty), 5);
  hold("retry", difference(retry, one), 5);
  // A wait (6 + 2), the child's own event and run (2 + 6), and noting that its end was told (1 + 1).
  hold("invoke, answered at once", difference(quickChild, empty), 8 + 8 + 2);
  hold("invoke, answered after a sleep of 10 minutes", difference(slowChild, empty), 8 + 8 + 2 + 5);
}
