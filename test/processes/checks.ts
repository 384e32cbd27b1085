/**
 * Owns: what must hold after a campaign, one small named predicate for each promise. A predicate answers what is wrong, in
 * sentences, or nothing.
 * Must not: ask for exact times. Machines are loaded; what is asked of time is an order, or a bound with slack.
 */
import {
  struck,
  type Disturbance,
  type Effect,
  type Evidence,
  type Kind,
  type RunSeen,
  type Sent,
} from "./evidence.js";

export type Check = (evidence: Evidence) => string[];

/** A body is told of a cancel within this time (docs/guarantees.md). */
const BEAT_MS = 5_000;
/** For a machine that has other work: what a process may take to do what it was told to. */
const SLACK_MS = 5_000;
/** Between a write to the file and the signal that interrupts what follows. */
const OVERLAP_MS = 1_000;
/** The platform's clock and the app's are the same machine's, read in different ways. */
const CLOCK_MS = 20;

const show = (value: unknown): string => (JSON.stringify(value) ?? "undefined").slice(0, 160);
const nameOf = ({ kind, n }: Sent): string => `${kind} ${n}`;

/** What each kind returns, as far as that is one value whatever happens. */
const VALUES: { [K in Kind]?: (sent: Sent) => unknown } = {
  chain: ({ n }) => (n + 1) * 2 + 1,
  parent: ({ n }) => (n + 5) * 3 + 1,
  flaky: ({ n }) => n,
  fan: ({ n }) => n * 4 + 6,
  slow: ({ n }) => n + 3,
  answered: ({ answer }) => answer,
};

/** Steps whose bodies every completed run of the function has run. */
const STEPS: Readonly<Record<string, readonly string[]>> = {
  chain: ["first", "second", "third"],
  leaf: ["leaf"],
  child: ["begin", "finish"],
  parent: ["after"],
  flaky: ["third-time-lucky"],
  fan: ["part-0", "part-1", "part-2", "part-3", "sum"],
  slow: ["one", "two", "three"],
  answered: ["after"],
  signalled: ["after"],
};

/** An event that was answered with 200 has one run. One that was not may have one. */
export const acknowledgedEventsHaveOneRun: Check = ({ sent }) =>
  sent.flatMap((each) =>
    each.runs === null || each.runs.length === 1 ? [] : [`${nameOf(each)} has ${each.runs.length} runs`],
  );

/** Whoever asked for it, and however often: one run for each event, invoke and failure. */
export const nothingStartsTwice: Check = ({ effects }) => {
  const runs = new Map<string, Set<string>>();
  for (const { fn, n, runId } of effects) {
    const key = `${fn} ${n}`;
    runs.set(key, (runs.get(key) ?? new Set()).add(runId));
  }
  return [...runs].flatMap(([key, ids]) => (ids.size === 1 ? [] : [`${key} was run by ${[...ids].join(" and ")}`]));
};

export const runsEndRight: Check = ({ sent }) =>
  sent.flatMap((each) =>
    (each.runs ?? []).flatMap((run) => {
      const wrong = wrongEnd(each, run);
      return wrong === null ? [] : [`${nameOf(each)}: run ${run.id} ${wrong}`];
    }),
  );

function wrongEnd(sent: Sent, { status, output, error }: RunSeen): string | null {
  const ends = `is ${status} with ${show(output)} ${error?.message ?? ""}`;
  const right = sent.kind === "doomed" ? "Failed" : sent.kind === "endless" ? "Cancelled" : "Completed";
  if (status !== right) return `${ends} and not ${right}`;
  const expected = VALUES[sent.kind]?.(sent);
  return expected === undefined || expected === output?.value ? null : `${ends} and not with ${show(expected)}`;
}

/** What a run sent itself has one run, which has ended right. */
export const sentEventsStartRuns: Check = ({ sent }) =>
  sent.flatMap((each) => {
    const completed = each.kind === "chain" && each.runs?.some(({ status }) => status === "Completed") === true;
    const ends = each.passedOn.map(({ status, output }) => `${status} ${show(output?.value)}`);
    return !completed || ends.join() === `Completed ${each.n * 10}`
      ? []
      : [`${nameOf(each)} sent an event whose runs are: ${ends.join(", ") || "none"}`];
  });

/** One answer was sent: a wait that ended with something else, or with nothing though it had time, is wrong. */
export const briefWaitsSayWhatCame: Check = ({ sent }) =>
  sent.flatMap((each) =>
    each.kind === "brief" && each.answer === null && each.runs?.some(({ output }) => output?.value === "early") === true
      ? [`${nameOf(each)} was answered by nobody, and ended as if`]
      : [],
  );

