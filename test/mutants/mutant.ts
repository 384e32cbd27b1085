/**
 * Owns: what a mutant is, a rule of the platform broken on purpose in one place, and putting it into a source text.
 * Must not: run anything.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A test that must fail while the mutant is in. */
export interface Catcher {
  /** Path of the test file, from the repository's root. */
  file: string;
  /** A part of the test's whole name, its describe blocks included. */
  test: string;
}

export interface Mutant {
  name: string;
  /** Where the rule stands that it breaks: "PROTOCOL §2.3", "DESIGN §7". */
  rule: string;
  /** The source it changes, from the repository's root. */
  file: string;
  /** Text that is in the source exactly once. */
  find: string;
  replace: string;
  /** Any of them has to fail. */
  caughtBy: readonly Catcher[];
}

/** The source with the mutant in it; or why it cannot be put in. */
export function mutated(source: string, { find, replace }: Mutant): { text: string } | { problem: string } {
  const first = source.indexOf(find);
  if (first === -1) return { problem: "what it changes is not in the source" };
  if (source.includes(find, first + 1)) return { problem: "what it changes is in the source more than once" };
  if (find === replace) return { problem: "it changes nothing" };
  return { text: source.slice(0, first) + replace + source.slice(first + find.length) };
}

/** What is wrong with the catalogue as it stands beside the sources under `root`: one line each. */
export function problemsOf(mutants: readonly Mutant[], root: string): string[] {
  const problems: string[] = [];
  const names = new Set<string>();
  for (const mutant of mutants) {
    const report = (problem: string): number => problems.push(`${mutant.name}: ${problem}`);
    if (names.has(mutant.name)) report("its name is another's");
    names.add(mutant.name);
    const source = textOf(root, mutant.file);
    const result = source === null ? { problem: "the source is not there" } : mutated(source, mutant);
    if ("problem" in result) report(`${result.problem} (${mutant.file})`);
    if (mutant.caughtBy.length === 0) report("no test is named that catches it");
    for (const { file } of mutant.caughtBy) if (textOf(root, file) === null) report(`${file} is not there`);
  }
  return problems;
}

function textOf(root: string, file: string): string | null {
  try {
    return readFileSync(join(root, file), "utf8");
  } catch {
    return null;
  }
}

/** Tests of one file. */
export function caughtIn(file: string, ...tests: readonly string[]): Catcher[] {
  return tests.map((test) => ({ file: `test/${file}.test.ts`, test }));
}
