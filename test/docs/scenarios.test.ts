/**
 * Goal: docs/scenarios.md says what is tested: each scenario has one row, and each test it names is there.
 * Method: the page's tables are read; the title has to stand in the file. Where one does not apply, the cell says so.
 */
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { read, ROOT, rowsOf } from "./markdown.js";

const rows = rowsOf("docs/scenarios.md", ["No.", "Scenario", "What happens", "Shown by"]);

/** Flow control beyond concurrency, which is not there yet. */
const LATER = { from: 58, to: 69 };
const LAST = 135;

const numbers = Array.from({ length: LAST }, (_, index) => index + 1).filter(
  (number) => number < LATER.from || number > LATER.to,
);

describe("docs/scenarios.md", () => {
  it("has a row for each scenario, in order", () => {
    expect(rows.map(([number]) => Number(number))).toEqual(numbers);
  });

  it.each(rows)("%s: %s", (_number, _scenario, outcome = "", shownBy = "") => {
    expect(outcome.length).toBeGreaterThan(0);
    if (shownBy.startsWith("Not applicable: ")) return;
    const named = [...shownBy.matchAll(/\[[^\]]+\]\(([^)]+)\) "([^"]+)"/g)];
    expect(named.length).toBeGreaterThan(0);
    const missing = named.filter(([, link = "", title = ""]) => {
      const file = posix.join("docs", link);
      return !file.startsWith("test/") || !existsSync(join(ROOT, file)) || !read(file).includes(title);
    });
    expect(missing.map(([text]) => text)).toEqual([]);
  });
});
