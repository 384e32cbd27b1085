/**
 * Goal: a crash is charged to what caused it (PROTOCOL §2.5). A body that kills its process runs at most attempts + 1 times, the
 * first time unrecorded, and costs its step alone; a function that dies before any body gives up with a reason; unrelated kills
 * with progress between them end nothing.
 * Method: exhaustive search; each rule dropped on purpose is found out, by name.
 */
import { describe, expect, it } from "vitest";
import { crashChargingModel, type Fault, type Setup } from "./crash-charging.model.js";
import { explore, report, type Verdict } from "./explore.js";

const HEALTHY = { groups: [["A", "B", "C"], ["D"]], poison: [], flaky: [], diesBeforeGroup: null, kills: 0, yields: 0 };

function search(setup: Partial<Setup>, ...faults: Fault[]): Verdict {
  return explore(crashChargingModel({ ...HEALTHY, ...setup, faults: new Set(faults) }));
}

describe("crash charging", { timeout: 60_000 }, () => {
  const sound: [string, Partial<Setup>][] = [
    ["kills and yields", { kills: 3, yields: 1 }],
    ["one poison body among three", { poison: ["C"], yields: 1 }],
    ["one poison body among three and a kill", { poison: ["C"], kills: 1, yields: 1 }],
    ["two poison bodies", { poison: ["A", "B"], yields: 2 }],
    ["a poison body after the others", { poison: ["D"], kills: 1 }],
    ["a poison body beside a step that waits for its retry", { poison: ["C"], flaky: ["A"], yields: 1 }],
    ["a death before any body", { diesBeforeGroup: 0, kills: 1 }],
    ["a death between two groups", { diesBeforeGroup: 1, kills: 1, poison: ["B"] }],
  ];

  it.each(sound)("holds with %s", (_, setup) => {
    const verdict = search(setup);
    console.log(report(verdict));
    expect(verdict.violation, report(verdict)).toBeNull();
    expect(verdict.neverSeen).toEqual([]);
  });
});

describe("a rule of crash charging that is dropped is found out", { timeout: 60_000 }, () => {
  const BOUND = "bodies are bounded";
  const JUST = "a run gives up only after crashes without progress";
  const planted: [Fault, string, Partial<Setup>][] = [
    ["one logged result ends the care", BOUND, { poison: ["C"] }],
    ["only the stealing turn is careful", BOUND, { poison: ["C"], yields: 1 }],
    ["careful turns write no start", JUST, { poison: ["C"] }],
    ["careful turns run bodies together", "a poison body costs its step, not its neighbour", { poison: ["C"] }],
    ["a started body without outcome is not charged", BOUND, { poison: ["C"] }],
    ["crashes before any body are not charged", "every run ends", { diesBeforeGroup: 0 }],
    ["progress does not reset the crashes", JUST, { kills: 3 }],
  ];

  it.each(planted)("%s", (fault, invariant, setup) => {
    const verdict = search(setup, fault);
    expect(verdict.violation?.invariant, report(verdict)).toBe(invariant);
  });
});
