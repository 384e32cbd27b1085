/**
 * Goal: the catalogue of mutants fits the sources: every place a mutant changes is there exactly once, every test file that
 * is to catch it exists, and every part of the protocol and the design has a mutant; and that nothing counts as a catch but one.
 * Method: the same look that `node test/mutants/run.mjs --check` takes. That each one is caught, `npm run prove` shows.
 */
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { verdict } from "./campaign.js";
import { MUTANTS } from "./catalogue.js";
import { mutated, problemsOf, type Mutant } from "./mutant.js";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

it("every mutant can be put in, and names tests that exist", () => {
  expect(problemsOf(MUTANTS, ROOT)).toEqual([]);
});

it("there are mutants of every part of the protocol, and of what the design says of turns to payloads", () => {
  const parts = ["PROTOCOL §1", "PROTOCOL §2", "PROTOCOL §3", "PROTOCOL §4", "PROTOCOL §5"];
  const design = ["DESIGN §2", "DESIGN §5", "DESIGN §6", "DESIGN §7", "DESIGN §8"];
  const without = [...parts, ...design].filter((part) => !MUTANTS.some(({ rule }) => rule.startsWith(part)));
  expect(without).toEqual([]);
  expect(MUTANTS.length).toBeGreaterThanOrEqual(45);
});

const mutant: Mutant = {
  name: "drops the check",
  rule: "PROTOCOL §1",
  file: "test/mutants/mutant.ts",
  find: "a && b",
  replace: "a",
  caughtBy: [{ file: "test/mutants/catalogue.test.ts", test: "a look at the catalogue" }],
};

it("a mutant changes one place, or says why it cannot", () => {
  expect(mutated("if (a && b) go();", mutant)).toEqual({ text: "if (a) go();" });
  expect(mutated("if (b && a) go();", mutant)).toEqual({ problem: "what it changes is not in the source" });
  expect(mutated("a && b || a && b", mutant)).toEqual({ problem: "what it changes is in the source more than once" });
  expect(mutated("a && b", { ...mutant, replace: "a && b" })).toEqual({ problem: "it changes nothing" });
});

it("a look at the catalogue finds what is stale", () => {
  const stale = [
    { ...mutant, file: "test/mutants/gone.ts" },
    { ...mutant, find: "no such text", caughtBy: [{ file: "test/gone.test.ts", test: "x" }] },
    { ...mutant, name: "catches nothing", find: "export interface Mutant", caughtBy: [] },
  ];
  expect(problemsOf(stale, ROOT)).toEqual([
    "drops the check: the source is not there (test/mutants/gone.ts)",
    "drops the check: its name is another's",
    "drops the check: what it changes is not in the source (test/mutants/mutant.ts)",
    "drops the check: test/gone.test.ts is not there",
    "catches nothing: no test is named that catches it",
  ]);
});

it("a mutant is caught by a test that fails because of it, and by nothing else", () => {
  const test = (name: string, passed: boolean) => ({ file: "test/a.test.ts", name, passed });
  const report = { tests: [test("one", true), test("two", false)], broken: [], ended: true };
  expect(verdict(report, new Set())).toEqual(["test/a.test.ts: two", null]);
  expect(verdict(report, new Set(["test/a.test.ts: two"]))).toEqual([null, "it survives"]);
  expect(verdict({ ...report, tests: [test("one", true)] }, new Set())).toEqual([null, "it survives"]);
  expect(verdict({ ...report, ended: false }, new Set())).toEqual([null, "its tests do not end"]);
  const unloadable = { tests: [], broken: ["test/a.test.ts: Unexpected token"], ended: true };
  expect(verdict(unloadable, new Set())).toEqual([
    null,
    "its tests cannot be loaded: test/a.test.ts: Unexpected token",
  ]);
});
