/**
 * Goal: whatever message is acknowledged, when and by whom (PROTOCOL §4), a live run keeps something that will wake it, and ends
 * with its effects done, once faults stop. First without the sweeper: it must not hide a lost life line. Then with it, against
 * what only the table can survive: messages that SQS delivers twice at once.
 * Method: exhaustive search, liveness under weak fairness; each row or order dropped on purpose is found out, by name.
 */
import { describe, expect, it } from "vitest";
import { acknowledgementModel } from "./acknowledgement/model.js";
import type { Budget, Fault, Setup } from "./acknowledgement/state.js";
import { explore, report, type Verdict } from "./explore.js";

const NO_BUDGET = { crashes: 0, lapses: 0, duplicates: 0, deadLetters: 0, stalls: 0, yields: 0 };

function search(setup: Partial<Setup>, budget: Partial<Budget>, ...faults: Fault[]): Verdict {
  const defaults = { workers: 2, sweeper: false, oldReceiptsDelete: false };
  const whole = { ...defaults, ...setup, budget: { ...NO_BUDGET, ...budget }, faults: new Set(faults) };
  return explore(acknowledgementModel(whole, 100_000));
}

const LINE = "a live run has a message, or will get one";
const ENDS = "every run ends, its effects done";

describe("the acknowledgement table", { timeout: 60_000 }, () => {
  const sound: [string, Partial<Setup>, Partial<Budget>][] = [
    ["two kills", {}, { crashes: 2 }],
    ["a kill, a message delivered beside its holder, a dead letter", {}, { crashes: 1, lapses: 1, deadLetters: 1 }],
    ["a kill and a stall", {}, { crashes: 1, stalls: 1 }],
    ["a kill and a yield", {}, { crashes: 1, yields: 1 }],
    ["three workers and a message delivered beside its holder", { workers: 3 }, { lapses: 1, stalls: 1 }],
    ["the sweeper, a kill and a duplicate", { sweeper: true, oldReceiptsDelete: true }, { crashes: 1, duplicates: 1 }],
  ];

  it.each(sound)("holds with %s", (_, setup, budget) => {
    const verdict = search(setup, budget);
    console.log(report(verdict));
    expect(verdict.violation, report(verdict)).toBeNull();
    expect(verdict.neverSeen).toEqual([]);
  });

  it("needs the sweeper for a duplicate: the claimMsg may be gone already", () => {
    expect(search({}, { crashes: 1, duplicates: 1 }).violation?.invariant).toBe(LINE);
  });

  it("needs the sweeper if old receipts delete", () => {
    expect(search({ oldReceiptsDelete: true }, { crashes: 1, lapses: 1 }).violation?.invariant).toBe(LINE);
  });
});

describe("a rule of the acknowledgement table that is dropped is found out", { timeout: 60_000 }, () => {
  const planted: [Fault, string, Partial<Budget>][] = [
    ["acknowledge the claimMsg on seeing a valid lease", LINE, { crashes: 1 }],
    ["acknowledge by receive count", LINE, { crashes: 1 }],
    ["release without the wakes condition", LINE, {}],
    ["send the continuation before the release", LINE, { yields: 1 }],
    ["acknowledge before the release", LINE, {}],
    ["absorb IF epoch = read only", LINE, {}],
    ["do not arm again after a steal", LINE, { crashes: 1 }],
    ["acknowledge when the lease was lost, whoever holds the claimMsg", LINE, { stalls: 1 }],
    ["do effects after the acknowledgement", ENDS, {}],
    ["acknowledge a timer that is not yet due", LINE, {}],
    ["answer a dead letter at once, whatever the lease", LINE, { crashes: 1, deadLetters: 1 }],
    ["answer a dead timer with a plain wake", LINE, { deadLetters: 1 }],
  ];

  it.each(planted)("%s", (fault, invariant, budget) => {
    const verdict = search({}, budget, fault);
    expect(verdict.violation?.invariant, report(verdict)).toBe(invariant);
  });

  it("absorb without moving due", () => {
    const verdict = search({ sweeper: true }, { crashes: 1, duplicates: 1 }, "absorb without moving due");
    expect(verdict.violation?.invariant, report(verdict)).toBe(ENDS);
  });
});
