/**
 * Owns: one global secondary index: which items have an entry (those with all its keys), what an entry holds, the order of
 * entries, and what keeping it up to date is billed.
 */
import { writeUnitsOf } from "./capacity.js";
import { identityOf, keyValueOf, type ItemKey } from "./item-key.js";
import { OrderedEntries, type Ordered } from "./ordered-entries.js";
import { keyAttributes, type IndexDefinition, type KeySchema } from "./table-definition.js";
import { orderText, sameAttributes, sizeOfAttributes, type Attributes, type Value } from "./value.js";

/** What a query reads, of a table or of an index. */
export interface ReadableEntry extends Ordered {
  readonly attributes: Attributes;
  readonly sizeBytes: number;
}

/** One version of an item. What the table notes on it is for the table's own use. */
export interface StoredItem extends ReadableEntry {
  readonly key: ItemKey;
  /** Its entry in each of the table's indexes, by their position; undefined: the index has none. */
  indexEntries: readonly (IndexEntry | undefined)[];
  /** The version that an index may still answer; null: none, the item was not there. */
  previous: StoredItem | null;
}

export interface IndexEntry extends ReadableEntry {
  readonly partition: string;
}

export class SecondaryIndex {
  readonly definition: IndexDefinition;
  private readonly projected: ReadonlySet<string>;
  private readonly partitions = new Map<string, OrderedEntries<IndexEntry>>();

  constructor(definition: IndexDefinition, tableSchema: KeySchema) {
    this.definition = definition;
    const keys = [...keyAttributes(tableSchema), ...keyAttributes(definition.schema)].map(({ name }) => name);
    this.projected = new Set([...keys, ...definition.nonKeyAttributes]);
  }

  projects(name: string): boolean {
    return this.definition.projection === "ALL" || this.projected.has(name);
  }

  partition(partition: string): OrderedEntries<IndexEntry> | undefined {
    return this.partitions.get(partition);
  }

  /** Replaces one entry of an item by another and answers the write units; undefined: no entry. */
  replace(before: IndexEntry | undefined, after: IndexEntry | undefined): number {
    if (before === undefined && after === undefined) return 0;
    const sameKey = before?.partition === after?.partition && before?.sort === after?.sort;
    if (before !== undefined && after !== undefined && sameKey) {
      if (sameAttributes(before.attributes, after.attributes)) return 0;
      this.add(after);
      return writeUnitsOf(Math.max(before.sizeBytes, after.sizeBytes));
    }
    let units = 0;
    if (before !== undefined) {
      this.remove(before);
      units += writeUnitsOf(before.sizeBytes);
    }
    if (after !== undefined) {
      this.add(after);
      units += writeUnitsOf(after.sizeBytes);
    }
    return units;
  }

  /** Fills an empty index. One sort for each partition, where adding one by one would move entries over and over. */
  load(entries: Iterable<IndexEntry | undefined>): void {
    const grouped = new Map<string, IndexEntry[]>();
    for (const entry of entries) {
      if (entry === undefined) continue;
      const group = grouped.get(entry.partition);
      if (group === undefined) grouped.set(entry.partition, [entry]);
      else group.push(entry);
    }
    for (const [partition, group] of grouped) this.partitions.set(partition, OrderedEntries.from(group));
  }

  /** What the index holds of an item; undefined when the item lacks one of the index's keys. */
  entryOf(item: StoredItem): IndexEntry | undefined {
    const { schema } = this.definition;
    const partition = keyValueOf(item.attributes, schema.partition);
    if (partition === undefined) return undefined;
    const sort = schema.sort === undefined ? undefined : keyValueOf(item.attributes, schema.sort);
    if (schema.sort !== undefined && sort === undefined) return undefined;
    const attributes = this.project(item.attributes);
    return {
      partition: orderText(partition),
      sort: sort === undefined ? "" : orderText(sort),
      tie: identityOf(item.key),
      attributes,
      sizeBytes: attributes === item.attributes ? item.sizeBytes : sizeOfAttributes(attributes),
    };
  }

  private project(attributes: Attributes): Attributes {
    if (this.definition.projection === "ALL") return attributes;
    const kept = new Map<string, Value>();
    for (const name of this.projected) {
      const value = attributes.get(name);
      if (value !== undefined) kept.set(name, value);
    }
    return kept;
  }

  private add(entry: IndexEntry): void {
    const entries = this.partitions.get(entry.partition);
    if (entries === undefined) this.partitions.set(entry.partition, OrderedEntries.from([entry]));
    else entries.set(entry);
  }

  private remove(entry: IndexEntry): void {
    const entries = this.partitions.get(entry.partition);
    entries?.remove(entry);
    if (entries?.size === 0) this.partitions.delete(entry.partition);
  }
}
