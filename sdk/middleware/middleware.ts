/**
 * Owns: what a middleware is: a class whose hooks stand around functions, step bodies, events and what is kept of a run;
 * and the type of what it adds to a handler's context.
 * Must not: call a hook; chain.ts and hooked-steps.ts do.
 * M1 `toHistory` and `fromHistory` are synchronous: results are shown in the order of the log, each once the code has come
 *    to rest, and a hook that waited in between would change that order from one replay to the next.
 */
import type { FunctionContext } from "../function.js";
import type { Logger } from "../logger.js";
import type { OutgoingEvent, StepKind } from "../protocol.js";

// By key, not by class: a project may hold two copies of this package.
const middlewareBrand = Symbol.for("perdure.Middleware");

/** The run a hook is called for. */
export interface RunInfo {
  readonly functionId: string;
  readonly runId: string;
  /** Of the function itself, 0 for the first. */
  readonly attempt: number;
  /** How many attempts the function has. */
  readonly maxAttempts: number;
  /** As the handler's: silent while what is already done is gone through again. */
  readonly logger: Logger;
}

/** The step a hook is called for. */
export interface StepInfo {
  readonly id: string;
  readonly kind: StepKind;
  /** Of this step's body, 0 for the first. */
  readonly attempt: number;
  /** How many attempts this step has. */
  readonly maxAttempts: number;
}

/**
 * What is kept. `step`: what a step's body returned. `output`: what the function returned. `error`: what a body or the
 * function threw, as JSON `{ name, message, stack?, code?, cause? }`. `invoke`: the data a function is invoked with.
 * `signal`: the data of a signal. `event`: the data of an event the function is given, only on its way out.
 */
export type StoredKind = "step" | "output" | "error" | "invoke" | "signal" | "event";

/** A value on its way into the history or out of it. */
export interface StoredHook {
  readonly of: StoredKind;
  /** The step's id, the name of an event or a signal; null for the function itself. */
  readonly name: string | null;
  readonly value: unknown;
}

export interface FunctionInputHook {
  readonly run: RunInfo;
  readonly ctx: FunctionContext;
}

export interface FunctionHandlerHook extends FunctionInputHook {
  /** Calls what is inside. In a turn in which the function has to wait it never settles, and `finally` never runs. */
  next(): Promise<unknown>;
}

export interface StepHook {
  readonly run: RunInfo;
  readonly step: StepInfo;
}

export interface StepInputHook extends StepHook {
  /** What `step.run` hands to its body beside the id. */
  readonly input: readonly unknown[];
}

export interface StepHandlerHook extends StepHook {
  /** Runs the body, or sends the events. */
  next(): Promise<unknown>;
}

export interface SendEventHook {
  /** Null outside of functions, for `perdure.send`. */
  readonly run: RunInfo | null;
  readonly events: readonly OutgoingEvent[];
}

export interface RunStartHook {
  readonly run: RunInfo;
}

export interface RunCompleteHook extends RunStartHook {
  readonly output: unknown;
}

export interface RunErrorHook extends RunStartHook {
  readonly error: unknown;
  /** The run fails with it. */
  readonly isFinalAttempt: boolean;
}

export interface StepCompleteHook extends StepHook {
  readonly output: unknown;
}

export interface StepErrorHook extends StepHook {
  readonly error: unknown;
  /** The step fails with it. */
  readonly isFinalAttempt: boolean;
}

/**
 * Extend it and give the class, not an instance, as `middleware` to the client or a function: each pass over a function,
 * and each `perdure.send`, has instances of its own, so that `this` is a place for what belongs together. The client's
 * stand outside the function's, the first of a list outside the next.
 *
 * Every hook may be left out. Those that transform or wrap are a part of what they stand around: one that throws, throws
 * in its place, and is retried like it. `fromHistory` is the exception: a run whose history cannot be read rests: it
 * is looked at again later and loses nothing. The `on…` hooks watch: one that throws is logged and changes nothing.
 *
 * @example
 * class Timing extends Middleware {
 *   readonly id = "timing";
 *   override async wrapStepHandler({ step, next }: StepHandlerHook): Promise<unknown> {
 *     return metrics.time(step.id, next);
 *   }
 * }
 */
