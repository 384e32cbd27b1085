/**
 * What a million runs cost, part by part, beside what others ask, and what a stack costs a month when nothing happens.
 * Counted in the in-process world on a virtual clock: days of sleep and hours of retries cannot be waited for. That the
 * deployed stack bills the same is checked with the five-step run: the synthesized template on the embedded AWS, functions
 * in processes of their own, roles enforced.
 */
import { join } from "node:path";
import { emfMetrics } from "../runtime/lambda/emf-metrics.js";
import { realClock, type Clock } from "../sdk/clock.js";
import type { PerdureFunction } from "../sdk/function.js";
import { DAY, HOUR, MINUTE, Scenario } from "../test/scenario/world.js";
import { billOf, type Bill, type Counted } from "./bill.js";
import {
  ATTEMPTS,
  client,
  distributed,
  FAN,
  fanOut,
  limited,
  retryHeavy,
  sleeper,
  steps,
  waiter,
} from "./cost-functions.js";
import { countDeployed } from "./cost-deployed.js";
import { idleCost } from "./idle.js";
import { peersFor, type Work } from "./peers.js";
import { report, rounded } from "./report.js";

interface Case {
  name: string;
  event: string;
  functions: readonly PerdureFunction<never>[];
  /** Counted together: batches are shared as they are in life. */
  runs: number;
  /** Events of one run, its children's included. */
  eventsPerRun: number;
  advanceMs: number;
  /** Steps of one run, its children's included; 0 where a price per step says nothing. */
  steps: number;
  work: Work;
  /** Sent to each run an hour after it began. */
  answer?: string;
  /** For steps that take time: the clock on which they do. */
  on?: (clock: Clock) => void;
}

const DEPLOYED_RUNS = 40;
/** A million steps of a five-step run, all in (DESIGN §10). */
const ALLOWED_DOLLARS = 2.3;

/** What CloudWatch adds to each line (PutLogEvents). */
const LINE_BYTES = 26;

const stepRun = (count: number): Case => ({
  name: `${count}-step run`,
  event: `bench/steps-${count}`,
  functions: [steps(count)],
  runs: 100,
  eventsPerRun: 1,
  advanceMs: MINUTE,
  steps: count,
  work: { actions: count + 1, attempts: count },
});

/** All runs begin at once: with a lower limit than there are runs, most of them wait for a place. */
const limitedRun = (limit: number, name: string): Case => {
  const { fn, on } = limited(limit);
  return {
    name,
    event: `bench/${fn.id}`,
    functions: [fn],
    runs: 100,
    eventsPerRun: 1,
    advanceMs: 10 * MINUTE,
    steps: 5,
    work: { actions: 6, attempts: 5 },
    on,
  };
};

const CASES: readonly Case[] = [
  stepRun(5),
  stepRun(1),
  stepRun(50),
  {
    name: "one sleep of a day",
    event: "bench/sleeper",
    functions: [sleeper()],
    runs: 100,
    eventsPerRun: 1,
    advanceMs: 2 * DAY,
    steps: 0,
    work: { actions: 2, attempts: 0 },
  },
  {
    name: "one wait of an hour, ended by an event",
    event: "bench/waiter",
    answer: "bench/answer",
    functions: [waiter()],
    runs: 100,
    eventsPerRun: 2,
    advanceMs: 2 * HOUR,
    steps: 0,
    work: { actions: 3, attempts: 0 },
  },
  {
    name: `fan-out of ${FAN} distributed steps`,
    event: "bench/distributed",
    functions: [distributed()],
    runs: 10,
    eventsPerRun: 1,
    advanceMs: MINUTE,
    steps: FAN,
    work: { actions: 1 + FAN, attempts: FAN },
  },
  {
    name: `fan-out of ${FAN} events, each a one-step run`,
    event: "bench/fan-out",
    functions: [fanOut(), steps(1)],
    runs: 10,
    eventsPerRun: 1 + FAN,
    advanceMs: MINUTE,
    steps: 1 + FAN,
    work: { actions: 2 + 2 * FAN, attempts: 1 + FAN },
  },
  {
    name: `5-step run, each step fails ${ATTEMPTS - 1} times`,
    event: "bench/retry-heavy",
    functions: [retryHeavy()],
    runs: 100,
    eventsPerRun: 1,
    advanceMs: HOUR,
    steps: 5,
    work: { actions: 1 + 5 * ATTEMPTS, attempts: 5 * ATTEMPTS },
  },
];

