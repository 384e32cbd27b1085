/**
 * Goal: every check can fail. A predicate that never says no guards nothing.
 * Method: a small world in which all is well, and for each check one change to what is left of it that breaks the promise:
 * the check that is named says so, in words, and no other does where the promise is one of its own.
 */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { stepHash } from "../../runtime/core/ids.js";
import type { RunHead } from "../../runtime/core/run.js";
import { slotsOf } from "../../runtime/flow/limits-of-run.js";
import { newHeadItem, readHead } from "../../runtime/state/head-item.js";
import type { ConcurrencyConfig, LogEntry } from "../../sdk/protocol.js";
import { CHECKS, violationsOf, type CheckName } from "./checks.js";
import type { Evidence, RunEvidence } from "./evidence.js";
import type { BodyStart, PassRecord } from "./ledger.js";
import type { DrawnTimeouts } from "./options/timeouts.js";
import { PredictedFailure, type Operation } from "./operation.js";
import type { SlotRecord } from "./slot-watch.js";
import { drawSwarm } from "./swarm.js";

/** `runIdOf("sim", "f1", "event-of-b")`. */
const CHILD = "sim_9z1md3sxt3q38ddrk4e8da3034";
const PARENT = "sim_00000000000000000000000000";
const BEGAN_MS = 1_000;
const ENDED_MS = 2_000;
const OUTPUT = { canary: "request0:event0", value: "s1" };

const created = readHead(
  newHeadItem({
    ...{ runId: PARENT, functionId: "f0", eventId: "e", events: null, notBeforeMs: null },
    ...{ createdAtMs: BEGAN_MS, dueAtMs: 0, ttlSeconds: 9 },
  }),
);
const head: RunHead = { ...created.head, status: "Completed", epoch: 1, dueAtMs: null, endedAtMs: ENDED_MS };

const done: LogEntry = { k: "done", kind: "run", id: "s1", i: 0, a: 1, ok: "s1", fromMs: 0, atMs: 0 };

const body: BodyStart = {
  ...{ runId: PARENT, step: "s1:0", site: "s1", kind: "plain", atMs: 1_500, failures: 0, completedBefore: false },
  ...{ isLive: true, leaseUntilMs: 20_000, epoch: 1, version: 0, endedAtMs: 1_600, toldAtMs: null },
};

const pass: PassRecord = {
  ...{ runId: PARENT, functionId: "f0", version: 0, canary: "request0:event0", told: null },
  ...{ shown: ["s1=aaaa", "r1 chose 0", "s2=bbbb"], choices: new Map([["r1", 0]]) },
};

const event = { id: "e", name: "sim/f0", data: { canary: "request0:event0" }, ts: 900 };

const run: RunEvidence = {
  ...{ runId: PARENT, head, entries: [done], output: OUTPUT, fate: { ends: 1, changedAfterEnd: [] } },
  ...{ canary: "request0:event0", written: [done], logItems: 1, wakes: 1, steals: 0, writes: 4 },
  times: {
    ...{ createdAtMs: BEGAN_MS, beganAtMs: BEGAN_MS + 20, endedAtMs: ENDED_MS },
    epochs: new Map([[1, BEGAN_MS + 20]]),
    rests: [],
  },
  event,
};

const child: RunEvidence = {
  ...run,
  ...{ runId: CHILD, head: { ...head, runId: CHILD, functionId: "f1" }, canary: `${PARENT}:e1:0` },
  output: { canary: `${PARENT}:e1:0`, value: "s1" },
};

const returnsItsName: Operation = {
  ...{ isPlain: true, show: () => "s1", run: () => Promise.resolve("s1") },
  predict: (oracle) => {
    if (oracle.chosen("r1") === 1) throw new PredictedFailure("the other one won");
    return "s1";
  },
};

const program = (functionId: string, eventName: string): Evidence["programs"][number] => ({
  ...{ functionId, eventName, kinds: new Set(["run"]), body: returnsItsName, timeouts: {}, handler: null },
  ...{ concurrency: [], waitsLong: false },
});

const ledger: Evidence["ledger"] = {
  bodies: [body],
  passes: [pass, { ...pass, shown: ["s1=aaaa"] }, { ...pass, runId: CHILD, canary: `${PARENT}:e1:0` }],
  sleeps: [{ runId: PARENT, site: "z1", askedAtMs: 1_100, lengthMs: 400, endedAtMs: [1_500, 1_501] }],
  sends: [{ runId: PARENT, site: "e1", functionId: "f1", count: 1, ids: ["event-of-b"] }],
  asked: new Map(),
};

