/**
 * Owns: whether a condition holds for an item. A path that leads nowhere has no value: every comparison with it is false,
 * except `<>`, which is true.
 * Must not: refuse anything that check-operands.ts could have refused without the item.
 */
import { notModelled } from "../errors.js";
import { compareValues, memberText, sameValue, type Attributes, type Value } from "../value.js";
import type { Bindings } from "./bindings.js";
import { lookUp } from "./document-path.js";
import type { Comparator, Condition, Operand, Path } from "./syntax.js";

export function holds(condition: Condition, item: Attributes, bindings: Bindings): boolean {
  const valueOf = (operand: Operand): Value | undefined => evaluate(operand, item, bindings);
  switch (condition.kind) {
    case "and":
      return holds(condition.left, item, bindings) && holds(condition.right, item, bindings);
    case "or":
      return holds(condition.left, item, bindings) || holds(condition.right, item, bindings);
    case "not":
      return !holds(condition.inner, item, bindings);
    case "compare":
      return compares(condition.operator, valueOf(condition.left), valueOf(condition.right));
    case "between": {
      const value = valueOf(condition.operand);
      return compares(">=", value, valueOf(condition.lower)) && compares("<=", value, valueOf(condition.upper));
    }
    case "in": {
      const value = valueOf(condition.operand);
      return condition.candidates.some((candidate) => compares("=", value, valueOf(candidate)));
    }
    case "attribute_exists":
      return find(condition.path, item, bindings) !== undefined;
    case "attribute_not_exists":
      return find(condition.path, item, bindings) === undefined;
    case "attribute_type":
      return find(condition.path, item, bindings)?.type === valueOf(condition.type)?.value;
    case "begins_with":
      return beginsWith(valueOf(condition.operand), valueOf(condition.prefix));
    case "contains":
      return contains(valueOf(condition.operand), valueOf(condition.element));
  }
}

function evaluate(operand: Operand, item: Attributes, bindings: Bindings): Value | undefined {
  switch (operand.kind) {
    case "path":
      return find(operand.path, item, bindings);
    case "value":
      return bindings.value(operand.name);
    case "size":
      return sizeOf(evaluate(operand.of, item, bindings));
  }
}

function find(path: Path, item: Attributes, bindings: Bindings): Value | undefined {
  const [only] = path;
  // Nearly every path is one plain name; resolving it would allocate for nothing.
  if (path.length === 1 && only?.kind === "name") return item.get(only.name);
  return lookUp(item, bindings.resolve(path));
}

function compares(operator: Comparator, left: Value | undefined, right: Value | undefined): boolean {
  if (left === undefined || right === undefined) return operator === "<>";
  if (operator === "=") return sameValue(left, right);
  if (operator === "<>") return !sameValue(left, right);
  const order = compareValues(left, right);
  if (order === undefined) return false;
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

function beginsWith(value: Value | undefined, prefix: Value | undefined): boolean {
  if (value?.type === "S" && prefix?.type === "S") return value.value.startsWith(prefix.value);
  if (value?.type !== "B" || prefix?.type !== "B") return false;
  return memberText(value.value).startsWith(memberText(prefix.value));
}

function contains(value: Value | undefined, element: Value | undefined): boolean {
  if (value === undefined || element === undefined) return false;
  switch (value.type) {
    case "S":
      return element.type === "S" && value.value.includes(element.value);
    case "B":
      return element.type === "B" && memberText(value.value).includes(memberText(element.value));
    case "SS":
      return element.type === "S" && value.value.includes(element.value);
    case "NS":
      return element.type === "N" && value.value.includes(element.value);
    case "BS":
      return element.type === "B" && value.value.map(memberText).includes(memberText(element.value));
    case "L":
      return value.value.some((member) => sameValue(member, element));
    default:
      return false;
  }
}

/** Undefined for types that have no size. */
function sizeOf(value: Value | undefined): Value | undefined {
  switch (value?.type) {
    case "S":
      if (Buffer.byteLength(value.value) !== value.value.length) {
        // Bytes, code units or characters: the documentation only says "length".
        throw notModelled("size()", "the size of a string beyond ASCII", "ASCII, or a size kept as an attribute");
      }
      return { type: "N", value: String(value.value.length) };
    case "B":
    case "L":
    case "SS":
    case "NS":
    case "BS":
      return { type: "N", value: String(value.value.length) };
    case "M":
      return { type: "N", value: String(value.value.size) };
    default:
      return undefined;
  }
}
