/**
 * Owns: what must hold in every world, one small named predicate for each promise. A predicate answers what is wrong, in
 * sentences, or nothing. Each has a world that violates it in checks.test.ts. Those of one topic are in a file of checks/.
 * Must not: know an operation; what programs do is in their own predictions.
 */
import { FAR_WAIT_MS } from "../../runtime/core/limits.js";
import { runIdOf } from "../../runtime/core/ids.js";
import { isLive } from "../../runtime/core/run.js";
import type { Evidence, RunEvidence } from "./evidence.js";
import type { PassRecord } from "./ledger.js";
import { bulkCancelsAreWhole, bulkCancelsEnd, bulkCancelsSpareOthers } from "./checks/bulk-cancels.js";
import { cancelsHold, noBodyAfterCancel } from "./checks/cancels.js";
import { clocksApartMs, type Check } from "./checks/check.js";
import {
  bodiesHavePlaces,
  keysAreToldApart,
  limitsOfRunsHold,
  limitsOfStepsHold,
  placesAreGivenBack,
  queuesAreServed,
  restHoldsNothing,
} from "./checks/concurrency.js";
import { failuresAreHandledOnce, handlersAreTold } from "./checks/failure-handlers.js";
import { timeoutsAreKept, timeoutsAreNotEarly } from "./checks/timeouts.js";
import { show } from "./operation.js";
import { codeOf, predict, type Prediction } from "./program.js";

const cut = (text: string): string => text.slice(0, 300);
const shorten = (value: unknown): string => cut(show(value));

/** The platform does not stop half-way: after the chaos every accepted run comes to its end. */
export const everythingEnds: Check = ({ runs }) =>
  runs.filter(({ head }) => isLive(head.status)).map(({ runId, head }) => `run ${runId} is still ${head.status}`);

/**
 * As the fault-free interpreter says, given who won the run's races in one of its passes: the one that ended it. A cancelled
 * run has no result to compare.
 */
export const resultEqualsOracle: Check = ({ runs, programs, ledger }) =>
  runs.flatMap((run) => {
    const { runId, head, output, canary } = run;
    const code = codeOf(programs).find(({ functionId }) => functionId === head.functionId);
    if (!code || head.status === "Cancelled" || isLive(head.status)) return [];
    const real = `${head.status} ${head.status === "Completed" ? show(output) : (head.error?.message ?? "")}`;
    const passes = ledger.passes.filter((pass) => pass.runId === runId);
    const right = passes.map(({ choices }) => predictOrExplain(() => predict(code, canary, choices)));
    return right.includes(real) ? [] : [`run ${runId} ended ${cut(real)} and not ${cut(right.at(-1) ?? "")}`];
  });

