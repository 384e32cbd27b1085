/**
 * Goal: a sleep never ends early and is never lost, though its schedule fires early by design, late, twice, or long after, dispatch's
 * clock is off, workers die between any two writes, and with the due index even a schedule that was never created costs nothing.
 * Method: exhaustive search over minutes and interleavings; each rule dropped on purpose is found out, by name.
 */
import { describe, expect, it } from "vitest";
import { explore, report, type Verdict } from "./explore.js";
import { timersModel, type Fault, type Setup } from "./timers.model.js";

function search(setup: Partial<Setup>, ...faults: Fault[]): Verdict {
  return explore(
    timersModel({ sweeper: false, kills: 1, throttles: 0, repeats: 0, ...setup, faults: new Set(faults) }),
  );
}

describe("timers", { timeout: 60_000 }, () => {
  it.each<[string, Partial<Setup>]>([
    ["a kill and a schedule that fires again, the sweeper off", { kills: 1, repeats: 1 }],
    ["a kill and a schedule that cannot be created, the sweeper on", { sweeper: true, kills: 1, throttles: 1 }],
  ])("hold with %s", (_, setup) => {
    const verdict = search(setup);
    console.log(report(verdict));
    expect(verdict.violation, report(verdict)).toBeNull();
    expect(verdict.neverSeen).toEqual([]);
  });

  it("need the sweeper when a schedule cannot be created", () => {
    expect(search({ throttles: 1 }).violation?.invariant).toBe("every sleep ends");
  });
});

describe("a rule of timers that is dropped is found out", { timeout: 60_000 }, () => {
  it.each<[Fault, string, Partial<Setup>]>([
    ["trust the message", "no sleep ends early", {}],
    ["acknowledge a timer that is not yet due", "every sleep ends", {}],
    ["a schedule's name leaves the operation out", "every sleep ends", { kills: 0, repeats: 1 }],
    ["arm after the release", "every sleep ends", {}],
    ["do not arm again after a steal", "every sleep ends", {}],
    ["no due entry", "every sleep ends", { sweeper: true, throttles: 1 }],
  ])("%s", (fault, invariant, setup) => {
    const verdict = search(setup, fault);
    expect(verdict.violation?.invariant, report(verdict)).toBe(invariant);
  });

  it("does not depend on dispatch for the delay: a message sent for now is failed until it is due", () => {
    expect(search({ kills: 0 }, "send the step message for now").violation).toBeNull();
  });
});
