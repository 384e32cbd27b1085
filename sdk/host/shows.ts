/**
 * Owns: in which order remembered results are shown again: that of the log, whatever the order in which they are asked for.
 * Must not: wait. Whoever shows them decides how long the code is given to ask for what comes next.
 */
import type { Operation } from "./operations.js";

export class Shows {
  /** Keys of operations in the order in which their results were shown first. */
  readonly #keys: readonly string[];
  readonly #places: ReadonlyMap<string, number>;
  /** Asked for and not yet shown, by place. */
  readonly #asked = new Map<number, Operation>();
  readonly #done = new Set<number>();
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

  /** Gives up waiting for whatever comes before the earliest result that was asked for; for everything when none was. */
  giveUp(): void {
    this.#place = this.#earliestAsked() ?? this.#keys.length;
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
