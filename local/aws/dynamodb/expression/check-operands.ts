/**
 * Owns: what is wrong with a condition whatever the item holds: operands of impossible types, bounds in the wrong order,
 * an operand compared with itself. Checked for the whole condition before any of it is evaluated, as the service does.
 */
import { validation } from "../errors.js";
import { encodeValue } from "../attribute-codec.js";
import { compareValues, type Value, type ValueType } from "../value.js";
import type { Bindings } from "./bindings.js";
import { samePath, showPath } from "./document-path.js";
import type { Condition, ExpressionKind, Operand, Parsed } from "./syntax.js";

const ORDERED: ReadonlySet<ValueType> = new Set(["S", "N", "B"]);
const PREFIXED: ReadonlySet<ValueType> = new Set(["S", "B"]);
const SIZED: ReadonlySet<ValueType> = new Set(["S", "B", "M", "L", "SS", "NS", "BS"]);
const TYPE_NAMES = ["B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M"];

export function checkOperands({ kind, root }: Parsed<Condition>, bindings: Bindings): void {
  new OperandCheck(kind, bindings).check(root);
}

class OperandCheck {
  private readonly kind: ExpressionKind;
  private readonly bindings: Bindings;

  constructor(kind: ExpressionKind, bindings: Bindings) {
    this.kind = kind;
    this.bindings = bindings;
  }

  check(condition: Condition): void {
    switch (condition.kind) {
      case "and":
      case "or":
        this.check(condition.left);
        this.check(condition.right);
        return;
      case "not":
        this.check(condition.inner);
        return;
      case "compare":
        this.checkSizes(condition.left, condition.right);
        this.checkDistinct(condition.operator, condition.left, condition.right);
        if (condition.operator === "=" || condition.operator === "<>") return;
        this.requireTypes(condition.operator, ORDERED, condition.left, condition.right);
        return;
      case "between":
        this.checkBetween(condition.operand, condition.lower, condition.upper);
        return;
      case "in":
        this.checkSizes(condition.operand, ...condition.candidates);
        this.checkDistinct("IN", condition.operand, ...condition.candidates);
        return;
      case "begins_with":
        this.checkDistinct("begins_with", condition.operand, condition.prefix);
        this.requireTypes("begins_with", PREFIXED, condition.operand, condition.prefix);
        return;
      case "contains":
        this.checkDistinct("contains", condition.operand, condition.element);
        return;
      case "attribute_type":
        this.checkTypeName(condition.type);
        return;
      case "attribute_exists":
      case "attribute_not_exists":
        return;
    }
  }

  private checkBetween(operand: Operand, lower: Operand, upper: Operand): void {
    this.checkSizes(operand, lower, upper);
    this.requireTypes("BETWEEN", ORDERED, operand, lower, upper);
    const low = this.given(lower);
    const high = this.given(upper);
    if (low === undefined || high === undefined) return;
    const bounds = `lower bound operand: ${showValue(low)}, upper bound operand: ${showValue(high)}`;
    const order = compareValues(low, high);
    if (order === undefined) {
      throw this.invalid(`The BETWEEN operator requires same data type for lower and upper bounds; ${bounds}`);
    }
    if (order <= 0) return;
    throw this.invalid(
      `The BETWEEN operator requires upper bound to be greater than or equal to lower bound; ${bounds}`,
    );
  }

  private checkTypeName(operand: Operand): void {
    const name = this.given(operand);
    if (name === undefined) {
      throw this.invalid(
        "Operator or function requires an expression attribute value; operator or function: attribute_type",
      );
    }
    if (name.type !== "S") throw this.wrongType("attribute_type", name.type);
    if (TYPE_NAMES.includes(name.value)) return;
    throw this.invalid(
      `Invalid attribute type name found; type: ${name.value}, valid types: {${TYPE_NAMES.join(",")}}`,
    );
  }

  private checkSizes(...operands: Operand[]): void {
    for (const operand of operands) if (operand.kind === "size") this.requireTypes("size", SIZED, operand.of);
  }

  private checkDistinct(operator: string, first: Operand, ...rest: Operand[]): void {
    if (first.kind !== "path") return;
    const path = this.bindings.resolve(first.path);
    const repeats = rest.some((other) => other.kind === "path" && samePath(path, this.bindings.resolve(other.path)));
    if (!repeats) return;
    throw this.invalid(
      "The first operand must be distinct from the remaining operands for this operator or function; " +
        `operator: ${operator}, first operand: ${showPath(path)}`,
    );
  }

  private requireTypes(operator: string, allowed: ReadonlySet<ValueType>, ...operands: Operand[]): void {
    for (const operand of operands) {
      const value = this.given(operand);
      if (value !== undefined && !allowed.has(value.type)) throw this.wrongType(operator, value.type);
    }
  }

  /** The value of an operand that does not depend on the item. */
  private given(operand: Operand): Value | undefined {
    return operand.kind === "value" ? this.bindings.value(operand.name) : undefined;
  }

  private wrongType(operator: string, type: ValueType): Error {
    return this.invalid(
      `Incorrect operand type for operator or function; operator or function: ${operator}, operand type: ${type}`,
    );
  }

  private invalid(detail: string): Error {
    return validation(`Invalid ${this.kind}: ${detail}`);
  }
}

function showValue(value: Value): string {
  const [[type, content] = ["", ""]] = Object.entries(encodeValue(value));
  return `AttributeValue: {${type}:${String(content)}}`;
}
