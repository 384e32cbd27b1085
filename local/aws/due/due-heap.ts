/**
 * Owns: what is due next among many (messages to become visible, schedules to fire): a binary heap by time, then by order
 * of arrival. Entries are never removed from the middle: whoever changes its mind leaves the old entry behind, and the
 * owner's `isCurrent` tells the heap which entries still count.
 * Must not: know a clock, or what is due.
 */

export interface Due {
  readonly atMs: number;
  readonly sequence: number;
}

/** Below this size a heap full of outdated entries is not worth cleaning. */
const SMALL_HEAP = 256;

function isBefore(a: Due, b: Due): boolean {
  return a.atMs === b.atMs ? a.sequence < b.sequence : a.atMs < b.atMs;
}

export class DueHeap<Entry extends Due> {
  #entries: Entry[] = [];
  readonly #isCurrent: (entry: Entry) => boolean;

  constructor(isCurrent: (entry: Entry) => boolean) {
    this.#isCurrent = isCurrent;
  }

  /** `currentCount`: how many entries may be current at most. With twice as many in the heap, the outdated ones are dropped. */
  add(entry: Entry, currentCount: number): void {
    if (this.#entries.length > SMALL_HEAP && this.#entries.length > currentCount * 2) this.#clean();
    this.#entries.push(entry);
    this.#rise(this.#entries.length - 1);
  }

  /** The entry that is due first; stays in the heap. */
  peek(): Entry | undefined {
    for (;;) {
      const first = this.#entries[0];
      if (first === undefined || this.#isCurrent(first)) return first;
      this.#dropFirst();
    }
  }

  /** Takes the entry that is due first, if it is due at `nowMs`. */
  takeDue(nowMs: number): Entry | undefined {
    const first = this.peek();
    if (first === undefined || first.atMs > nowMs) return undefined;
    this.#dropFirst();
    return first;
  }

  clear(): void {
    this.#entries = [];
  }

  #clean(): void {
    // A sorted array is a heap.
    this.#entries = this.#entries.filter(this.#isCurrent).sort((a, b) => (isBefore(a, b) ? -1 : 1));
  }

  #dropFirst(): void {
    const last = this.#entries.pop();
    if (last === undefined || this.#entries.length === 0) return;
    this.#entries[0] = last;
    this.#sink(last);
  }

  #rise(from: number): void {
    const entries = this.#entries;
    const entry = entries[from];
    let index = from;
    while (entry !== undefined && index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = entries[parentIndex];
      if (parent === undefined || !isBefore(entry, parent)) return;
      entries[index] = parent;
      entries[parentIndex] = entry;
      index = parentIndex;
    }
  }

  #sink(entry: Entry): void {
    const entries = this.#entries;
    let index = 0;
    for (;;) {
      let childIndex = index * 2 + 1;
      let child = entries[childIndex];
      if (child === undefined) return;
      const right = entries[childIndex + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        childIndex += 1;
      }
      if (!isBefore(child, entry)) return;
      entries[index] = child;
      entries[childIndex] = entry;
      index = childIndex;
    }
  }
}
