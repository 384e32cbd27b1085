/**
 * Owns: the primary key of an item or of a call, as the model files it, and what the service refuses about keys: missing,
 * of the wrong type, empty, too long; in the table's key and in the keys of its indexes.
 */
import { invalidKeyValue, invalidParameter, validation } from "./errors.js";
import { keyAttributes, type IndexDefinition, type KeyAttribute, type KeySchema } from "./table-definition.js";
import { orderText, sizeOfValue, type Attributes, type KeyValue, type Value } from "./value.js";

const MAX_PARTITION_KEY_BYTES = 2048;
const MAX_SORT_KEY_BYTES = 1024;

/** Where an item is filed: the order texts of its key values. `sort` is empty in a table without a sort key. */
export interface ItemKey {
  readonly partition: string;
  readonly sort: string;
}

/** One text that no other key of the table has. */
export function identityOf({ partition, sort }: ItemKey): string {
  return `${partition.length}:${partition}${sort}`;
}

/** The key of an item about to be written whole. */
export function keyOfItem(schema: KeySchema, item: Attributes): ItemKey {
  for (const attribute of keyAttributes(schema)) {
    const value = item.get(attribute.name);
    if (value === undefined) throw invalidParameter(`Missing the key ${attribute.name} in the item`);
    if (value.type !== attribute.type) {
      throw invalidParameter(
        `Type mismatch for key ${attribute.name} expected: ${attribute.type} actual: ${value.type}`,
      );
    }
  }
  return checkedKey(schema, item);
}

/** The key a call gives by itself: exactly the key attributes. */
export function keyOfRequest(schema: KeySchema, key: Attributes): ItemKey {
  const attributes = keyAttributes(schema);
  const fits = key.size === attributes.length && attributes.every(({ name, type }) => key.get(name)?.type === type);
  if (!fits) throw validation("The provided key element does not match the schema");
  return checkedKey(schema, key);
}

function checkedKey(schema: KeySchema, item: Attributes): ItemKey {
  const partition = keyText(item, schema.partition);
  const sort = schema.sort === undefined ? "" : keyText(item, schema.sort);
  return { partition, sort };

  function keyText(from: Attributes, attribute: KeyAttribute): string {
    const value = keyValueOf(from, attribute);
    if (value === undefined) throw validation("The provided key element does not match the schema");
    if (isEmpty(value)) throw invalidKeyValue(`${emptyKey(value)} Key: ${attribute.name}`);
    refuseLongKey(value, attribute === schema.partition);
    return orderText(value);
  }
}

/** The value of a key attribute, or undefined when the item has none of the declared type. */
export function keyValueOf(item: Attributes, attribute: KeyAttribute): KeyValue | undefined {
  const value = item.get(attribute.name);
  return value !== undefined && isKeyValue(value) && value.type === attribute.type ? value : undefined;
}

function isKeyValue(value: Value): value is KeyValue {
  return value.type === "S" || value.type === "N" || value.type === "B";
}

function isEmpty(value: KeyValue): boolean {
  return value.type !== "N" && value.value.length === 0;
}

function emptyKey(value: KeyValue): string {
  const what = value.type === "S" ? "string" : "binary";
  return `The AttributeValue for a key attribute cannot contain an empty ${what} value.`;
}

function refuseLongKey(value: KeyValue, isPartition: boolean): void {
  const bytes = sizeOfValue(value);
  if (isPartition && bytes > MAX_PARTITION_KEY_BYTES) {
    throw invalidParameter(`Size of hashkey has exceeded the maximum size limit of${MAX_PARTITION_KEY_BYTES} bytes`);
  }
  if (!isPartition && bytes > MAX_SORT_KEY_BYTES) {
    throw invalidParameter(
      `Aggregated size of all range keys has exceeded the size limit of ${MAX_SORT_KEY_BYTES} bytes`,
    );
  }
}

/** An attribute that is a key of an index may be absent, but not be there as something the index cannot hold. */
export function refuseIndexKeys(indexes: readonly IndexDefinition[], item: Attributes, isUpdate: boolean): void {
  for (const index of indexes) {
    for (const attribute of keyAttributes(index.schema)) {
      const value = item.get(attribute.name);
      if (value !== undefined) refuseIndexKey(index, attribute, value, isUpdate);
    }
  }
}

function refuseIndexKey(index: IndexDefinition, attribute: KeyAttribute, value: Value, isUpdate: boolean): void {
  if (!isKeyValue(value) || value.type !== attribute.type) {
    if (isUpdate) {
      throw validation("The update expression attempted to update the secondary index key to unsupported type");
    }
    throw invalidParameter(
      `Type mismatch for Index Key ${attribute.name} Expected: ${attribute.type} Actual: ${value.type} ` +
        `IndexName: ${index.name}`,
    );
  }
  if (isEmpty(value)) {
    const how = isUpdate
      ? "The update expression attempted to update a secondary index key to a value that is not supported."
      : "A value specified for a secondary index key is not supported.";
    throw invalidKeyValue(`${how} ${emptyKey(value)} IndexName: ${index.name}, IndexKey: ${attribute.name}`);
  }
  refuseLongKey(value, attribute === index.schema.partition);
}
