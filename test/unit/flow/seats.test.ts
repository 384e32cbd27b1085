/**
 * Goal: which places are free, and whether a function has more than its limit.
 * Method: the pure functions, with literals.
 */
import { describe, expect, it } from "vitest";
import { freeIndexes, isBeyond, isTurnSeat } from "../../../runtime/flow/seats.js";

const at = (...indexes: number[]): { index: number }[] => indexes.map((index) => ({ index }));

describe("free places", () => {
  it("are the lowest that are not taken", () => {
    expect(freeIndexes([], 3)).toEqual([0, 1, 2]);
    expect(freeIndexes(at(1), 3)).toEqual([0, 2]);
    expect(freeIndexes(at(0, 1, 2), 3)).toEqual([]);
  });

  it("places beyond the limit count: as many fewer are free", () => {
    expect(freeIndexes(at(7), 3)).toEqual([0, 1]);
    expect(freeIndexes(at(7, 8), 3)).toEqual([0]);
    expect(freeIndexes(at(7, 8, 9), 3)).toEqual([]);
    expect(freeIndexes(at(0, 7, 8, 9, 10), 3)).toEqual([]);
  });
});

describe("beyond its limit", () => {
  it("is a function by its own places alone", () => {
    const slots = [{ fn: "a" }, { fn: "b" }, { fn: "a" }];
    expect([isBeyond(slots, "a", 1), isBeyond(slots, "a", 2), isBeyond(slots, "b", 1)]).toEqual([true, false, false]);
  });
});

it("a turn's seats go with the run's lease, a distributed step's do not", () => {
  expect([isTurnSeat("a"), isTurnSeat("x12"), isTurnSeat("bAb3")]).toEqual([true, true, false]);
});
