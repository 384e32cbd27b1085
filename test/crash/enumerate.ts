/**
 * Owns: going through the faults: a program runs once without any, its calls are counted, and then it runs again for every
 * call × every mode. A second fault is placed among the calls of the run that had the first one, so that calls which only
 * exist because something went wrong are reached too.
 */
import type { Random } from "../../sdk/clock.js";
import { wrongWith } from "./checks.js";
import { MODES, showPlan, type Mode, type Plan, type PlannedFault } from "./fault-plan.js";
import type { Program } from "./programs.js";
import type { Sabotage } from "./tap.js";
import { runTrial, type Trial } from "./trial.js";

export interface Finding {
  program: string;
  plan: string;
  /** The call the last fault of the plan struck. */
  call: string;
  problems: string[];
}

export interface EnumerationOptions {
  program: Program;
  sweeper: boolean;
  callers?: readonly string[];
  modes?: readonly Mode[];
  sabotage?: Sabotage;
}

/** Enough to see a pattern; a broken engine breaks everywhere. */
const MAX_FINDINGS = 10;

export class Enumeration {
  readonly findings: Finding[] = [];
  trials = 0;
  readonly #options: EnumerationOptions;
  readonly #modes: readonly Mode[];
  readonly #sound: Trial;
  readonly #callsAfter = new Map<string, number>();

  private constructor(options: EnumerationOptions, sound: Trial) {
    this.#options = options;
    this.#modes = options.modes ?? MODES;
    this.#sound = sound;
    this.#judge(sound);
  }

  static async begin(options: EnumerationOptions): Promise<Enumeration> {
    return new Enumeration(options, await runTrial({ ...options, plan: [] }));
  }

  /** Every plan of one fault. */
  singles(): PlannedFault[] {
    return this.#sound.calls.flatMap((_, index) => this.#modes.map((mode) => ({ at: index + 1, mode })));
  }

  async trySingles(): Promise<void> {
    for (const fault of this.singles()) if (!(await this.#try([fault]))) return;
  }

  /** For each call `count` modes, drawn. */
  async trySomeSingles(count: number, random: Random): Promise<void> {
    for (const call of this.#sound.calls.keys()) {
      for (let drawn = 0; drawn < count; drawn += 1) {
        if (!(await this.#try([{ at: call + 1, mode: pick(this.#modes, random) }]))) return;
      }
    }
  }

  /** Every plan of two faults; of several shares, those that begin with every `of`-th first fault. */
  async tryAllPairs({ share = 0, of = 1 }: { share?: number; of?: number } = {}): Promise<void> {
    for (const [index, first] of this.singles().entries()) {
      if (index % of !== share) continue;
      const calls = await this.#callsWith(first);
      for (let at = first.at + 1; at <= calls; at += 1) {
        for (const mode of this.#modes) if (!(await this.#try([first, { at, mode }]))) return;
      }
    }
  }

  /** `count` plans of two faults, drawn from all of them. */
  async trySomePairs(count: number, random: Random): Promise<void> {
    const singles = this.singles();
    for (let drawn = 0; drawn < count; drawn += 1) {
      const first = pick(singles, random);
      const calls = await this.#callsWith(first);
      const at = first.at + 1 + Math.floor(random.unit() * (calls - first.at));
      if (at <= calls && !(await this.#try([first, { at, mode: pick(this.#modes, random) }]))) return;
    }
  }

  /** How many calls there are once `fault` has struck. */
  async #callsWith(fault: PlannedFault): Promise<number> {
    const name = showPlan([fault]);
    const known = this.#callsAfter.get(name);
    if (known !== undefined) return known;
    const { calls } = await runTrial({ ...this.#options, plan: [fault] });
    this.#callsAfter.set(name, calls.length);
    return calls.length;
  }

  /** False when enough has been found. */
  async #try(plan: Plan): Promise<boolean> {
    this.#judge(await runTrial({ ...this.#options, plan }));
    return this.findings.length < MAX_FINDINGS;
  }

  #judge(trial: Trial): void {
    this.trials += 1;
    const problems = wrongWith(trial);
    if (problems.length === 0) return;
    const at = trial.plan.at(-1)?.at ?? 0;
    const call = trial.calls[at - 1] ?? "no call";
    this.findings.push({ program: this.#options.program.name, plan: showPlan(trial.plan), call, problems });
  }
}

function pick<T>(from: readonly T[], random: Random): T {
  const picked = from[Math.floor(random.unit() * from.length)];
  if (picked === undefined) throw new RangeError("Cannot pick from an empty list");
  return picked;
}

/** A finding as a failed test shows it. */
export function describeFinding({ program, plan, call, problems }: Finding): string {
  return [`${program}, ${plan} (${call}):`, ...problems].join("\n  ");
}
