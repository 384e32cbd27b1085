/**
 * Goal: no more bodies of a key run at once than its limit says, whatever dies, stalls, comes twice or lands late; and every run
 * that is queued for a place gets one.
 * Method: exhaustive search; each rule dropped on purpose is found out, by name. Kills, stalls and late writes leave places that
 * only the sweeper's check finds, so it is on in these searches, and off in the others.
 */
import { describe, expect, it } from "vitest";
import { explore, report, type Verdict } from "./explore.js";
import type { Meeting } from "./slots/goals.js";
import { slotsModel } from "./slots/model.js";
import type { Budget, Fault, Setup } from "./slots/state.js";

type Search = Partial<Omit<Setup, "budget" | "faults" | "meets">> & { budget?: Partial<Budget> };

const NO_FAULTS = { kills: 0, stalls: 0, latePuts: 0, lateDeletes: 0 };
const QUIET: Budget = { ...NO_FAULTS, lostWakes: 0, duplicates: 0, yields: 0, cancels: 0, sweeps: 0 };

const ONE_A_STEP = [{ limit: 1, hold: "step" }] as const;
const ONE_A_RUN = [{ limit: 1, hold: "run" }] as const;
const TWO_A_STEP = [{ limit: 2, hold: "step" }] as const;
const TWO_A_RUN = [{ limit: 2, hold: "run" }] as const;
const STEP_AND_STEP = [...ONE_A_STEP, ...ONE_A_STEP];
const RUN_AND_STEP = [...ONE_A_RUN, ...ONE_A_STEP];

function search(wanted: Search, faults: readonly Fault[] = [], meets: readonly Meeting[] = []): Verdict {
  const keys = wanted.keys ?? ONE_A_STEP;
  const passes = wanted.passes ?? [1, 1];
  const orders = passes.map(() => keys.map((_, key) => key));
  const plain = { sweeper: "off", restarts: false, start: "fresh", waits: false, order: false, tidy: false } as const;
  const budget = { ...QUIET, ...wanted.budget };
  return explore(
    slotsModel({ ...plain, orders, ...wanted, keys, passes, budget, faults: new Set(faults), meets }, 200_000),
  );
}

const GRANTED_TWICE: Search = { keys: TWO_A_RUN, passes: [2, 1], start: "granted twice", waits: true, tidy: true };
const GRANTED_AGAIN: Search = { ...GRANTED_TWICE, start: "granted again" };
const GRANTED_AHEAD: Search = { keys: STEP_AND_STEP, passes: [2, 1], start: "granted ahead" };
const LOST_WORD: Search = { ...GRANTED_AGAIN, sweeper: "quiet", budget: { lostWakes: 1 } };
const FULL: Search = { keys: TWO_A_STEP, passes: [1, 1, 1], start: "contended", tidy: true };
const KEPT: Search = { keys: RUN_AND_STEP, passes: [2, 1], start: "kept" };
const KEPT_AND_QUEUED: Search = {
  keys: RUN_AND_STEP,
  passes: [1],
  start: "kept and queued",
  sweeper: "quiet",
  restarts: true,
  budget: { stalls: 1 },
};
const OTHER_ORDER: Search = {
  keys: STEP_AND_STEP,
  orders: [
    [0, 1],
    [1, 0],
  ],
  sweeper: "quiet",
};
const STALL: Search = { sweeper: "quiet", budget: { stalls: 1 } };
const LATE_COPIES: Search = { sweeper: "quiet", budget: { latePuts: 1, lateDeletes: 1 } };

describe("concurrency slots", { timeout: 60_000 }, () => {
  it.each<[string, Search, Meeting[]]>([
    [
      "two passes and one, nobody before who was there first",
      { passes: [1, 2], order: true, tidy: true },
      ["a run is queued", "two pumpers are after one place", "a ticket's deletion misses the new one"],
    ],
    ["places kept to the end, a cancel", { keys: ONE_A_RUN, budget: { cancels: 1 } }, ["a run is queued"]],
    ["a cancel", { budget: { cancels: 1 } }, ["a cancelled body goes on", "a cancelled turn was waited for"]],
    [
      "a cancel beside two in the queue",
      { passes: [1, 1, 1], start: "contended", budget: { cancels: 1 } },
      ["an ended run was given a place"],
    ],
    ["a yield, a wake that comes twice", { budget: { yields: 1, duplicates: 1 } }, ["a run is queued"]],
    ["a yield between two passes", { passes: [2, 1], budget: { yields: 1 } }, ["a run is queued"]],
    ["a kill", { sweeper: "quiet", budget: { kills: 1 } }, ["check takes a place back"]],
    [
      "a kill beside two in the queue",
      { passes: [1, 1, 1], start: "contended", sweeper: "quiet", budget: { kills: 1 } },
      ["a run is queued"],
    ],
    ["a stall with a write on its way", STALL, ["a zombie's give-back misses the place", "a stamp comes too late"]],
    ["the same, places kept to the end", { ...STALL, keys: ONE_A_RUN, passes: [2, 1] }, ["a run is queued"]],
    ["copies of a put and of a delete that land late", LATE_COPIES, ["check takes a place back"]],
    [
      "a place that lands late with a run that sleeps",
      { passes: [2, 1], sweeper: "quiet", waits: true, budget: { latePuts: 1 } },
      ["a run that rests has a place it does not know"],
    ],
    [
      "a lost wake, a sweeper that is early",
      { sweeper: "quiet", budget: { lostWakes: 1, sweeps: 1 } },
      ["a run is queued"],
    ],
    ["two places, two pumpers", FULL, ["a run has two places", "what was given twice goes back"]],
    ["the same and a yield", { ...FULL, budget: { yields: 1 } }, ["a run has two places"]],
    ["one place, two in the queue", { passes: [2, 1, 1], start: "contended", tidy: true }, ["a run is queued"]],
    ["two places that are one too many", GRANTED_TWICE, ["what was given twice goes back"]],
    ["one that comes when another is kept", GRANTED_AGAIN, ["what was given twice goes back"]],
    ["the same, and nobody is told", LOST_WORD, ["a run that rests has a place it does not know"]],
  ])("hold with %s", (_, setup, meets) => {
    const verdict = search(setup, [], meets);
    console.log(report(verdict));
    expect(verdict.violation, report(verdict)).toBeNull();
    expect(verdict.neverSeen).toEqual([]);
  });

  it.each<[string, Search, Meeting[]]>([
    ["one order", { keys: STEP_AND_STEP, tidy: true }, ["a run is queued"]],
    ["what is kept to the end taken first", { keys: RUN_AND_STEP, passes: [2, 1], tidy: true }, ["a run is queued"]],
    ["a stall of a run that lets go", KEPT_AND_QUEUED, ["a run lets go and starts again"]],
    ["a place of the later key while it waits for the earlier", GRANTED_AHEAD, ["a place of a later key goes back"]],
    ["different orders, and runs that let go", { ...OTHER_ORDER, restarts: true }, ["a run lets go and starts again"]],
  ])("of two keys hold with %s", (_, setup, meets) => {
    const verdict = search(setup, [], meets);
    console.log(report(verdict));
    expect(verdict.violation, report(verdict)).toBeNull();
    expect(verdict.neverSeen).toEqual([]);
  });
});

