/**
 * Owns: whether two passes over one run show code that is not deterministic outside its steps. Pure.
 * Must not: blame the code for what it was shown. Results may come in another order after a crash, and a repeated body may
 * answer another value: two passes are compared as far as they were shown the same, and in what they asked for next.
 */
import type { AskedStep, PassTrace, TraceEntry } from "./pass-trace.js";

export interface Divergence {
  /** What the first pass did where the second did something else. */
  was: string;
  is: string;
}

/** A trace, cut where the two passes were no longer shown the same. */
interface CutTrace {
  /** Asked for before the last result both were shown. */
  before: Map<string, AskedStep>;
  /** Asked for between that and the next result, or the end. */
  next: Map<string, AskedStep>;
  all: ReadonlySet<string>;
  hasReturned: boolean;
  /** Nothing was shown after the cut: if it returned, it returned here. */
  endsHere: boolean;
}

/**
 * Null when the passes could be the same code. Requests are compared as sets: the order in which parallel branches ask
 * means nothing, and a pass that was cut off has asked for less than it would have.
 */
export function divergence(first: PassTrace, second: PassTrace): Divergence | null {
  const shared = sharedResults(first, second);
  const a = cut(first, shared);
  const b = cut(second, shared);
  const missingInB = missing(a.before, b.all);
  const missingInA = missing(b.before, a.all);
  if ((missingInB && (missingInA || b.hasReturned)) || (missingInA && a.hasReturned)) {
    return { was: shown(missingInB, a), is: shown(missingInA, b) };
  }
  const onlyA = missing(a.next, b.next);
  const onlyB = missing(b.next, a.next);
  const differ = !sameMembers(a.all, b.all);
  if ((onlyA && onlyB && differ) || (onlyA && returnsHere(b)) || (onlyB && returnsHere(a))) {
    return { was: shown(onlyA, a), is: shown(onlyB, b) };
  }
  return null;
}

/** Whether both passes returned after being shown and asking for the same: what they returned must then be the same. */
export function cameTheSameWay(first: PassTrace, second: PassTrace): boolean {
  if (!first.hasReturned || !second.hasReturned) return false;
  const results = shownIn(first);
  return results.length === shownIn(second).length && sharedResults(first, second) === results.length;
}

const shownIn = (trace: PassTrace): TraceEntry[] => trace.entries.filter(({ kind }) => kind === "shown");

/** How many results, from the first, both were shown alike. */
function sharedResults(first: PassTrace, second: PassTrace): number {
  const results = shownIn(second);
  const differs = shownIn(first).findIndex(({ what }, index) => what !== results[index]?.what);
  return differs < 0 ? shownIn(first).length : differs;
}

function cut(trace: PassTrace, shared: number): CutTrace {
  const before = new Map<string, AskedStep>();
  const next = new Map<string, AskedStep>();
  let results = 0;
  for (const entry of trace.entries) {
    if (entry.kind === "shown") results += 1;
    else if (results < shared) before.set(entry.what, entry.step);
    else if (results === shared) next.set(entry.what, entry.step);
  }
  const all = new Set(trace.entries.flatMap(({ kind, what }) => (kind === "asked" ? [what] : [])));
  return { before, next, all, hasReturned: trace.hasReturned, endsHere: results === shared };
}

interface Members {
  has(what: string): boolean;
}

function missing(from: ReadonlyMap<string, AskedStep>, within: Members): AskedStep | null {
  for (const [what, step] of from) if (!within.has(what)) return step;
  return null;
}

const returnsHere = ({ hasReturned, endsHere, next }: CutTrace): boolean => hasReturned && endsHere && next.size === 0;

function sameMembers(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((what) => b.has(what));
}

const MAX_INPUT_CHARACTERS = 80;

function shown(step: AskedStep | null, { hasReturned }: CutTrace): string {
  if (!step) return hasReturned ? "returned" : "did not ask for it";
  const occurrence = step.index === 0 ? "" : `, occurrence ${step.index + 1}`;
  const hasInput = step.input !== null && !(Array.isArray(step.input) && step.input.length === 0);
  const input = hasInput ? ` with ${JSON.stringify(step.input)?.slice(0, MAX_INPUT_CHARACTERS)}` : "";
  return `asked for ${step.tool} "${step.id}"${occurrence}${input}`;
}
