/**
 * Owns: how an arriving event finds those who wait for it. An expression over `event` (what started the run, known when the
 * wait begins) and `async` (what arrives) is split into equalities, which become a key that is looked up, and a rest that is
 * evaluated for what the key has found. Cost then follows matches, not waiters.
 * Must not: read a clock or know how keys are stored.
 * X1 Looking up and evaluating the rest says of every event what evaluating the whole expression says.
 * X2 Only what the dialect's `==` compares exactly is a key: null, truth values, numbers and texts. Lists, maps, times and
 *    NaN stay in the rest.
 */
import { Budget, EvaluationFailure } from "./budget.js";
import { compileExpression } from "./cel.js";
import { evaluateNode } from "./evaluate.js";
import type { Node } from "./syntax.js";
import { conjunctsOf, mentions, pathFrom, pathsRead, readsClock, valueAt, type FieldPath } from "./tree.js";
import { isMap, isTruthy } from "./values.js";

/** What is looked up, and what is still to be asked of the events that are found. */
export interface MatchPlan {
  /** Paths into the arriving event as JSON, sorted: which fields must be equal. */
  fields: readonly string[];
  /** What each of them must be, as JSON. */
  values: readonly string[];
  rest: MatchRest | null;
}

/** The part of an expression that no key holds. */
export interface MatchRest {
  /** The whole expression as written, and which of its parts (joined by &&) are left. */
  text: string;
  left: readonly number[];
  /** The event that started the run, cut down to what these parts read; null when they read nothing of it. */
  event: unknown;
}

const VARIABLES = ["event", "async"] as const;

/**
 * The plan for waiting with this expression, none meaning any event. Null when no event can ever match.
 * Throws EXPRESSION_INVALID or EXPRESSION_TOO_COMPLEX.
 */
export function planMatch(expression: string | undefined, event: unknown): MatchPlan | null {
  if (expression === undefined) return { fields: [], values: [], rest: null };
  const conjuncts = partsOf(expression);
  const keys = new Map<string, string>();
  const left: number[] = [];
  for (const [index, conjunct] of conjuncts.entries()) {
    const settled = settle(conjunct, event, index === conjuncts.length - 1);
    if (settled === false) return null;
    if (settled === null) {
      left.push(index);
      continue;
    }
    if (settled === true) continue;
    const { field, value } = settled;
    if ((keys.get(field) ?? value) !== value) return null;
    keys.set(field, value);
  }
  const fields = [...keys.keys()].sort();
  const read = left.flatMap((index) => pathsRead("event", conjuncts[index] ?? { op: "literal", value: null }));
  return {
    fields,
    values: fields.map((field) => keys.get(field) ?? ""),
    rest: left.length === 0 ? null : { text: expression, left, event: read.length === 0 ? null : picked(event, read) },
  };
}

/**
 * What an arriving event has in these fields, to be looked up: as `MatchPlan.values`. Null when one of them holds what
 * nobody's key can hold.
 */
export function valuesOf(fields: readonly string[], async: unknown): string[] | null {
  const values: string[] = [];
  for (const field of fields) {
    // Written by `equalityOf` and by nothing else.
    const value = keyText(valueAt(async, JSON.parse(field) as FieldPath));
    if (value === null) return null;
    values.push(value);
  }
  return values;
}

/** Whether an event that was found fits the rest too. `nowMs`, for now() and its kin: when the event was received. */
export function fitsRest(rest: MatchRest, async: unknown, nowMs: number): boolean {
  const conjuncts = partsOf(rest.text);
  const budget = new Budget(nowMs);
  return rest.left.every((index) => {
    const conjunct = conjuncts[index];
    if (conjunct === undefined) return false;
    return holds(conjunct, { event: rest.event, async }, index === conjuncts.length - 1, budget);
  });
}

const partsOf = (expression: string): Node[] =>
  conjunctsOf(compileExpression(expression, { variables: VARIABLES }).tree);

/** A part known now is true or false; one that is an equality is a key; anything else, null, is left for later. */
function settle(conjunct: Node, event: unknown, isLast: boolean): boolean | null | { field: string; value: string } {
  if (readsClock(conjunct)) return null;
  if (!mentions("async", conjunct)) return holds(conjunct, { event, async: undefined }, isLast, new Budget(null));
  return equalityOf(conjunct, event);
}

function equalityOf(conjunct: Node, event: unknown): false | null | { field: string; value: string } {
  if (conjunct.op !== "binary" || conjunct.operator !== "==") return null;
  const { left, right } = conjunct;
  const [path, other] = [pathFrom("async", left) ?? pathFrom("async", right), pathFrom("async", left) ? right : left];
  if (path === null || path.length === 0 || mentions("async", other)) return null;
  const known = evaluated(other, { event, async: undefined }, new Budget(null));
  if (known === null) return false;
  const value = keyText(known.value);
  return value === null ? null : { field: JSON.stringify(path), value };
}

/** X2: equal texts exactly when the dialect calls the values equal. JSON has one spelling for 1 and 1.0, for 0 and -0. */
function keyText(value: unknown): string | null {
  if (value === undefined || value === null) return "null";
  if (typeof value === "number") return Number.isFinite(value) ? JSON.stringify(value) : null;
  return typeof value === "string" || typeof value === "boolean" ? JSON.stringify(value) : null;
}

/**
 * Whether a part does not stand in the way. `a && b` comes to its last part when all before it are truthy, so that one alone
 * has to be true itself; a part that fails makes the whole false or a failure, which is the same.
 */
function holds(conjunct: Node, context: { event: unknown; async: unknown }, isLast: boolean, budget: Budget): boolean {
  const answer = evaluated(conjunct, context, budget);
  return answer !== null && (isLast ? answer.value === true : isTruthy(answer.value));
}

function evaluated(node: Node, context: { event: unknown; async: unknown }, budget: Budget): { value: unknown } | null {
  const variables = new Map<string, unknown>([
    ["event", context.event],
    ["async", context.async],
  ]);
  try {
    return { value: evaluateNode(node, variables, budget) };
  } catch (failure) {
    if (failure instanceof EvaluationFailure) return null;
    throw failure;
  }
}

/** The value with only what the paths lead to. Lists are kept whole: without its neighbours a place in a list is another. */
function picked(value: unknown, paths: readonly FieldPath[]): unknown {
  if (paths.some((path) => path.length === 0) || !isMap(value)) return value;
  const below = new Map<string, FieldPath[]>();
  for (const [step, ...others] of paths) {
    const name = String(step);
    if (Object.hasOwn(value, name)) below.set(name, [...(below.get(name) ?? []), others]);
  }
  return Object.fromEntries([...below].map(([name, others]) => [name, picked(value[name], others)]));
}