const externalEvent = {
  functionId: "f0",
  canary: "request0:event0",
  senderId: null,
  sentAtMs: 900,
  notBeforeMs: 1_400,
};

const sound: Evidence = {
  ...{ seed: 1, hash: "", programs: [program("f0", "sim/f0"), program("f1", "sim/f1")], runs: [run, child] },
  ...{ unreadable: [], ledger, requests: [{ accepted: true, events: [externalEvent] }], cancels: [], orphans: [] },
  ...{ messages: [{ queue: "perdure-steps", messages: 0 }], timers: [], logLines: ["Run ended"], stored: "{}" },
  ...{ secrets: ["the-key"], faults: 0, calls: 9, virtualMs: 3_000, markers: new Set(), timeline: [] },
  ...{ bulkRequests: [], bulkCancels: [], staleFeeds: [], healedAtMs: 2_500 },
  ...{ slots: [], stranded: [], deploys: [{ version: 0, atMs: 0 }] },
  swarm: { ...drawSwarm(seededRandom(1)), isGentle: false, skewMs: 0 },
};

const gentle = { ...sound.swarm, isGentle: true };
const withRun = (change: Partial<RunEvidence>): Evidence => ({ ...sound, runs: [{ ...run, ...change }, child] });
const withHead = (change: Partial<RunHead>): Evidence => withRun({ head: { ...head, ...change } });
const withBody = (change: Partial<BodyStart>): Evidence => withLedger({ bodies: [{ ...body, ...change }] });
const reason = (code: string, message = code): RunHead["reason"] => ({ name: "PerdureError", message, code });
const endedBy = (code: string, change: Partial<RunHead> = {}): Evidence =>
  withHead({ status: "Cancelled", reason: reason(code), ...change });
const withTimeouts = (timeouts: DrawnTimeouts, evidence: Evidence): Evidence => ({
  ...evidence,
  programs: evidence.programs.map((each) => ({ ...each, timeouts })),
});
const withLedger = (change: Partial<Evidence["ledger"]>): Evidence => ({ ...sound, ledger: { ...ledger, ...change } });
const withPass = (change: Partial<PassRecord>): Evidence =>
  withLedger({ passes: [...ledger.passes, { ...pass, ...change }] });
const cancelled = (atMs: number | null): Evidence["cancels"] => [
  { runId: PARENT, canary: null, acknowledgedAtMs: atMs },
];
const senderEvent = { ...externalEvent, senderId: "order-1" };
const request = (events: (typeof externalEvent | typeof senderEvent)[], accepted = true): Evidence => ({
  ...sound,
  requests: [{ accepted, events }],
});

const HANDLER = "sim_handler";
const failed: RunEvidence = { ...run, head: { ...head, status: "Failed", error: { name: "Error", message: "why" } } };
const handled: RunEvidence = {
  ...run,
  ...{ runId: HANDLER, head: { ...head, runId: HANDLER, functionId: "f0-failure" }, canary: `${PARENT}:failed` },
};
const handles = (runs: readonly RunEvidence[]): Evidence => ({
  ...sound,
  programs: sound.programs.map((each) => ({ ...each, handler: { ...each, functionId: `${each.functionId}-failure` } })),
  runs: [...runs, child],
});
const told = { runId: PARENT, functionId: "f0", canary: "request0:event0", error: { name: "Error", message: "why" } };
const handling = (news: Partial<typeof told>): Evidence => {
  const about = { runId: HANDLER, functionId: "f0-failure", canary: handled.canary };
  const passes = [...ledger.passes, { ...pass, ...about, told: { ...told, ...news } }];
  return { ...handles([failed, handled]), ledger: { ...ledger, passes } };
};

