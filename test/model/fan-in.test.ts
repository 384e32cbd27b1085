/**
 * Goal: when all branches of a group have arrived, the run is woken and sees them all, and a race sees its first: with hosts that
 * die between any two calls, messages that come twice or long after, attempts that fail, a group that is armed again after a
 * steal, wakes that come during a turn, writes that land late (PROTOCOL §5, distributed steps).
 * Method: exhaustive search, liveness under weak fairness; each rule dropped on purpose is found out, by name.
 */
import { describe, expect, it } from "vitest";
import { explore, report, type Verdict } from "./explore.js";
import { fanInModel, type Fault, type Setup } from "./fan-in.model.js";

function search(setup: Partial<Setup>, ...faults: Fault[]): Verdict {
  const quiet = { lostTurns: 0, kills: 0, duplicates: 0, lateCopies: 0, failures: 0, endless: [] };
  return explore(fanInModel({ shards: [[0, 1], [2]], ...quiet, ...setup, faults: new Set(faults) }));
}

const RACE = { shards: [[0, 1, 2]], endless: [2] };

describe("fan-in", { timeout: 60_000 }, () => {
  it.each<[string, Partial<Setup>]>([
    ["a host that dies", { kills: 1 }],
    ["a message that comes again", { duplicates: 1 }],
    ["a copy of a write that lands late", { lateCopies: 1 }],
    ["an attempt that fails and a host that dies, in one shard", { shards: [[0, 1]], failures: 1, kills: 1 }],
    ["a turn that dies, in two shards of one", { shards: [[0], [1]], lostTurns: 1 }],
    ["a turn that dies, a host that dies, in one shard", { shards: [[0]], lostTurns: 1, kills: 1 }],
    ["two turns that die, in one shard", { shards: [[0]], lostTurns: 2 }],
    ["a race, a host that dies", { ...RACE, kills: 1 }],
  ])("holds with %s", (_, setup) => {
    const verdict = search(setup);
    console.log(report(verdict));
    expect(verdict.violation, report(verdict)).toBeNull();
    expect(verdict.neverSeen).toEqual([]);
  });
});

describe("a rule of fan-in that is dropped is found out", { timeout: 60_000 }, () => {
  const SEES = "the run sees what it waits for";
  const SENT = "a run that is released has its messages";
  const SMALL = { shards: [[0], [1]] };

  it.each<[Fault, string, Partial<Setup>]>([
    ["send the messages before the sets are there", SEES, SMALL],
    ["put a set over what is left of it", SEES, { ...SMALL, lateCopies: 1 }],
    ["take out before the arrival", SEES, SMALL],
    ["an arrival found ends the delivery", SEES, { ...SMALL, kills: 1 }],
    ["an arrival found is only taken out", SEES, { ...RACE, kills: 1 }],
    ["count what is missing", SEES, { duplicates: 1 }],
    ["acknowledge before the wake", SEES, { ...SMALL, kills: 1 }],
    ["acknowledge before the next attempt is sent", SENT, { ...SMALL, failures: 1, kills: 1 }],
    ["release without the wakes condition", SEES, SMALL],
    ["do not arm again after a steal", SENT, { ...SMALL, lostTurns: 1 }],
    ["a shard wakes for its last only", SEES, RACE],
  ])("%s", (fault, invariant, setup) => {
    const verdict = search(setup, fault);
    expect(verdict.violation?.invariant, report(verdict)).toBe(invariant);
  });
});
