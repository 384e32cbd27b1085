/** Owns: where two JSON values differ. Pure. */
import type { Json } from "../../sdk/protocol.js";

export interface JsonDifference {
  /** From the value's own name down, such as `output.items[2].price`. */
  path: string;
  /** Undefined: it is not there. */
  expected: Json | undefined;
  actual: Json | undefined;
}

/** Every place at which `actual` differs, from the outside in and left to right: of two lists or objects, their members. */
export function jsonDifferences(path: string, expected: Json | undefined, actual: Json | undefined): JsonDifference[] {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const length = Math.max(expected.length, actual.length);
    const places = Array.from({ length }, (_, index) => index);
    return places.flatMap((index) => jsonDifferences(`${path}[${index}]`, expected[index], actual[index]));
  }
  if (isObject(expected) && isObject(actual)) {
    const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
    return names.flatMap((name) => jsonDifferences(`${path}.${name}`, expected[name], actual[name]));
  }
  // What is left are scalars, or two values of different kinds, which no text can make equal.
  return JSON.stringify(expected) === JSON.stringify(actual) ? [] : [{ path, expected, actual }];
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
