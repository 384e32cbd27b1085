/**
 * Owns: what must hold after every trial, one small named predicate for each promise. A predicate answers what is wrong, in
 * sentences, or nothing.
 * Must not: know a program; what is particular to one is in its own fields.
 */
import { isLive } from "../../runtime/core/run.js";
import { interrupts, repeats } from "./fault-plan.js";
import type { PassRecord } from "./probe.js";
import type { Trial, TrialRun } from "./trial.js";

export type Check = (trial: Trial) => string[];

const show = (value: unknown): string => (JSON.stringify(value) ?? "undefined").slice(0, 160);

/** Ingest answered 200: every run of the request is there. Anything else: all of them or none. */
export const acceptsAllOrNothing: Check = ({ program, runs, accepted }) => {
  const [first = ""] = program.functions;
  const count = runs.filter(({ head }) => head.functionId === first).length;
  const whole = program.ends.filter((end) => end.startsWith(`${first} `)).length;
  if (count === whole || (count === 0 && !accepted)) return [];
  return [`${count} of ${whole} runs exist, and ingest ${accepted ? "answered 200" : "did not answer 200"}`];
};

/** Every run has ended, and in the one way that is right. */
export const endsRight: Check = ({ program, runs, accepted }) => {
  if (runs.length === 0 && !accepted) return [];
  const ends = runs.map(endOf).sort();
  const isRight = [program.ends, ...(program.mayEnd ?? [])].some((right) => right.join("\n") === ends.join("\n"));
  return isRight ? [] : [`runs ended as ${show(ends)} and not as ${show(program.ends)}`];
};

function endOf({ head, output }: TrialRun): string {
  return `${head.functionId} ${head.status} ${head.error === null ? String(output) : head.error.message}`;
}

export const endsOnce: Check = ({ runs }) =>
  runs.flatMap(({ runId, head, fate }) => [
    ...(fate.ends === 1 || isLive(head.status) ? [] : [`run ${runId} ended ${fate.ends} times`]),
    ...fate.changedAfterEnd.map((change) => `run ${runId} changed after its end: ${change}`),
  ]);

/** A body begins only while its step has no result in the log. */
export const completedStepsNeverRunAgain: Check = ({ probe }) =>
  probe.bodies
    .filter((body) => body.completedBefore)
    .map((body) => `step ${body.step} had a result in the log and was run again`);

/**
 * As many bodies as attempts, and one more at most for each fault that takes a worker away. A branch runs without a lease: one
 * whose message comes twice may have each of its attempts twice (ADR 0019).
 */
export const bodiesRunOncePerAttempt: Check = ({ plan, probe, program, runs }) => {
  const lost = plan.filter(({ mode }) => interrupts(mode)).length;
  const copies = program.distributed ? plan.filter(({ mode }) => interrupts(mode) || repeats(mode)).length : 0;
  const steps = new Set(probe.bodies.map(({ step }) => step));
  return runs.flatMap(({ runId }) =>
    [...steps].flatMap((step) => {
      const begun = probe.begun(step, runId);
      const attempts = program.attempts?.[step] ?? 1;
      const most = attempts * (1 + copies) + lost;
      return begun <= most ? [] : [`step ${step} began ${begun} times; at most ${most} are expected`];
    }),
  );
};

/** Whatever was struck: no body of these begins twice in one run. */
export const atMostOnceHolds: Check = ({ probe, program, runs }) =>
  runs.flatMap(({ runId }) =>
    (program.atMostOnce ?? [])
      .map((step) => ({ step, begun: probe.begun(step, runId) }))
      .filter(({ begun }) => begun > 1)
      .map(({ step, begun }) => `step ${step}, which is to run at most once, began ${begun} times`),
  );

