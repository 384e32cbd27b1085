/**
 * Goal: the search itself can be trusted. Method: tiny models whose states can be counted by hand, with a violation at a
 * known shortest distance, a dead end, a loop that fairness leaves and one that it does not.
 */
import { describe, expect, it } from "vitest";
import { explore, report, type Action, type Model } from "./explore.js";

type Two = { a: number; b: number };

const raise = (who: "a" | "b"): Action<Two> => ({
  kind: "progress",
  apply: (state, emit) => {
    if (state[who] < 2) emit(`raise ${who}`, { ...state, [who]: state[who] + 1 });
  },
});

const twoCounters = (extra: Partial<Model<Two>> = {}): Model<Two> => ({
  name: "two counters",
  initial: [{ a: 0, b: 0 }],
  actions: [raise("a"), raise("b")],
  invariants: {},
  maxStates: 100,
  ...extra,
});

describe("explore()", { timeout: 60_000 }, () => {
  it("visits every interleaving once", () => {
    const verdict = explore(twoCounters());
    expect(verdict).toEqual({
      model: "two counters",
      states: 9,
      transitions: 12,
      depth: 4,
      neverSeen: [],
      violation: null,
    });
    expect(report(verdict)).toBe("two counters: no violation in 9 states, 12 transitions, depth 4");
  });

  it("finds a shortest counterexample and prints it as a timeline", () => {
    const bad = (state: Two) => (state.a === 2 && state.b >= 1 ? `a is 2 and b is ${state.b}` : null);
    const verdict = explore(twoCounters({ invariants: { "never both": bad } }));
    expect(verdict.violation?.timeline).toEqual(["raise a", "raise a", "raise b"]);
    expect(report(verdict).split("\n").slice(1)).toEqual([
      "   1. raise a",
      "   2. raise a",
      "   3. raise b",
      "  => a is 2 and b is 1",
    ]);
  });

  it("takes states with one canonical text for one", () => {
    const canonical = (state: Two) => [state.a, state.b].sort().join();
    expect(explore(twoCounters({ canonical })).states).toBe(6);
  });

  it("names what it never met", () => {
    const sometimes = { "a is 2": (state: Two) => state.a === 2, "a is 3": (state: Two) => state.a === 3 };
    expect(explore(twoCounters({ sometimes })).neverSeen).toEqual(["a is 3"]);
  });

  it("refuses to end early in silence", () => {
    expect(() => explore(twoCounters({ maxStates: 5 }))).toThrow("more than 5 states");
  });

  it("reports a dead end outside the goal", () => {
    const goal = (state: Two) => state.a + state.b === 5;
    const verdict = explore(twoCounters({ liveness: { name: "arrives", goal } }));
    expect(verdict.violation?.invariant).toBe("arrives");
    expect(verdict.violation?.timeline).toHaveLength(4);
  });

  it("does not count on faults to reach the goal", () => {
    const fault: Action<Two> = { ...raise("b"), kind: "fault" };
    const liveness = { name: "arrives", goal: (state: Two) => state.b === 2 };
    expect(explore(twoCounters({ actions: [raise("a"), fault], liveness })).violation?.timeline).toEqual([
      "raise a",
      "raise a",
    ]);
  });
});

describe("liveness under weak fairness", { timeout: 60_000 }, () => {
  const move = (label: string, from: number, to: number): Action<{ at: number }> => ({
    kind: "progress",
    apply: (state, emit) => {
      if (state.at === from) emit(label, { at: to });
    },
  });
  const ring = (...exits: Action<{ at: number }>[]): Model<{ at: number }> => ({
    name: "ring",
    initial: [{ at: 0 }],
    actions: [move("there", 0, 1), move("back", 1, 0), ...exits],
    invariants: {},
    liveness: { name: "leaves", goal: (state) => state.at === 9 },
    maxStates: 10,
  });

  it("leaves a loop by a step that stays possible all the way round", () => {
    expect(explore(ring(move("out", 0, 9), move("out", 1, 9))).violation).toBeNull();
  });

  it("may stay in a loop whose way out is closed again and again", () => {
    const { violation } = explore(ring(move("out", 0, 9)));
    expect(violation).toEqual({
      invariant: "leaves",
      detail: "it can go round for ever with: there · back",
      timeline: [],
    });
  });
});
