/**
 * Owns: an item as an UpdateExpression leaves it. Every value is computed from the item as it was; then SET and ADD are
 * applied, then removals, list elements from the last to the first so that indexes mean the original positions.
 * Must not: change the item it is given; versions share what did not change.
 */
import { MAX_NESTING, tooNested } from "../attribute-codec.js";
import { invalidParameter, notModelled, validation } from "../errors.js";
import { addNumbers, subtractNumbers } from "../number.js";
import { memberText, nestingOf, type Attributes, type Value, type ValueType } from "../value.js";
import type { Bindings } from "./bindings.js";
import { findClash, lookUp } from "./document-path.js";
import type { Parsed, ResolvedPath, SetTerm, SetValue, Update } from "./syntax.js";

const ADDABLE: ReadonlySet<ValueType> = new Set(["N", "SS", "NS", "BS"]);
const DELETABLE: ReadonlySet<ValueType> = new Set(["SS", "NS", "BS"]);
const TYPE_NAMES: Readonly<Record<ValueType, string>> = {
  S: "STRING",
  N: "NUMBER",
  B: "BINARY",
  BOOL: "BOOLEAN",
  NULL: "NULL",
  M: "MAP",
  L: "LIST",
  SS: "STRING_SET",
  NS: "NUMBER_SET",
  BS: "BINARY_SET",
};

/** An update with its paths resolved and checked: what one call will do to whatever item it finds. */
export interface BoundUpdate {
  readonly paths: readonly ResolvedPath[];
  apply(item: Attributes): Map<string, Value>;
}

export function bindUpdate(parsed: Parsed<Update>, bindings: Bindings, keyNames: readonly string[]): BoundUpdate {
  const { root } = parsed;
  const set = root.set.map(({ path, value }) => ({ path: bindings.resolve(path), value }));
  const remove = root.remove.map((path) => bindings.resolve(path));
  const add = root.add.map(({ path, value }) => ({ path: bindings.resolve(path), value: bindings.value(value) }));
  const drop = root.delete.map(({ path, value }) => ({ path: bindings.resolve(path), value: bindings.value(value) }));
  const paths = [...set.map((s) => s.path), ...remove, ...add.map((a) => a.path), ...drop.map((d) => d.path)];
  for (const { path, value } of add) checkSetAction("ADD", path, value, ADDABLE);
  for (const { path, value } of drop) checkSetAction("DELETE", path, value, DELETABLE);
  for (const { value } of set) checkArithmetic(value, bindings);
  const clash = findClash(paths);
  if (clash !== undefined) throw validation(`Invalid UpdateExpression: ${clash}`);
  const touchedKey = paths.map(([first]) => first).find((first) => keyNames.includes(String(first)));
  if (touchedKey !== undefined) {
    throw invalidParameter(`Cannot update attribute ${touchedKey}. This attribute is part of the key`);
  }
  const apply = (item: Attributes): Map<string, Value> => {
    const changes: Change[] = [
      ...set.map(({ path, value }) => ({ path, value: computeSet(value, item, bindings) })),
      ...add.map(({ path, value }) => ({ path, value: added(lookUp(item, path), value) })),
      ...drop.map(({ path, value }) => ({ path, value: without(lookUp(item, path), value) })),
    ];
    return applyChanges(item, changes, remove);
  };
  return { paths, apply };
}

interface Change {
  path: ResolvedPath;
  /** Undefined: the attribute goes. */
  value: Value | undefined;
}

function checkSetAction(
  action: "ADD" | "DELETE",
  path: ResolvedPath,
  value: Value,
  allowed: ReadonlySet<ValueType>,
): void {
  if (path.length > 1) throw notModelled(action, "a nested path", "a top-level attribute");
  if (allowed.has(value.type)) return;
  throw validation(
    "Invalid UpdateExpression: Incorrect operand type for operator or function; " +
      `operator: ${action}, operand type: ${TYPE_NAMES[value.type]}, typeSet: ALLOWED_FOR_${action}_OPERAND`,
  );
}

/** Values given with the call are checked before any item is looked at. */
function checkArithmetic(value: SetValue, bindings: Bindings): void {
  if (value.kind === "term") return checkListAppend(value.term, bindings);
  for (const term of [value.left, value.right]) {
    checkListAppend(term, bindings);
    if (term.kind === "value") refuseOperand(value.operator, bindings.value(term.name), "N");
  }
}

function checkListAppend(term: SetTerm, bindings: Bindings): void {
  if (term.kind === "if_not_exists") return checkListAppend(term.otherwise, bindings);
  if (term.kind !== "list_append") return;
  for (const part of [term.first, term.second]) {
    if (part.kind === "value") refuseOperand("list_append", bindings.value(part.name), "L");
    else checkListAppend(part, bindings);
  }
}

function refuseOperand(operator: string, value: Value, wanted: ValueType): void {
  if (value.type === wanted) return;
  throw validation(
    "Invalid UpdateExpression: Incorrect operand type for operator or function; " +
      `operator or function: ${operator}, operand type: ${value.type}`,
  );
}

