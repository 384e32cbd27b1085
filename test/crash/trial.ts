/**
 * Owns: one run of a program under one fault plan on a world of its own, and everything that can be asked of it afterwards.
 * Must not: judge; checks.ts does.
 */
import { Sweeper } from "../../runtime/sweep/sweep.js";
import { isLive, type RunHead } from "../../runtime/core/run.js";
import { Perdure } from "../../sdk/client.js";
import type { LogEntry } from "../../sdk/protocol.js";
import { MINUTE, Scenario, START_MS } from "../scenario/world.js";
import { FaultPlan, FUNCTION_CALLERS, type Plan } from "./fault-plan.js";
import { Peek, type QueueCount } from "./peek.js";
import { Probe } from "./probe.js";
import type { Program } from "./programs.js";
import type { RunFate } from "./fates.js";
import type { Shifts } from "./shifts.js";
import { Tap, type Sabotage } from "./tap.js";

export interface TrialRun {
  runId: string;
  head: RunHead;
  entries: LogEntry[];
  output: unknown;
  fate: RunFate;
}

export interface Trial {
  program: Program;
  plan: Plan;
  /** Ingest answered 200. */
  accepted: boolean;
  /** The calls of the struck callers, in order. */
  calls: readonly string[];
  probe: Probe;
  runs: TrialRun[];
  /** Loading a run failed: its log is not whole. */
  unreadable: string[];
  messages: QueueCount[];
  timers: string[];
  /** Keys of waits that are still armed. */
  waits: string[];
  shifts: Shifts;
  /** Places of concurrency limits that are left, and tickets. */
  places: string[];
  /** How the runs ended that were sent because places were left; null when none were. */
  passers: string[] | null;
}

export interface TrialSetup {
  program: Program;
  plan: Plan;
  /** False: the minimal redundancy, where nothing but SQS brings a lost run back. */
  sweeper: boolean;
  /** Whose calls are counted and struck: the platform's functions when absent. */
  callers?: readonly string[];
  /** Breaks a rule of the engine on purpose, to see that the checks notice. */
  sabotage?: Sabotage;
}

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Runs a program to its horizon under a plan. */
export async function runTrial(setup: TrialSetup): Promise<Trial> {
  const { program, plan, sweeper, callers = FUNCTION_CALLERS, sabotage } = setup;
  const client = new Perdure({ id: "crash", logger: silent });
  let probe: Probe | null = null;
  const functions = program.build(client, () => {
    if (!probe) throw new Error("The world has not begun");
    return probe;
  });
  const scenario = await Scenario.start({ client, functions, sweeper, ...program.world });
  const { clock, world } = scenario;
  const peek = (): Peek => new Peek(world, clock.now());
  probe = new Probe(clock, peek);
  const tap = new Tap(world, () => clock.now(), sabotage);
  const faults = new FaultPlan(plan, callers, clock);
  world.aws.faults.add(faults.rule);
  try {
    const posting = scenario.post(program.events).then(
      () => true,
      () => false,
    );
    await untilQuiet(scenario, program);
    const accepted = await posting;
    world.aws.faults.clear();
    const { runs, unreadable } = await readRuns(scenario, program, tap);
    const { messages, timers } = { messages: peek().messages(), timers: peek().timers() };
    const waits = armedWaits(tap, peek(), clock.now());
    const calls = [...faults.calls];
    const passers = tap.places.size === 0 ? null : await passBy(scenario, program);
    const { shifts, places } = { shifts: tap.shifts, places: [...tap.places] };
    const seen = { probe, runs, unreadable, messages, timers, waits, shifts, places, passers };
    return { program, plan, accepted, calls, ...seen };
  } finally {
    await scenario.stop();
  }
}

/**
 * A wait whose time is up counts for none and goes by its TTL; so does the waiter of one that was answered by another way: by
 * a look back, or by another of its events (waiter-store.ts, W3).
 */
function armedWaits({ waits }: Tap, peek: Peek, nowMs: number): string[] {
  return [...waits].flatMap(([key, untilMs]) => {
    const [, runId = "", opHash = ""] = / (\w+)#(\w+)(?:#\d+)?$/.exec(key) ?? [];
    const isAnswered = runId !== "" && peek.arrived(runId, opHash);
    return untilMs > nowMs && !isAnswered ? [key] : [];
  });
}

/** Looks every two minutes, so that a trial which is over does not go on sweeping an empty table. */
const LOOK_MS = 2 * MINUTE;

/** Lets time pass until every run has ended and nothing is left that could still come, and a while longer; or the horizon. */
async function untilQuiet({ clock, world }: Scenario, program: Program): Promise<void> {
  const horizonMs = clock.now() + program.horizonMs;
  let quietLooks = 0;
  while (clock.now() < horizonMs && quietLooks < 2) {
    await clock.advance(LOOK_MS);
    const peek = new Peek(world, clock.now());
    const heads = program.functions.flatMap((fn) =>
      peek.runIds("crash", fn, START_MS).map((runId) => peek.head(runId)),
    );
    const isQuiet = heads.length > 0 && heads.every((head) => head !== null && !isLive(head.status));
    const isEmpty = isQuiet && peek.timers().length === 0 && peek.messages().every(({ messages }) => messages === 0);
    quietLooks = isEmpty ? quietLooks + 1 : 0;
  }
}

/** Passers do all they do within this time. */
const PASSING_MS = 40 * MINUTE;

/** Runs that come later and need all places; answers how they ended. The sweeper looks once a minute. */
async function passBy(scenario: Scenario, { passers = [] }: Program): Promise<string[]> {
  const ids = await scenario.send(...passers);
  const sweeper = new Sweeper(scenario.world.services("sweep"));
  for (let passedMs = 0; passedMs < PASSING_MS; passedMs += MINUTE) {
    await scenario.advance(MINUTE);
    await sweeper.sweep();
  }
  const runs = (await Promise.all(ids.map((id) => scenario.runIds(id)))).flat();
  return Promise.all(runs.map(async (run) => (await scenario.run(run)).head.status));
}

async function readRuns(scenario: Scenario, program: Program, tap: Tap): Promise<Pick<Trial, "runs" | "unreadable">> {
  const peek = new Peek(scenario.world, scenario.clock.now());
  const runs: TrialRun[] = [];
  const unreadable: string[] = [];
  for (const functionId of program.functions) {
    for (const runId of peek.runIds("crash", functionId, START_MS)) {
      try {
        const fate = tap.fates.of(runId);
        runs.push({ runId, ...(await scenario.run(runId)), fate });
      } catch (error) {
        unreadable.push(`${runId}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  return { runs, unreadable };
}
