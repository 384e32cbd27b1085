/**
 * Owns: how much one evaluation may cost, and how it ends early.
 * Must not: depend on time: the same event and expression give the same answer on any machine.
 */
import { MAX_BUILT_CHARACTERS, MAX_STEPS } from "./bounds.js";

/** An evaluation that came to no value. Thrown inside the evaluator only, and caught by it. */
export class EvaluationFailure extends Error {
  /** True for a spent budget, which `||` and `&&` must not cover up by going on. */
  readonly isFinal: boolean;
  constructor(message: string, isFinal: boolean) {
    super(message);
    this.isFinal = isFinal;
  }
}

/** Native text operations look at this many characters in about the time of one step. */
const CHARACTERS_PER_STEP = 256;

/** A thrown error costs microseconds, and `exists` goes on past failing items. */
const STEPS_PER_FAILURE = 200;

export class Budget {
  readonly nowMs: number | null;
  #steps = 0;

  constructor(nowMs: number | null) {
    this.nowMs = nowMs;
  }

  charge(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MAX_STEPS) throw new EvaluationFailure(`it takes more than ${MAX_STEPS} steps`, true);
  }

  /** For looking at so many characters at once. */
  chargeText(characters: number): void {
    this.charge(characters / CHARACTERS_PER_STEP);
  }

  /** For making text of so many characters. */
  chargeBuilt(characters: number): void {
    if (characters > MAX_BUILT_CHARACTERS) {
      throw new EvaluationFailure(`it builds text of more than ${MAX_BUILT_CHARACTERS} characters`, true);
    }
    this.chargeText(characters);
  }

  fail(reason: string): never {
    this.charge(STEPS_PER_FAILURE);
    throw new EvaluationFailure(reason, false);
  }
}
