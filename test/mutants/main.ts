/** Owns: trying the mutants, all of them or a sample, and what is said of it. */
import { realClock } from "../../sdk/clock.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { MutantCampaign, type Tried } from "./campaign.js";
import { MUTANTS } from "./catalogue.js";
import { problemsOf, type Mutant } from "./mutant.js";

const LANES = 2;

export interface MutantsAsked {
  /** The repository's root. */
  root: string;
  /** A part of a name, of a file or of a rule; "" for all. */
  only: string;
  /** So many, drawn by `seed`; null for all. */
  sample: number | null;
  seed: number;
  tell(line: string): void;
}

export interface MutantsResult {
  /** For a table: what, and the number. */
  rows: [string, string][];
  /** By rule. */
  table: string;
  problems: string[];
}

/** What is wrong with the catalogue itself. */
export function checkMutants(root: string): string[] {
  return problemsOf(MUTANTS, root);
}

export async function tryMutants({ root, only, sample, seed, tell }: MutantsAsked): Promise<MutantsResult> {
  const fromMs = realClock.monotonic();
  const stale = checkMutants(root);
  const fits = ({ name, rule, file }: Mutant): boolean => [name, rule, file].some((text) => text.includes(only));
  const usable = MUTANTS.filter((mutant) => fits(mutant) && problemsOf([mutant], root).length === 0);
  const campaign = new MutantCampaign(root, LANES);
  try {
    const mutants = sample === null ? usable : shuffled(usable, seed).slice(0, sample);
    const { tried, problems } = await campaign.run(mutants, (one) => tell(shownTry(one)));
    const killed = tried.filter(({ killedBy }) => killedBy !== null).length;
    const of = tried.length === MUTANTS.length ? String(tried.length) : `${tried.length}, drawn from ${MUTANTS.length}`;
    const tookSeconds = Math.round((realClock.monotonic() - fromMs) / 1_000);
    tell(`${tookSeconds} s`);
    return {
      rows: [["Planted bugs that a test named for them catches", `${killed} of ${of}`]],
      table: tableOf(tried),
      problems: [...stale, ...problems],
    };
  } finally {
    campaign.close();
  }
}

function shuffled(mutants: readonly Mutant[], seed: number): Mutant[] {
  const random = seededRandom(seed);
  return mutants
    .map((mutant) => ({ mutant, place: random.unit() }))
    .sort((a, b) => a.place - b.place)
    .map(({ mutant }) => mutant);
}

function shownTry({ mutant, killedBy, problem, seconds }: Tried): string {
  const end = killedBy === null ? `*** ${problem ?? ""}` : killedBy;
  return `${killedBy === null ? "ALIVE " : "killed"}  ${seconds.toFixed(1)} s  ${mutant.name}\n        ${end}`;
}

/** Mutants and kills by the rule they break. */
function tableOf(tried: readonly Tried[]): string {
  const rules = new Map<string, Tried[]>();
  for (const one of tried) rules.set(one.mutant.rule, [...(rules.get(one.mutant.rule) ?? []), one]);
  const rows = [...rules]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([rule, own]) => `| ${rule} | ${own.filter(({ killedBy }) => killedBy !== null).length} of ${own.length} |`);
  return ["| Rule | Mutants caught |", "|---|---|", ...rows].join("\n");
}
