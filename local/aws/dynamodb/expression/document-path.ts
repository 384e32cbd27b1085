/** Owns: following a document path into an item, copies of a document with one place changed, and paths in conflict. */
import type { Attributes, Value } from "../value.js";
import type { ResolvedPath } from "./syntax.js";

export function lookUp(item: Attributes, path: ResolvedPath): Value | undefined {
  let current: Value | undefined;
  for (let depth = 0; depth < path.length; depth += 1) {
    const step = path[depth];
    if (typeof step === "number") current = current?.type === "L" ? current.value[step] : undefined;
    else if (step === undefined) return undefined;
    else if (depth === 0) current = item.get(step);
    else current = current?.type === "M" ? current.value.get(step) : undefined;
    if (current === undefined) return undefined;
  }
  return current;
}

export function samePath(a: ResolvedPath, b: ResolvedPath): boolean {
  return a.length === b.length && a.every((step, index) => step === b[index]);
}

/** As the service prints a path: `[a, b, [0]]`. */
export function showPath(path: ResolvedPath): string {
  return `[${path.map((step) => (typeof step === "number" ? `[${step}]` : step)).join(", ")}]`;
}

/**
 * The first two paths that cannot stand in one expression: `overlap` when one is the other or contains it, `conflict` when
 * they take the same place for a list and for a map.
 */
export function findClash(paths: readonly ResolvedPath[]): string | undefined {
  if (paths.length < 2 || allDistinctNames(paths)) return undefined;
  for (const [index, first] of paths.entries()) {
    for (const second of paths.slice(index + 1)) {
      const verb = clash(first, second);
      if (verb === undefined) continue;
      const places = `path one: ${showPath(first)}, path two: ${showPath(second)}`;
      return `Two document paths ${verb} with each other; must remove or rewrite one of these paths; ${places}`;
    }
  }
  return undefined;
}

/** The usual case, cheaply: top-level attributes, no name twice. */
function allDistinctNames(paths: readonly ResolvedPath[]): boolean {
  const names = new Set<string | number | undefined>();
  for (const path of paths) {
    if (path.length !== 1) return false;
    names.add(path[0]);
  }
  return names.size === paths.length;
}

function clash(a: ResolvedPath, b: ResolvedPath): "overlap" | "conflict" | undefined {
  const shared = Math.min(a.length, b.length);
  for (let depth = 0; depth < shared; depth += 1) {
    if (typeof a[depth] !== typeof b[depth]) return "conflict";
    if (a[depth] !== b[depth]) return undefined;
  }
  return "overlap";
}
