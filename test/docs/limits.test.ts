/**
 * Goal: docs/limits.md says what the code does: every value is that of the constant it names, every code is an error.
 * Method: the page's tables are read; the constant is looked up in the source file it is said to be in, as text, so that no
 * constant has to be exported for its documentation.
 */
import { describe, expect, it } from "vitest";
import { anchorsOf, read, rowsOf } from "./markdown.js";

const rows = rowsOf("docs/limits.md", ["Limit", "Value", "Beyond it", "Error", "Constant"]);

/** Numbers of the units a value may be written in: milliseconds for times, bytes for sizes. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  days: 86_400_000,
  bytes: 1,
  KiB: 1_024,
  MiB: 1_024 ** 2,
};

/** "4 MiB", "1,000", "15 min": the number in base units. What follows a comma and a space is a remark. */
function valueOf(cell: string): number {
  const [, amount = "", unit = ""] = /^([\d,]*\d(?:\.\d+)?)(?: (ms|s|min|h|days|bytes|KiB|MiB)\b)?/.exec(cell) ?? [];
  const factor = UNITS[unit];
  if (amount === "" || factor === undefined) throw new Error(`"${cell}" is no value this test can read`);
  return Number(amount.replaceAll(",", "")) * factor;
}

/** What `NAME` or `NAME.member` is in a source file: a sum of products of numbers and of constants of the same file. */
function constantOf(file: string, name: string): number {
  const source = read(file);
  const [constant = "", member] = name.split(".");
  const body = new RegExp(`const ${constant}\\b[^=]*= ([^;]+);`).exec(source)?.[1];
  const text = member === undefined ? body : new RegExp(`\\b${member}: ([^,}]+)`).exec(body ?? "")?.[1];
  if (text === undefined) throw new Error(`${file} has no constant ${name}`);
  return sum(text.trim(), file);
}

function sum(text: string, file: string): number {
  const [first = "", ...rest] = text.split(" - ");
  return rest.reduce((total, part) => total - product(part, file), product(first, file));
}

function product(text: string, file: string): number {
  return text.split(" * ").reduce((total, factor) => total * number(factor.trim(), file), 1);
}

function number(factor: string, file: string): number {
  return /^[\d_.]+$/.test(factor) ? Number(factor.replaceAll("_", "")) : constantOf(file, factor);
}

describe("docs/limits.md", () => {
  it("lists limits", () => {
    expect(rows.length).toBeGreaterThan(25);
  });

  it.each(rows)("%s: %s", (_limit, value = "", _beyond, _error, constant = "") => {
    const [, name = "", file = ""] = /^`([\w.]+)` in \[[^\]]+\]\(\.\.\/([^)]+)\)$/.exec(constant) ?? [];
    const factor = name.endsWith("_DAYS") ? valueOf("1 days") : 1;
    expect(valueOf(value)).toBe(constantOf(file, name) * factor);
  });

  it("names errors that exist, each linked to its place", () => {
    const codes = rows.flatMap(([, , , error = ""]) => [...error.matchAll(/\[(\w+)\]\(errors\.md#(\w+)\)/g)]);
    expect(codes.length).toBeGreaterThan(10);
    const anchors = anchorsOf("docs/errors.md");
    expect(codes.filter(([, code = "", anchor = ""]) => code.toLowerCase() !== anchor || !anchors.has(anchor))).toEqual(
      [],
    );
  });
});
