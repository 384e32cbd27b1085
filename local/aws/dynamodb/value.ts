/**
 * Owns: attribute values as the model keeps them: immutable, so that versions of an item share what they have in common,
 * and the rules for their equality, order and size.
 * Must not: know the SDK's shapes (attribute-codec.ts) or expressions.
 */
import { compareNumbers, numberOrderText, numberSizeBytes } from "./number.js";

/** A Map because attribute names are the caller's: `__proto__` is a name like any other. */
export type Attributes = ReadonlyMap<string, Value>;

export type Value =
  | { readonly type: "S"; readonly value: string }
  /** Normalised text: equal numbers have equal texts. */
  | { readonly type: "N"; readonly value: string }
  | { readonly type: "B"; readonly value: Uint8Array }
  | { readonly type: "BOOL"; readonly value: boolean }
  | { readonly type: "NULL"; readonly value: true }
  | { readonly type: "M"; readonly value: Attributes }
  | { readonly type: "L"; readonly value: readonly Value[] }
  | { readonly type: "SS"; readonly value: readonly string[] }
  | { readonly type: "NS"; readonly value: readonly string[] }
  | { readonly type: "BS"; readonly value: readonly Uint8Array[] };

export type ValueType = Value["type"];

/** What a key attribute may hold. */
export type KeyValue = Extract<Value, { type: "S" | "N" | "B" }>;

const utf8Bytes = (text: string): number => Buffer.byteLength(text, "utf8");

export function sizeOfAttributes(attributes: Attributes): number {
  let bytes = 0;
  for (const [name, value] of attributes) bytes += utf8Bytes(name) + sizeOfValue(value);
  return bytes;
}

/** Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
export function sizeOfValue(value: Value): number {
  switch (value.type) {
    case "S":
      return utf8Bytes(value.value);
    case "N":
      return numberSizeBytes(value.value);
    case "B":
      return value.value.length;
    case "BOOL":
    case "NULL":
      return 1;
    case "M":
      // 3 bytes for the container, 1 more for each element.
      return 3 + value.value.size + sizeOfAttributes(value.value);
    case "L":
      return value.value.reduce((bytes, element) => bytes + 1 + sizeOfValue(element), 3);
    case "SS":
      return value.value.reduce((bytes, element) => bytes + utf8Bytes(element), 0);
    case "NS":
      return value.value.reduce((bytes, element) => bytes + numberSizeBytes(element), 0);
    case "BS":
      return value.value.reduce((bytes, element) => bytes + element.length, 0);
  }
}

/** How many lists and maps lie within each other here. */
export function nestingOf(value: Value): number {
  if (value.type !== "M" && value.type !== "L") return 0;
  let deepest = 0;
  for (const member of value.value.values()) deepest = Math.max(deepest, nestingOf(member));
  return deepest + 1;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** A text for one member of a set, unique among members of that set's type. */
export function memberText(member: string | Uint8Array): string {
  return typeof member === "string" ? member : Buffer.from(member).toString("latin1");
}

function sameMembers(a: readonly (string | Uint8Array)[], b: readonly (string | Uint8Array)[]): boolean {
  if (a.length !== b.length) return false;
  const members = new Set(a.map(memberText));
  return b.every((member) => members.has(memberText(member)));
}

export function sameAttributes(a: Attributes, b: Attributes): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (other === undefined || !sameValue(value, other)) return false;
  }
  return true;
}

/** Equality as `=` means it: numbers by value, sets without order, everything else exactly. */
export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  switch (a.type) {
    case "S":
    case "N":
    case "BOOL":
    case "NULL":
      return a.type === b.type && a.value === b.value;
    case "B":
      return b.type === "B" && sameBytes(a.value, b.value);
    case "M":
      return b.type === "M" && sameAttributes(a.value, b.value);
    case "L":
      return b.type === "L" && a.value.length === b.value.length && a.value.every((e, i) => sameElement(e, b.value[i]));
    case "SS":
    case "NS":
    case "BS":
      return a.type === b.type && sameMembers(a.value, b.value);
  }
}

function sameElement(a: Value, b: Value | undefined): boolean {
  return b !== undefined && sameValue(a, b);
}

/** The order of two values of one ordered type (S, N, B); undefined for any other pair, which never compares as true. */
export function compareValues(a: Value, b: Value): number | undefined {
  if (a.type === "S" && b.type === "S") return compareTexts(stringOrderText(a.value), stringOrderText(b.value));
  if (a.type === "N" && b.type === "N") return compareNumbers(a.value, b.value);
  if (a.type === "B" && b.type === "B") return Buffer.compare(a.value, b.value);
  return undefined;
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const ABOVE_D7FF = /[\ud800-\uffff]/;
const EACH_ABOVE_D7FF = /[\ud800-\uffff]/g;

/**
 * A text whose order by UTF-16 code unit is the order of the original by UTF-8 byte. The two differ only where a
 * surrogate pair (a character above U+FFFF) meets U+E000…U+FFFF: there the pairs move up and the others down.
 */
function stringOrderText(text: string): string {
  if (!ABOVE_D7FF.test(text)) return text;
  return text.replace(EACH_ABOVE_D7FF, (unit) => {
    const code = unit.charCodeAt(0);
    return String.fromCharCode(code < 0xe000 ? code + 0x2000 : code - 0x800);
  });
}

/** A text by which key values of one type sort and are told apart; a prefix of a string or binary stays a prefix. */
export function orderText(value: KeyValue): string {
  switch (value.type) {
    case "S":
      return stringOrderText(value.value);
    case "N":
      return numberOrderText(value.value);
    case "B":
      return memberText(value.value);
  }
}