export abstract class Middleware {
  static readonly [middlewareBrand] = true;
  /** For showing, where something goes wrong. */
  abstract readonly id: string;

  /** In every pass, before the handler. What it returns is added to the handler's context, or put in place of what is there. */
  transformFunctionInput?(hook: FunctionInputHook): object | void | Promise<object | void>;

  /** In every pass, around the handler. What it returns is the function's result. */
  wrapFunctionHandler?(hook: FunctionHandlerHook): Promise<unknown>;

  /** Before a body is run: what it is handed instead of `input`. */
  transformStepInput?(hook: StepInputHook): readonly unknown[] | Promise<readonly unknown[]>;

  /** Around each attempt of a body. What it returns is the step's result. A result that is remembered runs no body. */
  wrapStepHandler?(hook: StepHandlerHook): Promise<unknown>;

  /** Events on their way out, by `step.sendEvent` and `perdure.send`, after the check against their schemas. */
  transformSendEvent?(hook: SendEventHook): readonly OutgoingEvent[] | Promise<readonly OutgoingEvent[]>;

  /** What is kept in place of a value. Called once, when there is one. Synchronous. */
  toHistory?(hook: StoredHook): unknown;

  /** What the function sees of what was kept; the opposite of `toHistory`. Called in every pass. Synchronous. */
  fromHistory?(hook: StoredHook): unknown;

  /** A run's first pass begins. Again when its worker dies before anything was written down. */
  onRunStart?(hook: RunStartHook): void | Promise<void>;

  /** The function has returned. Again when its worker dies before that is written down. */
  onRunComplete?(hook: RunCompleteHook): void | Promise<void>;

  /** The function has thrown. */
  onRunError?(hook: RunErrorHook): void | Promise<void>;

  /** An attempt of a body begins. */
  onStepStart?(hook: StepHook): void | Promise<void>;

  /** A body has returned. */
  onStepComplete?(hook: StepCompleteHook): void | Promise<void>;

  /** A body has thrown. Not told of an attempt that ends with its worker, or whose time is up while it still runs. */
  onStepError?(hook: StepErrorHook): void | Promise<void>;
}

/** A class that extends `Middleware` and is made without arguments. */
export type MiddlewareClass = new () => Middleware;

export function isMiddlewareClass(value: unknown): value is MiddlewareClass {
  return typeof value === "function" && Reflect.get(value, middlewareBrand) === true;
}

/** What is wrong with a `middleware` option, in the two halves a message has, or null. */
export function middlewareFault(middleware: unknown): { is: string; expected: string } | null {
  if (middleware === undefined) return null;
  if (Array.isArray(middleware) && middleware.every(isMiddlewareClass)) return null;
  return { is: "its middleware is not a list of middleware classes", expected: "classes that extend Middleware" };
}

// ---- What a handler's context gets ----

/** What one class adds: what its `transformFunctionInput` returns. */
type AddedByOne<Class> = Class extends new () => { transformFunctionInput(...hook: never): infer Returned }
  ? Added<Exclude<Awaited<Returned>, void | undefined>>
  : Record<never, never>;

/** A hook that returns nothing adds nothing; `object` says nothing of what it adds. */
type Added<Returned> = [Returned] extends [never]
  ? Record<never, never>
  : [object] extends [Returned]
    ? Record<never, never>
    : Returned;

/** `Later` in place of what both have. Members in unions stay as they are: nothing is mapped unless it must be. */
export type Merged<Earlier, Later> = [keyof Earlier & keyof Later] extends [never]
  ? Earlier & Later
  : Omit<Earlier, keyof Later> & Later;

/** What a list of middleware adds to a handler's context. A tuple counts in its order; in a list, all classes at once. */
export type AddedBy<List extends readonly unknown[]> = number extends List["length"]
  ? AddedByAll<List[number]>
  : List extends readonly [infer First, ...infer Rest]
    ? Merged<AddedByOne<First>, AddedBy<Rest>>
    : Record<never, never>;

// One parameter for each class: where a type is inferred from all of them, the compiler intersects. The box keeps a union
// that one class adds from being taken apart.
type AddedByAll<Class> = (Class extends unknown ? (boxed: { added: AddedByOne<Class> }) => void : never) extends (
  boxed: infer Boxed extends { added: unknown },
) => void
  ? Boxed["added"]
  : Record<never, never>;
