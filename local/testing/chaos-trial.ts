/**
 * Owns: the event's functions run once in a world of their own, with one call going wrong or none, and what that came to.
 * Must not: compare.
 */
import type { PerdureFunction } from "../../sdk/function.js";
import type { Json, OutgoingEvent } from "../../sdk/protocol.js";
import type { AwsCall } from "../aws/call.js";
import type { Fault } from "../aws/faults.js";
import type { CrashPoint } from "./chaos-report.js";
import type { Mocks } from "./mocks.js";
import { BodyCounts, PassTrace } from "./pass-trace.js";
import type { TestRun } from "./test-run.js";
import { TestWorld, type TestWorldOptions } from "./test-world.js";

export interface TrialSetup {
  setup: TestWorldOptions;
  makeMocks(): Mocks;
  events: readonly OutgoingEvent[];
  untilMs: number;
}

export interface TrialPlan {
  call: number;
  fault: CrashPoint["fault"];
}

export interface Trial {
  /** What was struck; null in an undisturbed trial, and when there was no such call. */
  point: CrashPoint | null;
  /** Calls that can be struck. */
  calls: number;
  runs: TestRun<Json>[];
  traces: PassTrace[];
  bodies: BodyCounts;
}

/** Those that run by themselves once an event is accepted. Before that the sender has no answer, and sends again. */
const STRUCK_CALLERS: readonly string[] = ["dispatch", "worker"];
/** A worker that died is missed after a lease, and its message comes back; the rest is room for retries. Undisturbed the same. */
const RECOVERY_MS = 3_600_000;
/** Events get the same ids in every world, and their runs too. */
const REQUEST_SEED = "0".repeat(32);

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export async function runTrial(trial: TrialSetup, plan: TrialPlan | null): Promise<Trial> {
  const functions = withoutCrons(trial.setup.functions);
  const bodies = new BodyCounts();
  const traces: PassTrace[] = [];
  const observe = (functionId: string, runId: string): PassTrace => {
    const trace = new PassTrace(functionId, runId, bodies);
    traces.push(trace);
    return trace;
  };
  const instruments = { mocks: trial.makeMocks(), observe, logger: silent };
  const testWorld = await TestWorld.start({ ...trial.setup, functions }, instruments);
  const strike = new Strike(plan, bodies);
  testWorld.world.aws.faults.add((call) => strike.at(call));
  try {
    await testWorld.post(trial.events, `${testWorld.clock.now()}-${REQUEST_SEED}`);
    await testWorld.clock.advance(trial.untilMs + RECOVERY_MS);
    const runs = await readRuns(testWorld, functions);
    return { point: strike.point, calls: strike.calls, runs, traces, bodies };
  } finally {
    await testWorld.stop();
  }
}

/** Functions that listen to events, without their crons: ticks would only add runs that have nothing to do with the event. */
export function withoutCrons(functions: readonly PerdureFunction<never>[]): PerdureFunction<never>[] {
  return functions.flatMap((original) => {
    const triggers = original.config.triggers.filter((trigger) => "event" in trigger);
    return triggers.length === 0 ? [] : [{ ...original, config: { ...original.config, triggers } }];
  });
}

async function readRuns(testWorld: TestWorld, functions: readonly PerdureFunction<never>[]): Promise<TestRun<Json>[]> {
  const functionIds = functions.map(({ id }) => id);
  const runs = await Promise.all((await testWorld.runIds(functionIds)).map((id) => testWorld.run<Json>(id)));
  // Runs of one millisecond have no order of their own: the functions' order reads best.
  return runs.sort((a, b) => functionIds.indexOf(a.functionId) - functionIds.indexOf(b.functionId));
}

/** A plan at work: counts the calls it can touch, and strikes one. */
class Strike {
  point: CrashPoint | null = null;
  calls = 0;
  readonly #plan: TrialPlan | null;
  readonly #bodies: BodyCounts;

  constructor(plan: TrialPlan | null, bodies: BodyCounts) {
    this.#plan = plan;
    this.#bodies = bodies;
  }

  at({ caller, operation }: AwsCall): Fault | undefined {
    if (!STRUCK_CALLERS.includes(caller.name)) return undefined;
    this.calls += 1;
    if (this.#plan?.call !== this.calls) return undefined;
    const { call, fault } = this.#plan;
    this.point = { fault, call, caller: caller.name, operation, afterBody: this.#bodies.last };
    return fault;
  }
}
