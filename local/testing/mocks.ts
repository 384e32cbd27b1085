/**
 * Owns: what stands in for the bodies of steps, by function and step id, and which of it was asked for.
 * Must not: know how a step is run: a mock is a body like any other, retried and recorded as one.
 */
import type { PerdureFunction } from "../../sdk/function.js";
import { testFunctionUnknown } from "./errors.js";

/** What a mock is told of the step it stands in for. */
export interface MockCall {
  /** 0 for the first attempt. */
  attempt: number;
  /** How often the id was used before in this run, 0 first. */
  index: number;
  /** What `step.run` was given for its body. */
  input: readonly unknown[];
  runId: string;
  event: { name: string; data: unknown; id: string; ts: number };
}

/** A function is called for each attempt. An Error is thrown at each attempt. Anything else is what the body returns. */
export type Mock = ((call: MockCall) => unknown) | Error | string | number | boolean | object | null | undefined;

/** A function of the test, or its id. */
export type FunctionName = PerdureFunction<never> | string;

export type MockStep = (target: FunctionName, stepId: string, mock: Mock) => void;

export interface UnusedMock {
  functionId: string;
  stepId: string;
}

interface Entry extends UnusedMock {
  answer(call: MockCall): unknown;
  used: boolean;
  /** Made for several tests: that one of them has no use for it is no mistake. */
  shared: boolean;
}

export function functionIdOf(target: FunctionName): string {
  return typeof target === "string" ? target : target.id;
}

export class Mocks {
  readonly #functionIds: readonly string[];
  readonly #entries = new Map<string, Entry>();

  constructor(functionIds: readonly string[]) {
    this.#functionIds = functionIds;
  }

  /** The later mock of a step takes the place of the earlier one. */
  set(target: FunctionName, stepId: string, mock: Mock, shared = false): void {
    const functionId = this.requireFunction(target);
    this.#entries.set(keyOf(functionId, stepId), {
      functionId,
      stepId,
      answer: bodyOf(mock),
      used: false,
      shared,
    });
  }

  requireFunction(target: FunctionName): string {
    const functionId = functionIdOf(target);
    if (!this.#functionIds.includes(functionId)) throw testFunctionUnknown({ functionId, known: this.#functionIds });
    return functionId;
  }

  /** The body that stands in for the step's own, or null. */
  find(functionId: string, stepId: string): ((call: MockCall) => unknown) | null {
    const entry = this.#entries.get(keyOf(functionId, stepId));
    if (!entry) return null;
    entry.used = true;
    return entry.answer;
  }

  /** What was asked for in another world was asked for. */
  addUsesOf(other: Mocks): void {
    for (const [key, entry] of this.#entries) entry.used ||= other.#entries.get(key)?.used === true;
  }

  unused(): (UnusedMock & { shared: boolean })[] {
    return [...this.#entries.values()]
      .filter(({ used }) => !used)
      .map(({ functionId, stepId, shared }) => ({ functionId, stepId, shared }));
  }
}

const keyOf = (functionId: string, stepId: string): string => JSON.stringify([functionId, stepId]);

function bodyOf(mock: Mock): (call: MockCall) => unknown {
  if (isBody(mock)) return mock;
  if (!(mock instanceof Error)) return () => mock;
  return () => {
    throw mock;
  };
}

/** `object` takes functions in, so `typeof` alone does not narrow to the one signature. */
function isBody(mock: Mock): mock is (call: MockCall) => unknown {
  return typeof mock === "function";
}