/** Of the runs of f0 that were created from ms 500 to ms 1500, accepted at ms 1500, over at ms 1800. */
const bulk: Evidence["bulkCancels"][number] = {
  ...{ id: "bulk-1", functionId: "f0", fromMs: 500, toMs: 1_500, condition: null, cancelled: 1 },
  times: { acceptedAtMs: 1_500, endedAtMs: 1_800 },
};
const asked: Evidence["bulkRequests"][number] = {
  ...{ functionId: "f0", fromMs: 500, toMs: null, ending: null, acceptedAs: ["bulk-1", "bulk-1"] },
};
const inBulk: RunEvidence = {
  ...run,
  head: { ...head, status: "Cancelled", reason: reason("CANCELLED_IN_BULK", 'bulk cancel "bulk-1"') },
  times: { ...run.times, endedAtMs: 1_700 },
};
const inBulkOf = (change: Partial<typeof bulk>, first: RunEvidence = inBulk): Evidence => ({
  ...{ ...sound, bulkCancels: [{ ...bulk, ...change }], bulkRequests: [{ ...asked, toMs: null }] },
  runs: [first, child],
});
const ofTheOther = { condition: 'event.data.canary.endsWith("1")' };

/** The two runs are of one function that has a limit, with a body and a place each, at work at the same time. */
const OTHER = "sim_other";
const rule = (change: Partial<ConcurrencyConfig>): ConcurrencyConfig => ({
  ...{ limit: 2, scope: "function", hold: "step" },
  ...change,
});
interface Limited {
  rules: readonly Partial<ConcurrencyConfig>[];
  /** Of the other run. */
  place: Partial<SlotRecord>;
  first: Partial<BodyStart>;
  other: Partial<BodyStart>;
  otherRun: Partial<RunEvidence>;
}
const limited = ({ rules, place, first: begun, other, otherRun }: Partial<Limited>): Evidence => {
  const concurrency = (rules ?? [{}]).map((each) => [rule(each)]);
  const [first = rule({})] = concurrency.flat();
  const config = { id: "f0", name: "f0", triggers: [], retries: 0, concurrency: [first] };
  const registered = { appId: "sim", config, matchers: [], crons: [], idempotency: null };
  const slots = slotsOf({ ...registered, concurrency: [{ config: first, key: null }] }, event);
  const hash = slots[0]?.split(".")[1] ?? "";
  const own: SlotRecord = {
    ...{ hash, index: 0, run: PARENT, seat: "a", takenAtMs: 1_400, goneAtMs: 1_700 },
    stamps: [{ atMs: 1_400, untilMs: null }],
  };
  const limitedRun = { ...run, head: { ...head, slots } };
  const second = { ...limitedRun, runId: OTHER, canary: "request0:event1", ...otherRun };
  return {
    ...sound,
    programs: [{ ...program("f0", "sim/f0"), concurrency }, program("f1", "sim/f1")],
    runs: [limitedRun, second, child],
    ledger: {
      ...ledger,
      bodies: [
        { ...body, ...begun },
        { ...body, runId: OTHER, atMs: 1_550, endedAtMs: 1_650, ...other },
      ],
    },
    slots: [own, { ...own, index: 1, run: OTHER, ...place }],
    deploys: concurrency.map((_, version) => ({ version, atMs: version * 1_450 })),
  };
};
const LIMIT_CHECKS: readonly CheckName[] = [
  "limitsOfStepsHold",
  "limitsOfRunsHold",
  "bodiesHavePlaces",
  "restHoldsNothing",
  "keysAreToldApart",
];
const inHalves = 'event.data.canary.endsWith("0")';
const BRANCH_SEAT = `b${stepHash("s1", 0)}`;
const ofBranch = (untilMs: number): Partial<Limited> => ({
  other: { kind: "distributed", atMs: 1_450, endedAtMs: 1_900 },
  place: { seat: BRANCH_SEAT, stamps: [{ atMs: 1_440, untilMs }] },
});

