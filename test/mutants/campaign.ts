/**
 * Owns: trying every mutant: first that the named tests pass without any, then that all mutants compile, then that each one
 * makes a test fail that is named for it.
 */
import { realClock } from "../../sdk/clock.js";
import { Lane, type TestOutcome, type TestReport } from "./lane.js";
import { mutated, type Mutant } from "./mutant.js";

export interface Tried {
  mutant: Mutant;
  /** The first test that failed; null when none did. */
  killedBy: string | null;
  /** Why it is no kill; null when it is one. */
  problem: string | null;
  seconds: number;
}

export interface CampaignResult {
  tried: Tried[];
  problems: string[];
}

/** Errors of the compiler for what is only left over when code was taken out. */
const LEFTOVERS = /error TS(6133|6192|6196|6198|7027):/;

export class MutantCampaign {
  readonly #lanes: readonly Lane[];

  constructor(source: string, lanes: number) {
    this.#lanes = Array.from({ length: lanes }, () => new Lane(source));
  }

  async run(mutants: readonly Mutant[], onTried: (tried: Tried) => void): Promise<CampaignResult> {
    const uncompiled = await this.#compileAll(mutants);
    const without = await this.#withoutMutants(mutants);
    const tried: Tried[] = [];
    const left = [...mutants];
    const work = async (lane: Lane): Promise<void> => {
      for (let mutant = left.shift(); mutant; mutant = left.shift()) {
        const one = await tryMutant(lane, mutant, without.failing);
        tried.push(one);
        onTried(one);
      }
    };
    await Promise.all(this.#lanes.map(work));
    const problems = tried.flatMap(({ mutant, problem }) => (problem === null ? [] : [`${mutant.name}: ${problem}`]));
    return { tried, problems: [...uncompiled, ...without.problems, ...problems] };
  }

  close(): void {
    for (const lane of this.#lanes) lane.close();
  }

  /** A test that fails anyway catches nothing, and a name that fits no test runs nothing. */
  async #withoutMutants(mutants: readonly Mutant[]): Promise<{ problems: string[]; failing: Set<string> }> {
    const [lane] = this.#lanes;
    if (!lane) return { problems: [], failing: new Set() };
    const catchers = mutants.flatMap(({ caughtBy }) => caughtBy);
    const { tests, broken, ended } = await lane.test(catchers, { bail: false, workers: this.#lanes.length });
    if (!ended) return { problems: ["the tests do not end without any mutant"], failing: new Set() };
    const failing = new Set(tests.filter(({ passed }) => !passed).map(nameOf));
    const failed = [...failing].map((test) => `fails without mutants: ${test}`);
    const idle = mutants.flatMap((mutant) =>
      mutant.caughtBy
        .filter((catcher) => !tests.some(({ file, name }) => file === catcher.file && name.includes(catcher.test)))
        .map((catcher) => `${mutant.name}: no test of ${catcher.file} is named "${catcher.test}"`),
    );
    return { problems: [...broken, ...failed, ...idle], failing };
  }

  /** All mutants that do not touch one another are compiled together. */
  async #compileAll(mutants: readonly Mutant[]): Promise<string[]> {
    const [lane] = this.#lanes;
    if (!lane) return [];
    const problems: string[] = [];
    let left = mutants;
    while (left.length > 0) {
      const originals = new Map<string, string>();
      const placed: Mutant[] = [];
      const later: Mutant[] = [];
      for (const mutant of left) {
        const source = lane.read(mutant.file);
        const result = mutated(source, mutant);
        // What another one has changed already waits for the next round.
        if ("problem" in result) {
          later.push(mutant);
          continue;
        }
        if (!originals.has(mutant.file)) originals.set(mutant.file, source);
        lane.write(mutant.file, result.text);
        placed.push(mutant);
      }
      const errors = (await lane.compile()).filter((line) => !LEFTOVERS.test(line));
      problems.push(...errors.map((error) => `does not compile: ${error} (${suspects(error, placed)})`));
      for (const [file, source] of originals) lane.write(file, source);
      if (placed.length === 0) return [...problems, ...later.map(({ name }) => `${name}: cannot be put in`)];
      left = later;
    }
    return problems;
  }
}

/** The mutants in the file of a compiler's error. */
function suspects(error: string, placed: readonly Mutant[]): string {
  const file = error.split("(")[0];
  const own = placed.filter((mutant) => mutant.file === file).map(({ name }) => name);
  return own.length > 0 ? own.join(" / ") : "no mutant is in that file";
}

async function tryMutant(lane: Lane, mutant: Mutant, failing: ReadonlySet<string>): Promise<Tried> {
  const startedAtMs = realClock.monotonic();
  const source = lane.read(mutant.file);
  const result = mutated(source, mutant);
  const tried = (killedBy: string | null, problem: string | null): Tried => {
    return { mutant, killedBy, problem, seconds: (realClock.monotonic() - startedAtMs) / 1_000 };
  };
  if ("problem" in result) return tried(null, result.problem);
  lane.write(mutant.file, result.text);
  try {
    const report = await lane.test(mutant.caughtBy, { bail: true, workers: 1 });
    return tried(...verdict(report, failing));
  } finally {
    lane.write(mutant.file, source);
  }
}

/** What a mutant's tests say of it. `failing`: tests that fail without any mutant, too. */
export function verdict(
  { tests, broken, ended }: TestReport,
  failing: ReadonlySet<string>,
): [killedBy: string | null, problem: string | null] {
  if (!ended) return [null, "its tests do not end"];
  const killer = tests.find((test) => !test.passed && !failing.has(nameOf(test)));
  if (killer) return [nameOf(killer), null];
  if (broken.length > 0) return [null, `its tests cannot be loaded: ${broken.join("; ")}`];
  return [null, "it survives"];
}

function nameOf({ file, name }: TestOutcome): string {
  return `${file}: ${name}`;
}
