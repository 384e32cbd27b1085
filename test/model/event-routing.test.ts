/**
 * Goal: every accepted event ends up with exactly one run per function it went to, and two events under one user id, or one
 * idempotency key, with one between them (PROTOCOL §5, events), no gate closed for nothing: with a kill between any two calls,
 * redelivery to a second dispatcher, and a function that is registered meanwhile. The sweeper is off.
 * Method: exhaustive search; each rule dropped on purpose is found out, by name.
 */
import { describe, expect, it } from "vitest";
import { eventRoutingModel, type Fault, type Setup } from "./event-routing.model.js";
import { explore, report, type Verdict } from "./explore.js";

function search(setup: Partial<Setup>, ...faults: Fault[]): Verdict {
  return explore(
    eventRoutingModel({ kills: 1, redeliveries: 1, registers: false, keys: false, ...setup, faults: new Set(faults) }),
  );
}

describe("event routing", { timeout: 60_000 }, () => {
  it.each<[string, Partial<Setup>]>([
    ["two kills", { kills: 2, redeliveries: 0 }],
    ["a kill and a redelivery to a second dispatcher", {}],
    ["a redelivery and a function registered meanwhile", { kills: 0, registers: true }],
    ["keys beside user ids, a kill and a redelivery", { keys: true }],
    [
      "keys beside user ids, a redelivery and a function registered meanwhile",
      { keys: true, kills: 0, registers: true },
    ],
  ])("holds with %s", (_, setup) => {
    const verdict = search(setup);
    console.log(report(verdict));
    expect(verdict.violation, report(verdict)).toBeNull();
  });
});

describe("a rule of event routing that is dropped is found out", { timeout: 60_000 }, () => {
  it.each<[Fault, string, Partial<Setup>]>([
    ["create without sending the wake again", "every accepted event has all its runs", {}],
    ["a dedup item without the internal id", "every accepted event has all its runs", {}],
    ["acknowledge before the runs are created", "every accepted event has all its runs", {}],
    ["each dispatcher goes by its own match", "the event item lists every run", { kills: 0, registers: true }],
    ["put the event item over the one that is there", "the event item lists every run", { kills: 0, registers: true }],
    ["a run's id is drawn, not derived", "one run per function and event", {}],
    ["take the dedup item after the run is created", "one run per function and user id", {}],
    ["take the gates one after the other", "every accepted event has all its runs", { keys: true, kills: 0 }],
  ])("%s", (fault, invariant, setup) => {
    const verdict = search(setup, fault);
    expect(verdict.violation?.invariant, report(verdict)).toBe(invariant);
  });
});
