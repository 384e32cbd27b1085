/**
 * Goal: whatever follows the end of a run happens, once by name, tells the final status, and is never lost: with kills between
 * any two writes, an end that races a cancel, and two workers at the same effects (PROTOCOL §3).
 * Method: exhaustive search; each rule dropped on purpose is found out, by name.
 */
import { describe, expect, it } from "vitest";
import { effectsModel, type Fault, type Setup } from "./effects.model.js";
import { explore, report, type Verdict } from "./explore.js";

function search(setup: Partial<Setup>, ...faults: Fault[]): Verdict {
  return explore(effectsModel({ sweeper: true, cancels: 1, kills: 2, ...setup, faults: new Set(faults) }));
}

describe("effects", { timeout: 60_000 }, () => {
  it.each<[string, Partial<Setup>]>([
    ["an end, the sweeper off", { sweeper: false, cancels: 0, kills: 3 }],
    ["an end and a cancel, the sweeper on", { kills: 3 }],
  ])("hold with %s", (_, setup) => {
    const verdict = search(setup);
    console.log(report(verdict));
    expect(verdict.violation, report(verdict)).toBeNull();
    expect(verdict.neverSeen).toEqual([]);
  });

  it("need the sweeper when the request that cancelled dies", () => {
    expect(search({ sweeper: false }).violation?.invariant).toBe("every end has its effects");
  });
});

describe("a rule of effects that is dropped is found out", { timeout: 60_000 }, () => {
  const ONCE = "effects happen once and tell the final status";
  const ALL = "effects are removed only when all are done";
  const EVERY = "every end has its effects";

  it.each<[Fault, string]>([
    ["do the effects before the end is written", ONCE],
    ["remove the effects before doing them", ALL],
    ["end with no effects pending", EVERY],
    ["cancel with no effects pending", EVERY],
    ["cancel without moving due", EVERY],
    ["name an effect by who does it", ONCE],
    ["do the effects of a cancel that failed", ONCE],
    ["end whatever the epoch", ONCE],
    ["acknowledge a message of an ended run with effects pending", EVERY],
  ])("%s", (fault, invariant) => {
    // The sweeper would hide a message that was acknowledged too soon.
    const isHidden = fault === "acknowledge a message of an ended run with effects pending";
    const verdict = search(isHidden ? { sweeper: false, cancels: 0 } : {}, fault);
    expect(verdict.violation?.invariant, report(verdict)).toBe(invariant);
  });
});
