/**
 * Goal: every check can fail. A predicate that never says no guards nothing.
 * Method: a small world in which all is well, and for each check one change to what is left of it that breaks the promise:
 * the check that is named says so, in words, and no other does where the promise is one of its own.
 */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../local/aws/seeded-random.js";
import type { RunHead } from "../../runtime/core/run.js";
import { newHeadItem, readHead } from "../../runtime/state/head-item.js";
import type { LogEntry } from "../../sdk/protocol.js";
import { CHECKS, violationsOf, type CheckName } from "./checks.js";
import type { Evidence, RunEvidence } from "./evidence.js";
import type { BodyStart, PassRecord } from "./ledger.js";
import { PredictedFailure, type Operation } from "./operation.js";
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
  ...{ isLive: true, leaseUntilMs: 20_000 },
};

const pass: PassRecord = {
  ...{ runId: PARENT, functionId: "f0", version: 0, canary: "request0:event0" },
  ...{ shown: ["s1=aaaa", "r1 chose 0", "s2=bbbb"], choices: new Map([["r1", 0]]) },
};

const run: RunEvidence = {
  ...{ runId: PARENT, head, entries: [done], output: OUTPUT, fate: { ends: 1, changedAfterEnd: [] } },
  ...{ canary: "request0:event0", written: [done], logItems: 1, wakes: 1, steals: 0, writes: 4 },
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
  ...{ functionId, eventName, kinds: new Set(["run"]), body: returnsItsName },
});

const ledger: Evidence["ledger"] = {
  bodies: [body],
  passes: [pass, { ...pass, shown: ["s1=aaaa"] }, { ...pass, runId: CHILD, canary: `${PARENT}:e1:0` }],
  sleeps: [{ runId: PARENT, site: "z1", askedAtMs: 1_100, lengthMs: 400, endedAtMs: [1_500, 1_501] }],
  sends: [{ runId: PARENT, site: "e1", functionId: "f1", count: 1, ids: ["event-of-b"] }],
};

const externalEvent = { functionId: "f0", canary: "request0:event0", senderId: null, notBeforeMs: 1_400 };

const sound: Evidence = {
  ...{ seed: 1, hash: "", programs: [program("f0", "sim/f0"), program("f1", "sim/f1")], runs: [run, child] },
  ...{ unreadable: [], ledger, requests: [{ accepted: true, events: [externalEvent] }], cancels: [], orphans: [] },
  ...{ messages: [{ queue: "perdure-steps", messages: 0 }], timers: [], logLines: ["Run ended"], stored: "{}" },
  ...{ secrets: ["the-key"], faults: 0, calls: 9, virtualMs: 3_000, markers: new Set(), timeline: [] },
  swarm: { ...drawSwarm(seededRandom(1)), isGentle: false, skewMs: 0 },
};

const gentle = { ...sound.swarm, isGentle: true };
const withRun = (change: Partial<RunEvidence>): Evidence => ({ ...sound, runs: [{ ...run, ...change }, child] });
const withHead = (change: Partial<RunHead>): Evidence => withRun({ head: { ...head, ...change } });
const withBody = (change: Partial<BodyStart>): Evidence => withLedger({ bodies: [{ ...body, ...change }] });
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

const broken: [CheckName, string, Evidence][] = [
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
  ["bodiesBeginUnderLease", "began 500 ms after the lease", withBody({ leaseUntilMs: 1_000 })],
  [
    "noBodyAfterCancel",
    "5251 ms after its cancel",
    {
      ...withBody({ atMs: 6_851 }),
      cancels: cancelled(1_600),
      runs: [{ ...run, head: { ...head, status: "Cancelled" } }],
    },
  ],
  ["cancelsHold", "was cancelled, and is Completed", { ...sound, cancels: cancelled(1_600) }],
  ["cancelsHold", "nobody cancelled", withHead({ status: "Cancelled" })],
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

  it("allow what is right: a race that another version of the code decides otherwise, an attempt for each lost worker", () => {
    const other = withPass({ version: 1, shown: ["s1=aaaa", "r1 chose 1"], choices: new Map([["r1", 1]]) });
    expect(violationsOf(other)).toEqual([]);
    const again = { ...withLedger({ bodies: [body, body] }), runs: [{ ...run, steals: 1 }, child] };
    expect(violationsOf(again)).toEqual([]);
  });
});
