/**
 * Goal: each predicate over a campaign on real processes (checks.ts) notices what it is there for, and nothing else.
 * Method: the evidence of a small campaign in which all is well; then one thing in it is changed, and exactly that predicate
 * complains. The campaigns themselves run in `npm run prove`: they take minutes of real time.
 */
import { describe, expect, it } from "vitest";
import { CHECKS, wrongWith } from "./checks.js";
import type { Disturbance, Effect, Evidence, Kind, RunSeen, Sent } from "./evidence.js";

const PID = 100;
const OTHER = 200;

function run(functionId: string, n: number, status: string, output: RunSeen["output"]): RunSeen {
  return { id: `load_${functionId}${n}`, functionId, status, output, error: null };
}

function sent(kind: Kind, n: number, more: Partial<Sent>): Sent {
  const nothing = { eventId: `event-${n}`, runs: [], passedOn: [], answer: null, signals: [], cancelledAtMs: null };
  return { n, kind, pauseMs: 1_000, ...nothing, ...more };
}

/** A body that began and returned. */
function ran(fn: string, n: number, step: string, atMs: number, pid = PID): Effect[] {
  const line = { fn, n, runId: `load_${fn}${n}`, step, pid };
  return [
    { ...line, phase: "began", atMs },
    { ...line, phase: "returned", atMs: atMs + 10 },
  ];
}

const kill = (name: string, pid: number, fromMs: number): Disturbance => ({
  what: "kill",
  name,
  pid,
  fromMs,
  untilMs: fromMs,
});

function good(): Evidence {
  const chain = run("chain", 1, "Completed", { value: 5, ids: ["leaf"] });
  return {
    sent: [
      sent("chain", 1, { runs: [chain], passedOn: [run("leaf", 1, "Completed", { value: 10 })] }),
      sent("once", 2, { runs: [run("once", 2, "Completed", { value: 2 })] }),
      sent("race", 3, { runs: [run("race", 3, "Completed", { value: "left" })] }),
      sent("brief", 4, { runs: [run("brief", 4, "Completed", { value: "late" })] }),
      sent("signalled", 5, {
        runs: [run("signalled", 5, "Completed", { value: 501 })],
        signals: [
          { value: 500, told: "nobody" },
          { value: 501, told: "received" },
        ],
      }),
      sent("doomed", 6, { runs: [run("doomed", 6, "Failed", null)] }),
      sent("endless", 7, { runs: [run("endless", 7, "Cancelled", null)], cancelledAtMs: 50_000 }),
      sent("slow", 8, { eventId: null, runs: null }),
    ],
    effects: [
      ...ran("chain", 1, "first", 1_000),
      ...ran("chain", 1, "second", 2_500),
      ...ran("chain", 1, "third", 2_600),
      ...ran("leaf", 1, "leaf", 3_000),
      ...ran("once", 2, "charge", 1_000),
      ...ran("race", 3, "after-left", 1_000),
      ...ran("brief", 4, "after-late", 1_000),
      ...ran("signalled", 5, "after", 1_000),
      ...ran("doomed-failure", 6, "tell", 1_000),
      ...ran("endless", 7, "tick-0", 54_000),
    ],
    disturbances: [],
    live: [],
    strays: [],
    unfinished: [],
  };
}

/** The predicates that complain after the change, by name. */
function complaints(change: (evidence: Evidence) => void): string[] {
  const evidence = good();
  change(evidence);
  return Object.entries(CHECKS).flatMap(([name, check]) => (check(evidence).length > 0 ? [name] : []));
}

const of = (evidence: Evidence, kind: Kind): Sent => {
  const found = evidence.sent.find((each) => each.kind === kind);
  if (!found) throw new Error(`The evidence has no ${kind}`);
  return found;
};