describe("a rule of slots that is dropped is found out", { timeout: 60_000 }, () => {
  const PLACE = "who runs has a place of its own";
  const RUNS = "every queued run runs";
  const LATER = "who comes later goes later";
  const MULTIPLY = "wakes do not multiply";

  it.each<[Fault, string, Search]>([
    ["give back whatever token the place has", PLACE, { ...STALL, passes: [2] }],
    ["a thief does not stamp", PLACE, STALL],
    ["a thief trusts the head with what is kept to the end", PLACE, KEPT_AND_QUEUED],
    ["a turn goes on after its deadline", PLACE, STALL],
    ["what is found is held as it is", PLACE, { ...LATE_COPIES, passes: [2] }],
    ["what the pump finds is held as it is", PLACE, { ...LATE_COPIES, passes: [2, 1] }],
    ["a stolen turn believes the head", PLACE, { passes: [2], budget: { yields: 1, duplicates: 1, kills: 1 } }],
    ["grant a place that is taken", PLACE, {}],
    ["an ended run gives back while its turn may go on", PLACE, { budget: { cancels: 1 } }],
    ["a cancelled run's places are given back at once", PLACE, { budget: { cancels: 1 } }],
    ["a zombie gives back for a cancelled run", PLACE, { budget: { cancels: 1, stalls: 1 } }],
    [
      "check removes the place of a live run",
      PLACE,
      { keys: ONE_A_RUN, passes: [2, 1], sweeper: "quiet", budget: { sweeps: 1 } },
    ],
    [
      "check removes the place of a run that has just ended",
      PLACE,
      { sweeper: "quiet", budget: { sweeps: 1, cancels: 1 } },
    ],
  ])("%s", (fault, invariant, setup) => {
    const verdict = search(setup, [fault]);
    expect(verdict.violation?.invariant, report(verdict)).toBe(invariant);
  });

  it.each<[Fault, string, Search]>([
    ["a newcomer does not look at the queue", LATER, { passes: [1, 2], order: true }],
    ["look, then put the ticket", RUNS, {}],
    ["look, then give back", RUNS, {}],
    ["give back without a look", RUNS, {}],
    ["delete the ticket, then send the wake", RUNS, { budget: { kills: 1 } }],
    ["do not wake again who was granted a place", RUNS, { budget: { kills: 1 } }],
    ["delete a ticket whatever its token", RUNS, { passes: [2, 1] }],
    ["an ended run acknowledges a grant", RUNS, { passes: [1, 1, 1], start: "contended", budget: { cancels: 1 } }],
    ["an ended run leaves its ticket", MULTIPLY, { budget: { latePuts: 1 } }],
    ["check leaves a live run's surplus", RUNS, LOST_WORD],
    ["release without a look at wakes", RUNS, {}],
    ["end without a look at wakes", RUNS, FULL],
    ["yield without a look at wakes", RUNS, { ...FULL, budget: { yields: 1 } }],
    ["a wake with a place believes the head", RUNS, GRANTED_AGAIN],
    ["keep what was granted twice", RUNS, GRANTED_TWICE],
    ["give back what was granted twice without a look", RUNS, GRANTED_TWICE],
    ["places of later keys stay while an earlier is waited for", RUNS, GRANTED_AHEAD],
  ])("%s", (fault, invariant, setup) => {
    const verdict = search(setup, [fault]);
    expect(verdict.violation?.invariant, report(verdict)).toBe(invariant);
  });

  it("two runs take two keys in different order, and neither lets go", () => {
    const verdict = search(OTHER_ORDER);
    expect(verdict.violation?.invariant, report(verdict)).toBe("every queued run runs");
  });

  it("the place for a step is taken before the one that is kept to the end", () => {
    const orders = [
      [1, 0],
      [1, 0],
    ];
    const verdict = search({ ...KEPT, orders });
    expect(verdict.violation?.invariant, report(verdict)).toBe("every queued run runs");
    expect(search(KEPT).violation).toBeNull();
  });
});
