/**
 * Owns: what a checked tree comes to for given variables: the dialect's meaning of every operator.
 * Must not: see more than the tree and the variables, or run longer than its budget.
 *
 * Where it departs from plain CEL, because users of this dialect rely on it: a missing field is null at any depth, numbers
 * are doubles throughout, text + number is text, and && || ! ?: take any value as true or false and && || give back an
 * operand, as JavaScript does.
 */
import { EvaluationFailure, type Budget } from "./budget.js";
import type { BinaryOperator, Node } from "./syntax.js";
import {
  TimeSpan,
  Timestamp,
  areEqual,
  isMap,
  isMissing,
  isTruthy,
  kindOf,
  ordering,
  ownField,
  textOf,
} from "./values.js";

export type Variables = ReadonlyMap<string, unknown>;

export function evaluateNode(node: Node, variables: Variables, budget: Budget): unknown {
  budget.charge(1);
  switch (node.op) {
    case "literal":
      return node.value;
    case "variable":
      return variables.get(node.name);
    case "field":
      return ownField(evaluateNode(node.target, variables, budget), node.field);
    case "has":
      return ownField(evaluateNode(node.target, variables, budget), node.field) !== undefined;
    case "index":
      return indexed(evaluateNode(node.target, variables, budget), evaluateNode(node.index, variables, budget));
    case "not":
      return !isTruthy(evaluateNode(node.operand, variables, budget));
    case "negate":
      return negated(evaluateNode(node.operand, variables, budget), budget);
    case "and":
    case "or":
      return eitherSide(node, variables, budget);
    case "if":
      return isTruthy(evaluateNode(node.condition, variables, budget))
        ? evaluateNode(node.whenTrue, variables, budget)
        : evaluateNode(node.whenFalse, variables, budget);
    case "binary":
      return binary(
        node.operator,
        evaluateNode(node.left, variables, budget),
        evaluateNode(node.right, variables, budget),
        budget,
      );
    case "list":
      return node.items.map((item) => evaluateNode(item, variables, budget));
    case "map":
      return mapOf(node.entries, variables, budget);
    case "call": {
      const args = node.args.map((arg) => evaluateNode(arg, variables, budget));
      const onNothing = args.length > 0 && isMissing(args[0]) && node.function.takesNothing !== true;
      return onNothing ? false : node.function.apply(args, budget);
    }
    case "matches":
      return matches(node.pattern, evaluateNode(node.target, variables, budget), budget);
    case "loop":
      return looped(node, variables, budget);
  }
}

/** A list by position, a map by key; whatever is not there is missing. */
function indexed(target: unknown, index: unknown): unknown {
  if (Array.isArray(target))
    return typeof index === "number" && Object.hasOwn(target, index) ? target[index] : undefined;
  return typeof index === "string" || typeof index === "number" ? ownField(target, String(index)) : undefined;
}

function negated(value: unknown, budget: Budget): unknown {
  if (typeof value === "number") return -value;
  return value instanceof TimeSpan ? new TimeSpan(-value.ms) : budget.fail(`a ${kindOf(value)} has no negative`);
}

/**
 * The left operand when it decides, else the right one. As in CEL, a side that fails does not matter when the other side
 * decides alone: `has(x) && …` and `… && has(x)` protect alike.
 */
function eitherSide(node: Node & { op: "and" | "or" }, variables: Variables, budget: Budget): unknown {
  const decides = (value: unknown): boolean => isTruthy(value) === (node.op === "or");
  let left: unknown;
  try {
    left = evaluateNode(node.left, variables, budget);
  } catch (failure) {
    if (!isRecoverable(failure)) throw failure;
    const right = evaluateNode(node.right, variables, budget);
    if (decides(right)) return right;
    throw failure;
  }
  return decides(left) ? left : evaluateNode(node.right, variables, budget);
}

function isRecoverable(failure: unknown): boolean {
  return failure instanceof EvaluationFailure && !failure.isFinal;
}

function binary(operator: BinaryOperator, left: unknown, right: unknown, budget: Budget): unknown {
  switch (operator) {
    case "==":
      return areEqual(left, right, budget);
    case "!=":
      return !areEqual(left, right, budget);
    case "<":
      return ordering(left, right, budget) < 0;
    case "<=":
      return ordering(left, right, budget) <= 0;
    case ">":
      return ordering(left, right, budget) > 0;
    case ">=":
      return ordering(left, right, budget) >= 0;
    case "in":
      return isIn(left, right, budget);
    case "+":
      return sum(left, right, budget);
    default:
      return arithmetic(operator, left, right, budget);
  }
}

function isIn(item: unknown, container: unknown, budget: Budget): boolean {
  if (Array.isArray(container)) return container.some((member) => areEqual(item, member, budget));
  if (isMap(container)) return typeof item === "string" && ownField(container, item) !== undefined;
  if (isMissing(container)) return false;
  return budget.fail(`"in" takes a list or a map, not a ${kindOf(container)}`);
}

