/**
 * Owns: what a KeyConditionExpression asks for: one partition, and a range of sort keys in it. The order of sort keys is
 * that of their order texts, so a range is two predicates over text, whatever the key's type.
 */
import { invalidKeyValue, invalidParameter, notModelled, validation } from "../errors.js";
import type { KeyAttribute, KeySchema } from "../table-definition.js";
import { orderText, type KeyValue, type Value } from "../value.js";
import type { Bindings } from "./bindings.js";
import type { Comparator, Condition, Operand, Parsed } from "./syntax.js";

export interface KeyRange {
  /** The order text of the partition key. */
  readonly partition: string;
  /** Whether a sort key's order text lies outside of the range, on which side. */
  isBelow(sort: string): boolean;
  isAbove(sort: string): boolean;
}

type Term = Extract<Condition, { kind: "compare" | "between" | "begins_with" }>;

export function keyRange({ root }: Parsed<Condition>, bindings: Bindings, schema: KeySchema): KeyRange {
  const terms = new Map<string, Term>();
  for (const term of conjuncts(root)) {
    const name = keyNameOf(term, bindings);
    if (terms.has(name)) throw validation("KeyConditionExpressions must only contain one condition per key");
    terms.set(name, term);
  }
  const partitionTerm = terms.get(schema.partition.name);
  const sortTerm = schema.sort === undefined ? undefined : terms.get(schema.sort.name);
  if (partitionTerm === undefined) throw missed(schema.partition.name);
  if (terms.size > (sortTerm === undefined ? 1 : 2)) {
    if (schema.sort === undefined) throw validation("Query key condition not supported");
    throw missed(schema.sort.name);
  }
  if (partitionTerm.kind !== "compare" || partitionTerm.operator !== "=") {
    throw validation("Query key condition not supported");
  }
  const partition = keyValue(partitionTerm.right, bindings, schema.partition);
  const sort =
    sortTerm === undefined || schema.sort === undefined ? everything : sortRange(sortTerm, bindings, schema.sort);
  return { partition: orderText(partition), isBelow: sort.isBelow, isAbove: sort.isAbove };
}

function missed(name: string): Error {
  return validation(`Query condition missed key schema element: ${name}`);
}

function conjuncts(condition: Condition): Term[] {
  switch (condition.kind) {
    case "and":
      return [...conjuncts(condition.left), ...conjuncts(condition.right)];
    case "compare":
      if (condition.operator === "<>") throw wrongOperator("<>");
      return [condition];
    case "between":
    case "begins_with":
      return [condition];
    default:
      throw wrongOperator(condition.kind.length <= 3 ? condition.kind.toUpperCase() : condition.kind);
  }
}

function wrongOperator(operator: string): Error {
  return validation(`Invalid operator used in KeyConditionExpression: ${operator}`);
}

function keyNameOf(term: Term, bindings: Bindings): string {
  const operand = term.kind === "compare" ? term.left : term.operand;
  if (operand.kind === "size") throw wrongOperator("size");
  if (operand.kind === "value") {
    throw notModelled("Query", "a value on the left of a key condition", "the key attribute on the left");
  }
  const [name, ...nested] = bindings.resolve(operand.path);
  if (nested.length > 0 || typeof name !== "string") {
    throw validation("KeyConditionExpressions cannot have conditions on nested attributes");
  }
  return name;
}

function keyValue(operand: Operand, bindings: Bindings, attribute: KeyAttribute): KeyValue {
  if (operand.kind !== "value") {
    throw validation("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition");
  }
  const value = ofType(bindings.value(operand.name), attribute);
  if (value === undefined) throw invalidParameter("Condition parameter type does not match schema type");
  if (value.type !== "N" && value.value.length === 0) {
    const what = value.type === "S" ? "string" : "binary";
    throw invalidKeyValue(
      `The AttributeValue for a key attribute cannot contain an empty ${what} value. Key: ${attribute.name}`,
    );
  }
  return value;
}

function ofType(value: Value, attribute: KeyAttribute): KeyValue | undefined {
  if (value.type !== attribute.type) return undefined;
  return value.type === "S" || value.type === "N" || value.type === "B" ? value : undefined;
}

type SortRange = Pick<KeyRange, "isBelow" | "isAbove">;

const never = (): boolean => false;
const everything: SortRange = { isBelow: never, isAbove: never };

function sortRange(term: Term, bindings: Bindings, attribute: KeyAttribute): SortRange {
  const bound = (operand: Operand): string => orderText(keyValue(operand, bindings, attribute));
  switch (term.kind) {
    case "between": {
      const [lower, upper] = [bound(term.lower), bound(term.upper)];
      return { isBelow: (sort) => sort < lower, isAbove: (sort) => sort > upper };
    }
    case "begins_with": {
      if (attribute.type === "N") {
        throw validation(
          "Invalid KeyConditionExpression: Incorrect operand type for operator or function; " +
            "operator or function: begins_with, operand type: N",
        );
      }
      const prefix = bound(term.prefix);
      return { isBelow: (sort) => sort < prefix, isAbove: (sort) => sort >= prefix && !sort.startsWith(prefix) };
    }
    case "compare":
      return comparedRange(term.operator, bound(term.right));
  }
}

function comparedRange(operator: Comparator, bound: string): SortRange {
  switch (operator) {
    case "=":
      return { isBelow: (sort) => sort < bound, isAbove: (sort) => sort > bound };
    case "<":
      return { isBelow: never, isAbove: (sort) => sort >= bound };
    case "<=":
      return { isBelow: never, isAbove: (sort) => sort > bound };
    case ">":
      return { isBelow: (sort) => sort <= bound, isAbove: never };
    case ">=":
      return { isBelow: (sort) => sort < bound, isAbove: never };
    case "<>":
      throw wrongOperator("<>");
  }
}
