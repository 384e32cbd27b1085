/**
 * Owns: the part of an item that a set of paths names. Elements taken out of a list close ranks, in the list's own order.
 */
import { validation } from "../errors.js";
import type { Attributes, Value } from "../value.js";
import type { Bindings } from "./bindings.js";
import { findClash } from "./document-path.js";
import type { Parsed, Path, ResolvedPath } from "./syntax.js";

/** The paths of a ProjectionExpression, refused when two overlap. */
export function projectionPaths(parsed: Parsed<readonly Path[]>, bindings: Bindings): readonly ResolvedPath[] {
  const paths = parsed.root.map((path) => bindings.resolve(path));
  const clash = findClash(paths);
  if (clash !== undefined) throw validation(`Invalid ProjectionExpression: ${clash}`);
  return paths;
}

export function project(item: Attributes, paths: readonly ResolvedPath[]): Attributes {
  const projected = new Map<string, Value>();
  for (const [name, tails] of byFirstStep(paths)) {
    if (typeof name === "number") continue;
    const value = item.get(name);
    const part = value === undefined ? undefined : projectValue(value, tails);
    if (part !== undefined) projected.set(name, part);
  }
  return projected;
}

function byFirstStep(paths: readonly ResolvedPath[]): Map<string | number, ResolvedPath[]> {
  const groups = new Map<string | number, ResolvedPath[]>();
  for (const [first, ...tail] of paths) {
    if (first === undefined) continue;
    const group = groups.get(first);
    if (group === undefined) groups.set(first, [tail]);
    else group.push(tail);
  }
  return groups;
}

function projectValue(value: Value, tails: readonly ResolvedPath[]): Value | undefined {
  if (tails.some((tail) => tail.length === 0)) return value;
  if (value.type === "M") {
    const members = project(value.value, tails);
    return members.size === 0 ? undefined : { type: "M", value: members };
  }
  if (value.type !== "L") return undefined;
  const elements: Value[] = [];
  const steps = [...byFirstStep(tails)].filter(([step]) => typeof step === "number");
  for (const [index, rest] of steps.sort(([a], [b]) => Number(a) - Number(b))) {
    const element = value.value[Number(index)];
    const part = element === undefined ? undefined : projectValue(element, rest);
    if (part !== undefined) elements.push(part);
  }
  return elements.length === 0 ? undefined : { type: "L", value: elements };
}
