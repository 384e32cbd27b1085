/**
 * Owns: the way between the SDK's AttributeValue shapes ({ S: "a" }) and the model's values, with every check the service
 * makes on a value by itself.
 * Must not: keep a reference to what it reads, or give away one to what it holds.
 */
import { invalidParameter, notModelled, unreadable, validation } from "./errors.js";
import { normaliseNumber } from "./number.js";
import { memberText, type Attributes, type Value, type ValueType } from "./value.js";

export const MAX_NESTING = 32;
const TYPES: ReadonlySet<string> = new Set(["S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"]);
const LONE_SURROGATE = /\p{Surrogate}/u;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function isValueType(name: string): name is ValueType {
  return TYPES.has(name);
}

/** Reads an item or a key. `parameter` is for the message alone. */
export function decodeAttributes(raw: unknown, parameter: string, depth = 0): Map<string, Value> {
  if (!isRecord(raw)) throw unreadable(parameter, "a map of attribute values");
  const attributes = new Map<string, Value>();
  for (const name of Object.keys(raw)) {
    const value = raw[name];
    if (value !== undefined) attributes.set(checkedText(name), decodeValue(value, depth));
  }
  return attributes;
}

/** Reads one AttributeValue; `depth` is the number of lists and maps around it. */
export function decodeValue(raw: unknown, depth = 0): Value {
  if (!isRecord(raw)) throw unreadable("AttributeValue", "an object with one datatype");
  let type: ValueType | undefined;
  for (const name of Object.keys(raw)) {
    if (raw[name] === undefined) continue;
    if (!isValueType(name))
      throw notModelled("AttributeValue", `datatype "${name}"`, "S, N, B, BOOL, NULL, M, L, SS, NS or BS");
    if (type !== undefined) {
      throw validation(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
      );
    }
    type = name;
  }
  if (type === undefined) {
    throw validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
  }
  return decodeTyped(type, raw[type], depth);
}

function decodeTyped(type: ValueType, raw: unknown, depth: number): Value {
  switch (type) {
    case "S":
      return { type, value: checkedText(readText(raw, type)) };
    case "N":
      return { type, value: normaliseNumber(readText(raw, type)) };
    case "B":
      return { type, value: readBytes(raw, type) };
    case "BOOL":
      if (typeof raw !== "boolean") throw unreadable(type, "a boolean");
      return { type, value: raw };
    case "NULL":
      if (raw !== true) throw invalidParameter("Null attribute value types must have the value of true");
      return { type, value: true };
    case "M":
      return { type, value: decodeAttributes(raw, type, deeper(depth)) };
    case "L":
      return { type, value: decodeElements(raw, deeper(depth)) };
    case "SS":
      return {
        type,
        value: readSet(raw, type, "An string set  may not be empty", (e) => checkedText(readText(e, type))),
      };
    case "NS":
      return {
        type,
        value: readSet(raw, type, "An number set  may not be empty", (e) => normaliseNumber(readText(e, type))),
      };
    case "BS":
      return { type, value: readSet(raw, type, "Binary sets should not be empty", (e) => readBytes(e, type)) };
  }
}

function deeper(depth: number): number {
  if (depth >= MAX_NESTING) throw tooNested();
  return depth + 1;
}

export function tooNested(): Error {
  return validation("Nesting Levels have exceeded supported limits");
}

function decodeElements(raw: unknown, depth: number): Value[] {
  if (!Array.isArray(raw)) throw unreadable("L", "an array of attribute values");
  return raw.map((element) => decodeValue(element, depth));
}

function readText(raw: unknown, type: ValueType): string {
  if (typeof raw !== "string") throw unreadable(type, "a string");
  return raw;
}

/** A copy: the caller may go on writing into its buffer. */
function readBytes(raw: unknown, type: ValueType): Uint8Array {
  if (!(raw instanceof Uint8Array)) throw unreadable(type, "a Uint8Array");
  return Uint8Array.from(raw);
}

/** Only text beyond ASCII can hold half a surrogate pair, and that is cheap to tell. */
function checkedText(text: string): string {
  if (Buffer.byteLength(text, "utf8") !== text.length && LONE_SURROGATE.test(text)) {
    // No UTF-8 exists for it: what arrives depends on the client's encoder, so no answer here would be the true one.
    throw notModelled("AttributeValue", "a string with half a surrogate pair", "well-formed Unicode");
  }
  return text;
}

function readSet<Member extends string | Uint8Array>(
  raw: unknown,
  type: ValueType,
  whenEmpty: string,
  readMember: (element: unknown) => Member,
): Member[] {
  if (!Array.isArray(raw)) throw unreadable(type, "an array");
  if (raw.length === 0) throw invalidParameter(whenEmpty);
  const members = raw.map(readMember);
  if (new Set(members.map(memberText)).size !== members.length) {
    const listed = type === "BS" ? "" : ` [${members.join(", ")}]`;
    throw invalidParameter(`Input collection${listed} contains duplicates.`);
  }
  return members;
}

/** The SDK's shape of an item, sharing nothing with it. */
export function encodeAttributes(attributes: Attributes): Record<string, unknown> {
  const encoded: Record<string, unknown> = {};
  for (const [name, value] of attributes) setOwn(encoded, name, encodeValue(value));
  return encoded;
}

/** Plain assignment to `__proto__` would set the prototype instead of a property. */
function setOwn(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name === "__proto__")
    Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true });
  else target[name] = value;
}

export function encodeValue(value: Value): Record<string, unknown> {
  switch (value.type) {
    case "S":
      return { S: value.value };
    case "N":
      return { N: value.value };
    case "B":
      return { B: Uint8Array.from(value.value) };
    case "BOOL":
      return { BOOL: value.value };
    case "NULL":
      return { NULL: true };
    case "M":
      return { M: encodeAttributes(value.value) };
    case "L":
      return { L: value.value.map(encodeValue) };
    case "SS":
      return { SS: [...value.value] };
    case "NS":
      return { NS: [...value.value] };
    case "BS":
      return { BS: value.value.map((member) => Uint8Array.from(member)) };
  }
}
