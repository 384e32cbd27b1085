/**
 * Goal: two passes over one run are told apart where the code is to blame, and nowhere else.
 * Method: traces written by hand, as short as each rule allows; the answer is compared with literals, in both directions.
 */
import { describe, expect, it } from "vitest";
import { cameTheSameWay, divergence } from "../../local/testing/divergence.js";
import { jsonDifferences } from "../../local/testing/json-differences.js";
import { BodyCounts, PassTrace } from "../../local/testing/pass-trace.js";

/** "a" asks for step a, "a=1" is shown 1 for it, "end" returns. */
function trace(text: string): PassTrace {
  const pass = new PassTrace("f", "r", new BodyCounts());
  for (const word of text.split(" ").filter((part) => part !== "")) {
    const [id = "", value] = word.split("=");
    if (word === "end") pass.returned();
    else if (value !== undefined) pass.shown(id, 0, value);
    else pass.asked({ tool: "run", id, index: 0, input: [] });
  }
  return pass;
}

describe("the code is not to blame", () => {
  it.each([
    ["the same", "a a=1 b b=2 end", "a a=1 b b=2 end"],
    ["cut off after a result", "a a=1 b b=2 end", "a a=1"],
    ["cut off at once", "a a=1 b b=2 end", ""],
    ["cut off in the middle of asking for two", "a b a=1 b=1 end", "a"],
    ["parallel requests in another order", "a b a=1 b=1 end", "b a a=1 b=1 end"],
    ["results in another order", "a b a=1 c end", "a b b=1 d end"],
    ["another value, another way", "a a=1 b end", "a a=2 c end"],
    ["a race that another branch won", "a b a=1 end", "a b b=1 end"],
    ["it went on where the other was cut off", "a a=1 b b=1 c c=1 end", "a a=1 b b=1 c"],
  ])("%s", (_, first, second) => {
    expect(divergence(trace(first), trace(second))).toBeNull();
    expect(divergence(trace(second), trace(first))).toBeNull();
  });
});

describe("the code is to blame", () => {
  it.each([
    ["another step first", "a a=1", "b b=1", 'asked for run "a"', 'asked for run "b"'],
    ["another step next", "a a=1 b end", "a a=1 c end", 'asked for run "b"', 'asked for run "c"'],
    ["a step left out", "a a=1 x x=1 b end", "a a=1 b b=1 end", 'asked for run "x"', 'asked for run "b"'],
    ["it returned instead", "a a=1 b", "a a=1 end", 'asked for run "b"', "returned"],
    ["it returned at once", "a a=1 end", "end", 'asked for run "a"', "returned"],
    ["a branch that was not begun", "a x a=1 b b=1 end", "a a=1 b b=1 end", 'asked for run "x"', "returned"],
    ["another branch beside", "a x a=1 b b=1", "a y a=1 b b=1", 'asked for run "x"', 'asked for run "y"'],
  ])("%s", (_, first, second, was, is) => {
    expect(divergence(trace(first), trace(second))).toEqual({ was, is });
    expect(divergence(trace(second), trace(first))).toEqual({ was: is, is: was });
  });

  it("says with what a step was asked for, and which occurrence", () => {
    const passes = [1, 2].map((input) => {
      const pass = trace("");
      pass.asked({ tool: "run", id: "a", index: 1, input: [input] });
      return pass;
    });
    expect(divergence(passes[0] ?? trace(""), passes[1] ?? trace(""))).toEqual({
      was: 'asked for run "a", occurrence 2 with [1]',
      is: 'asked for run "a", occurrence 2 with [2]',
    });
  });
});

describe("cameTheSameWay", () => {
  it.each([
    ["a a=1 end", "a a=1 end", true],
    ["a a=1 end", "a a=2 end", false],
    ["a a=1 end", "a a=1", false],
    ["a b a=1 b=1 end", "a b b=1 a=1 end", false],
    ["a a=1 end", "a end", false],
    ["end", "end", true],
  ])("%s and %s", (first, second, same) => {
    expect(cameTheSameWay(trace(first), trace(second))).toBe(same);
  });
});

describe("jsonDifferences", () => {
  it.each([
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, []],
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }, [{ path: "o.a[1].b", expected: 2, actual: 3 }]],
    [[1], [1, 2], [{ path: "o[1]", expected: undefined, actual: 2 }]],
    [{ a: 1 }, {}, [{ path: "o.a", expected: 1, actual: undefined }]],
    [null, { a: 1 }, [{ path: "o", expected: null, actual: { a: 1 } }]],
    [{}, [], [{ path: "o", expected: {}, actual: [] }]],
    ["1", 1, [{ path: "o", expected: "1", actual: 1 }]],
  ])("%j and %j", (expected, actual, differences) => {
    expect(jsonDifferences("o", expected, actual)).toEqual(differences);
  });
});
