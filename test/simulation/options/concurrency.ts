/**
 * Owns: `concurrency` of a function: how many of it may execute at once, in each version of its code, and by what its runs are
 * told apart; drawn with few values of each key, so that runs wait for one another.
 * Must not: know how the platform counts (checks/concurrency.ts judges that).
 */
import type { RunHead } from "../../../runtime/core/run.js";
import { limitsOf, type RunLimit } from "../../../runtime/flow/limits-of-run.js";
import type { Random } from "../../../sdk/clock.js";
import type { ConcurrencyOption } from "../../../sdk/concurrency.js";
import type { ConcurrencyConfig } from "../../../sdk/protocol.js";
import type { Program } from "../program.js";

/** Those of one function in one version of its code: none, one, or two. */
export type DrawnLimits = readonly ConcurrencyConfig[];

/** As many as a world may deploy, the first one included. Later versions are as the last of these. */
const VERSIONS = 5;
const LIMITED_SHARE = 0.4;
const SECOND_SHARE = 0.25;
const CHANGE_SHARE = 0.5;
/** A function takes over what the one before it shares, with a limit of its own. */
const SHARING_SHARE = 0.6;
const MOST_PLACES = 3;

/** What each key comes to for the run of an event with a mark. */
const KEYS: Readonly<Record<string, (canary: string) => string>> = {
  'event.data.canary.endsWith("0")': (canary) => String(canary.endsWith("0")),
  "event.data.nobodySends": () => "null",
  "'lane'": () => "lane",
};
const [HALVES = "", MISSING = "", LANE = ""] = Object.keys(KEYS);

/** By what a run is counted under a limit: runs with the same name share its places. */
export function groupOf({ scope, hold, key }: ConcurrencyConfig, functionId: string, canary: string): string {
  const value = key === undefined ? "all" : KEYS[key]?.(canary);
  return scope === "app" ? `app ${hold} ${value}` : `${functionId} ${key ?? ""} ${value}`;
}

export function limitsIn({ concurrency }: Pick<Program, "concurrency">, version: number): DrawnLimits {
  return concurrency[Math.min(version, concurrency.length - 1)] ?? [];
}

/** The limits that count a run while one version of its function works on it. */
export function limitsOfRun(head: Pick<RunHead, "slots">, program: Program, version: number): RunLimit[] {
  const id = program.functionId;
  const config = { id, name: id, triggers: [], retries: 0, concurrency: [...limitsIn(program, version)] };
  return limitsOf(head, config);
}

export function optionOf([first, second]: DrawnLimits): ConcurrencyOption | undefined {
  if (!first) return undefined;
  return second ? [written(first), written(second)] : [written(first)];
}

function written({
  limit,
  scope,
  key,
  hold,
}: ConcurrencyConfig): Exclude<ConcurrencyOption, number | readonly unknown[]> {
  if (scope === "app") return { limit, hold, scope, key: key ?? LANE };
  return { limit, hold, scope, ...(key === undefined ? {} : { key }) };
}

export function showLimits({ concurrency }: Program): string {
  const versions = concurrency.map((limits) => limits.map(showLimit).join(" and ") || "no limit");
  const changes = versions.filter((shown, version) => version === 0 || shown !== versions[version - 1]);
  return changes.join(", then ");
}

function showLimit({ limit, scope, key, hold }: ConcurrencyConfig): string {
  return `at most ${limit} ${hold}s${key === undefined ? "" : ` by ${key}`}${scope === "app" ? " of the app" : ""}`;
}

/** Gives some of the programs limits, which may change with each version of their code. */
export function drawConcurrency(random: Random, programs: readonly Program[]): Program[] {
  let shared: ConcurrencyConfig | undefined;
  return programs.map((program, place) => {
    const draw = new LimitDraw(random, !programs.slice(place).some(({ waitsLong }) => waitsLong));
    if (!draw.chance(LIMITED_SHARE)) return program;
    const own = shared && draw.chance(SHARING_SHARE) ? { ...shared, limit: draw.places() } : draw.limit();
    shared = own.scope === "app" ? own : shared;
    let limits: DrawnLimits = draw.chance(SECOND_SHARE) ? draw.withAnother([own]) : [own];
    const concurrency = Array.from({ length: VERSIONS }, (_, version) => {
      if (version > 0 && draw.chance(CHANGE_SHARE)) limits = draw.changed(limits);
      return limits;
    });
    return { ...program, concurrency };
  });
}

class LimitDraw {
  readonly #random: Random;
  /** Runs of hours under a limit of runs would wait for one another for months. */
  readonly #mayHoldRuns: boolean;

  constructor(random: Random, mayHoldRuns: boolean) {
    this.#random = random;
    this.#mayHoldRuns = mayHoldRuns;
  }

  chance(probability: number): boolean {
    return this.#random.unit() < probability;
  }

  places(): number {
    return 1 + Math.floor(this.#random.unit() ** 2 * MOST_PLACES);
  }

  limit(): ConcurrencyConfig {
    const holdsRuns = this.chance(0.35) && this.#mayHoldRuns;
    const scope = this.chance(0.35) ? "app" : "function";
    // A run that keeps its place while it waits for one that it has invoked, and that needs the same place, waits for ever.
    const hold = holdsRuns && scope === "function" ? "run" : "step";
    const key = this.#key(scope);
    return { limit: this.places(), scope, hold, ...(key === undefined ? {} : { key }) };
  }

  withAnother(limits: DrawnLimits): DrawnLimits {
    const another = this.limit();
    const isNew = limits.every(({ scope, key }) => scope !== another.scope || key !== another.key);
    return isNew ? [...limits, another].slice(0, 2) : limits;
  }

  /** Raised, lowered, removed, or one more. */
  changed(limits: DrawnLimits): DrawnLimits {
    const [first, ...others] = limits;
    if (!first) return [this.limit()];
    const how = this.#random.unit();
    if (how < 0.3) return [{ ...first, limit: first.limit + 1 }, ...others];
    if (how < 0.7) return [{ ...first, limit: Math.max(1, first.limit - 1) }, ...others];
    return how < 0.85 ? others : this.withAnother(limits);
  }

  #key(scope: "function" | "app"): string | undefined {
    const how = this.#random.unit();
    if (scope === "app") return how < 0.6 ? LANE : HALVES;
    return how < 0.55 ? undefined : how < 0.9 ? HALVES : MISSING;
  }
}
