/** Owns: reading and writing DynamoDB's attribute form. Must not: know which items exist. */
import type { AttributeValue } from "@aws-sdk/client-dynamodb";

export type Item = Record<string, AttributeValue>;

export const text = (value: string): AttributeValue => ({ S: value });
export const number = (value: number): AttributeValue => ({ N: String(value) });
export const binary = (value: Uint8Array): AttributeValue => ({ B: value });

export function readText(item: Item, name: string): string | null {
  return item[name]?.S ?? null;
}

export function readNumber(item: Item, name: string): number | null {
  const value = item[name]?.N;
  return value === undefined ? null : Number(value);
}

/** A member every item of its kind has. Its absence means the table was changed by other hands. */
export function requireText(item: Item, name: string): string {
  const value = readText(item, name);
  if (value === null) throw new TypeError(`Cannot read item "${item["pk"]?.S}": it has no text "${name}"`);
  return value;
}

export function requireNumber(item: Item, name: string): number {
  const value = readNumber(item, name);
  if (value === null) throw new TypeError(`Cannot read item "${item["pk"]?.S}": it has no number "${name}"`);
  return value;
}

/** Bytes an item counts for: names and values in UTF-8 (DynamoDB developer guide, "Item sizes"). Near enough for choosing a form. */
export function itemBytes(item: Item): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(item)) bytes += Buffer.byteLength(name) + valueBytes(value);
  return bytes;
}

function valueBytes(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return Math.ceil(value.N.length / 2) + 1;
  if (value.B !== undefined) return value.B.byteLength;
  if (value.M !== undefined) return 3 + itemBytes(value.M) + Object.keys(value.M).length;
  return 1;
}
