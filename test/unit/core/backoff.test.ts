/**
 * Goal: the delay after each attempt is the documented one, jittered within ±25 % and never beyond.
 * Method: literals at the ends and the middle of the jitter, one line per attempt.
 */
import { describe, expect, it } from "vitest";
import { retryDelayMs } from "../../../runtime/core/backoff.js";

describe("retryDelayMs()", () => {
  it.each([
    [1, 2_000],
    [2, 8_000],
    [3, 32_000],
    [4, 128_000],
    [5, 512_000],
    [6, 2_048_000],
    [7, 3_600_000],
    [8, 3_600_000],
    [20, 3_600_000],
    [1_000_000, 3_600_000],
  ])("after attempt %i is %i ms in the middle of the jitter", (attempt, delayMs) => {
    expect(retryDelayMs(attempt, 0.5)).toBe(delayMs);
  });

  it.each([
    [1, 0, 1_500],
    [1, 0.25, 1_750],
    [1, 0.999_999_999, 2_500],
    [3, 0, 24_000],
    [3, 0.75, 36_000],
    [7, 0, 2_700_000],
    [7, 0.999_999_999_9, 4_500_000],
  ])("after attempt %i with chance %d is %i ms", (attempt, unit, delayMs) => {
    expect(retryDelayMs(attempt, unit)).toBe(delayMs);
  });

  it.each([
    [1, 500],
    [2, 750],
    [3, 1_125],
    [4, 1_200],
    [20, 1_200],
  ])("after attempt %i of a backoff of its own is %i ms in the middle of the jitter", (attempt, delayMs) => {
    expect(retryDelayMs(attempt, 0.5, { firstMs: 500, factor: 1.5, longestMs: 1_200 })).toBe(delayMs);
  });

  it("is nothing when the backoff begins with nothing, and never endless", () => {
    expect(retryDelayMs(3, 0.9, { firstMs: 0, factor: 100, longestMs: 3_600_000 })).toBe(0);
    expect(retryDelayMs(1_000_000, 0.5, { firstMs: 0, factor: 100, longestMs: 1_000 })).toBe(0);
    expect(retryDelayMs(1_000_000, 0.5, { firstMs: 1, factor: 100, longestMs: 1_000 })).toBe(1_000);
  });

  it("treats an attempt below 1 as the first", () => {
    expect(retryDelayMs(0, 0.5)).toBe(2_000);
    expect(retryDelayMs(-3, 0.5)).toBe(2_000);
  });

  it("is a whole number of milliseconds", () => {
    expect(retryDelayMs(1, 0.123_456)).toBe(1_623);
  });
});
