/**
 * Goal: a parent that invokes is answered exactly once and never waits for nothing; a child is made once, is named by its
 * parent's log, and does not go on when its parent was cancelled or let it go: with turns and dispatchers that die anywhere,
 * messages that come twice, a parent that gives up before, while and after its child is made, an operator who cancels the child.
 * Method: exhaustive search, liveness under weak fairness; each rule dropped on purpose is found out, by name.
 */
import { describe, expect, it } from "vitest";
import { explore, report, type Verdict } from "./explore.js";
import { invokeModel, type Fault, type Setup } from "./invoke.model.js";

function search(setup: Partial<Setup>, ...faults: Fault[]): Verdict {
  const quiet = { parentCancels: 0, operatorCancels: 0, kills: 0, duplicates: 0, timesOut: false };
  return explore(invokeModel({ known: true, childEnds: true, ...quiet, ...setup, faults: new Set(faults) }));
}

describe("invoke", { timeout: 60_000 }, () => {
  it.each<[string, Partial<Setup>]>([
    ["two kills", { kills: 2 }],
    ["a kill, a message that comes twice", { kills: 1, duplicates: 1 }],
    ["a timeout, a kill", { timesOut: true, kills: 1 }],
    ["an operator who cancels the child, a kill", { operatorCancels: 1, kills: 1 }],
    ["a function that is not known, a kill", { known: false, childEnds: false, kills: 1, duplicates: 1 }],
    ["a parent that is cancelled, a kill", { parentCancels: 1, kills: 1 }],
    ["a parent that is cancelled, a child without end, two kills", { parentCancels: 1, childEnds: false, kills: 2 }],
    ["a parent that is cancelled, a message that comes twice", { parentCancels: 1, childEnds: false, duplicates: 1 }],
  ])("holds with %s", (_, setup) => {
    const verdict = search(setup);
    console.log(report(verdict));
    expect(verdict.violation, report(verdict)).toBeNull();
    expect(verdict.neverSeen).toEqual([]);
  });
});

describe("a rule of invoke that is dropped is found out", { timeout: 60_000 }, () => {
  const ONCE = "a parent is answered once";
  const NAMED = "one child, and its parent's log names it";
  const ENDS = "a parent is answered, a child that is not wanted ends";
  const CANCEL = { parentCancels: 1, childEnds: false };

  it.each<[Fault, string, Partial<Setup>]>([
    ["ask before the op entry", NAMED, { kills: 1 }],
    ["draw the child's id", NAMED, { kills: 1 }],
    ["do not ask again after a steal", ENDS, { kills: 1 }],
    ["leave an unknown function unanswered", ENDS, { known: false }],
    ["do not look at the parent", ENDS, CANCEL],
    ["look at the parent before the child is made", ENDS, CANCEL],
    ["look only when the child was not claimed", ENDS, { ...CANCEL, kills: 1 }],
    ["ask for the cancel before it is known", ENDS, CANCEL],
    ["cancel the child with no effects pending", ENDS, { operatorCancels: 1 }],
    ["remove the announcement before it is sent", ENDS, { kills: 1 }],
    ["wake the parent before its answer", ENDS, {}],
    ["answer over what arrived", ONCE, { timesOut: true }],
    ["do not wake for an answer that is there", ENDS, { kills: 1 }],
  ])("%s", (fault, invariant, setup) => {
    const verdict = search(setup, fault);
    expect(verdict.violation?.invariant, report(verdict)).toBe(invariant);
  });
});
