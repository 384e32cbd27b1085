/**
 * Owns: the exhaustive search over a small model of the protocol. Breadth-first over canonical states, every interleaving,
 * deterministic: same model, same states, same counterexample. The first violation found is a shortest one.
 * Must not: know any model, use time or chance, or import from the product. It is bounded by `maxStates` and says so loudly:
 * a search cut short has proved nothing.
 */
import { findEndlessWalk, Graph } from "./liveness.js";

/** Hands a successor to the search. The label is one line of the timeline, and the unit of fairness unless `fairness` says else. */
export type Emit<S> = (label: string, state: S) => void;

/**
 * One thing an actor or the world may do. `apply` emits every state it can lead to, never changing the one it was given.
 * - `progress`: goes on happening by itself wherever it is possible; liveness relies on it.
 * - `fault`: may happen or not; liveness is asked for after the last of them.
 */
export interface Action<S> {
  kind: "progress" | "fault";
  apply(state: S, emit: Emit<S>): void;
}

export interface Model<S> {
  name: string;
  initial: readonly S[];
  actions: readonly Action<S>[];
  /** Each answers null while it holds, else what is wrong. */
  invariants: Readonly<Record<string, (state: S) => string | null>>;
  /** What a search must have met at least once; without it, "no violation" would say nothing. */
  sometimes?: Readonly<Record<string, (state: S) => boolean>>;
  /** From every reachable state, once faults stop, every weakly fair schedule must reach the goal. */
  liveness?: { name: string; goal(state: S): boolean };
  /** Two states with one text are one state. JSON unless the model knows a shorter text or a symmetry. */
  canonical?(state: S): string;
  /**
   * The unit of fairness a label belongs to. Where `canonical` takes actors for each other, labels must lose their names too.
   * Coarser units ask for less fairness, so they make the check stricter.
   */
  fairness?(label: string): string;
  maxStates: number;
}

export interface Violation {
  invariant: string;
  detail: string;
  /** From an initial state to the bad one, one label per step. */
  timeline: string[];
}

export interface Verdict {
  model: string;
  states: number;
  transitions: number;
  depth: number;
  /** Names from `sometimes` that no state satisfied. */
  neverSeen: string[];
  violation: Violation | null;
}

export function explore<S>(model: Model<S>): Verdict {
  return new Search(model).run();
}

/** The verdict as a person reads it: one line, and the timeline below it when there is one. */
export function report(verdict: Verdict): string {
  const { model, states, transitions, depth, violation } = verdict;
  const counts = `${states} states, ${transitions} transitions, depth ${depth}`;
  if (violation === null) return `${model}: no violation in ${counts}`;
  const steps = violation.timeline.map((label, index) => `  ${String(index + 1).padStart(2)}. ${label}`);
  return [`${model}: ${violation.invariant} is violated after ${counts}`, ...steps, `  => ${violation.detail}`].join(
    "\n",
  );
}

class Search<S> {
  readonly #model: Model<S>;
  readonly #indexes = new Map<string, number>();
  /** By state index: the state it was first reached from, -1 for an initial one. */
  readonly #parents: number[] = [];
  readonly #graph = new Graph();
  readonly #unseen: Set<string>;
  #next: { index: number; state: S }[] = [];
  #transitions = 0;
  #depth = 0;
  #violation: Violation | null = null;

  constructor(model: Model<S>) {
    this.#model = model;
    this.#unseen = new Set(Object.keys(model.sometimes ?? {}));
  }

  run(): Verdict {
    for (const state of this.#model.initial) this.#visit(state, -1);
    while (this.#next.length > 0 && this.#violation === null) this.#expandLevel();
    if (this.#violation === null) this.#checkLiveness();
    return {
      model: this.#model.name,
      states: this.#indexes.size,
      transitions: this.#transitions,
      depth: this.#depth,
      neverSeen: [...this.#unseen],
      violation: this.#violation,
    };
  }

  #expandLevel(): void {
    const level = this.#next;
    this.#next = [];
    for (const { index, state } of level) {
      for (const action of this.#model.actions) {
        action.apply(state, (label, successor) => this.#follow(index, action.kind, label, successor));
        if (this.#violation !== null) return;
      }
    }
    if (this.#next.length > 0) this.#depth += 1;
  }

  #follow(from: number, kind: Action<S>["kind"], label: string, successor: S): void {
    if (this.#violation !== null) return;
    this.#transitions += 1;
    const to = this.#visit(successor, from);
    if (kind !== "progress" || this.#model.liveness === undefined) return;
    this.#graph.addEdge(from, to, this.#model.fairness?.(label) ?? label);
  }

  /** The state's index; a state seen for the first time is checked and queued. */
  #visit(state: S, from: number): number {
    const key = this.#keyOf(state);
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    const index = this.#parents.length;
    if (index >= this.#model.maxStates) {
      throw new Error(
        `Cannot finish model "${this.#model.name}": more than ${this.#model.maxStates} states; expected fewer`,
      );
    }
    this.#indexes.set(key, index);
    this.#parents.push(from);
    this.#next.push({ index, state });
    if (this.#model.liveness?.goal(state) === true) this.#graph.markGoal(index);
    this.#checkInvariants(state, index);
    for (const name of this.#unseen) if (this.#model.sometimes?.[name]?.(state) === true) this.#unseen.delete(name);
    return index;
  }

  #checkInvariants(state: S, index: number): void {
    for (const [invariant, check] of Object.entries(this.#model.invariants)) {
      const detail = check(state);
      if (detail === null) continue;
      this.#violation = { invariant, detail, timeline: this.#timelineTo(index) };
      return;
    }
  }

  #checkLiveness(): void {
    const { liveness } = this.#model;
    if (liveness === undefined) return;
    const loop = findEndlessWalk(this.#graph, this.#parents.length);
    if (loop === null) return;
    const detail =
      loop.labels.length === 0
        ? "nothing more happens here, and the goal is not reached"
        : `it can go round for ever with: ${loop.labels.join(" · ")}`;
    this.#violation = { invariant: liveness.name, detail, timeline: this.#timelineTo(loop.entry) };
  }

  /**
   * Only indexes were kept, to save memory. The labels on the way are found by walking it again from its initial state:
   * each step is the first successor whose text is the next state's.
   */
  #timelineTo(index: number): string[] {
    const path: number[] = [];
    for (let at = index; at !== -1; at = this.#parents[at] ?? -1) path.unshift(at);
    let state = this.#model.initial.find((candidate) => this.#indexes.get(this.#keyOf(candidate)) === path[0]);
    const labels: string[] = [];
    for (const target of path.slice(1)) {
      if (state === undefined) break;
      const step = this.#stepTo(state, target);
      labels.push(step?.label ?? "(lost)");
      state = step?.state;
    }
    return labels;
  }

  #stepTo(state: S, target: number): { label: string; state: S } | undefined {
    let found: { label: string; state: S } | undefined;
    for (const action of this.#model.actions) {
      action.apply(state, (label, successor) => {
        if (found === undefined && this.#indexes.get(this.#keyOf(successor)) === target)
          found = { label, state: successor };
      });
    }
    return found;
  }

  #keyOf(state: S): string {
    return this.#model.canonical?.(state) ?? JSON.stringify(state);
  }
}