const broken: [CheckName, string, Evidence][] = [
  ["limitsOfStepsHold", "2 bodies were at work", limited({ rules: [{ limit: 1 }] })],
  ["limitsOfStepsHold", "2 bodies were at work", limited({ rules: [{ limit: 1 }, { limit: 1 }] })],
  ["limitsOfStepsHold", "2 bodies were at work", limited({ rules: [{ limit: 1 }], ...ofBranch(1_501) })],
  ["limitsOfRunsHold", "2 runs had begun", limited({ rules: [{ limit: 1, hold: "run" }] })],
  ["bodiesHavePlaces", "began with 0 places", limited({ place: { goneAtMs: 1_500 } })],
  ["bodiesHavePlaces", "began with 1 places", limited({ place: { seat: "a" }, other: { runId: PARENT } })],
  ["bodiesHavePlaces", "began with 0 places", limited({ ...ofBranch(9_000), place: { seat: "bOther" } })],
  [
    "restHoldsNothing",
    'run sim_other rested with a place ("a")',
    limited({ otherRun: { times: { ...run.times, rests: [{ atMs: 1_660, epoch: 1 }] } } }),
  ],
  ["keysAreToldApart", "too", limited({ rules: [{ key: inHalves }] })],
  ["keysAreToldApart", "is not counted by", limited({ otherRun: { head } })],
  ["queuesAreServed", "still has a ticket", { ...sound, stranded: ["run x still has a ticket of h at the end"] }],
  ["placesAreGivenBack", "left a place", { ...limited({ place: { goneAtMs: null } }), swarm: gentle }],
  ["everythingEnds", "is still Running", withHead({ status: "Running" })],
  ["resultEqualsOracle", "and not Completed", withRun({ output: { canary: "request0:event0", value: "s2" } })],
  ["resultEqualsOracle", "ended Failed", withHead({ status: "Failed", error: { name: "Error", message: "why" } })],
  ["memoEquality", 'was "=aaaa" and then "=cccc"', withPass({ version: 1, shown: ["s1=cccc"] })],
  ["memoEquality", 'was "=aaaa" and then "!it failed"', withPass({ version: 1, shown: ["s1!it failed"] })],
  ["memoEquality", "race r1 in version 0", withPass({ shown: ["s1=aaaa", "r1 chose 1"] })],
  ["orderIsStable", "one pass saw", withPass({ shown: ["s2=bbbb", "s1=aaaa"] })],
  ["completedStepsNeverRunAgain", "had a result", withBody({ completedBefore: true })],
  ["bodiesAreAccountedFor", "began 2 times; at most 1", withLedger({ bodies: [body, body] })],
  [
    "onceIsOnce",
    "body s1 of run",
    withLedger({ bodies: [body, body].map((each) => ({ ...each, kind: "once" as const })) }),
  ],
  ["noNeedlessRecovery", "was taken over 1 times", { ...withRun({ steals: 1 }), swarm: gentle }],
  [
    "noNeedlessRecovery",
    "a sweeper had to wake",
    { ...sound, swarm: gentle, markers: new Set(["lost wake healed"] as const) },
  ],
  [
    "noNeedlessRecovery",
    "a sweeper had to wake who waited",
    { ...sound, swarm: gentle, markers: new Set(["free place found by the sweeper"] as const) },
  ],
  ["bodiesBeginUnderLease", "began 500 ms after the lease", withBody({ leaseUntilMs: 1_000 })],
  [
    "noBodyAfterCancel",
    "5251 ms after its cancel",
    {
      ...withBody({ atMs: 6_851 }),
      cancels: cancelled(1_600),
      runs: [{ ...run, head: { ...head, status: "Cancelled" }, times: { ...run.times, endedAtMs: 1_600 } }],
    },
  ],
  ["cancelsHold", "was cancelled, and is Completed", { ...sound, cancels: cancelled(1_600) }],
  ["cancelsHold", "nobody cancelled", withHead({ status: "Cancelled" })],
  ["cancelsHold", "nobody cancelled", endedBy("CANCELLED_BY_REQUEST")],
  ["cancelsHold", "nobody cancelled", endedBy("CANCELLED_BY_PARENT")],
  ["cancelsHold", "FINISH_TIMED_OUT", endedBy("FINISH_TIMED_OUT")],
  [
    "timeoutsAreNotEarly",
    "after 980 ms, and may take 1000",
    withTimeouts({ finish: 1_000 }, endedBy("FINISH_TIMED_OUT", { startedAtMs: BEGAN_MS + 20 })),
  ],
  [
    "timeoutsAreNotEarly",
    "began, and was cancelled as if it had not",
    withTimeouts({ start: 1_000 }, endedBy("START_TIMED_OUT")),
  ],
  [
    "timeoutsAreNotEarly",
    "had waited 120 ms, and may wait 1000",
    { ...withTimeouts({ start: 1_000 }, endedBy("START_TIMED_OUT")), ledger: { ...ledger, passes: [], bodies: [] } },
  ],
  [
    "timeoutsAreKept",
    "began after 1001 ms, and may wait 1000",
    withTimeouts({ start: 1_000 }, withHead({ startedAtMs: 2_001 })),
  ],
  [
    "timeoutsAreKept",
    "began 1 ms after the run's time was up",
    withTimeouts({ finish: 1_000 }, withBody({ atMs: 2_021 })),
  ],
  [
    "timeoutsAreKept",
    "began 20001 ms after",
    {
      ...withTimeouts({ finish: 1_000 }, withBody({ atMs: 22_021, leaseUntilMs: 30_000 })),
      markers: new Set(["sandbox froze"] as const),
    },
  ],
  [
    "timeoutsAreKept",
    "ended 3601480 ms after its time was up",
    withTimeouts({ finish: 1_000 }, withRun({ times: { ...run.times, endedAtMs: 3_603_500 } })),
  ],
  ["failuresAreHandledOnce", "was handled 0 times", handles([failed])],
  ["failuresAreHandledOnce", "was handled 2 times", handles([failed, handled, { ...handled, runId: "again" }])],
  ["failuresAreHandledOnce", "which is Completed", handles([run, handled])],
  [
    "failuresAreHandledOnce",
    "which is another function's",
    handles([{ ...failed, head: { ...failed.head, functionId: "f1" } }, handled]),
  ],
  ["failuresAreHandledOnce", "which is no run", handles([{ ...handled, canary: "nobody:failed" }])],
  [
    "failuresAreHandledOnce",
    "is not told of",
    handles([
      failed,
      handled,
      { ...handled, runId: "of-handler", canary: `${HANDLER}:failed` },
      { ...handled, head: { ...handled.head, status: "Failed" } },
    ]),
  ],
  [
    "handlersAreTold",
    'told "f0 request0:event0: Error what?"',
    handling({ error: { name: "Error", message: "what?" } }),
  ],
  ["handlersAreTold", "f0 request9:event0", handling({ canary: "request9:event0" })],
  ["bulkCancelsEnd", "never ended", inBulkOf({ times: { acceptedAtMs: 1_500, endedAtMs: null } })],
  ["bulkCancelsEnd", "is not on record", { ...inBulkOf({}), bulkCancels: [] }],
  [
    "bulkCancelsEnd",
    "was accepted as bulk-1,bulk-2",
    { ...inBulkOf({}), bulkRequests: [{ ...asked, acceptedAs: ["bulk-1", "bulk-2"] }] },
  ],
  ["bulkCancelsEnd", "nobody asked for bulk cancel bulk-1", inBulkOf({ fromMs: 499 })],
  ["bulkCancelsEnd", "1 requests made 2", { ...inBulkOf({}), bulkCancels: [bulk, { ...bulk, id: "bulk-2" }] }],
  ["bulkCancelsAreWhole", "was over, and run", inBulkOf({}, run)],
  ["bulkCancelsSpareOthers", "was not meant", inBulkOf({ functionId: "f1" })],
  ["bulkCancelsSpareOthers", "was not meant", inBulkOf({ toMs: BEGAN_MS })],
  ["bulkCancelsSpareOthers", "was not meant", inBulkOf(ofTheOther)],
  ["bulkCancelsSpareOthers", "says 2 runs, and they were 1", inBulkOf({ cancelled: 2 })],
  ["bulkCancelsSpareOthers", "says 0 runs, and they were 1", inBulkOf({ cancelled: 0 })],
  ["nothingIsEarly", "of 400 ms ended after 399 ms", withSleepEnd(1_499)],
  ["nothingIsEarly", "began 100 ms early", withBody({ atMs: 1_300 })],
  ["noOrphan", "had no due entry", { ...sound, orphans: ["live run x had no due entry"] }],
  ["terminalIsFinal", "changed after its end", withRun({ fate: { ends: 1, changedAfterEnd: ["status: a → b"] } })],
  ["oneFinish", "ended 2 times", withRun({ fate: { ends: 2, changedAfterEnd: [] } })],
  [
    "eventsAreConserved",
    "accepted events started 1,0 runs",
    request([externalEvent, { ...externalEvent, canary: "lost" }]),
  ],
  [
    "eventsAreConserved",
    "refused request started 1,0",
    request([externalEvent, { ...externalEvent, canary: "x" }], false),
  ],
  ["eventsAreConserved", "events started 2 runs", { ...sound, runs: [run, { ...run }, child] }],
  [
    "senderIdsCountOnce",
    'events "f0 order-1" started 2 runs',
    { ...request([senderEvent]), runs: [run, { ...run }, child] },
  ],
  ["senderIdsCountOnce", "started 0 runs", request([{ ...senderEvent, functionId: "f1" }])],
  ["sendsAreConserved", "did not start its one run", { ...sound, runs: [run] }],
  ["sendsAreConserved", "which nobody sent", { ...sound, runs: [run, { ...child, canary: "sim_else:e1:0" }] }],
  ["sendsAreConserved", "started 2 runs", { ...sound, runs: [run, child, child] }],
  ["nobodySeesAnothersData", "was given the event of", withPass({ canary: "request0:event1" })],
  ["secretsStaySecret", "is in the table", { ...sound, stored: '{"a":"the-key"}' }],
  ["secretsStaySecret", '"the-key" is in a log line', { ...sound, logLines: ["key the-key"] }],
  ["secretsStaySecret", '"request0:event0" is in a log line', { ...sound, logLines: ["bad event request0:event0"] }],
  ["logIsWhole", "cannot be loaded", { ...sound, unreadable: ["x: history shrank"] }],
  ["logIsWhole", "two results of a step", withRun({ entries: [done, done] })],
  ["nothingIsLeftBehind", "1 messages on", { ...sound, messages: [{ queue: "perdure-steps", messages: 1 }] }],
  ["nothingIsLeftBehind", "schedule x is still there", { ...sound, timers: ["x"] }],
  ["nothingIsLeftBehind", "has a due entry", withHead({ dueAtMs: 1 })],
  ["nothingIsLeftBehind", "has effects pending", withHead({ effects: ["timer"] })],
  ["costIsBounded", "took 500 writes", withRun({ writes: 500 })],
];

