/**
 * Goal: a key matches exactly when it is one of the configured ones.
 * Method: literal keys, near misses of every kind, empty lists and empty entries.
 */
import { describe, expect, it } from "vitest";
import { matchesAnyKey } from "../../../runtime/core/keys-equal.js";

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
});
