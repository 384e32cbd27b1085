/**
 * Owns: what an operation of a random program is, and the three things it is given: a draft to be drawn from, a scope to
 * run in (a pass over the real function), and an oracle to be predicted by (no platform, no time, no faults).
 * An operation kind is one file in operations/; adding it to operations/vocabulary.ts is all it takes to be in every world.
 */
import type { Random } from "../../sdk/clock.js";
import type { Json } from "../../sdk/protocol.js";
import type { GroupTools, StepTools } from "../../sdk/steps.js";
import type { PassLedger } from "./ledger.js";
import type { CodeVersion } from "./code-version.js";

export interface Operation {
  /** One line of a program as a person reads it. */
  show(): string;
  /** May change places with a neighbour that is plain too, when the code is deployed anew. */
  readonly isPlain: boolean;
  run(scope: Scope): Promise<Json>;
  /** What a fault-free interpreter gets. Throws a `PredictedFailure` where the function gets an error. */
  predict(oracle: Oracle): Json;
}

export interface OperationKind {
  readonly name: string;
  /** How often it is drawn beside the others. */
  readonly weight: number;
  /** Null: not here. */
  draw(draft: Draft): Operation | null;
}

/** An error that the function sees, the same in every world. */
export class PredictedFailure extends Error {
  override readonly name = "PredictedFailure";
}

/** What all drafts of one program have in common. */
interface SharedDraft {
  ids: number;
  operations: number;
  longWaits: number;
  /** Places so far where operations go on side by side. */
  forks: number;
}

/** Where a program is being written: its chance, how deep it is nested, what may still be used. */
export class Draft {
  readonly random: Random;
  readonly depth: number;
  readonly functionIndex: number;
  readonly functions: number;
  readonly #shared: SharedDraft;
  readonly #drawSequence: (draft: Draft, length: number) => Operation;

  constructor(options: {
    random: Random;
    functionIndex: number;
    functions: number;
    operations: number;
    drawSequence: (draft: Draft, length: number) => Operation;
    inside?: { depth: number; shared: SharedDraft };
  }) {
    this.random = options.random;
    this.functionIndex = options.functionIndex;
    this.functions = options.functions;
    this.depth = options.inside?.depth ?? 0;
    this.#shared = options.inside?.shared ?? { ids: 0, operations: options.operations, longWaits: 1, forks: 0 };
    this.#drawSequence = options.drawSequence;
  }

  nextId(prefix: string): string {
    this.#shared.ids += 1;
    return `${prefix}${this.#shared.ids}`;
  }

  /** Uses up one operation; false when there is none left. */
  takeOperation(): boolean {
    this.#shared.operations -= 1;
    return this.#shared.operations >= 0;
  }

  /** A program has at most one wait of days: each makes every later check wait for it. */
  takeLongWait(): boolean {
    this.#shared.longWaits -= 1;
    return this.#shared.longWaits >= 0;
  }

  get hasLongWait(): boolean {
    return this.#shared.longWaits < 1;
  }

  get forks(): number {
    return this.#shared.forks;
  }

  /** Some operations, nested one deeper, that are to go on side by side. */
  branches(low: number, high: number): Operation[] {
    this.#shared.forks += 1;
    return Array.from({ length: this.between(low, high) }, () => this.sequence(2));
  }

  chance(probability: number): boolean {
    return this.random.unit() < probability;
  }

  /** A whole number from `low` to `high`. */
  between(low: number, high: number): number {
    return low + Math.floor(this.random.unit() * (high - low + 1));
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.random.unit() * from.length)];
    if (picked === undefined) throw new RangeError("Cannot pick from an empty list");
    return picked;
  }

  /** From `low` to `high`, small ones as often as large ones. */
  spread(low: number, high: number): number {
    return Math.round(low * (high / low) ** this.random.unit());
  }

  /** A few operations one after the other, nested one deeper. */
  sequence(maxLength: number): Operation {
    const inside = { depth: this.depth + 1, shared: this.#shared };
    const { random, functionIndex, functions } = this;
    const drawSequence = this.#drawSequence;
    const draft = new Draft({ random, functionIndex, functions, operations: 0, drawSequence, inside });
    return drawSequence(draft, this.between(1, maxLength));
  }
}

/** One place in one pass over the function. */
export interface Scope {
  readonly step: StepTools;
  readonly group: GroupTools;
  readonly pass: PassLedger;
  readonly version: CodeVersion;
  /** Names the place among all iterations and branches: `/2` is the third time around a loop. */
  readonly path: string;
  within(segment: string | number): Scope;
}

export interface Oracle {
  readonly path: string;
  within(segment: string | number): Oracle;
  /** What chance and time decided at this place in the run that is judged (a race's winner); undefined when it never came to that. */
  chosen(id: string): number | undefined;
}

export function makeScope(parts: Omit<Scope, "within">): Scope {
  return { ...parts, within: (segment) => makeScope({ ...parts, path: `${parts.path}/${segment}` }) };
}

export function makeOracle(choices: ReadonlyMap<string, number>, path = ""): Oracle {
  return {
    path,
    within: (segment) => makeOracle(choices, `${path}/${segment}`),
    chosen: (id) => choices.get(`${id}${path}`),
  };
}

/** Raised where a run never came by: whatever pass it was predicted from was not the one that ended it. */
class NeverDecided extends Error {
  override readonly name = "NeverDecided";
}

/** What time and chance decided at a place that the run must have come by. */
export function answered(oracle: Oracle, id: string): number {
  const chosen = oracle.chosen(id);
  if (chosen === undefined) throw new NeverDecided(`Nothing was decided at ${id}${oracle.path}`);
  return chosen;
}

/** What a value is, whatever the order of its keys was: for comparing and hashing. */
export function show(value: unknown): string {
  return JSON.stringify(value) ?? "undefined";
}