function withSleepEnd(endedAtMs: number): Evidence {
  return withLedger({
    sleeps: [{ runId: PARENT, site: "z1", askedAtMs: 1_100, lengthMs: 400, endedAtMs: [endedAtMs] }],
  });
}

describe("checks", () => {
  it("find nothing where all is well", () => {
    expect(violationsOf(sound)).toEqual([]);
  });

  it.each(broken)("%s: %s", (check, says, evidence) => {
    expect(CHECKS[check](evidence).join("\n")).toContain(says);
    expect(violationsOf(evidence).map((violation) => violation.check)).toContain(check);
  });

  it("are all here", () => {
    expect([...new Set(broken.map(([check]) => check))].sort()).toEqual(Object.keys(CHECKS).sort());
  });

  it("allow what is right under a limit: a place each, a limit that was higher before, and bodies that no longer count", () => {
    const rightly: Partial<Limited>[] = [
      {},
      { rules: [{ hold: "run" }], otherRun: { times: { ...run.times, rests: [{ atMs: 1_660, epoch: 1 }] } } },
      { otherRun: { times: { ...run.times, rests: [{ atMs: 1_700, epoch: 1 }] } } },
      { rules: [{ limit: 2 }, { limit: 1 }] },
      { rules: [{ limit: 1 }], other: { atMs: 1_601 } },
      { rules: [{ limit: 1 }], other: { atMs: 1_450, endedAtMs: null, toldAtMs: 1_500 } },
      { rules: [{ limit: 1 }], ...ofBranch(1_500) },
      // In one instant one begins and is let go, and then the other begins (world 32578).
      { rules: [{ limit: 1 }], first: { toldAtMs: 1_500 }, other: { runId: PARENT, atMs: 1_500 } },
    ];
    for (const each of rightly) {
      const found = violationsOf(limited(each)).filter(({ check }) => LIMIT_CHECKS.includes(check));
      expect(found).toEqual([]);
    }
  });

  it("allow what is right: other code decides a race otherwise, an attempt for each lost worker, a bulk cancel, a handler", () => {
    const other = withPass({ version: 1, shown: ["s1=aaaa", "r1 chose 1"], choices: new Map([["r1", 1]]) });
    expect(violationsOf(other)).toEqual([]);
    expect(violationsOf(inBulkOf({}))).toEqual([]);
    expect(violationsOf(handling({})).filter(({ check }) => check !== "resultEqualsOracle")).toEqual([]);
    const again = { ...withLedger({ bodies: [body, body] }), runs: [{ ...run, steals: 1 }, child] };
    expect(violationsOf(again)).toEqual([]);
  });
});
