/**
 * Owns: in which order remembered results are shown again: that of the log, whatever the order in which they are asked for.
 * Must not: wait. Whoever shows them decides how long the code is given to ask for what comes next.
 */
import { previousUseOf } from "./history.js";
import type { Operation } from "./operations.js";

/** Of its patience, each time the code did not ask in time: twenty removed steps cost a replay five seconds, not twenty. */
const PATIENCE_LEFT = 0.8;

export class Shows {
  /** Keys of operations in the order in which their results were shown first. */
  readonly #keys: readonly string[];
  readonly #places: ReadonlyMap<string, number>;
  /** Asked for and not yet shown, by place. */
  readonly #asked = new Map<number, Operation>();
  readonly #done = new Set<number>();
  /** Given up and not asked for since. */
  readonly #missed = new Set<string>();
  /** How often was given up; none once something is asked for late after all: the code was slow, not another. */
  #givenUp = 0;
  /** Everything before this place was shown or is no longer waited for. */
  #place = 0;

  constructor(keys: readonly string[]) {
    this.#keys = keys;
    this.#places = new Map(keys.map((key, place) => [key, place]));
  }

  /** Nothing is left that the code is expected to ask for. */
  get isOver(): boolean {
    return this.#place === this.#keys.length;
  }

  /** Takes in an operation that was asked for. False when no result of it is remembered. */
  ask(operation: Operation): boolean {
    const place = this.#places.get(operation.key);
    if (place === undefined) return false;
    this.#asked.set(place, operation);
    if (this.#missed.delete(operation.key)) this.#givenUp = 0;
    return true;
  }

  /** The result of this operation is not going to be shown. */
  drop(key: string): void {
    const place = this.#places.get(key);
    if (place !== undefined) this.#pass(place);
  }

  /** The operation whose result is next in the log, if it was asked for; before it, one that was given up and asked for late. */
  takeNext(): Operation | null {
    const next = this.#earliestAsked();
    return next !== null && next <= this.#place ? this.#take(next) : null;
  }

  /**
   * How much of its patience the code deserves for what comes next, 1 at the most. Each time it was given up on makes it likelier
   * that it was changed; and it does not ask for the second use of an id before the first.
   */
  get patience(): number {
    if (this.#givenUp === 0) return 1;
    const before = previousUseOf(this.#keys[this.#place] ?? "");
    return before !== null && this.#missed.has(before) ? 0 : PATIENCE_LEFT ** this.#givenUp;
  }

  /** Gives up waiting for whatever comes before the earliest result that was asked for; for everything when none was. */
  giveUp(): void {
    const place = this.#earliestAsked() ?? this.#keys.length;
    for (const [at, key] of this.#keys.entries()) {
      if (at >= this.#place && at < place && !this.#done.has(at)) this.#missed.add(key);
    }
    this.#place = place;
    this.#givenUp += 1;
  }

  #earliestAsked(): number | null {
    let earliest: number | null = null;
    for (const place of this.#asked.keys()) earliest = earliest === null ? place : Math.min(earliest, place);
    return earliest;
  }

  #take(place: number): Operation | null {
    const operation = this.#asked.get(place) ?? null;
    this.#asked.delete(place);
    this.#pass(place);
    return operation;
  }

  #pass(place: number): void {
    this.#done.add(place);
    while (this.#done.has(this.#place)) this.#place += 1;
  }
}
