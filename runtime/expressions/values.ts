/**
 * Owns: what a value is inside an expression, and how two of them compare. All numbers are doubles, as in JSON.
 * Must not: reach a prototype: a field is there when the object itself has it. `undefined` means missing.
 */
import type { Budget } from "./budget.js";

/** A point in time or a length of time; JSON has neither, so only functions make them. */
export class Timestamp {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}

export class TimeSpan {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}

export type Kind =
  "missing" | "null" | "bool" | "number" | "string" | "list" | "map" | "timestamp" | "duration" | "unknown";

export function kindOf(value: unknown): Kind {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return "number";
  if (typeof value === "string") return "string";
  if (typeof value !== "object") return "unknown";
  if (Array.isArray(value)) return "list";
  if (value instanceof Timestamp) return "timestamp";
  return value instanceof TimeSpan ? "duration" : "map";
}

export function isMap(value: unknown): value is { readonly [field: string]: unknown } {
  return kindOf(value) === "map";
}

/** The object's own field, or undefined: `constructor`, `__proto__` and the like are there only if they were sent. */
export function ownField(value: unknown, field: string): unknown {
  return isMap(value) && Object.hasOwn(value, field) ? value[field] : undefined;
}

export function isMissing(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** As in JavaScript, which is what users of this dialect know: null, false, 0, NaN and "" are false. */
export function isTruthy(value: unknown): boolean {
  return Boolean(value);
}

/** Comparing deeper than this is no comparison an author meant; request bodies end at 64 levels. */
const MAX_COMPARED_DEPTH = 100;

/** Deep equality by value; different kinds are simply not equal. Missing equals null. */
export function areEqual(left: unknown, right: unknown, budget: Budget, depth = 0): boolean {
  budget.charge(1);
  if (isMissing(left) || isMissing(right)) return isMissing(left) && isMissing(right);
  if (typeof left === "string" && typeof right === "string") {
    budget.chargeText(Math.min(left.length, right.length));
    return left === right;
  }
  if (left instanceof Timestamp) return right instanceof Timestamp && left.ms === right.ms;
  if (left instanceof TimeSpan) return right instanceof TimeSpan && left.ms === right.ms;
  if (depth > MAX_COMPARED_DEPTH) budget.fail("values nested more than 100 levels are not compared");
  if (Array.isArray(left) && Array.isArray(right)) return areListsEqual(left, right, budget, depth);
  if (isMap(left) && isMap(right)) return areMapsEqual(left, right, budget, depth);
  return left === right;
}

function areListsEqual(left: readonly unknown[], right: readonly unknown[], budget: Budget, depth: number): boolean {
  return left.length === right.length && left.every((item, index) => areEqual(item, right[index], budget, depth + 1));
}

type Fields = { readonly [field: string]: unknown };

function areMapsEqual(left: Fields, right: Fields, budget: Budget, depth: number): boolean {
  const fields = Object.keys(left);
  budget.charge(fields.length);
  if (fields.length !== Object.keys(right).length) return false;
  return fields.every((field) => Object.hasOwn(right, field) && areEqual(left[field], right[field], budget, depth + 1));
}

const ZERO_VALUES: Partial<Record<Kind, unknown>> = { number: 0, string: "", bool: false };

/**
 * Negative, zero or positive; NaN when neither is before the other. A missing field is before everything; null counts as
 * the other side's zero value (0, "", false). Kinds that have no order fail the evaluation.
 */
export function ordering(left: unknown, right: unknown, budget: Budget): number {
  if (isMissing(left) && isMissing(right)) return 0;
  if (left === undefined) return -1;
  if (right === undefined) return 1;
  const a = left ?? ZERO_VALUES[kindOf(right)];
  const b = right ?? ZERO_VALUES[kindOf(left)];
  if (typeof a === "number" && typeof b === "number") return compareNumbers(a, b);
  if (typeof a === "boolean" && typeof b === "boolean") return compareNumbers(Number(a), Number(b));
  if (typeof a === "string" && typeof b === "string") {
    budget.chargeText(Math.min(a.length, b.length));
    return a < b ? -1 : a > b ? 1 : 0;
  }
  if (a instanceof Timestamp && b instanceof Timestamp) return compareNumbers(a.ms, b.ms);
  if (a instanceof TimeSpan && b instanceof TimeSpan) return compareNumbers(a.ms, b.ms);
  return budget.fail(`a ${kindOf(left)} and a ${kindOf(right)} have no order`);
}

function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : a === b ? 0 : Number.NaN;
}

/** The value as text, or null when it has none (missing, null, lists and maps). */
export function textOf(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  // Beyond what a Date holds there is no calendar to write it in.
  if (value instanceof Timestamp) return Math.abs(value.ms) <= 8.64e15 ? new Date(value.ms).toISOString() : null;
  return value instanceof TimeSpan ? `${value.ms / 1_000}s` : null;
}
