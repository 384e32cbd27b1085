/**
 * Owns: the port through which the rest of the platform uses expressions: compiled once, then asked with an event.
 * Must not: let an expression that was accepted throw. What goes wrong with an event is the answer false (or no key),
 * with the reason at hand for whoever explains it.
 */
import { Budget, EvaluationFailure } from "./budget.js";
import { evaluateNode } from "./evaluate.js";
import { readExpression, type Node } from "./syntax.js";
import { kindOf, textOf } from "./values.js";

export type ExpressionVariable = "event" | "async";

export interface ExpressionContext {
  /** The event that starts, or started, the run. */
  event: unknown;
  /** The event that arrives, in waits and cancels. */
  async?: unknown;
  /** For now() and its kin. Without it they fail, so that an answer never depends on a clock by accident. */
  nowMs?: number;
}

export interface Explanation {
  result: unknown;
  /** Why there is no usable result. */
  error?: string;
}

export interface CompiledExpression {
  readonly text: string;
  /** For this room's own use. */
  readonly tree: Node;
  /** True when the expression comes to true; a failure or any other value is false. */
  evaluate(context: ExpressionContext): boolean;
  /** What it comes to, and why `evaluate` says false where that is not simply the result. */
  explain(context: ExpressionContext): Explanation;
  /** The result as a key: text as it is, numbers and truth values as text, lists and maps as JSON; null for none. Of any length: hash it. */
  evaluateKey(context: ExpressionContext): string | null;
}

/** Expressions of all functions a process serves; one takes a few KB. */
const MAX_CACHED = 1_000;
const cache = new Map<string, CompiledExpression>();

/**
 * The expression, checked and ready. Throws EXPRESSION_INVALID or EXPRESSION_TOO_COMPLEX with the place marked.
 *
 * @example
 * compileExpression("event.data.total > 100", { variables: ["event"] }).evaluate({ event });
 */
export function compileExpression(
  text: string,
  { variables }: { variables: readonly ExpressionVariable[] },
): CompiledExpression {
  const key = JSON.stringify([variables, text]);
  const known = cache.get(key);
  const compiled = known ?? compiledFrom(text, readExpression(text, variables));
  // Written again at the end, so the first entry is the one not used for longest.
  cache.delete(key);
  cache.set(key, compiled);
  const oldest = cache.size > MAX_CACHED ? cache.keys().next().value : undefined;
  if (oldest !== undefined) cache.delete(oldest);
  return compiled;
}

function compiledFrom(text: string, tree: Node): CompiledExpression {
  return {
    text,
    tree,
    evaluate: (context) => valueOf(tree, context).result === true,
    explain: (context) => {
      const value = valueOf(tree, context);
      if (value.error !== undefined || typeof value.result === "boolean") return value;
      return { ...value, error: `the result is a ${kindOf(value.result)}, which counts as false; expected a bool` };
    },
    evaluateKey: (context) => keyOf(valueOf(tree, context).result),
  };
}

function valueOf(tree: Node, context: ExpressionContext): Explanation {
  const variables = new Map<string, unknown>([
    ["event", context.event],
    ["async", context.async],
  ]);
  try {
    return { result: evaluateNode(tree, variables, new Budget(context.nowMs ?? null)) };
  } catch (failure) {
    if (failure instanceof EvaluationFailure) return { result: null, error: failure.message };
    throw failure;
  }
}

function keyOf(value: unknown): string | null {
  const kind = kindOf(value);
  if (kind !== "list" && kind !== "map") return textOf(value);
  try {
    return JSON.stringify(value);
  } catch {
    // Nested deeper than the stack, which only json_parse can make.
    return null;
  }
}
