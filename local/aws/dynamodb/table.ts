/**
 * Owns: the items of one table with its indexes and time to live, always changed together.
 * Must not: check or bill anything; what reaches `write` has been accepted.
 */
import { Expiry } from "./expiry.js";
import { identityOf, type ItemKey } from "./item-key.js";
import { OrderedEntries } from "./ordered-entries.js";
import { SecondaryIndex, type IndexEntry, type StoredItem } from "./secondary-index.js";
import type { TableDefinition } from "./table-definition.js";
import { sizeOfAttributes, type Attributes } from "./value.js";

/** A version of an item that nothing earlier is known of. */
export function storedItem(key: ItemKey, attributes: Attributes): StoredItem {
  return {
    key,
    sort: key.sort,
    tie: "",
    attributes,
    sizeBytes: sizeOfAttributes(attributes),
    indexEntries: NO_ENTRIES,
    previous: null,
  };
}

const NO_ENTRIES: readonly undefined[] = [];

/** How many of the latest deletions an index may not have seen yet. */
const MAX_DELETED = 10_000;

export interface TableIdentity {
  readonly id: string;
  readonly createdAtMs: number;
}

export class Table {
  readonly definition: TableDefinition;
  readonly identity: TableIdentity;
  readonly indexes: readonly SecondaryIndex[];
  expiry: Expiry | undefined;
  itemCount = 0;
  sizeBytes = 0;
  private readonly partitions = new Map<string, OrderedEntries<StoredItem>>();
  /** The latest deleted items: what an index may still answer. Two generations, so that forgetting costs nothing. */
  private deleted = new Map<string, StoredItem>();
  private deletedBefore = new Map<string, StoredItem>();

  constructor(definition: TableDefinition, identity: TableIdentity) {
    this.definition = definition;
    this.identity = identity;
    this.indexes = definition.indexes.map((each) => new SecondaryIndex(each, definition.schema));
  }

  get(key: ItemKey): StoredItem | undefined {
    return this.partitions.get(key.partition)?.get(storedPlace(key));
  }

  partition(partition: string): OrderedEntries<StoredItem> | undefined {
    return this.partitions.get(partition);
  }

  index(name: string): SecondaryIndex | undefined {
    return this.indexes.find(({ definition }) => definition.name === name);
  }

  /** The index as it was before the latest write to each item. Built for the asking: only injected faults ask. */
  staleIndex(index: SecondaryIndex): SecondaryIndex {
    const stale = new SecondaryIndex(index.definition, this.definition.schema);
    stale.load(this.previousEntries(this.indexes.indexOf(index)));
    return stale;
  }

  private *previousEntries(position: number): Iterable<IndexEntry | undefined> {
    for (const { previous } of this.items()) yield previous?.indexEntries[position];
    for (const item of this.deleted.values()) yield item.indexEntries[position];
    for (const item of this.deletedBefore.values()) yield item.indexEntries[position];
  }

  /** Every item, in the order of partitions' first writes and then of sort keys. */
  *items(): Iterable<StoredItem> {
    for (const entries of this.partitions.values()) {
      for (let position = 0; position < entries.size; position += 1) {
        const item = entries.at(position);
        if (item !== undefined) yield item;
      }
    }
  }

  /** Replaces `before`, which must be what is stored, by `after`. Tells each index's write units to `onIndexWrite`. */
  write(
    before: StoredItem | undefined,
    after: StoredItem | undefined,
    onIndexWrite: (indexName: string, units: number) => void,
  ): void {
    if (before !== undefined) this.forget(before);
    if (after !== undefined) this.keep(after);
    else if (before !== undefined) this.drop(before.key);
    if (this.indexes.length === 0) return;
    this.rememberPrevious(before, after);
    if (after !== undefined) after.indexEntries = this.entriesOf(after);
    for (const [position, index] of this.indexes.entries()) {
      const units = index.replace(before?.indexEntries[position], after?.indexEntries[position]);
      onIndexWrite(index.definition.name, units);
    }
  }

  /** Fills an empty table. Items of one partition must come together; in order of their sort keys it is quickest. */
  load(items: readonly StoredItem[]): void {
    for (const item of items) {
      this.keep(item);
      item.previous = item;
      if (this.indexes.length > 0) item.indexEntries = this.entriesOf(item);
    }
    for (const [position, index] of this.indexes.entries())
      index.load(items.map((item) => item.indexEntries[position]));
  }

  private entriesOf(item: StoredItem): readonly (IndexEntry | undefined)[] {
    return this.indexes.map((index) => index.entryOf(item));
  }

  setExpiry(attributeName: string | undefined): void {
    this.expiry = attributeName === undefined ? undefined : new Expiry(attributeName);
    if (this.expiry !== undefined) for (const item of this.items()) this.expiry.add(item);
  }

  private rememberPrevious(before: StoredItem | undefined, after: StoredItem | undefined): void {
    if (before !== undefined) before.previous = null;
    if (after !== undefined) {
      after.previous = before ?? null;
      if (before === undefined) this.forgetDeleted(after.key);
      return;
    }
    if (before === undefined) return;
    this.deleted.set(identityOf(before.key), before);
    if (this.deleted.size < MAX_DELETED) return;
    this.deletedBefore = this.deleted;
    this.deleted = new Map();
  }

  private forgetDeleted(key: ItemKey): void {
    if (this.deleted.size === 0 && this.deletedBefore.size === 0) return;
    const identity = identityOf(key);
    this.deleted.delete(identity);
    this.deletedBefore.delete(identity);
  }

  private keep(item: StoredItem): void {
    const entries = this.partitions.get(item.key.partition);
    if (entries === undefined) this.partitions.set(item.key.partition, OrderedEntries.from([item]));
    else entries.set(item);
    this.itemCount += 1;
    this.sizeBytes += item.sizeBytes;
    this.expiry?.add(item);
  }

  /** Takes the item out of the sums and the expiry; its place in the partition is overwritten or dropped. */
  private forget(item: StoredItem): void {
    this.itemCount -= 1;
    this.sizeBytes -= item.sizeBytes;
    this.expiry?.remove(item);
  }

  private drop(key: ItemKey): void {
    const entries = this.partitions.get(key.partition);
    entries?.remove(storedPlace(key));
    if (entries?.size === 0) this.partitions.delete(key.partition);
  }
}

/** Items of a table have distinct sort keys within a partition, so there is nothing to break a tie between. */
function storedPlace(key: ItemKey): { sort: string; tie: string } {
  return { sort: key.sort, tie: "" };
}
