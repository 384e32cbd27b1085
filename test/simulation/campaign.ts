/** Owns: many worlds one after the other, and what they came to together. */
import { CHECKS, describeViolation, violationsOf, type CheckName } from "./checks.js";
import type { Evidence } from "./evidence.js";
import { MARKERS, type Marker } from "./markers.js";
import { codeOf } from "./program.js";
import { simulate, type SimulationOptions } from "./simulation.js";

export interface CampaignSums {
  worlds: number;
  /** Worlds that were run a second time and left the same trace. */
  repeated: number;
  runs: number;
  passes: number;
  bodies: number;
  calls: number;
  faults: number;
  virtualMs: number;
  /** In how many worlds each marker was met. */
  markers: Partial<Record<Marker, number>>;
  /** In how many worlds each kind of operation was. */
  kinds: Record<string, number>;
  /** In how many worlds each check found something. */
  violations: Partial<Record<CheckName | "determinism" | "crash", number>>;
}

export interface Failure {
  seed: number;
  problems: string[];
}

export function noSums(): CampaignSums {
  return {
    ...{ worlds: 0, repeated: 0, runs: 0, passes: 0, bodies: 0, calls: 0, faults: 0, virtualMs: 0 },
    ...{ markers: {}, kinds: {}, violations: {} },
  };
}

export class Campaign {
  readonly sums = noSums();
  readonly failures: Failure[] = [];
  readonly #options: SimulationOptions;

  constructor(options: SimulationOptions = {}) {
    this.#options = options;
  }

  /** Simulates one world and judges it. A world that cannot even be run to its end is a failure like any other. */
  async try(seed: number): Promise<Evidence | null> {
    this.sums.worlds += 1;
    try {
      const evidence = await simulate(seed, this.#options);
      this.#add(evidence);
      return evidence;
    } catch (error) {
      this.#fail(seed, ["crash"], [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
      return null;
    }
  }

  /** The same seed, twice: the same trace, or something outside the seed decides. */
  async tryTwice(seed: number): Promise<void> {
    const first = await this.try(seed);
    if (!first) return;
    const { hash } = await simulate(seed, this.#options);
    if (hash === first.hash) this.sums.repeated += 1;
    else this.#fail(seed, ["determinism"], [`the trace was ${first.hash}, and then ${hash}`]);
  }

  #add(evidence: Evidence): void {
    const { sums } = this;
    sums.runs += evidence.runs.length;
    sums.passes += evidence.ledger.passes.length;
    sums.bodies += evidence.ledger.bodies.length;
    sums.calls += evidence.calls;
    sums.faults += evidence.faults;
    sums.virtualMs += evidence.virtualMs;
    for (const marker of evidence.markers) sums.markers[marker] = (sums.markers[marker] ?? 0) + 1;
    const kinds = new Set(codeOf(evidence.programs).flatMap((code) => [...code.kinds]));
    for (const kind of kinds) sums.kinds[kind] = (sums.kinds[kind] ?? 0) + 1;
    const violations = violationsOf(evidence);
    if (violations.length === 0) return;
    const checks = [...new Set(violations.map(({ check }) => check))];
    this.#fail(evidence.seed, checks, violations.map(describeViolation));
  }

  #fail(seed: number, checks: readonly (CheckName | "determinism" | "crash")[], problems: string[]): void {
    for (const check of checks) this.sums.violations[check] = (this.sums.violations[check] ?? 0) + 1;
    this.failures.push({ seed, problems });
  }
}

/** Adds the second to the first. */
export function addSums(sums: CampaignSums, more: CampaignSums): void {
  for (const name of ["worlds", "repeated", "runs", "passes", "bodies", "calls", "faults", "virtualMs"] as const) {
    sums[name] += more[name];
  }
  for (const name of ["markers", "kinds", "violations"] as const) {
    const into: Record<string, number | undefined> = sums[name];
    for (const [key, count] of Object.entries(more[name])) into[key] = (into[key] ?? 0) + count;
  }
}

/** Rare things that none of the worlds has met. */
export function missedMarkers({ markers }: CampaignSums): string[] {
  return Object.entries(MARKERS)
    .filter(([marker]) => !(marker in markers))
    .map(([marker, meaning]) => `${marker}: ${meaning}`);
}

export const CHECK_COUNT = Object.keys(CHECKS).length;