function predictOrExplain(prediction: () => Prediction): string {
  try {
    const predicted = prediction();
    return `${predicted.status} ${predicted.status === "Completed" ? show(predicted.output) : predicted.message}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
function longestPass(passes: readonly PassRecord[], runId: string): Pick<PassRecord, "choices" | "shown"> {
  let longest: Pick<PassRecord, "choices" | "shown"> = { choices: new Map(), shown: [] };
  for (const pass of passes) if (pass.runId === runId && pass.shown.length >= longest.shown.length) longest = pass;
  return longest;
}

/**
 * Whatever pass, zombies and other versions of the code included: a place that was shown a value is shown it for ever. Who
 * wins a race is the code's to decide: a step inserted in one branch may make another win.
 */
export const memoEquality: Check = ({ ledger }) => {
  const known = new Map<string, string>();
  return ledger.passes.flatMap(({ runId, shown, version }) =>
    shown.flatMap((line) => {
      const [, site = line, value = ""] = /^(.*?)(=.*|!.*| chose .*)$/s.exec(line) ?? [];
      const key = value.startsWith(" chose") ? `${runId} race ${site} in version ${version}` : `${runId} step ${site}`;
      const before = known.get(key);
      known.set(key, before ?? value);
      return before === undefined || before === value ? [] : [`${key} was "${before}" and then "${value}"`];
    }),
  );
};

/** All passes in one version of the code see the same things in the same order, as far as each gets. */
export const orderIsStable: Check = ({ ledger, runs }) =>
  runs.flatMap(({ runId }) => {
    const passes = ledger.passes.filter((pass) => pass.runId === runId);
    if (new Set(passes.map(({ version }) => version)).size !== 1) return [];
    // A branch in a Lambda of its own replays only what its step needs.
    if (ledger.bodies.some((body) => body.runId === runId && body.kind === "distributed")) return [];
    const whole = longestPass(passes, runId).shown;
    const differs = passes.find(({ shown }) => shown.some((line, index) => line !== whole[index]));
    return differs ? [`run ${runId}: one pass saw ${shorten(differs.shown)}, another ${shorten(whole)}`] : [];
  });

/** A body begins only while its step has no result in the log. */
export const completedStepsNeverRunAgain: Check = ({ ledger }) =>
  ledger.bodies
    .filter(({ completedBefore }) => completedBefore)
    .map(({ runId, site }) => `step ${site} of run ${runId} had a result and was run again`);

/**
 * One body for each attempt on record, one for the attempt under way, one for each worker that was lost, and one for each
 * time the function threw: steps that it did not await are then told to stop.
 */
export const bodiesAreAccountedFor: Check = ({ ledger, runs, programs }) => {
  const begun = new Map<string, { count: number; failures: number; runId: string; step: string }>();
  for (const { runId, site, step, failures, kind } of ledger.bodies) {
    // Its messages may be delivered twice, and no lease keeps two Lambdas apart: the first outcome counts.
    if (kind === "distributed") continue;
    const key = `${runId} ${site}`;
    begun.set(key, { count: (begun.get(key)?.count ?? 0) + 1, failures, runId, step });
  }
  const byId = new Map(runs.map((run) => [run.runId, run]));
  return [...begun].flatMap(([key, { count, failures, runId, step }]) => {
    const run = byId.get(runId);
    if (!run) return [];
    const thrown = run.written.filter((entry) => entry.k === "thrown").length;
    const own = ledger.passes.filter((pass) => pass.runId === runId);
    const races = codeOf(programs).some(
      ({ functionId, kinds }) => functionId === run.head.functionId && kinds.has("groupRace"),
    );
    // The loser of a race was let go, without a result: other code, in which the race is open for longer, begins it again.
    const otherCodes = races ? new Set(own.map(({ version }) => version)).size - 1 : 0;
    const allowed = 1 + failures + run.steals + thrown + timeoutsOf(run, step) + otherCodes;
    return count <= allowed ? [] : [`step ${key} began ${count} times; at most ${allowed} are explained`];
  });
};

/** Where nothing dies, no worker is taken for lost, and no wake: what broke was made good by whoever it broke for. */
export const noNeedlessRecovery: Check = ({ swarm, runs, markers }) => {
  if (!swarm.isGentle) return [];
  const stolen = runs.filter(({ steals }) => steals > 0);
  return [
    ...stolen.map(({ runId, steals }) => `run ${runId} was taken over ${steals} times, and no worker was lost`),
    ...(markers.has("lost wake healed") && !runs.some(waitsForLong)
      ? ["a sweeper had to wake a run, and no wake was lost"]
      : []),
    ...(markers.has("free place found by the sweeper")
      ? ["a sweeper had to wake who waited, and a place was free"]
      : []),
  ];
};

/** A wait whose end is far off has no timer: the sweeper brings its run back now and then, by design (ADR 0020). */
function waitsForLong({ written }: RunEvidence): boolean {
  return written.some(
    (entry) =>
      entry.k === "op" &&
      entry.op.kind !== "sleep" &&
      entry.op.kind !== "branch" &&
      entry.op.untilMs - entry.atMs > FAR_WAIT_MS,
  );
}

/** A body that may begin once begins once, whatever happens to its worker. */
export const onceIsOnce: Check = ({ ledger }) => {
  const begun = ledger.bodies.filter(({ kind }) => kind === "once").map(({ runId, site }) => `${site} of run ${runId}`);
  return begun.filter((place, index) => begun.indexOf(place) !== index).map((place) => `body ${place} began again`);
};

/** Attempts that were stopped because their invocation was over. */
function timeoutsOf({ written }: RunEvidence, step: string): number {
  const isTimeout = (code: string | undefined): boolean => code === "STEP_TIMED_OUT";
  return written.filter(
    (entry) => entry.k === "failed" && `${entry.id}:${entry.i}` === step && isTimeout(entry.err.code),
  ).length;
}

/** A body begins only under a lease that is valid, clocks considered. */
export const bodiesBeginUnderLease: Check = (evidence) =>
  evidence.ledger.bodies.flatMap(({ runId, site, kind, atMs, isLive: wasLive, leaseUntilMs }) =>
    kind !== "distributed" && wasLive && leaseUntilMs + clocksApartMs(evidence) < atMs
      ? [`step ${site} of run ${runId} began ${atMs - leaseUntilMs} ms after the lease`]
      : [],
  );

/** No sleep ends before its time, and no run begins before its event's: by the clocks of two sandboxes, each wrong by the skew. */
export const nothingIsEarly: Check = (evidence) => {
  const { ledger, runs, requests } = evidence;
  const slackMs = clocksApartMs(evidence);
  const early = ledger.sleeps.flatMap(({ runId, site, askedAtMs, lengthMs, endedAtMs }) =>
    endedAtMs
      .filter((atMs) => atMs + slackMs < askedAtMs + lengthMs)
      .map((atMs) => `sleep ${site} of run ${runId} of ${lengthMs} ms ended after ${atMs - askedAtMs} ms`),
  );
  const notBefore = new Map(requests.flatMap(({ events }) => events.map((event) => [event.canary, event.notBeforeMs])));
  const canaryOf = new Map(runs.map(({ runId, canary }) => [runId, canary]));
  const begun = ledger.bodies.flatMap(({ runId, site, atMs }) => {
    const earliestMs = notBefore.get(canaryOf.get(runId) ?? "") ?? 0;
    return atMs + slackMs < earliestMs ? [`step ${site} of run ${runId} began ${earliestMs - atMs} ms early`] : [];
  });
  return [...early, ...begun];
};

/** At every look each live run had an entry in the due index, and items that live long enough. */
export const noOrphan: Check = ({ orphans }) => [...orphans];

export const terminalIsFinal: Check = ({ runs }) =>
  runs.flatMap(({ runId, fate }) =>
    fate.changedAfterEnd.map((change) => `run ${runId} changed after its end: ${change}`),
  );

export const oneFinish: Check = ({ runs }) =>
  runs.filter(({ fate }) => fate.ends > 1).map(({ runId, fate }) => `run ${runId} ended ${fate.ends} times`);

/** An accepted event starts its function once; a request that was not accepted starts all of its runs or none. */
export const eventsAreConserved: Check = ({ requests, runs }) => {
  const count = (functionId: string, canary: string): number =>
    runs.filter(({ head, canary: own }) => head.functionId === functionId && own === canary).length;
  const wrong: string[] = [];
  for (const { events, accepted } of requests) {
    const plain = events.filter(({ senderId }) => senderId === null);
    const started = plain.map(({ functionId, canary }) => count(functionId, canary));
    if (accepted && started.some((runsOfEvent) => runsOfEvent !== 1))
      wrong.push(`accepted events started ${started.join()} runs`);
    if (!accepted && new Set(started).size > 1) wrong.push(`a refused request started ${started.join()} runs`);
    if (started.some((runsOfEvent) => runsOfEvent > 1)) wrong.push(`events started ${started.join()} runs`);
  }
  return wrong;
};

/** A sender's id starts a function once, whichever of its events was first. */
export const senderIdsCountOnce: Check = ({ requests, runs }) => {
  const groups = new Map<string, { canaries: string[]; functionId: string; isAccepted: boolean }>();
  for (const { events, accepted } of requests) {
    for (const { senderId, functionId, canary } of events) {
      if (senderId === null) continue;
      const key = `${functionId} ${senderId}`;
      const group = groups.get(key) ?? { canaries: [], functionId, isAccepted: false };
      group.canaries.push(canary);
      groups.set(key, { ...group, isAccepted: group.isAccepted || accepted });
    }
  }
  return [...groups].flatMap(([key, { canaries, functionId, isAccepted }]) => {
    const started = runs.filter((run) => run.head.functionId === functionId && canaries.includes(run.canary)).length;
    const isRight = started === 1 || (started === 0 && !isAccepted);
    return isRight ? [] : [`events "${key}" started ${started} runs`];
  });
};

/** What a step sent, and was told so, starts each run once; nothing that nobody sent is started. */
export const sendsAreConserved: Check = ({ ledger, runs, requests }) => {
  const external = new Set(requests.flatMap(({ events }) => events.map(({ canary }) => canary)));
  const started = new Map<string, number>();
  for (const { canary } of runs) started.set(canary, (started.get(canary) ?? 0) + 1);
  const known = new Set(runs.map(({ runId }) => runId));
  const strangers = [...started.keys()].filter(
    (canary) => !external.has(canary) && !known.has(canary.split(":")[0] ?? ""),
  );
  const doubled = [...started].filter(([, count]) => count > 1);
  const lost = ledger.sends.flatMap(({ runId, site, functionId, count, ids }) =>
    Array.from({ length: count }, (_, index) => index)
      .filter((index) => {
        const isThere = known.has(runIdOf("sim", functionId, ids[index] ?? ""));
        return !isThere || started.get(`${runId}:${site}:${index}`) !== 1;
      })
      .map((index) => `event ${index} that ${site} of run ${runId} sent did not start its one run`),
  );
  return [
    ...lost,
    ...doubled.map(([canary, count]) => `event ${canary} started ${count} runs`),
    ...strangers.map((canary) => `a run was started by ${canary}, which nobody sent`),
  ];
};

/** Each pass is given its own run's event, and each result holds it. */
export const nobodySeesAnothersData: Check = ({ ledger, runs }) => {
  const canaryOf = new Map(runs.map(({ runId, canary }) => [runId, canary]));
  const passes = ledger.passes.filter(({ runId, canary }) => canaryOf.has(runId) && canaryOf.get(runId) !== canary);
  return passes.map(({ runId, canary }) => `a pass of run ${runId} was given the event of ${canary}`);
};

/** Keys are in no log line, no item and no message; what events hold is in no log line. */
export const secretsStaySecret: Check = ({ logLines, stored, secrets, runs }) => [
  ...secrets.filter((secret) => stored.includes(secret)).map((secret) => `"${secret}" is in the table or on a queue`),
  ...[...secrets, ...runs.map(({ canary }) => canary)].flatMap((secret) =>
    logLines
      .filter((line) => line.includes(secret))
      .map((line) => `"${secret}" is in a log line: ${line.slice(0, 200)}`),
  ),
];

/** The log can be loaded, has not shrunk, and has no second result of a step. */
export const logIsWhole: Check = ({ runs, unreadable }) => [
  ...unreadable.map((problem) => `a run cannot be loaded: ${problem}`),
  ...runs.flatMap(({ runId, entries }) => {
    const done = entries.flatMap((entry) => (entry.k === "done" ? [`${entry.id}:${entry.i}`] : []));
    return new Set(done).size === done.length ? [] : [`run ${runId} has two results of a step: ${shorten(done)}`];
  }),
];

/** No message, no timer, no due entry, no effect is left once everything has ended. */
export const nothingIsLeftBehind: Check = ({ messages, timers, runs }) => [
  ...messages
    .filter(({ messages: count }) => count !== 0)
    .map(({ queue, messages: count }) => `${count} messages on ${queue}`),
  ...timers.map((name) => `schedule ${name} is still there`),
  ...runs.filter(({ head }) => head.dueAtMs !== null).map(({ runId }) => `ended run ${runId} has a due entry`),
  ...runs.filter(({ head }) => head.effects.length > 0).map(({ runId }) => `ended run ${runId} has effects pending`),
];

/** For one wake: a claim, a release, an absorbed wake, a due time moved; and some that were refused and made again. */
const WRITES_A_WAKE = 6;
/** A fault makes its call be repeated, and those of the turn it interrupts. */
const WRITES_A_FAULT = 20;

/**
 * Writes to a run, refused ones too, are bounded by what happened to it: its log's items, its wakes, a beat every few
 * seconds of a turn, and what faults made it repeat. Between two of its turns nothing is written.
 */
export const costIsBounded: Check = ({ runs, faults, ledger }) =>
  runs.flatMap(({ runId, writes, logItems, wakes }) => {
    const bodies = ledger.bodies.filter((body) => body.runId === runId).length;
    const allowed = 4 + logItems + WRITES_A_WAKE * (wakes + 1) + 3 * bodies + WRITES_A_FAULT * faults;
    return writes <= allowed ? [] : [`run ${runId} took ${writes} writes; ${allowed} are explained`];
  });

export const CHECKS = {
  everythingEnds,
  resultEqualsOracle,
  memoEquality,
  orderIsStable,
  completedStepsNeverRunAgain,
  bodiesAreAccountedFor,
  onceIsOnce,
  noNeedlessRecovery,
  bodiesBeginUnderLease,
  noBodyAfterCancel,
  cancelsHold,
  timeoutsAreNotEarly,
  timeoutsAreKept,
  failuresAreHandledOnce,
  handlersAreTold,
  limitsOfStepsHold,
  limitsOfRunsHold,
  bodiesHavePlaces,
  restHoldsNothing,
  keysAreToldApart,
  queuesAreServed,
  placesAreGivenBack,
  bulkCancelsEnd,
  bulkCancelsAreWhole,
  bulkCancelsSpareOthers,
  nothingIsEarly,
  noOrphan,
  terminalIsFinal,
  oneFinish,
  eventsAreConserved,
  senderIdsCountOnce,
  sendsAreConserved,
  nobodySeesAnothersData,
  secretsStaySecret,
  logIsWhole,
  nothingIsLeftBehind,
  costIsBounded,
} as const satisfies Readonly<Record<string, Check>>;

export type CheckName = keyof typeof CHECKS;

export interface Violation {
  check: CheckName;
  problem: string;
}

/** Everything that is wrong with a world. */
export function violationsOf(evidence: Evidence): Violation[] {
  const names = Object.keys(CHECKS) as CheckName[];
  return names.flatMap((check) => CHECKS[check](evidence).map((problem) => ({ check, problem })));
}

export function describeViolation({ check, problem }: Violation): string {
  return `${check}: ${problem}`;
}
