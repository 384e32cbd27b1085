/**
 * Owns: the answer to "once faults stop, does it always arrive?". The graph holds only the transitions that happen by
 * themselves. It never arrives if some reachable state outside the goal has no way on, or if a loop outside the goal can be
 * walked for ever fairly: weakly fair means that whatever stays possible all the time is done at some time.
 * Must not: know states or models; it sees indexes and labels.
 *
 * Looking at whole strongly connected components is exact for weak fairness: if a label is possible everywhere in the
 * component and leads only out of it, no walk inside is fair; if there is none, the walk over all its edges is.
 */

export class Graph {
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #label: number[] = [];
  readonly #labels: string[] = [];
  readonly #labelIds = new Map<string, number>();
  readonly #goal = new Set<number>();

  addEdge(from: number, to: number, label: string): void {
    // A step that changes nothing is no way on: it must neither hide a dead end nor count as a loop.
    if (from === to) return;
    this.#from.push(from);
    this.#to.push(to);
    this.#label.push(this.#idOf(label));
  }

  markGoal(index: number): void {
    this.#goal.add(index);
  }

  isGoal(index: number): boolean {
    return this.#goal.has(index);
  }

  labelName(id: number): string {
    return this.#labels[id] ?? "?";
  }

  /** Edges grouped by where they begin: those of state i stand at [starts[i], starts[i + 1]). */
  adjacency(states: number): Adjacency {
    const starts = new Int32Array(states + 1);
    for (const from of this.#from) starts[from + 1] = at(starts, from + 1) + 1;
    for (let i = 0; i < states; i += 1) starts[i + 1] = at(starts, i + 1) + at(starts, i);
    const fill = starts.slice();
    const to = new Int32Array(this.#to.length);
    const label = new Int32Array(this.#to.length);
    for (let edge = 0; edge < this.#to.length; edge += 1) {
      const from = at(this.#from, edge);
      const slot = at(fill, from);
      fill[from] = slot + 1;
      to[slot] = at(this.#to, edge);
      label[slot] = at(this.#label, edge);
    }
    return { starts, to, label };
  }

  #idOf(label: string): number {
    const known = this.#labelIds.get(label);
    if (known !== undefined) return known;
    const id = this.#labels.length;
    this.#labels.push(label);
    this.#labelIds.set(label, id);
    return id;
  }
}

interface Adjacency {
  starts: Int32Array;
  to: Int32Array;
  label: Int32Array;
}

export interface Loop {
  /** The first state of the loop that the search reached. */
  entry: number;
  /** What goes on inside it; empty for a state with no way on. */
  labels: string[];
}

export function findEndlessWalk(graph: Graph, states: number): Loop | null {
  const edges = graph.adjacency(states);
  for (let state = 0; state < states; state += 1) {
    if (!graph.isGoal(state) && at(edges.starts, state) === at(edges.starts, state + 1))
      return { entry: state, labels: [] };
  }
  const component = componentsOf(graph, edges, states);
  const members = new Map<number, number[]>();
  for (let state = 0; state < states; state += 1) {
    const id = at(component, state);
    if (id === NONE) continue;
    const group = members.get(id);
    if (group === undefined) members.set(id, [state]);
    else group.push(state);
  }
  const loops = [...members.values()].filter((group) => group.length > 1 && canGoRound(group, component, edges));
  const first = loops.sort((a, b) => at(a, 0) - at(b, 0))[0];
  if (first === undefined) return null;
  return { entry: at(first, 0), labels: labelsInside(graph, first, component, edges) };
}

const NONE = -1;

/** Whether a weakly fair walk can stay in the component: no label is possible everywhere in it and never taken inside. */
function canGoRound(group: readonly number[], component: Int32Array, edges: Adjacency): boolean {
  const inside = new Set<number>();
  const statesWhereOpen = new Map<number, number>();
  for (const state of group) {
    const open = new Set<number>();
    for (let edge = at(edges.starts, state); edge < at(edges.starts, state + 1); edge += 1) {
      open.add(at(edges.label, edge));
      if (at(component, at(edges.to, edge)) === at(component, state)) inside.add(at(edges.label, edge));
    }
    for (const label of open) statesWhereOpen.set(label, (statesWhereOpen.get(label) ?? 0) + 1);
  }
  return [...statesWhereOpen].every(([label, count]) => count < group.length || inside.has(label));
}

function labelsInside(graph: Graph, group: readonly number[], component: Int32Array, edges: Adjacency): string[] {
  const names = new Set<string>();
  for (const state of group) {
    for (let edge = at(edges.starts, state); edge < at(edges.starts, state + 1); edge += 1) {
      if (at(component, at(edges.to, edge)) === at(component, state)) names.add(graph.labelName(at(edges.label, edge)));
    }
  }
  return [...names];
}

/** Tarjan's algorithm without recursion (a path may be as long as the graph), over the states outside the goal. */
function componentsOf(graph: Graph, edges: Adjacency, states: number): Int32Array {
  const walk = new ComponentWalk(graph, edges, states);
  for (let state = 0; state < states; state += 1) walk.from(state);
  return walk.component;
}

class ComponentWalk {
  readonly component: Int32Array;
  readonly #graph: Graph;
  readonly #edges: Adjacency;
  readonly #order: Int32Array;
  readonly #low: Int32Array;
  readonly #cursor: Int32Array;
  readonly #open: number[] = [];
  readonly #path: number[] = [];
  #count = 0;
  #components = 0;

  constructor(graph: Graph, edges: Adjacency, states: number) {
    this.#graph = graph;
    this.#edges = edges;
    this.component = new Int32Array(states).fill(NONE);
    this.#order = new Int32Array(states).fill(NONE);
    this.#low = new Int32Array(states);
    this.#cursor = edges.starts.slice(0, states);
  }

  from(state: number): void {
    if (at(this.#order, state) !== NONE || this.#graph.isGoal(state)) return;
    this.#enter(state);
    while (this.#path.length > 0) this.#advance(at(this.#path, this.#path.length - 1));
  }

  #enter(state: number): void {
    this.#order[state] = this.#count;
    this.#low[state] = this.#count;
    this.#count += 1;
    this.#open.push(state);
    this.#path.push(state);
  }

  #advance(state: number): void {
    const edge = at(this.#cursor, state);
    if (edge === at(this.#edges.starts, state + 1)) return this.#leave(state);
    this.#cursor[state] = edge + 1;
    const target = at(this.#edges.to, edge);
    if (this.#graph.isGoal(target)) return;
    if (at(this.#order, target) === NONE) this.#enter(target);
    else if (at(this.component, target) === NONE) this.#lower(state, at(this.#order, target));
  }

  #leave(state: number): void {
    this.#path.pop();
    const parent = this.#path[this.#path.length - 1];
    if (parent !== undefined) this.#lower(parent, at(this.#low, state));
    if (at(this.#low, state) !== at(this.#order, state)) return;
    for (let member = this.#open.pop(); member !== undefined; member = this.#open.pop()) {
      this.component[member] = this.#components;
      if (member === state) break;
    }
    this.#components += 1;
  }

  #lower(state: number, value: number): void {
    this.#low[state] = Math.min(at(this.#low, state), value);
  }
}

/** An index known to be inside: the arrays here are sized by the graph itself. */
function at(values: Int32Array | readonly number[], index: number): number {
  return values[index] ?? NONE;
}
