/**
 * Owns: how the same program looks after it was changed and deployed anew, with runs under way: steps inserted, removed and
 * renamed, plain neighbours in another order. None of it changes what the function returns, so one oracle judges all.
 */
import { seededRandom, seedOf } from "../../local/aws/seeded-random.js";
import type { Operation } from "./operation.js";

/** In how many places of a program an extra step may stand, in a version that has it. */
const EXTRA_PROBABILITY = 0.2;
const SWAP_PROBABILITY = 0.5;

export class CodeVersion {
  readonly number: number;
  readonly #seed: number;

  constructor(seed: number, number: number) {
    this.#seed = seed;
    this.number = number;
  }

  /** The code as it was before any change. */
  first(): CodeVersion {
    return new CodeVersion(this.#seed, 0);
  }

  /** Ids of the extra steps before the `position`-th operation of a sequence. */
  extras(sequenceId: string, position: number): string[] {
    // The first version is what most of a world runs: it has its share of steps that a later one removes.
    const random = this.#chance(`${sequenceId} ${position}`);
    if (random.unit() >= EXTRA_PROBABILITY) return [];
    const name = random.unit() < 0.5 ? "extra" : "renamed";
    return [`${name}-${sequenceId}-${position}`];
  }

  /** The order in which the operations of a sequence are done in this version. */
  order(sequenceId: string, operations: readonly Operation[]): number[] {
    const order = operations.map((_, index) => index);
    for (let position = 0; position + 1 < operations.length; position += 1) {
      const arePlain = operations[position]?.isPlain === true && operations[position + 1]?.isPlain === true;
      if (!arePlain || this.number === 0) continue;
      if (this.#chance(`swap ${sequenceId} ${position}`).unit() >= SWAP_PROBABILITY) continue;
      [order[position], order[position + 1]] = [position + 1, position];
      position += 1;
    }
    return order;
  }

  #chance(place: string): ReturnType<typeof seededRandom> {
    let hash = seedOf(this.#seed, this.number);
    for (const character of place) hash = seedOf(hash, character.charCodeAt(0));
    return seededRandom(hash);
  }
}
