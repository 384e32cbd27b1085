/**
 * Goal: a sender is told that a wait took its signal exactly when that wait did, however often and beside whom it is repeated; a
 * wait that lost the name, or never had it, is answered: with timeouts, two senders, waits that replace one another, armings that die,
 * come again or are a zombie's.
 * Method: exhaustive search; each rule dropped on purpose is found out, by name.
 */
import { describe, expect, it } from "vitest";
import { explore, report, type Verdict } from "./explore.js";
import { signalsModel, type Fault, type Setup } from "./signals.model.js";

function search(setup: Partial<Setup>, ...faults: Fault[]): Verdict {
  const quiet = { timesOut: false, repeats: 0, beside: true, kills: 0, lostTurns: 0, rearms: 0 };
  const whole = { waits: ["replace", "replace"] as const, tokens: ["s"], ...quiet, ...setup };
  return explore(signalsModel({ ...whole, faults: new Set(faults) }));
}

const THREE = ["replace", "replace", "replace"] as const;

describe("signals", { timeout: 60_000 }, () => {
  it.each<[string, Partial<Setup>]>([
    ["a timeout, a sender that dies and repeats", { timesOut: true, kills: 1, repeats: 1 }],
    ["two tries side by side, another sender", { waits: ["replace"], tokens: ["s", "t"], timesOut: true, repeats: 1 }],
    ["three waits, an arming that dies", { waits: THREE, lostTurns: 1 }],
    ["three waits, one armed once more", { waits: THREE, rearms: 1 }],
    ["a wait that fails beside another, armed once more", { waits: ["fail", "fail"], rearms: 1 }],
  ])("hold with %s", (_, setup) => {
    const verdict = search(setup);
    console.log(report(verdict));
    expect(verdict.violation, report(verdict)).toBeNull();
    expect(verdict.neverSeen).toEqual([]);
  });
});

describe("a rule of signals that is dropped is found out", { timeout: 60_000 }, () => {
  const TOLD = "a sender is told what its signal came to";
  const ONCE = "a signal is received once";
  const ANSWERED = "a wait without the name is answered";
  const LAST = "who asks last is not replaced";

  it.each<[Fault, string, Partial<Setup>]>([
    ["believe the name, not the inbox", TOLD, { timesOut: true }],
    ["send without aiming", ONCE, { repeats: 1, beside: false, kills: 1 }],
    ["do not aim at nobody", TOLD, { repeats: 1 }],
    ["free the name before the signal is put", ANSWERED, { kills: 1 }],
    ["free the name whoever has it", ANSWERED, {}],
    ["tell nobody that it was replaced", ANSWERED, {}],
    ["take the name before its holder is told", ANSWERED, { lostTurns: 1 }],
    ["a wait armed again takes its name back", LAST, { rearms: 1 }],
    ["put the signal over what arrived", TOLD, { tokens: ["s", "t"] }],
  ])("%s", (fault, invariant, setup) => {
    const verdict = search(setup, fault);
    expect(verdict.violation?.invariant, report(verdict)).toBe(invariant);
  });
});
