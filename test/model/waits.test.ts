/**
 * Goal: a wait for an event has one outcome in every replay, always ends, by its event as well as by its time, and never takes an
 * event the run has seen: with operations written down first and armed after, kills between any two calls, zombies that go on
 * arming, events and dispatch messages that come twice, a wake that comes during a turn (PROTOCOL §5, ADR 0018).
 * Method: exhaustive search, liveness under weak fairness; each rule dropped on purpose is found out, by name.
 */
import { describe, expect, it } from "vitest";
import { explore, report, type Verdict } from "./explore.js";
import { waitsModel } from "./waits/model.js";
import type { Budget, Fault, Setup } from "./waits/state.js";

const NO_BUDGET = { kills: 0, stalls: 0, yields: 0, redeliveries: 0, letGo: 0 };

function search(events: Setup["events"], waits: 1 | 2, budget: Partial<Budget>, ...faults: Fault[]): Verdict {
  return explore(
    waitsModel({ workers: 2, waits, events, budget: { ...NO_BUDGET, ...budget }, faults: new Set(faults) }),
  );
}

describe("waits", { timeout: 60_000 }, () => {
  it.each<[Setup["events"], 1 | 2, string, Partial<Budget>]>([
    ["any time", 1, "a kill", { kills: 1 }],
    ["any time", 1, "a zombie", { stalls: 1 }],
    ["any time", 2, "no fault", {}],
    ["when parked", 2, "a kill, a zombie", { kills: 1, stalls: 1 }],
    ["when parked", 2, "a kill, an event delivered again", { kills: 1, redeliveries: 1 }],
    ["when parked", 2, "a yield, a zombie", { yields: 1, stalls: 1 }],
    ["when parked", 1, "two kills, a yield", { kills: 2, yields: 1 }],
    ["when parked", 1, "a yield, a zombie, a race that is lost", { yields: 1, stalls: 1, letGo: 1 }],
    ["by a body", 2, "a kill", { kills: 1 }],
    ["once asked", 1, "a kill, a zombie", { kills: 1, stalls: 1 }],
  ])("hold with events %s, waits: %i, %s", (events, waits, _, budget) => {
    const verdict = search(events, waits, budget);
    console.log(report(verdict));
    expect(verdict.violation, report(verdict)).toBeNull();
    expect(verdict.neverSeen).toEqual([]);
  });
});

describe("a rule of waits that is dropped is found out", { timeout: 60_000 }, () => {
  const ONE = "a wait has one outcome";
  const TWICE = "no event ends two waits";
  const WAITER = "a released wait has its waiter";
  const ENDS = "every wait ends";

  it.each<[Fault, string, Setup["events"], 1 | 2, Partial<Budget>]>([
    ["park before arming is done", WAITER, "when parked", 1, {}],
    ["yield before arming is done", WAITER, "when parked", 1, { yields: 1 }],
    ["do not arm again after a steal", WAITER, "when parked", 1, { kills: 1 }],
    ["arm again what is asked for again, not what the log holds", WAITER, "when parked", 1, { kills: 1, yields: 1 }],
    ["put the arrival over the one that is there", ONE, "any time", 1, {}],
    ["put the timeout over what arrived", ONE, "any time", 1, { stalls: 1 }],
    ["show the timeout without asking what counts", ONE, "any time", 1, {}],
    ["wake before the arrival", ENDS, "when parked", 1, {}],
    ["delete the waiter before the wake", ENDS, "when parked", 1, { kills: 1 }],
    ["acknowledge the event before its waiters are answered", ENDS, "when parked", 1, { kills: 1 }],
    ["do not wake for an arrival that is there", ENDS, "when parked", 1, { kills: 1 }],
    ["release without the wakes condition", ENDS, "by a body", 1, {}],
    ["read the inbox before the head", ENDS, "by a body", 2, { redeliveries: 1 }],
    ["a waiter excludes nothing", TWICE, "when parked", 2, { redeliveries: 1 }],
    ["disarm before the entry is durable", WAITER, "when parked", 1, { stalls: 1, letGo: 1 }],
    ["bodies do not wait for the arming", ENDS, "by a body", 1, {}],
    ["do not look back", ENDS, "once asked", 1, {}],
    ["look back before the waiter is put", ENDS, "once asked", 1, {}],
    ["read the waiters before the event is stored", ENDS, "once asked", 1, {}],
  ])("%s", (fault, invariant, events, waits, budget) => {
    const verdict = search(events, waits, budget, fault);
    expect(verdict.violation?.invariant, report(verdict)).toBe(invariant);
  });
});
