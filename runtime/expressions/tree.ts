/** Owns: looking at an expression's tree without evaluating it: its parts, the fields it reads, what its answer depends on. */
import type { ExpressionVariable } from "./cel.js";
import type { Node } from "./syntax.js";
import { ownField } from "./values.js";

/** The way to a value: names of fields, and positions in lists. */
export type FieldPath = readonly (string | number)[];

/** The parts that all must hold: `a && (b && c)` has three, in the order in which they are written. */
export function conjunctsOf(node: Node): Node[] {
  return node.op === "and" ? [...conjunctsOf(node.left), ...conjunctsOf(node.right)] : [node];
}

/** The way from a variable to the value a node reads, or null when the node is more than that. */
export function pathFrom(variable: ExpressionVariable, node: Node): FieldPath | null {
  if (node.op === "variable") return node.name === variable ? [] : null;
  if (node.op === "field") return longer(pathFrom(variable, node.target), node.field);
  if (node.op !== "index" || node.index.op !== "literal") return null;
  const { value } = node.index;
  if (typeof value === "string") return longer(pathFrom(variable, node.target), value);
  // Other numbers are no positions, and none has a second spelling.
  return Number.isSafeInteger(value) && typeof value === "number" && value >= 0
    ? longer(pathFrom(variable, node.target), value + 0)
    : null;
}

const longer = (path: FieldPath | null, step: string | number): FieldPath | null => path && [...path, step];

/** The value at the end of a path, read as an expression reads it; undefined when it is missing. */
export function valueAt(root: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>((value, step) => {
    if (!Array.isArray(value)) return ownField(value, String(step));
    const list: readonly unknown[] = value;
    return typeof step === "number" ? list[step] : undefined;
  }, root);
}

/** Whether a node reads a variable at all. */
export function mentions(variable: ExpressionVariable, node: Node): boolean {
  if (node.op === "variable") return node.name === variable;
  return childrenOf(node).some((child) => mentions(variable, child));
}

/** Whether a node's value depends on when it is asked for. */
export function readsClock(node: Node): boolean {
  if (node.op === "call" && node.function.readsClock === true) return true;
  return childrenOf(node).some(readsClock);
}

/** The parts of a variable that a node reads, as paths; the empty path is all of it. */
export function pathsRead(variable: ExpressionVariable, node: Node): FieldPath[] {
  const path = pathFrom(variable, node.op === "has" ? { op: "field", target: node.target, field: node.field } : node);
  if (path) return [path];
  return childrenOf(node).flatMap((child) => pathsRead(variable, child));
}

function childrenOf(node: Node): readonly Node[] {
  switch (node.op) {
    case "literal":
    case "variable":
      return [];
    case "field":
    case "has":
    case "matches":
      return [node.target];
    case "index":
      return [node.target, node.index];
    case "not":
    case "negate":
      return [node.operand];
    case "and":
    case "or":
    case "binary":
      return [node.left, node.right];
    case "if":
      return [node.condition, node.whenTrue, node.whenFalse];
    case "list":
      return node.items;
    case "map":
      return node.entries.flat();
    case "call":
      return node.args;
    case "loop":
      return [node.list, node.condition, node.transform].filter((part) => part !== null);
  }
}
