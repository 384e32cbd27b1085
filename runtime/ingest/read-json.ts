/**
 * Owns: bytes of a stranger → a JSON value, or an error that points at the character. One linear pass before the parser
 * bounds depth and numbers, so hostile text is answered in the time it takes to look at it once.
 * Must not: recurse, keep a part of refused text, or change what was sent: NUL, lone surrogates and a member named
 * `__proto__` come through as they are.
 *
 * I1: no object in the result has a prototype of the sender's choosing. `JSON.parse` makes `__proto__` an own property;
 *     whoever copies such an object uses spread or Object.fromEntries, never Object.assign, which would set the prototype.
 */
import { shown } from "../../sdk/error-catalogue.js";
import { invalidJson, jsonTooDeep, requestTooLarge } from "./errors.js";
import { findJsonError } from "./find-json-error.js";

export interface JsonLimits {
  maxBytes: number;
  /** Levels of `[` and `{` inside each other. */
  maxDepth: number;
}

/** Lambda takes 6 MB per request; 64 levels is twice what DynamoDB could hold and more than any payload needs. */
export const REQUEST_LIMITS: JsonLimits = { maxBytes: 6 * 1024 * 1024, maxDepth: 64 };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BYTE_ORDER_MARK = "\ufeff";

/** A finite number of fewer characters than this needs no look: 1 followed by 308 zeros is finite still. */
const SURELY_FINITE_CHARACTERS = 309;

/** The JSON value in `bytes`. Throws REQUEST_TOO_LARGE, JSON_TOO_DEEP or INVALID_JSON. */
export function readJson(bytes: Uint8Array | string, limits: JsonLimits = REQUEST_LIMITS): unknown {
  const byteCount = typeof bytes === "string" ? Buffer.byteLength(bytes, "utf8") : bytes.byteLength;
  if (byteCount > limits.maxBytes) throw requestTooLarge({ bytes: byteCount, maxBytes: limits.maxBytes });
  const text = typeof bytes === "string" ? bytes : utf8Text(bytes);
  if (text.startsWith(BYTE_ORDER_MARK)) {
    throw invalidJson({ at: "line 1, column 1", is: "it begins with a byte order mark", expected: "a JSON value" });
  }
  checkBounds(text, limits.maxDepth);
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (cause) {
    // The engine's own message differs between versions and often has no position, hence the second look.
    const { offset, is, expected } = findJsonError(text);
    throw invalidJson({ at: placeOf(text, offset), is, expected }, { cause });
  }
}

function utf8Text(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const offset = firstInvalidByte(bytes);
    throw invalidJson({ at: `byte ${offset}`, is: "it is not UTF-8", expected: "text encoded as UTF-8" }, { cause });
  }
}

/** Decoding with replacement and encoding again is the same up to the first byte that was replaced. */
function firstInvalidByte(bytes: Uint8Array): number {
  const again = new TextEncoder().encode(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  let offset = 0;
  while (offset < bytes.length && bytes[offset] === again[offset]) offset++;
  return offset;
}

/** One pass over the text outside strings: nesting, and numbers that no double can hold. Syntax is the parser's task. */
function checkBounds(text: string, maxDepth: number): void {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i);
    else if (code === 0x5b || code === 0x7b) {
      depth++;
      if (depth > maxDepth) throw jsonTooDeep({ at: placeOf(text, i), maxDepth });
    } else if (code === 0x5d || code === 0x7d) depth--;
    else if (isDigit(code)) i = endOfNumber(text, i);
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Where the string that opens at `from` closes, or the end of the text. */
function endOfString(text: string, from: number): number {
  for (let i = from + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i;
    if (code === BACKSLASH) i++;
  }
  return text.length;
}

/** The last character of the number that begins at `from` (after its sign). */
function endOfNumber(text: string, from: number): number {
  let end = from + 1;
  let hasExponent = false;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === 0x65 || code === 0x45) hasExponent = true;
    else if (!isDigit(code) && code !== 0x2e && code !== 0x2b && code !== 0x2d) break;
  }
  const literal = hasExponent || end - from >= SURELY_FINITE_CHARACTERS ? text.slice(from, end) : "0";
  if (Math.abs(Number(literal)) === Number.POSITIVE_INFINITY) {
    const expected = "a number that a double can hold, up to about 1.8e308; send larger ones as strings";
    throw invalidJson({ at: placeOf(text, from), is: `the number is ${shown(literal)}`, expected });
  }
  return end - 1;
}

function placeOf(text: string, offset: number): string {
  let line = 1;
  let lineStart = 0;
  for (let next = text.indexOf("\n"); next !== -1 && next < offset; next = text.indexOf("\n", next + 1)) {
    line++;
    lineStart = next + 1;
  }
  return `line ${line}, column ${offset - lineStart + 1}`;
}
