/**
 * Owns: functions whose runs compete for the places of concurrency limits. Each says how many may be at work at once, and sends
 * passers by, which need every place there is.
 */
import type { PerdureFunction } from "../../sdk/function.js";
import type { ConcurrencyOption } from "../../sdk/concurrency.js";
import type { StepTools } from "../../sdk/steps.js";
import { HOUR, MINUTE, SECOND } from "../scenario/world.js";
import type { PassProbe } from "./probe.js";
import type { Program } from "./programs.js";
import type { ProgramLimit } from "./shifts.js";

const trigger = { event: "crash/go" } as const;
const HORIZON_MS = 2 * HOUR;
/** Longer than faults hold a run up. */
const LATER_MS = 14 * MINUTE;
/** Longer than a place is left alone that nobody gives back, and longer than the first in the queue waits for a look. */
const PASSING_MS = 6 * MINUTE;

/** What one run is told by its event. */
interface Task {
  id: string;
  shelf: string;
  passes: boolean;
}

const task = (id: string, shelf: string, passes = false): object => ({ name: "crash/go", data: { id, shelf, passes } });
const tasks = (...ids: readonly string[]): object[] => ids.map((id) => task(id, "top"));
const passers = (...shelves: readonly string[]): object[] => shelves.map((shelf, at) => task(`p${at}`, shelf, true));

interface Limited {
  name: string;
  concurrency: ConcurrencyOption;
  limits: readonly ProgramLimit[];
  events: readonly object[];
  passers: readonly object[];
  ends: readonly string[];
  mayEnd?: readonly (readonly string[])[];
  attempts?: Readonly<Record<string, number>>;
  distributed?: true;
  options?: Partial<Parameters<Parameters<Program["build"]>[0]["createFunction"]>[0]>;
  /** Another function, which none of the limits counts. */
  beside?: { id: string; build: (...args: Parameters<Program["build"]>) => PerdureFunction<never> };
  work: (pass: PassProbe, step: StepTools, task: Task, attempt: () => number) => Promise<string>;
}

function limited({ beside, work, options, concurrency, ...rest }: Limited): Program {
  return {
    ...rest,
    functions: ["work", ...(beside ? [beside.id] : [])],
    horizonMs: HORIZON_MS,
    world: { workerTimeoutMs: 15 * MINUTE },
    build: (client, probe) => [
      client.createFunction({ id: "work", triggers: trigger, ...options, concurrency }, async (context) => {
        const { event, step, runId } = context;
        const pass = probe().pass(runId);
        const { id = "", shelf = "", passes = false } = event.data as Partial<Task>;
        if (passes) return pass.run(step, `pass@${shelf}`, PASSING_MS, () => id);
        return work(pass, step, { id, shelf, passes }, () => context.attempt);
      }),
      ...(beside ? [beside.build(client, probe)] : []),
    ],
  };
}

const bodies = (most: number, ending?: string): ProgramLimit => ({
  most,
  counts: "bodies",
  functions: ["work"],
  ...(ending === undefined ? {} : { ending }),
});
const runs = (most: number): ProgramLimit => ({ most, counts: "runs", functions: ["work"] });
const done = (...ids: readonly string[]): string[] => ids.map((id) => `work Completed ${id}`);

const twoByTurns = limited({
  name: "two runs that take turns at one place, with a sleep between",
  concurrency: 1,
  limits: [bodies(1)],
  events: tasks("1", "2"),
  passers: passers("top", "top"),
  ends: done("1", "2"),
  work: async (pass, step, { id }) => {
    await pass.run(step, "a", 400, () => "a");
    await pass.sleep(step, "nap", MINUTE);
    return pass.run(step, "b", 400, () => id);
  },
});

const threeAtTwo = limited({
  name: "three runs at two places",
  concurrency: 2,
  limits: [bodies(2)],
  events: tasks("1", "2", "3"),
  passers: passers("top", "top", "top"),
  ends: done("1", "2", "3"),
  work: async (pass, step, { id }) => {
    await pass.run(step, "a", 400, () => "a");
    return pass.run(step, "b", 5 * SECOND, () => id);
  },
});

const keptToTheEnd = limited({
  name: "two runs, each of which keeps the one place to its end",
  concurrency: { limit: 1, hold: "run" },
  limits: [runs(1)],
  events: tasks("1", "2"),
  passers: passers("top", "top"),
  ends: done("1", "2"),
  work: async (pass, step, { id }) => {
    await pass.run(step, "a", 400, () => "a");
    await pass.sleep(step, "nap", MINUTE);
    return pass.run(step, "b", 400, () => id);
  },
});

const keyed = limited({
  name: "a limit for each key within a limit for all",
  concurrency: [{ limit: 2 }, { limit: 1, key: "event.data.shelf" }],
  limits: [bodies(2), bodies(1, "@top"), bodies(1, "@low")],
  events: [task("1", "top"), task("2", "top"), task("3", "low"), task("4", "mid")],
  passers: passers("top", "top", "low", "low", "mid", "mid"),
  ends: done("1", "2", "3", "4"),
  work: (pass, step, { id, shelf }) => pass.run(step, `a@${shelf}`, 2 * SECOND, () => id),
});

