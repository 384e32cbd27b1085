/**
 * Owns: the operations a function has asked for in this pass: their identity (id and occurrence), what is remembered of
 * each, and the promise its caller waits on.
 * Must not: run anything or write anything.
 */
import type { Json, StepName, WaitingOp } from "../protocol.js";
import { keyOf, type History, type Memory, type OperationKind } from "./history.js";
import type { StepRules } from "./step-options.js";

export type OperationState =
  /** Asked for; its outcome is remembered but not yet its turn to be shown, or its body waits for a free place. */
  | "requested"
  /** Its body runs, or its `start` or its result is being written. */
  | "running"
  /** Waits for a time: a sleep, or the next attempt. */
  | "waiting"
  | "resolved";

/** The body of a step, and what the step says of its attempts. */
export interface Body {
  run: () => unknown;
  rules: StepRules;
}

/** What a function asks for: a body to run, or something to wait for, or both (a body that runs in a Lambda of its own). */
export interface StepRequest {
  kind: OperationKind;
  body: Body | null;
  /** Read once, when the step is asked for and the log does not hold it. */
  wait: (() => WaitingOp) | null;
}

export interface Operation {
  name: StepName;
  key: string;
  kind: OperationKind;
  memory: Memory | null;
  state: OperationState;
  /** The body, for steps that have one. */
  body: Body | null;
  /** What is waited for, for operations that wait. */
  op: WaitingOp | null;
  /** When a wait ends at the latest or the next attempt may start. Infinity: no time ends it. */
  dueMs: number;
  /** Aborts what its body is doing, while one runs. */
  abort: AbortController | null;
  attemptsUsed: number;
  resolve(value: Json): void;
  reject(error: unknown): void;
}

export class Operations {
  readonly #history: History;
  readonly #occurrences = new Map<string, number>();
  readonly byKey = new Map<string, Operation>();
  #skipped = 0;
  /** Logged operations the code has not asked for yet: while there are some, the pass is replaying. */
  readonly #unrequested: Set<string>;

  constructor(history: History) {
    this.#history = history;
    this.#unrequested = new Set(history.memories.keys());
  }

  /** How often an id was asked for so far: the index its next use gets. */
  occurrencesOf(id: string): number {
    return this.#occurrences.get(id) ?? 0;
  }

  get count(): number {
    return this.byKey.size + this.#skipped;
  }

  /** Something has been asked for that has no result yet: what is not asked for besides may be waiting for it. */
  get anyAwaited(): boolean {
    return this.unresolvedCount + this.#skipped > 0;
  }

  /** An operation that is asked for and of no concern here. */
  skip(id: string): void {
    this.#occurrences.set(id, this.occurrencesOf(id) + 1);
    this.#skipped += 1;
  }

  get replaying(): boolean {
    return this.#unrequested.size > 0;
  }

  /** Code no longer asks for what the log still holds: those memories do not keep the pass in replay for ever. */
  forgetUnrequested(): void {
    this.#unrequested.clear();
  }

  /** Registers a request. The promise is the caller's; a rejection nobody awaits is not an unhandled one. */
  request(id: string, { kind, body }: StepRequest): { operation: Operation; promise: Promise<Json> } {
    const i = this.#occurrences.get(id) ?? 0;
    this.#occurrences.set(id, i + 1);
    const name = { id, i };
    const key = keyOf(name);
    const memory = this.#history.memories.get(key) ?? null;
    this.#unrequested.delete(key);
    let settle: Pick<Operation, "resolve" | "reject"> = { resolve: () => undefined, reject: () => undefined };
    const promise = new Promise<Json>((resolve, reject) => {
      settle = { resolve, reject };
    });
    promise.catch(() => undefined);
    const operation: Operation = {
      name,
      key,
      kind,
      memory,
      body,
      op: memory?.op ?? null,
      abort: null,
      state: "requested",
      dueMs: memory?.retryAtMs ?? 0,
      attemptsUsed: memory?.attemptsUsed ?? 0,
      ...settle,
    };
    this.byKey.set(key, operation);
    this.requested.add(operation);
    return { operation, promise };
  }

  /** Moves an operation to a state; the sets below follow, so that no loop ever walks the resolved ones. */
  move(operation: Operation, state: OperationState): void {
    if (operation.state !== "resolved") this.#in(operation.state).delete(operation);
    operation.state = state;
    if (state !== "resolved") this.#in(state).add(operation);
  }

  readonly requested = new Set<Operation>();
  readonly running = new Set<Operation>();
  readonly waiting = new Set<Operation>();

  get unresolvedCount(): number {
    return this.requested.size + this.running.size + this.waiting.size;
  }

  /** The earliest time at which something that waits is due, or null. */
  nextDueMs(): number | null {
    let next: number | null = null;
    for (const { dueMs } of this.waiting) next = next === null ? dueMs : Math.min(next, dueMs);
    return next;
  }

  #in(state: Exclude<OperationState, "resolved">): Set<Operation> {
    return this[state];
  }
}
