/**
 * Goal: every accepted spelling has the length a reader expects, everything else is an error that says why.
 * Method: literal tables for the runtime, and a type test (checked by tsc) for what must not compile.
 */
import { describe, expect, expectTypeOf, it } from "vitest";
import { PerdureError } from "../../../sdk/error-catalogue.js";
import { MAX_WAIT_MS, durationMs, type TimeStr } from "../../../sdk/duration.js";

describe("durationMs()", () => {
  it.each([
    ["10m", 600_000],
    ["1h30m", 5_400_000],
    ["1h 30m", 5_400_000],
    ["30m1h", 5_400_000],
    ["2.5d", 216_000_000],
    [".5s", 500],
    ["1w 2d", 777_600_000],
    ["1w2d3h4m5s6ms", 788_645_006],
    ["250ms", 250],
    ["5 minutes", 300_000],
    ["1 hour", 3_600_000],
    ["1 hour 30 minutes", 5_400_000],
    ["2 weeks", 1_209_600_000],
    ["1 millisecond", 1],
    ["3 days", 259_200_000],
    ["  7s  ", 7_000],
    ["0s", 0],
    ["1.1h", 3_960_000],
    ["0.0004s", 0],
    ["366d", 31_622_400_000],
  ])("reads %j as %i ms", (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });

  it.each([
    [0, 0],
    [1, 1],
    [1500, 1_500],
    [333.4, 333],
    [333.5, 334],
    [31_622_400_000, 31_622_400_000],
  ])("takes the number %d as %i ms", (value, ms) => {
    expect(durationMs(value)).toBe(ms);
  });

  it.each([
    ["", "it is empty"],
    ["   ", "it is empty"],
    ["10x", '"x" is not a unit'],
    ["10M", '"M" is not a unit'],
    ["10", '"10" has no unit'],
    ["1h30", '"30" has no unit'],
    ["m", '"m" is not a number with a unit'],
    ["-5m", "it is negative"],
    ["1h-5m", "it is negative"],
    ["1h1h", 'the unit "h" is given twice'],
    ["1h 2 hours", 'the unit "hours" is given twice'],
    ["1e3s", '"e" is not a unit'],
    ["1,5h", '"1,5h" is not a number with a unit'],
    ["Infinitys", '"Infinitys" is not a number with a unit'],
  ])("refuses %j: %s", (text, reason) => {
    const error = caught(() => durationMs(text));
    expect(error.code).toBe("INVALID_DURATION");
    expect(error.message).toContain(`: ${reason}; expected`);
  });

  it.each([
    [-1, "it is negative"],
    [Number.NaN, "it is not a finite number"],
    [Number.POSITIVE_INFINITY, "it is not a finite number"],
  ])("refuses the number %d: %s", (value, reason) => {
    expect(caught(() => durationMs(value)).message).toContain(reason);
  });

  it("refuses more than 366 days, or more than the limit it is given", () => {
    expect(MAX_WAIT_MS).toBe(31_622_400_000);
    expect(caught(() => durationMs("367d")).message).toBe(
      'Cannot read duration "367d": it is 31708800000 ms long; expected at most 31622400000 ms (366 days)',
    );
    expect(caught(() => durationMs("2m", 60_000)).message).toContain("expected at most 60000 ms (60 seconds)");
    expect(durationMs("1m", 60_000)).toBe(60_000);
    expect(caught(() => durationMs(`${"9".repeat(90)}w`)).code).toBe("INVALID_DURATION");
  });

  it("refuses what is neither number nor text, for callers without types", () => {
    for (const value of [null, undefined, {}, [], true, 5n, Symbol("s")]) {
      const error = caught(() => Reflect.apply(durationMs, undefined, [value]));
      expect(error.message).toContain("it is neither a number nor text");
    }
  });

  it("answers a megabyte of text at once", () => {
    expect(caught(() => durationMs("1h ".repeat(400_000))).message).toContain("it has 1200000 characters");
  });
});

describe("TimeStr", () => {
  it("accepts what durationMs reads", () => {
    const accepted = ["10m", "1h30m", "1h 30m", "2.5d", "1w 2d", "250ms", "5 minutes", "1 hour", "1w2d3h4m5s"] as const;
    expectTypeOf(accepted[0]).toExtend<TimeStr>();
    const all: readonly TimeStr[] = accepted;
    expect(all.map((text) => durationMs(text))).toHaveLength(9);
  });

  it("refuses typos at compile time", () => {
    expectTypeOf<"10x">().not.toExtend<TimeStr>();
    expectTypeOf<"">().not.toExtend<TimeStr>();
    expectTypeOf<"10">().not.toExtend<TimeStr>();
    expectTypeOf<"h">().not.toExtend<TimeStr>();
    expectTypeOf<"1h30">().not.toExtend<TimeStr>();
    expectTypeOf<"5 lightyears">().not.toExtend<TimeStr>();
    expectTypeOf<"10 m m">().not.toExtend<TimeStr>();
    expectTypeOf<string>().not.toExtend<TimeStr>();
  });
});

function caught(work: () => unknown): PerdureError {
  try {
    work();
  } catch (error) {
    if (error instanceof PerdureError) return error;
    throw error;
  }
  throw new Error("expected an error");
}