const keptAndCounted = limited({
  name: "a place for each key that is kept to the end, and one for what is at work",
  concurrency: [{ limit: 1 }, { limit: 1, key: "event.data.shelf", hold: "run" }],
  limits: [bodies(1)],
  events: [task("1", "top"), task("2", "top"), task("3", "low")],
  passers: passers("top", "top", "low"),
  ends: done("1", "2", "3"),
  work: async (pass, step, { id, shelf }) => {
    await pass.run(step, `a@${shelf}`, 400, () => "a");
    await pass.sleep(step, "nap", MINUTE);
    return pass.run(step, `b@${shelf}`, 400, () => id);
  },
});

const sideBySide = limited({
  name: "steps side by side of two runs at three places",
  concurrency: 3,
  limits: [bodies(3)],
  events: tasks("1", "2"),
  passers: passers("top", "top", "top", "top"),
  ends: done("1", "2"),
  work: async (pass, step, { id }) => {
    await Promise.all(["a", "b", "c"].map((name) => pass.run(step, name, 3 * SECOND, () => name)));
    return pass.run(step, "d", 400, () => id);
  },
});

const fans = limited({
  name: "distributed steps of two runs at two places",
  concurrency: 2,
  options: { parallel: "distributed" },
  distributed: true,
  limits: [{ ...bodies(2), counts: "branches" }],
  events: tasks("1", "2"),
  passers: passers("top", "top", "top"),
  ends: done("1", "2"),
  work: async (pass, step, { id }) => {
    await Promise.all(["a", "b"].map((name) => pass.run(step, name, 3 * SECOND, () => name)));
    return id;
  },
});

const stumbling = limited({
  name: "two runs whose step fails once, at one place",
  concurrency: 1,
  attempts: { flaky: 2 },
  limits: [bodies(1)],
  events: tasks("1", "2"),
  passers: passers("top", "top"),
  ends: done("1", "2"),
  work: (pass, step, { id }, attempt) =>
    pass.run(step, "flaky", 400, () => {
      if (attempt() < 1) throw new Error("the first attempt fails");
      return id;
    }),
});

/** Cancels one of the runs after a while. */
const canceller = (afterMs: number): NonNullable<Limited["beside"]> => ({
  id: "canceller",
  build: (client, probe) =>
    client.createFunction({ id: "canceller", triggers: { event: "crash/then" } }, async ({ step, runId }) => {
      await probe().pass(runId).sleep(step, "nap", afterMs);
      await step.sendEvent("stop", { name: "crash/stop", data: { id: "2" } });
      return "sent";
    }),
});
const stoppable = { cancelOn: [{ event: "crash/stop", match: "data.id" }] };
const then = { name: "crash/then", data: {} };

const cancelledInTheQueue = limited({
  name: "a run that is cancelled while it is queued, or while it keeps the place others wait for",
  concurrency: { limit: 1, hold: "run" },
  options: stoppable,
  beside: canceller(LATER_MS),
  limits: [runs(1)],
  events: [...tasks("1", "2", "3"), then],
  passers: passers("top", "top"),
  ends: ["canceller Completed sent", "work Cancelled null", ...done("1", "3")],
  work: async (pass, step, { id }) => {
    await pass.sleep(step, "long", 2 * LATER_MS);
    return pass.run(step, "a", 400, () => id);
  },
});

const cancelledAtWork = limited({
  name: "a run that is cancelled at work or in the queue",
  concurrency: 1,
  options: stoppable,
  beside: canceller(10 * SECOND),
  limits: [bodies(1)],
  events: [...tasks("1", "2"), then],
  passers: passers("top", "top"),
  ends: ["canceller Completed sent", "work Cancelled null", ...done("1")],
  mayEnd: [["canceller Completed sent", ...done("1", "2")]],
  work: (pass, step, { id }) => pass.run(step, "a", 40 * SECOND, () => id),
});

const outOfTime = limited({
  name: "two runs that are out of time at work, at one place",
  concurrency: 1,
  options: { timeouts: { finish: "20s" } },
  limits: [{ ...bodies(1), stoppedAfterMs: 20 * SECOND }],
  events: tasks("1", "2"),
  passers: [],
  ends: ["work Cancelled null", "work Cancelled null"],
  work: (pass, step, { id }) => pass.run(step, "a", 30 * SECOND, () => id),
});

const lateInTheQueue = limited({
  name: "a run that is still queued when it should have begun",
  concurrency: { limit: 1, hold: "run" },
  options: { timeouts: { start: "14m" } },
  limits: [runs(1)],
  events: tasks("1", "1"),
  passers: passers("top"),
  ends: ["work Cancelled null", ...done("1")],
  work: async (pass, step, { id }) => {
    await pass.sleep(step, "long", 2 * LATER_MS);
    return pass.run(step, "a", 400, () => id);
  },
});

export const SLOT_PROGRAMS: readonly Program[] = [
  twoByTurns,
  threeAtTwo,
  keptToTheEnd,
  keyed,
  keptAndCounted,
  sideBySide,
  fans,
  stumbling,
  cancelledInTheQueue,
  cancelledAtWork,
  outOfTime,
  lateInTheQueue,
];
