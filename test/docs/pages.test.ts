/**
 * Goal: the documentation names nothing that is not there, and a promise has a file and a test or it is not promised.
 * Method: every page is read as text: links and their anchors, the table of guarantees, the list of decisions.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { errorsPage } from "../../scripts/docs.mjs";
import { anchorsOf, linksOf, pages, read, ROOT, rowsOf } from "./markdown.js";

describe("links", () => {
  it.each(pages())("%s leads to files and headings that exist", (page) => {
    const broken = linksOf(page).filter(({ file, anchor }) => {
      if (file === null) return false;
      if (file.startsWith("..") || !existsSync(join(ROOT, file))) return true;
      return anchor !== null && file.endsWith(".md") && !anchorsOf(file).has(anchor);
    });
    expect(broken.map(({ target }) => target)).toEqual([]);
  });

  it("docs/README.md leads to every page under docs/", () => {
    const linked = new Set(linksOf("docs/README.md").map(({ file }) => file));
    const missing = pages().filter(
      (page) => page.startsWith("docs/") && page !== "docs/README.md" && !linked.has(page),
    );
    expect(missing).toEqual([]);
  });
});

describe("docs/guarantees.md", () => {
  const rows = rowsOf("docs/guarantees.md", ["Promise", "Held by", "Tested by"]);
  const files = (cell: string): string[] => [...cell.matchAll(/\]\(\.\.\/([^)#]+)\)/g)].map(([, file = ""]) => file);

  it("promises something", () => {
    expect(rows.length).toBeGreaterThan(10);
  });

  it.each(rows)("%s", (_, heldBy = "", testedBy = "") => {
    const isFile = (file: string): boolean => existsSync(join(ROOT, file)) && statSync(join(ROOT, file)).isFile();
    const mechanism = files(heldBy);
    const tests = files(testedBy);
    expect([mechanism.length > 0, mechanism.filter((file) => !isFile(file))]).toEqual([true, []]);
    expect([tests.length > 0, tests.filter((file) => !isFile(file) || !/^test\/.*\.test\.ts$/.test(file))]).toEqual([
      true,
      [],
    ]);
  });
});

describe("docs/errors.md", () => {
  it("is what the catalogue says (npm run docs)", async () => {
    expect(read("docs/errors.md")).toBe(await errorsPage());
  });
});

describe("docs/adr", () => {
  const decisions = pages().filter((page) => page.startsWith("docs/adr/"));

  it("are numbered without a gap", () => {
    const numbers = decisions.map((page) => page.slice("docs/adr/".length, "docs/adr/0000".length));
    expect(numbers).toEqual(numbers.map((_, index) => String(index + 1).padStart(4, "0")));
  });

  it.each(decisions)("%s has every section", (page) => {
    const headings = [...read(page).matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(headings).toEqual(["Decision", "Forces", "Rejected", "Consequences", "Check"]);
  });
});
