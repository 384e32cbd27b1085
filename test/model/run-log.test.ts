/**
 * Goal: the log, its seals and the conditions on the head keep every run's history one and the same for all who replay it
 * (PROTOCOL §1–3), with zombies, late writes, lost answers, kills and cancels.
 * Method: exhaustive search. The protocol as it stands has no violation; each rule dropped on purpose is found out, by name.
 */
import { describe, expect, it } from "vitest";
import { explore, report, type Verdict } from "./explore.js";
import { runLogModel } from "./run-log/model.js";
import { allOfSteps, raceOfSteps, sleepRacesStep, sleepThenRace, twoSteps } from "./run-log/programs.js";
import type { Fault, Setup } from "./run-log/state.js";

const NO_BUDGET = { crashes: 0, repeats: 0, cancels: 0, yields: 0, beats: 0 };

function search(
  setup: Partial<Omit<Setup, "budget" | "faults">>,
  budget: Partial<Setup["budget"]>,
  ...faults: Fault[]
): Verdict {
  const defaults = { program: raceOfSteps, workers: 2, maxEpoch: 3, leaseTicks: 1 };
  const whole = { ...defaults, ...setup, budget: { ...NO_BUDGET, ...budget }, faults: new Set(faults) };
  return explore(runLogModel(whole, 100_000));
}

describe("the run log", { timeout: 60_000 }, () => {
  const sound: [string, Partial<Setup>, Partial<Setup["budget"]>][] = [
    ["two workers and a kill", {}, { crashes: 1 }],
    ["three workers, four epochs", { workers: 3, maxEpoch: 4 }, {}],
    ["results that share an item", { program: allOfSteps }, { crashes: 1, yields: 1 }],
    ["an arrival that races a step", { program: sleepRacesStep }, { crashes: 1 }],
    ["an arrival shown without seen, then a race", { program: sleepThenRace }, { yields: 1 }],
    ["repeated requests, beats and a cancel", {}, { repeats: 1, beats: 1, cancels: 1 }],
    ["repeated requests over a yield", {}, { repeats: 1, yields: 1 }],
    ["beats that lengthen a lease", { program: twoSteps, leaseTicks: 2, maxEpoch: 2 }, { repeats: 1, beats: 3 }],
  ];

  it.each(sound)("holds with %s", (_, setup, budget) => {
    const verdict = search(setup, budget);
    console.log(report(verdict));
    expect(verdict.violation, report(verdict)).toBeNull();
    expect(verdict.neverSeen).toEqual([]);
  });
});

describe("a rule of the run log that is dropped is found out", { timeout: 60_000 }, () => {
  const AGAIN = "a completed step never runs again";
  const SAME = "every replay observes the same";
  const DURABLE = "nothing is shown that is not durable";
  const kill = { crashes: 1, yields: 1 };
  const planted: [Fault, string, Partial<Setup>, Partial<Setup["budget"]>][] = [
    ["drop the seal", AGAIN, {}, kill],
    ["read what the seal covers after the claim", SAME, {}, kill],
    ["read the log before the head", AGAIN, {}, kill],
    ["steal a lease that has not run out", DURABLE, {}, kill],
    ["show a result before it is durable", DURABLE, {}, kill],
    ["show a result before the ones with smaller n are durable", DURABLE, {}, kill],
    ["release while a log write is unsettled", AGAIN, {}, kill],
    ["start bodies before the log is exhausted", AGAIN, {}, kill],
    ["start bodies past the deadline", DURABLE, {}, kill],
    ["do not carry what was shown without seen", DURABLE, { program: sleepThenRace }, kill],
    [
      "show an arrival without seen though it can be ordered against something",
      DURABLE,
      { program: sleepRacesStep },
      kill,
    ],
    ["take a failed condition on one's own log write for a failure", SAME, {}, kill],
    ["cancel without raising the epoch", "terminal is final", {}, { cancels: 1, yields: 1 }],
    ["claim IF leaseUntil = 0 only", "one claim makes one epoch", {}, { repeats: 1, yields: 1 }],
    ["beat IF epoch = mine only", "a settled epoch holds no lease", {}, { repeats: 1, yields: 1, beats: 1 }],
    [
      "a beat may shorten the lease",
      DURABLE,
      { program: twoSteps, leaseTicks: 2, maxEpoch: 2 },
      { repeats: 1, beats: 3 },
    ],
  ];

  it.each(planted)("%s", (fault, invariant, setup, budget) => {
    const verdict = search(setup, budget, fault);
    expect(verdict.violation?.invariant, report(verdict)).toBe(invariant);
  });

  it("shows the zombie of a dropped seal as a timeline", () => {
    expect(search({}, kill, "drop the seal").violation?.timeline.slice(-4)).toEqual([
      "worker 2 reads the head: epoch 1, lease ran out",
      "worker 2 reads the log [] and sends steal of epoch 1",
      "worker 1's LOG#1#1 [A=1] lands",
      "worker 2's claim lands and succeeds",
    ]);
  });
});