/** Whoever was told that a run received the signal is right, and nobody else's came. */
export const signalsAreAsTold: Check = ({ sent }) =>
  sent.flatMap((each) => {
    const [run] = each.runs ?? [];
    if (each.kind !== "signalled" || run?.status !== "Completed") return [];
    const got = run.output?.value;
    const received = each.signals.filter(({ told }) => told === "received");
    const isRight =
      received.length === 1
        ? received[0]?.value === got
        : received.length === 0 && each.signals.some(({ value, told }) => told === "unknown" && value === got);
    return isRight ? [] : [`${nameOf(each)} ended with ${show(got)}, and its signals were ${show(each.signals)}`];
  });

/** A completed run has run each of its bodies, at least once, to the end. */
export const completedRunsRanTheirBodies: Check = ({ sent, effects }) => {
  const returned = new Set(
    effects.filter(({ phase }) => phase === "returned").map(({ runId, step }) => `${runId} ${step}`),
  );
  const runs = sent.flatMap((each) => [...(each.runs ?? []), ...each.passedOn]);
  return runs.flatMap(({ id, functionId, status }) =>
    (status === "Completed" ? (STEPS[functionId] ?? []) : [])
      .filter((step) => !returned.has(`${id} ${step}`))
      .map((step) => `run ${id} of ${functionId} is Completed, and step ${step} never returned`),
  );
};

/**
 * A body begins again only after it threw, or after its process or the server was struck. This is "at most attempts + kills
 * times", asked of each repetition for itself.
 */
export const repeatsHaveAReason: Check = ({ effects, disturbances }) =>
  [...byBody(effects)].flatMap(([key, lines]) => {
    const begins = lines.filter(({ phase }) => phase === "began");
    return begins.slice(1).flatMap((again, index) => {
      const before = begins[index];
      if (!before || threw(lines, before, again)) return [];
      const reasons = isBranch(again)
        ? disturbances.filter((each) => mayRearm(each, again)).length - index
        : disturbances.filter((each) => interrupted(each, before, again)).length;
      if (reasons > 0) return [];
      return [`${key} began in process ${before.pid}, which nothing befell, and again in ${again.pid}`];
    });
  });

/** A distributed step: a turn that dies after it has asked for it leaves the asking to the turn that takes over. */
const isBranch = ({ fn, step }: Effect): boolean => fn === "fan" && step.startsWith("part-");

function mayRearm({ name, fromMs }: Disturbance, again: Effect): boolean {
  return (name === "server" || name.startsWith("worker")) && fromMs <= again.atMs;
}

function byBody(effects: readonly Effect[]): Map<string, Effect[]> {
  const bodies = new Map<string, Effect[]>();
  for (const effect of effects) {
    const key = `${effect.fn} ${effect.n}: ${effect.step} of ${effect.runId}`;
    bodies.set(key, [...(bodies.get(key) ?? []), effect]);
  }
  return bodies;
}

/** What a body's process writes is in order; between processes the file's order is the order. */
function threw(lines: readonly Effect[], before: Effect, again: Effect): boolean {
  return lines
    .slice(lines.indexOf(before), lines.indexOf(again))
    .some(({ phase, pid }) => phase === "threw" && pid === before.pid);
}

function interrupted(disturbance: Disturbance, before: Effect, again: Effect): boolean {
  const { fromMs, untilMs } = disturbance;
  return struck(disturbance, before.pid) && untilMs >= before.atMs - OVERLAP_MS && fromMs <= again.atMs;
}

export const atMostOnceHolds: Check = ({ effects }) =>
  [...byBody(effects)].flatMap(([key, lines]) => {
    const begins = lines.filter(({ fn, phase }) => fn === "once" && phase === "began").length;
    return begins > 1 ? [`${key} is to run at most once and began ${begins} times`] : [];
  });

/** Nobody says "interrupted" of a body that nothing interrupted. */
export const interruptionsHaveAReason: Check = ({ sent, effects, disturbances }) =>
  sent.flatMap((each) => {
    const run = each.runs?.find(({ output }) => each.kind === "once" && output?.value === "interrupted");
    if (!run) return [];
    const begin = effects.find(({ runId, phase }) => runId === run.id && phase === "began");
    // A worker may have died after it wrote that the body begins, and before the body did: then nobody knows which it was.
    const isStruck = disturbances.some(
      (one) => !begin || (struck(one, begin.pid) && one.untilMs >= begin.atMs - OVERLAP_MS),
    );
    return isStruck ? [] : [`${nameOf(each)} is interrupted, and nothing befell process ${begin?.pid ?? "any"}`];
  });