function computeSet(value: SetValue, item: Attributes, bindings: Bindings): Value {
  if (value.kind === "term") return computeTerm(value.term, item, bindings);
  const left = computeTerm(value.left, item, bindings);
  const right = computeTerm(value.right, item, bindings);
  if (left.type !== "N" || right.type !== "N") throw wrongDataType();
  const combine = value.operator === "+" ? addNumbers : subtractNumbers;
  return { type: "N", value: combine(left.value, right.value) };
}

function computeTerm(term: SetTerm, item: Attributes, bindings: Bindings): Value {
  switch (term.kind) {
    case "value":
      return bindings.value(term.name);
    case "path": {
      const value = lookUp(item, bindings.resolve(term.path));
      if (value !== undefined) return value;
      throw validation("The provided expression refers to an attribute that does not exist in the item");
    }
    case "if_not_exists":
      return lookUp(item, bindings.resolve(term.path)) ?? computeTerm(term.otherwise, item, bindings);
    case "list_append": {
      const first = computeTerm(term.first, item, bindings);
      const second = computeTerm(term.second, item, bindings);
      if (first.type !== "L" || second.type !== "L") throw wrongDataType();
      return { type: "L", value: [...first.value, ...second.value] };
    }
  }
}

function wrongDataType(): Error {
  return validation("An operand in the update expression has an incorrect data type");
}

function added(current: Value | undefined, value: Value): Value {
  if (current === undefined) return value;
  if (current.type === "N" && value.type === "N") return { type: "N", value: addNumbers(current.value, value.value) };
  if (current.type === "SS" && value.type === "SS") return { type: "SS", value: union(current.value, value.value) };
  if (current.type === "NS" && value.type === "NS") return { type: "NS", value: union(current.value, value.value) };
  if (current.type === "BS" && value.type === "BS") return { type: "BS", value: union(current.value, value.value) };
  throw wrongDataType();
}

function union<Member extends string | Uint8Array>(a: readonly Member[], b: readonly Member[]): Member[] {
  const known = new Set(a.map(memberText));
  return [...a, ...b.filter((member) => !known.has(memberText(member)))];
}

/** The set without the members; undefined when none is left, for a set is never empty. */
function without(current: Value | undefined, value: Value): Value | undefined {
  if (current === undefined) return undefined;
  if (current.type === "SS" && value.type === "SS") return setOf("SS", difference(current.value, value.value));
  if (current.type === "NS" && value.type === "NS") return setOf("NS", difference(current.value, value.value));
  if (current.type === "BS" && value.type === "BS") {
    const left = difference(current.value, value.value);
    return left.length === 0 ? undefined : { type: "BS", value: left };
  }
  throw wrongDataType();
}

function setOf(type: "SS" | "NS", members: string[]): Value | undefined {
  return members.length === 0 ? undefined : { type, value: members };
}

function difference<Member extends string | Uint8Array>(a: readonly Member[], b: readonly Member[]): Member[] {
  const gone = new Set(b.map(memberText));
  return a.filter((member) => !gone.has(memberText(member)));
}

function applyChanges(
  item: Attributes,
  changes: readonly Change[],
  removals: readonly ResolvedPath[],
): Map<string, Value> {
  const result = new Map(item);
  for (const { path, value } of changes) {
    if (path.length > 1 && value !== undefined && path.length - 1 + nestingOf(value) > MAX_NESTING) throw tooNested();
    change(result, path, value);
  }
  for (const path of [...removals].sort(lastElementFirst)) change(result, path, undefined);
  return result;
}

function lastElementFirst(a: ResolvedPath, b: ResolvedPath): number {
  const [last, otherLast] = [a.at(-1), b.at(-1)];
  return typeof last === "number" && typeof otherLast === "number" ? otherLast - last : 0;
}

/** Puts `value` at the path (removes what is there when undefined) in a map of our own; deeper levels are copied. */
function change(attributes: Map<string, Value>, path: ResolvedPath, value: Value | undefined): void {
  const [name, ...rest] = path;
  if (typeof name !== "string") throw invalidPath();
  const next = rest.length === 0 ? value : changed(attributes.get(name), rest, value);
  if (next === undefined) attributes.delete(name);
  else attributes.set(name, next);
}

function changed(container: Value | undefined, path: ResolvedPath, value: Value | undefined): Value {
  const [step] = path;
  if (container?.type === "M" && typeof step === "string") {
    const members = new Map(container.value);
    change(members, path, value);
    return { type: "M", value: members };
  }
  if (container?.type === "L" && typeof step === "number") {
    return { type: "L", value: changedElements(container.value, step, path.slice(1), value) };
  }
  throw invalidPath();
}

/** An index beyond the end appends. */
function changedElements(
  elements: readonly Value[],
  index: number,
  rest: ResolvedPath,
  value: Value | undefined,
): readonly Value[] {
  const next = rest.length === 0 ? value : changed(elements[index], rest, value);
  if (next === undefined) return elements.filter((_, position) => position !== index);
  return index < elements.length ? elements.with(index, next) : [...elements, next];
}

function invalidPath(): Error {
  return validation("The document path provided in the update expression is invalid for update");
}
