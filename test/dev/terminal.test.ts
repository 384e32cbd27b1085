/**
 * Goal: lines are aligned, numbers readable, colour only where it is wanted.
 * Method: pure functions and a terminal that collects what is written.
 */
import { describe, expect, it } from "vitest";
import { columns, openTerminal, shownDollars, shownDuration, shownText } from "../../local/dev/terminal.js";

describe("openTerminal()", () => {
  const red = (isTTY: boolean, environment: NodeJS.ProcessEnv): string =>
    openTerminal({ isTTY, write: () => true }, environment).red("x");
  it("colours on a terminal, and not where NO_COLOR, a dumb terminal or a pipe says so", () => {
    expect(red(true, {})).toBe("\u001b[31mx\u001b[0m");
    expect(red(true, { NO_COLOR: "1" })).toBe("x");
    expect(red(true, { TERM: "dumb" })).toBe("x");
    expect(red(false, {})).toBe("x");
  });
});

describe("columns()", () => {
  it("aligns without blanks at the end", () => {
    expect(columns([["a", "b"], ["long", "c"], ["x"]])).toEqual(["a     b", "long  c", "x"]);
  });
});

describe("shownDuration()", () => {
  it("uses the unit that fits", () => {
    const durations = [0, 812, 2_140, 61_000, 3_661_000, 90_000_000, 25_920_000_000];
    expect(durations.map(shownDuration)).toEqual([
      "0 ms",
      "812 ms",
      "2.1 s",
      "1 m 01 s",
      "1 h 01 m",
      "1 d 1 h",
      "300 d 0 h",
    ]);
  });
});

describe("shownDollars()", () => {
  it("keeps three significant digits and never an exponent", () => {
    expect([0, 0.000_008_13, 0.000_023_1, 0.0123, 1.5, 12].map(shownDollars)).toEqual([
      "$0",
      "$0.00000813",
      "$0.0000231",
      "$0.0123",
      "$1.50",
      "$12.00",
    ]);
  });
});

describe("shownText()", () => {
  it("shows what a terminal would obey, and keeps further lines in their place", () => {
    expect(shownText("a\u001b[2Jb\u009b31mc\rd\u202ee\u0007", "  ")).toBe(
      "a\\u001b[2Jb\\u009b31mc\\u000dd\\u202ee\\u0007",
    );
    expect(shownText("first\n12:00:00  pay  completed\tnow", "  ")).toBe("first\n  12:00:00  pay  completed\tnow");
    expect(shownText("caf\u00e9 \u{1f600}", "")).toBe("caf\u00e9 \u{1f600}");
  });
});