function sum(left: unknown, right: unknown, budget: Budget): unknown {
  if (typeof left === "number" && typeof right === "number") return left + right;
  if (Array.isArray(left) && Array.isArray(right)) {
    budget.charge((left.length + right.length) / 16);
    const joined: unknown[] = [...left, ...right];
    return joined;
  }
  if (left instanceof Timestamp && right instanceof TimeSpan) return new Timestamp(left.ms + right.ms);
  if (left instanceof TimeSpan && right instanceof Timestamp) return new Timestamp(left.ms + right.ms);
  if (left instanceof TimeSpan && right instanceof TimeSpan) return new TimeSpan(left.ms + right.ms);
  const text = typeof left === "string" || typeof right === "string" ? joinedText(left, right) : null;
  if (text === null) return budget.fail(`a ${kindOf(left)} and a ${kindOf(right)} have no sum`);
  budget.chargeBuilt(text.length);
  return text;
}

/** Text with text, a number or a truth value. With anything missing there is no text: "user-" alone would be a wrong key. */
function joinedText(left: unknown, right: unknown): string | null {
  const [leftText, rightText] = [textOf(left), textOf(right)];
  return leftText === null || rightText === null ? null : leftText + rightText;
}

function arithmetic(operator: "-" | "*" | "/" | "%", left: unknown, right: unknown, budget: Budget): unknown {
  if (operator === "-") {
    if (left instanceof Timestamp && right instanceof Timestamp) return new TimeSpan(left.ms - right.ms);
    if (left instanceof Timestamp && right instanceof TimeSpan) return new Timestamp(left.ms - right.ms);
    if (left instanceof TimeSpan && right instanceof TimeSpan) return new TimeSpan(left.ms - right.ms);
  }
  if (typeof left !== "number" || typeof right !== "number") {
    return budget.fail(`"${operator}" takes two numbers, not a ${kindOf(left)} and a ${kindOf(right)}`);
  }
  if (operator === "-") return left - right;
  if (operator === "*") return left * right;
  if (right === 0) return budget.fail("it divides by zero");
  return operator === "/" ? left / right : left % right;
}

function mapOf(entries: readonly (readonly [Node, Node])[], variables: Variables, budget: Budget): unknown {
  const map = new Map<string, unknown>();
  for (const [key, value] of entries) {
    const name = evaluateNode(key, variables, budget);
    if (typeof name !== "string") return budget.fail(`a map's key is a string, not a ${kindOf(name)}`);
    map.set(name, evaluateNode(value, variables, budget));
  }
  // fromEntries defines its members, so that "__proto__" becomes one like any other.
  return Object.fromEntries(map);
}

function matches(pattern: (Node & { op: "matches" })["pattern"], text: unknown, budget: Budget): boolean {
  if (isMissing(text)) return false;
  if (typeof text !== "string") return budget.fail(`matches takes a string, not a ${kindOf(text)}`);
  return pattern.test(text, (steps) => budget.charge(steps));
}

type LoopNode = Node & { op: "loop" };

function looped(node: LoopNode, variables: Variables, budget: Budget): unknown {
  const target = evaluateNode(node.list, variables, budget);
  const items = itemsOf(target, budget);
  if (items === null) return node.kind === "map" || node.kind === "filter" ? [] : false;
  // One scope for the whole loop, its item exchanged: nothing outlives an item's own evaluation.
  const scope = new Map(variables);
  const evaluateFor = (part: Node, item: unknown): unknown => {
    scope.set(node.variable, item);
    return evaluateNode(part, scope, budget);
  };
  const { condition, transform } = node;
  const holds = (item: unknown): boolean => condition === null || isTruthy(evaluateFor(condition, item));
  switch (node.kind) {
    case "exists":
      return firstDecides(items, holds, true);
    case "all":
      return firstDecides(items, holds, false);
    case "exists_one":
      return items.filter(holds).length === 1;
    case "filter":
      return items.filter(holds);
    case "map": {
      const kept = condition === null ? items : items.filter(holds);
      return transform === null ? kept : kept.map((item) => evaluateFor(transform, item));
    }
  }
}

/** Members of a list, keys of a map, null for nothing. */
function itemsOf(target: unknown, budget: Budget): readonly unknown[] | null {
  if (isMissing(target)) return null;
  if (Array.isArray(target)) return target;
  if (!isMap(target)) return budget.fail(`a loop takes a list or a map, not a ${kindOf(target)}`);
  const keys = Object.keys(target);
  budget.charge(keys.length / 16);
  return keys;
}

/** exists and all: one item decides; a failing item matters only when none does, as in CEL. */
function firstDecides(items: readonly unknown[], holds: (item: unknown) => boolean, wanted: boolean): boolean {
  let firstFailure: unknown = null;
  for (const item of items) {
    try {
      if (holds(item) === wanted) return wanted;
    } catch (failure) {
      if (!isRecoverable(failure)) throw failure;
      firstFailure ??= failure;
    }
  }
  if (firstFailure !== null) throw firstFailure;
  return !wanted;
}