const LIMITED: readonly Case[] = [
  limitedRun(1_000, "5-step run, concurrency-limited: the limit is not reached"),
  limitedRun(1, "5-step run, concurrency-limited: a hundred at once, one may execute"),
];

async function count(each: Case, invocationLogBytes: number): Promise<Counted> {
  let lineBytes = 0;
  const countLine = (_level: unknown, line: string): void => void (lineBytes += Buffer.byteLength(line) + LINE_BYTES);
  const metrics = emfMetrics("perdure", realClock, countLine);
  const scenario = await Scenario.start({ client, functions: each.functions, metrics });
  const { world } = scenario;
  each.on?.(scenario.clock);
  const mark = world.aws.ledger.mark();
  const invocations = new Map<string, number>();
  world.onInvocation(({ functionName }) => invocations.set(functionName, (invocations.get(functionName) ?? 0) + 1));
  await sendToAll(scenario, each.runs, each.event);
  if (each.answer !== undefined) {
    await scenario.advance(HOUR);
    await sendToAll(scenario, each.runs, each.answer);
  }
  await scenario.advance(each.advanceMs);
  const { rows } = world.aws.ledger.since(mark);
  await scenario.stop();
  const events = each.runs * each.eventsPerRun;
  return { runs: each.runs, rows, invocations, events, invocationLogBytes, lineBytes };
}

async function sendToAll(scenario: Scenario, runs: number, name: string): Promise<void> {
  await Promise.all(Array.from({ length: runs }, (_, run) => scenario.post([{ name, data: { run } }])));
  await scenario.clock.settle();
}

const dollars = (bill: object): Record<string, number> =>
  Object.fromEntries(Object.entries(bill).map(([part, value]) => [part, rounded(Number(value), 2)]));

function show({ name, steps: stepCount, work }: Case, bill: Bill, more: Record<string, unknown>): void {
  const perStep = stepCount === 0 ? {} : { dollarsPerMillionSteps: rounded(bill.total / stepCount, 2) };
  const peers = dollars(peersFor(work));
  report({ bench: "cost", of: name, dollarsPerMillionRuns: dollars(bill), ...perStep, ...more, peers });
}

export async function benchCost(): Promise<void> {
  const { counted, template } = await countDeployed(join(process.cwd(), "bench", "cost-worker.ts"), DEPLOYED_RUNS);
  const writes =
    counted.rows.reduce((sum, { units }) => sum + units.writeUnits + units.indexWriteUnits, 0) / counted.runs;
  const [five] = CASES;
  for (const each of [...CASES, ...LIMITED]) {
    const bill = billOf(await count(each, counted.invocationLogBytes));
    show(each, bill, each === five ? held(bill, each.steps) : {});
  }
  report({ bench: "cost", of: "5-step run, deployed stack", writes, dollarsPerMillionRuns: dollars(billOf(counted)) });
  const idle = await idleCost(template);
  report({ bench: "cost", of: "a month in which nothing happens", dollars: dollars(idle) });
}

/** Against what is allowed; logs shown apart, since whoever deploys decides what is logged. */
function held({ total, logs }: Bill, stepCount: number): Record<string, unknown> {
  const beforeLogs = rounded((total - logs) / stepCount, 2);
  return { beforeLogs, allowed: ALLOWED_DOLLARS, within: total / stepCount <= ALLOWED_DOLLARS };
}
