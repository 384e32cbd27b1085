/**
 * Goal: a key matches exactly when it is one of the configured ones, and how long that takes says nothing of any of them.
 * Method: literal keys, near misses of every kind, empty lists and empty entries; and a look at what is compared.
 */
import * as crypto from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { matchesAnyKey } from "../../../runtime/core/keys-equal.js";

vi.mock("node:crypto", async (original) => {
  const real = await original<typeof crypto>();
  return { ...real, timingSafeEqual: vi.fn(real.timingSafeEqual) };
});

describe("matchesAnyKey()", () => {
  it.each([
    ["signkey-1", ["signkey-1"], true],
    ["signkey-2", ["signkey-1", "signkey-2", "signkey-3"], true],
    ["schlüssel-😀", ["schlüssel-😀"], true],
    ["signkey-1", ["signkey-2"], false],
    ["signkey", ["signkey-1"], false],
    ["signkey-11", ["signkey-1"], false],
    ["Signkey-1", ["signkey-1"], false],
    [" signkey-1", ["signkey-1"], false],
    ["signkey-1\0", ["signkey-1"], false],
    ["signkey-1,signkey-2", ["signkey-1", "signkey-2"], false],
    ["x".repeat(10_000), ["signkey-1"], false],
    ["signkey-1", [], false],
    ["", [], false],
    ["", ["signkey-1"], false],
    ["", [""], false],
    ["signkey-1", ["", "signkey-1"], true],
  ])("%j against %j is %s", (given, keys, expected) => {
    expect(matchesAnyKey(given, keys)).toBe(expected);
  });

  it("compares digests in constant time, all of them, whichever fits", () => {
    const compared = vi.mocked(crypto.timingSafeEqual);
    compared.mockClear();
    expect(matchesAnyKey("one", ["one", "two", "a much longer third key", ""])).toBe(true);
    expect(matchesAnyKey("none of them", ["one", "two", "a much longer third key", ""])).toBe(false);
    expect(compared.mock.calls.map((pair) => pair.map(({ byteLength }) => byteLength))).toEqual(
      Array.from({ length: 8 }, () => [32, 32]),
    );
  });
});
