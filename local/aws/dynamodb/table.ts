/**
 * Owns: the items of one table with its indexes and time to live, always changed together.
 * Must not: check or bill anything; what reaches `write` has been accepted.
 */
import { Expiry } from "./expiry.js";
import type { ItemKey } from "./item-key.js";
import { OrderedEntries } from "./ordered-entries.js";
import { SecondaryIndex, type StoredItem } from "./secondary-index.js";
import type { TableDefinition } from "./table-definition.js";
import { sizeOfAttributes, type Attributes } from "./value.js";

export function storedItem(key: ItemKey, attributes: Attributes): StoredItem {
  return { key, sort: key.sort, tie: "", attributes, sizeBytes: sizeOfAttributes(attributes) };
}

/** How many of the latest writes an index may be behind. */
const MAX_PREVIOUS = 10_000;

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
  /** What each of the latest written items was before, oldest write first: what an index may still answer. */
  private readonly previous = new Map<string, StoredItem | undefined>();

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
    stale.load(this.previousVersions());
    return stale;
  }

  private *previousVersions(): Iterable<StoredItem> {
    for (const item of this.items()) if (!this.previous.has(item.key.identity)) yield item;
    for (const item of this.previous.values()) if (item !== undefined) yield item;
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
    const key = after?.key ?? before?.key;
    if (key === undefined) return;
    this.remember(key.identity, before);
    if (before !== undefined) this.forget(before);
    if (after !== undefined) this.keep(after);
    else this.drop(key);
    for (const index of this.indexes) onIndexWrite(index.definition.name, index.replace(key.identity, after));
  }

  /** Fills an empty table. Items of one partition must come together; in order of their sort keys it is quickest. */
  load(items: readonly StoredItem[]): void {
    for (const item of items) this.keep(item);
    for (const index of this.indexes) index.load(items);
  }

  setExpiry(attributeName: string | undefined): void {
    this.expiry = attributeName === undefined ? undefined : new Expiry(attributeName);
    if (this.expiry !== undefined) for (const item of this.items()) this.expiry.add(item);
  }

  private remember(identity: string, before: StoredItem | undefined): void {
    if (this.indexes.length === 0) return;
    this.previous.delete(identity);
    this.previous.set(identity, before);
    if (this.previous.size <= MAX_PREVIOUS) return;
    for (const oldest of this.previous.keys()) {
      this.previous.delete(oldest);
      return;
    }
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