describe("checks of campaigns on real processes", () => {
  it("find nothing wrong where nothing is", () => {
    expect(wrongWith(good())).toEqual([]);
  });

  const violations: Record<keyof typeof CHECKS, (evidence: Evidence) => void> = {
    acknowledgedEventsHaveOneRun: (evidence) => (of(evidence, "race").runs = []),
    nothingStartsTwice: ({ effects }) => {
      for (const line of ran("leaf", 1, "leaf", 5_000)) effects.push({ ...line, runId: "load_other" });
    },
    runsEndRight: (evidence) => (of(evidence, "doomed").runs = [run("doomed", 6, "Completed", null)]),
    sentEventsStartRuns: (evidence) => (of(evidence, "chain").passedOn = []),
    completedRunsRanTheirBodies: (evidence) =>
      (evidence.effects = evidence.effects.filter(({ step }) => step !== "third")),
    repeatsHaveAReason: ({ effects }) => effects.push(...ran("chain", 1, "third", 4_000, OTHER)),
    racesHaveOneWinner: ({ effects }) => effects.push(...ran("race", 3, "after-right", 4_000)),
    sleepsAreNotShort: (evidence) => (of(evidence, "chain").pauseMs = 2_000),
    signalsAreAsTold: (evidence) =>
      (of(evidence, "signalled").runs = [run("signalled", 5, "Completed", { value: 500 })]),
    nothingBeginsAfterACancel: ({ effects }) => effects.push(...ran("endless", 7, "tick-9", 61_000)),
    failuresAreHandled: (evidence) => (evidence.effects = evidence.effects.filter(({ fn }) => fn !== "doomed-failure")),
    nothingIsLive: ({ live }) => live.push(run("slow", 9, "Running", null)),
    nobodyIsLeftBehind: ({ strays }) => strays.push("300 node sandbox.js worker-1"),
    everythingWasAnswered: ({ unfinished }) => unfinished.push("slow 9 got no answer"),
  };

  it.each(Object.entries(violations))("%s notices what it is there for, and no other does", (name, violate) => {
    expect(complaints(violate)).toEqual([name]);
  });

  it("notice a body that is to run at most once and began twice, though its process was killed", () => {
    const again = (evidence: Evidence): void => {
      evidence.effects.push(...ran("once", 2, "charge", 4_000, OTHER));
      evidence.disturbances.push(kill("worker-1", PID, 1_005));
    };
    expect(complaints(again)).toEqual(["atMostOnceHolds"]);
  });

  it("notice an interruption without a reason, and accept one with", () => {
    const interrupted = (evidence: Evidence): void => {
      of(evidence, "once").runs = [run("once", 2, "Completed", { value: "interrupted" })];
    };
    expect(complaints(interrupted)).toEqual(["interruptionsHaveAReason"]);
    const withReason = (evidence: Evidence): void => {
      interrupted(evidence);
      evidence.disturbances.push(kill("server", OTHER, 1_005));
    };
    expect(complaints(withReason)).toEqual([]);
  });

  it("notice a wait that was answered by nobody, and an output that was not gone on with", () => {
    const early = (evidence: Evidence): void => {
      of(evidence, "brief").runs = [run("brief", 4, "Completed", { value: "early" })];
    };
    expect(complaints(early)).toEqual(["briefWaitsSayWhatCame", "outputsAreWhatWasDone"]);
  });

  it("accept a repetition after a throw, after a kill of its process, and after the server's end", () => {
    const after = (change: (evidence: Evidence) => void): string[] =>
      complaints((evidence) => {
        change(evidence);
        evidence.effects.push(...ran("chain", 1, "third", 4_000, OTHER));
      });
    expect(after(({ disturbances }) => disturbances.push(kill("worker-1", PID, 2_700)))).toEqual([]);
    expect(after(({ disturbances }) => disturbances.push(kill("server", 1, 2_700)))).toEqual([]);
    expect(after(({ disturbances }) => disturbances.push(kill("worker-2", OTHER, 2_700)))).toEqual([
      "repeatsHaveAReason",
    ]);
    expect(after(({ disturbances }) => disturbances.push(kill("worker-1", PID, 5_000)))).toEqual([
      "repeatsHaveAReason",
    ]);
    const [began] = ran("chain", 1, "third", 2_600);
    expect(after(({ effects }) => began && effects.push({ ...began, phase: "threw" }))).toEqual([]);
  });

  it("accept a second asking for a distributed step after any worker's death, and one for each", () => {
    const twice = ({ effects }: Evidence): void => {
      effects.push(...ran("fan", 9, "part-0", 3_000), ...ran("fan", 9, "part-0", 3_500, OTHER));
    };
    const killed = ({ disturbances }: Evidence): number => disturbances.push(kill("worker-9", 900, 2_000));
    expect(complaints(twice)).toEqual(["repeatsHaveAReason"]);
    expect(complaints((evidence) => [twice(evidence), killed(evidence)])).toEqual([]);
    expect(
      complaints((evidence) => {
        twice(evidence);
        killed(evidence);
        evidence.effects.push(...ran("fan", 9, "part-0", 4_000));
      }),
    ).toEqual(["repeatsHaveAReason"]);
  });

  it("give a process that was frozen while its run was cancelled its beat when it thaws", () => {
    const frozen = ({ effects, disturbances }: Evidence, untilMs: number): void => {
      effects.push(...ran("endless", 7, "tick-9", 75_000));
      disturbances.push({ what: "freeze", name: "worker-1", pid: PID, fromMs: 49_000, untilMs });
    };
    expect(complaints((evidence) => frozen(evidence, 70_000))).toEqual([]);
    expect(complaints((evidence) => frozen(evidence, 60_000))).toEqual(["nothingBeginsAfterACancel"]);
  });
});
