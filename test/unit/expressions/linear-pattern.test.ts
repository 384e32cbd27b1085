/**
 * Goal: patterns match what their syntax says, in steps that grow with the text and never explode.
 * Method: literal tables; random patterns and texts against JavaScript's RegExp, which agrees on this syntax (seed
 * printed); step counts on the classic backtracking traps.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linearPattern } from "../../../runtime/expressions/linear-pattern.js";
import "../seeded-properties.js";

const matches = (pattern: string, text: string): boolean => linearPattern(pattern).test(text, () => undefined);
const seed = Number(process.env["PERDURE_SEED"] ?? "20260302") | 0;

function stepsOf(pattern: string, text: string): number {
  let total = 0;
  linearPattern(pattern).test(text, (steps) => {
    total += steps;
  });
  return total;
}

describe("linearPattern()", () => {
  it.each([
    ["abc", "xxabcxx", true],
    ["^abc$", "xabc", false],
    ["", "", true],
    ["^$", "", true],
    ["^$", "a", false],
    ["a.c", "a\nc", false],
    ["(?s)a.c", "a\nc", true],
    ["^b", "a\nb", false],
    ["(?m)^b$", "a\nb\nc", true],
    ["(?i)wÖrld", "WöRLD", true],
    ["(?i)[a-c]+$", "ABC", true],
    ["^.$", "😀", true],
    ["^..$", "😀", false],
    ["[😀-😂]", "😁", true],
    ["^[^a-z]+$", "ABC1", true],
    ["^[]a]+$", "a]", true],
    ["^[a-]+$", "-a", true],
    ["^[\\d.]+$", "1.5", true],
    ["^\\w+@\\w+\\.\\w{2,3}$", "a_1@b.com", true],
    ["^\\w+@\\w+\\.\\w{2,3}$", "a_1@b.c", false],
    ["\\bcat\\b", "the cat sat", true],
    ["\\bcat\\b", "concat", false],
    ["\\Bcat", "concat", true],
    ["^(a|bc)*d?$", "abcad", true],
    ["^(?:ab){2}$", "abab", true],
    ["^(?P<x>a){2,}$", "aaaa", true],
    ["^(a*)*$", "aaa", true],
    ["^(a?){3}b$", "aab", true],
    ["a{0}b", "b", true],
    ["^a{2,3}?$", "aaaa", false],
    ["\\x41\\x{1F600}", "A😀", true],
    ["a{,2}", "a{,2}", true],
    ["x{", "x{", true],
    ["\\.\\*\\\\", ".*\\", true],
    ["^a||b$", "zzz", true],
    ["\\Aab\\z", "ab", true],
    ["\\s", "\u00a0", false],
  ])("%s on %j is %s", (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  it.each([
    ["(a", '"(" is not closed'],
    ["a)", '")" closes no group'],
    ["[a", '"[" is not closed'],
    ["*a", '"*" has nothing to repeat'],
    ["a**", "a repetition is repeated"],
    ["a{2}{3}", "a repetition is repeated"],
    ["a{3,2}", "the repetition {3,2} runs backwards"],
    ["a{101}", "it repeats more than 100 times"],
    ["(a{50}){50}", "its repetitions are worth more than 500 steps"],
    ["((((a{9}){9}){9}){9}){9}", "its repetitions are worth more than 500 steps"],
    ["(?=a)", "look-around and flags inside a pattern are not supported"],
    ["(?<=a)b", "look-around and flags inside a pattern are not supported"],
    ["a(?i)b", "look-around and flags inside a pattern are not supported"],
    ["(a)\\1", '"\\1" is not supported'],
    ["\\p{L}", '"\\p" is not supported'],
    ["[[:alpha:]]", '"[:name:]" is not supported'],
    ["[z-a]", 'the range "z-a" runs backwards'],
    ["[a-\\d]", "a range ends with a class of characters"],
    ["\\x{110000}", "is no character"],
    ["a\\", 'it ends with "\\"'],
    [`${"(".repeat(40)}${")".repeat(40)}`, "its groups are nested more than 32 deep"],
  ])("refuses %s: %s", (pattern, reason) => {
    expect(() => linearPattern(pattern)).toThrow(reason);
  });

  it("takes steps in proportion to the text on patterns that make others explode", () => {
    const text = (length: number): string => `${"a".repeat(length)}!`;
    for (const pattern of ["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){12}", "^(([a-z])+.)+[A-Z]([a-z])+$", "(a*)*b"]) {
      const short = stepsOf(pattern, text(1_000));
      const long = stepsOf(pattern, text(10_000));
      expect(short).toBeLessThan(60_000);
      expect(long).toBeLessThan(short * 10.5);
    }
  });

  it("stops when its steps are refused", () => {
    const refuse = (): void => {
      throw new RangeError("no more");
    };
    expect(() => linearPattern("b").test("aaa", refuse)).toThrow("no more");
  });

  it("agrees with RegExp on random patterns", () => {
    console.info(`pattern seed ${seed} (PERDURE_SEED=${seed} repeats it)`);
    const { pattern } = fc.letrec<{ atom: string; part: string; pattern: string }>((tie) => ({
      atom: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom("a", "b", "c", ".", "[ab]", "[^a]", "\\w", "\\d", "^", "$", "\\b"),
        tie("pattern").map((inner) => `(${inner})`),
      ),
      part: fc
        .tuple(tie("atom"), fc.constantFrom("", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,}", "*?"))
        // RegExp refuses a repeated assertion in this mode; RE2 takes it, and it has no meaning of its own.
        .map(([atom, repeat]) => (["^", "$", "\\b"].includes(atom) ? atom : atom + repeat)),
      pattern: fc.oneof(
        { depthSize: "small" },
        fc.array(tie("part"), { maxLength: 4 }).map((parts) => parts.join("")),
        fc.tuple(tie("part"), tie("part")).map(([a, b]) => `${a}|${b}`),
      ),
    }));
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c", "1", " "), maxLength: 10 });
    fc.assert(
      fc.property(pattern, text, (source, subject) => {
        fc.pre(source.length < 60);
        expect(matches(source, subject)).toBe(new RegExp(source, "u").test(subject));
      }),
      { seed, numRuns: 2_000 },
    );
  });
});