export const nothingBeginsEarly: Check = ({ probe, program }) => [
  ...probe.sleeps.flatMap(({ step, askedAtMs, lengthMs, endedAtMs }) =>
    endedAtMs
      .filter((atMs) => atMs < askedAtMs + lengthMs)
      .map((atMs) => `sleep ${step} of ${lengthMs} ms ended after ${atMs - askedAtMs} ms`),
  ),
  ...probe.bodies
    .filter(({ atMs }) => atMs < (program.notBeforeMs ?? 0))
    .map(({ step, atMs }) => `step ${step} began ${(program.notBeforeMs ?? 0) - atMs} ms before its event's time`),
];

/** All passes over one run, those of zombies too, are shown the same values in the same order, as far as each gets. */
export const everyPassSeesTheSame: Check = ({ probe }) => {
  const longest = new Map<string, PassRecord>();
  for (const pass of probe.passes) {
    if (pass.shown.length > (longest.get(pass.runId)?.shown.length ?? -1)) longest.set(pass.runId, pass);
  }
  return probe.passes.flatMap((pass) => {
    const whole = longest.get(pass.runId)?.shown ?? [];
    const differs = pass.shown.findIndex((shown, index) => shown !== whole[index]);
    return differs < 0 ? [] : [`one pass was shown ${show(pass.shown)} and another ${show(whole)}`];
  });
};

/** The log can be loaded, has not shrunk, and has no second result of a step. */
export const logIsWhole: Check = ({ runs, unreadable }) => [
  ...unreadable.map((problem) => `a run cannot be loaded: ${problem}`),
  ...runs.flatMap(({ entries }) => {
    const done = entries.flatMap((entry) => (entry.k === "done" ? [`${entry.id}:${entry.i}`] : []));
    return new Set(done).size === done.length ? [] : [`a step has two results in the log: ${show(done)}`];
  }),
];

/** No message, no timer, no wait, no due entry, no effect is left once everything has ended. */
export const nothingIsLeftBehind: Check = ({ messages, timers, waits, runs }) => [
  ...messages
    .filter(({ messages: count }) => count !== 0)
    .map(({ queue, messages: count }) => `${count} messages on ${queue}`),
  ...timers.map((name) => `schedule ${name} is still there`),
  ...waits.map((key) => `wait ${key} is still there`),
  ...runs.filter(({ head }) => head.dueAtMs !== null).map(({ runId }) => `ended run ${runId} has a due entry`),
  ...runs.filter(({ head }) => head.effects.length > 0).map(({ runId }) => `ended run ${runId} has effects pending`),
];

/** No more are at work at once than the program's limits say. */
export const limitsAreKept: Check = ({ program, shifts, probe }) =>
  (program.limits ?? []).flatMap((limit) => {
    const most = shifts.most(limit, probe.bodies);
    return most <= limit.most ? [] : [`${most} ${limit.counts} at once, where ${limit.most} are allowed`];
  });

/**
 * No place and no ticket is left. A write that landed late may have taken a place for a run that is gone: then runs that need
 * all places get them, and nothing is left after those.
 */
export const placesAreGivenBack: Check = ({ places, passers, plan }) => [
  ...(plan.length === 0 && passers !== null ? ["places are left though nothing went wrong"] : []),
  ...(passers ?? [])
    .filter((status) => status !== "Completed")
    .map((status) => `a run that came by later is ${status}`),
  ...places.map((key) => `${key} is still there`),
];

export const CHECKS: Readonly<Record<string, Check>> = {
  acceptsAllOrNothing,
  endsRight,
  endsOnce,
  completedStepsNeverRunAgain,
  bodiesRunOncePerAttempt,
  atMostOnceHolds,
  nothingBeginsEarly,
  everyPassSeesTheSame,
  logIsWhole,
  nothingIsLeftBehind,
  limitsAreKept,
  placesAreGivenBack,
};

/** Everything that is wrong with a trial, each with the name of the predicate that says so. */
export function wrongWith(trial: Trial): string[] {
  return Object.entries(CHECKS).flatMap(([name, check]) => check(trial).map((problem) => `${name}: ${problem}`));
}