/** A race has one winner for ever: the step named after it, and no other, ever begins. */
export const racesHaveOneWinner: Check = ({ effects }) => {
  const winners = new Map<string, Set<string>>();
  for (const { fn, n, step } of effects.filter((effect) => effect.step.startsWith("after-"))) {
    const key = `${fn} ${n}`;
    winners.set(key, (winners.get(key) ?? new Set()).add(step));
  }
  return [...winners].flatMap(([key, steps]) =>
    steps.size === 1 ? [] : [`${key} went on to ${[...steps].join(" and ")}`],
  );
};

/** What the run returns is what it went on with. */
export const outputsAreWhatWasDone: Check = ({ sent, effects }) =>
  sent.flatMap((each) =>
    (each.runs ?? []).flatMap(({ id, output, status }) => {
      if (status !== "Completed" || !["race", "group", "brief"].includes(each.kind)) return [];
      const isDone = effects.some(({ runId, step }) => runId === id && step === `after-${String(output?.value)}`);
      return isDone ? [] : [`${nameOf(each)} returned ${show(output)}, which it did not go on with`];
    }),
  );

export const sleepsAreNotShort: Check = ({ sent, effects }) => {
  const began = (n: number, step: string): number | undefined =>
    effects.find((line) => line.fn === "chain" && line.n === n && line.step === step)?.atMs;
  return sent
    .filter(({ kind }) => kind === "chain")
    .flatMap((each) => {
      const [first, second] = [began(each.n, "first"), began(each.n, "second")];
      if (first === undefined || second === undefined || second - first >= each.pauseMs - CLOCK_MS) return [];
      return [`${nameOf(each)} slept ${second - first} ms and not ${each.pauseMs}`];
    });
};

/** After a cancel was answered, and one beat, no body of the run begins; a process that was frozen has its beat when it thaws. */
export const nothingBeginsAfterACancel: Check = ({ sent, effects, disturbances }) =>
  sent.flatMap((each) => {
    const { cancelledAtMs } = each;
    const runIds = (each.runs ?? []).map(({ id }) => id);
    if (cancelledAtMs === null) return [];
    return effects
      .filter(({ runId, phase }) => runIds.includes(runId) && phase === "began")
      .filter(({ atMs, pid }) => {
        const stoodStillMs = disturbances
          .filter((one) => struck(one, pid))
          .reduce((sum, one) => sum + overlapMs(one, cancelledAtMs, atMs), 0);
        return atMs > cancelledAtMs + BEAT_MS + SLACK_MS + stoodStillMs;
      })
      .map(
        ({ step, atMs }) => `${nameOf(each)}: ${step} began ${atMs - cancelledAtMs} ms after the cancel was answered`,
      );
  });

function overlapMs({ fromMs, untilMs }: Disturbance, startMs: number, endMs: number): number {
  return Math.max(0, Math.min(untilMs, endMs) - Math.max(fromMs, startMs));
}

/** A run that failed is told of once: its handler has run. */
export const failuresAreHandled: Check = ({ sent, effects }) =>
  sent.flatMap((each) =>
    each.kind !== "doomed" || !each.runs?.some(({ status }) => status === "Failed")
      ? []
      : effects.some(({ fn, n, phase }) => fn === "doomed-failure" && n === each.n && phase === "returned")
        ? []
        : [`${nameOf(each)} failed, and its onFailure has not run`],
  );

export const nothingIsLive: Check = ({ live }) =>
  live.map(({ id, functionId, status }) => `run ${id} of ${functionId} is ${status} after the healing`);

export const nobodyIsLeftBehind: Check = ({ strays }) => strays.map((line) => `a process is left: ${line}`);

export const everythingWasAnswered: Check = ({ unfinished }) => [...unfinished];

export const CHECKS: Readonly<Record<string, Check>> = {
  acknowledgedEventsHaveOneRun,
  nothingStartsTwice,
  runsEndRight,
  sentEventsStartRuns,
  briefWaitsSayWhatCame,
  signalsAreAsTold,
  completedRunsRanTheirBodies,
  repeatsHaveAReason,
  atMostOnceHolds,
  interruptionsHaveAReason,
  racesHaveOneWinner,
  outputsAreWhatWasDone,
  sleepsAreNotShort,
  nothingBeginsAfterACancel,
  failuresAreHandled,
  nothingIsLive,
  nobodyIsLeftBehind,
  everythingWasAnswered,
};

/** Everything that is wrong, each with the name of the predicate that says so. */
export function wrongWith(evidence: Evidence): string[] {
  return Object.entries(CHECKS).flatMap(([name, check]) => check(evidence).map((problem) => `${name}: ${problem}`));
}
