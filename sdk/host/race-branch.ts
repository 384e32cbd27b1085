/** Owns: which branch of a race code runs in, so that what it asks for can be let go when another branch has won. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Operation } from "./operations.js";

const branches = new AsyncLocalStorage<RaceBranch>();

/** The branch the calling code runs in, or undefined outside of races. */
export function currentBranch(): RaceBranch | undefined {
  return branches.getStore();
}

export class RaceBranch {
  readonly #outer = currentBranch();
  readonly #abort = new AbortController();
  readonly #operations = new Set<Operation>();

  /** Aborted when another branch has won. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Another branch of this race, or of one around it, has won: this code asks for nothing any more. */
  get isGone(): boolean {
    return this.#abort.signal.aborted || this.#outer?.isGone === true;
  }

  run<T>(work: () => T): T {
    return branches.run(this, work);
  }

  /** Operations asked for in here belong to the races around it, too. */
  add(operation: Operation): void {
    this.#operations.add(operation);
    this.#outer?.add(operation);
  }

  /** The branch has lost. Answers what it asked for. */
  leave(): ReadonlySet<Operation> {
    this.#abort.abort("lost the race");
    return this.#operations;
  }
}
