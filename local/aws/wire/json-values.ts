/**
 * Owns: values of the AWS JSON protocols that JSON has no form for: binary travels as base64, timestamps as seconds since 1970.
 * Must not: know a service. Which members are binary is told by name; the services whose protocols pass here use these
 * names for nothing else.
 */
import { unreadableBody } from "./protocol.js";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** DynamoDB allows 32 levels of a value, two objects each, inside a few levels of request. */
const MAX_DEPTH = 200;

/** The value ready for JSON.stringify: binary as base64, dates as seconds. Shares what needs no change. */
export function wireValue(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString("base64");
  if (value instanceof Date) return value.getTime() / 1_000;
  if (Array.isArray(value)) return wireArray(value);
  let copy: Record<string, unknown> | undefined;
  for (const [key, member] of Object.entries(value)) {
    const written = wireValue(member);
    if (written === member) continue;
    // Without a prototype, an attribute named "__proto__" is an attribute like any other.
    copy ??= Object.assign(Object.create(null), value);
    if (copy !== undefined) copy[key] = written;
  }
  return copy ?? value;
}

function wireArray(value: readonly unknown[]): unknown {
  let copy: unknown[] | undefined;
  for (let index = 0; index < value.length; index += 1) {
    const written = wireValue(value[index]);
    if (written === value[index]) continue;
    copy ??= [...value];
    copy[index] = written;
  }
  return copy ?? value;
}

/**
 * Turns the base64 strings under the given member names into bytes, in place. A list of strings under such a name is a list
 * of binaries. Anything else under it is left for the service to judge.
 */
export function decodeBinary(value: unknown, names: ReadonlySet<string>, depth = 0): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > MAX_DEPTH) throw unreadableBody(`The request is nested deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) {
    for (const member of value) decodeBinary(member, names, depth + 1);
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    if (names.has(key) && typeof member === "string") Reflect.set(value, key, bytesOf(member));
    else if (names.has(key) && isTexts(member)) Reflect.set(value, key, member.map(bytesOf));
    else decodeBinary(member, names, depth + 1);
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((member) => typeof member === "string");
}

function bytesOf(text: string): Uint8Array {
  if (!BASE64.test(text)) throw unreadableBody("A binary value is not base64");
  return new Uint8Array(Buffer.from(text, "base64"));
}
