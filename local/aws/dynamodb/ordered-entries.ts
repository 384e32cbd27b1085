/**
 * Owns: the entries of one partition in order: found by binary search, kept in one sorted array.
 * Must not: know what the entries are. Order is by `sort`, then by `tie` (an index may hold many entries with one sort key).
 * An array, not a tree: inserting moves pointers in one block copy, which for the partitions we meet (tens to tens of
 * thousands of entries) costs less than a tree's allocations.
 */
export interface Ordered {
  readonly sort: string;
  readonly tie: string;
}

/** A half-open range of positions. */
export interface Range {
  start: number;
  end: number;
}

export class OrderedEntries<Entry extends Ordered> {
  private readonly entries: Entry[] = [];

  /** Builds from entries in any order, of which no two are equal in order. */
  static from<Entry extends Ordered>(entries: Iterable<Entry>): OrderedEntries<Entry> {
    const ordered = new OrderedEntries<Entry>();
    for (const entry of entries) ordered.entries.push(entry);
    ordered.entries.sort(compareOrder);
    return ordered;
  }

  get size(): number {
    return this.entries.length;
  }

  at(position: number): Entry | undefined {
    return this.entries[position];
  }

  get(key: Ordered): Entry | undefined {
    const found = this.entries[this.firstNotBefore(key)];
    return found !== undefined && compareOrder(found, key) === 0 ? found : undefined;
  }

  /** Adds the entry, or puts it in the place of the one that is equal in order. */
  set(entry: Entry): void {
    const last = this.entries.at(-1);
    if (last === undefined || compareOrder(last, entry) < 0) {
      this.entries.push(entry);
      return;
    }
    const position = this.firstNotBefore(entry);
    const found = this.entries[position];
    const replaced = found !== undefined && compareOrder(found, entry) === 0 ? 1 : 0;
    this.entries.splice(position, replaced, entry);
  }

  remove(key: Ordered): void {
    const position = this.firstNotBefore(key);
    const found = this.entries[position];
    if (found !== undefined && compareOrder(found, key) === 0) this.entries.splice(position, 1);
  }

  /** The positions whose sort keys are neither below nor above. Both predicates must be monotone in the order. */
  range(isBelow: (sort: string) => boolean, isAbove: (sort: string) => boolean): Range {
    return {
      start: this.firstWhere((entry) => !isBelow(entry.sort)),
      end: this.firstWhere((entry) => isAbove(entry.sort)),
    };
  }

  /** The first position at or after the key. */
  firstNotBefore(key: Ordered): number {
    return this.firstWhere((entry) => compareOrder(entry, key) >= 0);
  }

  /** The first position after the key. */
  firstAfter(key: Ordered): number {
    return this.firstWhere((entry) => compareOrder(entry, key) > 0);
  }

  private firstWhere(holds: (entry: Entry) => boolean): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.entries[middle];
      if (entry === undefined || holds(entry)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

export function compareOrder(a: Ordered, b: Ordered): number {
  if (a.sort !== b.sort) return a.sort < b.sort ? -1 : 1;
  if (a.tie === b.tie) return 0;
  return a.tie < b.tie ? -1 : 1;
}
