/**
 * Owns: what one pass of a function asked for and was shown, in order, and how often each body began.
 * Must not: judge; divergence.ts does.
 */
export interface AskedStep {
  /** The tool it was asked for with: "run", "sleep", … */
  tool: string;
  id: string;
  index: number;
  input: unknown;
}

/** `what` is equal for equal requests, and for equal results of the same step. */
export type TraceEntry =
  { kind: "asked"; id: string; what: string; step: AskedStep } | { kind: "shown"; id: string; what: string };

export class PassTrace {
  readonly functionId: string;
  readonly runId: string;
  readonly entries: TraceEntry[] = [];
  /** The function's code has come to its end, without an error. */
  hasReturned = false;
  readonly #bodies: BodyCounts;

  constructor(functionId: string, runId: string, bodies: BodyCounts) {
    this.functionId = functionId;
    this.runId = runId;
    this.#bodies = bodies;
  }

  asked(step: AskedStep): void {
    this.entries.push({
      kind: "asked",
      id: step.id,
      what: textOf([step.tool, step.id, step.index, step.input]),
      step,
    });
  }

  shown(id: string, index: number, value: unknown): void {
    this.entries.push({ kind: "shown", id, what: textOf([id, index, value]) });
  }

  bodyBegan(id: string, index: number): void {
    this.#bodies.add(this.functionId, this.runId, id, index);
  }

  returned(): void {
    this.hasReturned = true;
  }

  /** A copy that says nothing of some steps. */
  without(stepIds: readonly string[]): PassTrace {
    const copy = new PassTrace(this.functionId, this.runId, this.#bodies);
    copy.hasReturned = this.hasReturned;
    copy.entries.push(...this.entries.filter(({ id }) => !stepIds.includes(id)));
    return copy;
  }
}

export interface BodyCount {
  functionId: string;
  runId: string;
  stepId: string;
  index: number;
  times: number;
}

/** How often the bodies of a world have begun. */
export class BodyCounts {
  readonly #counts = new Map<string, BodyCount>();
  #last: string | null = null;

  /** The step whose body began last. */
  get last(): string | null {
    return this.#last;
  }

  add(functionId: string, runId: string, stepId: string, index: number): void {
    const key = JSON.stringify([runId, stepId, index]);
    const count = this.#counts.get(key) ?? { functionId, runId, stepId, index, times: 0 };
    count.times += 1;
    this.#counts.set(key, count);
    this.#last = stepId;
  }

  all(): BodyCount[] {
    return [...this.#counts.values()];
  }

  times({ runId, stepId, index }: Omit<BodyCount, "times" | "functionId">): number {
    return this.#counts.get(JSON.stringify([runId, stepId, index]))?.times ?? 0;
  }
}

/** JSON, or what kind of thing it is where there is none (a cycle, a bigint): such input is compared by its kind alone. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "undefined";
  } catch {
    return Object.prototype.toString.call(value);
  }
}
