/**
 * Owns: knowing, anywhere below a handler in the async call tree, which function runs there: the global `step` and
 * `getContext`.
 * Must not: ask for a step by itself.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { FunctionContext } from "../function.js";
import type { StepTools } from "../steps.js";
import { defineError } from "../error-catalogue.js";

export const stepOutsideRun = defineError<{ tool: string }>({
  code: "STEP_OUTSIDE_RUN",
  status: 400,
  retryable: false,
  message: ({ tool }) => `Cannot use "step.${tool}": no function is running here; expected a call below a handler`,
  remedy:
    "Call it from a handler, or from code a handler calls. Elsewhere, send an event that starts a function (perdure.send).",
});

/** By key in the global scope: the code that is run and the host that runs it may hold copies of this package of their own. */
const STORE_KEY = Symbol.for("perdure.currentRun");
type Store = AsyncLocalStorage<FunctionContext>;

function sharedStore(): Store {
  const known: unknown = Reflect.get(globalThis, STORE_KEY);
  // Put there by the line below, in this copy of the package or in another.
  if (known instanceof AsyncLocalStorage) return known as Store;
  const made: Store = new AsyncLocalStorage();
  Reflect.set(globalThis, STORE_KEY, made);
  return made;
}

const store = sharedStore();

/** Runs a function's code, or a body's, as a part of that run. */
export function runningIn<T>(context: FunctionContext, work: () => T): T {
  return store.run(context, work);
}

/**
 * The context of the function that is running here: what its handler was given, `runId`, `logger`, `signal` and what
 * middleware has added. Undefined outside of runs, so that code used in both places can tell.
 *
 * @example
 * const log = getContext()?.logger ?? console;
 */
export function getContext(): FunctionContext | undefined {
  return store.getStore();
}

/** Members of `step` that are read instead of called. */
const VALUES: readonly string[] = ["signal", "idempotencyKey"];

/**
 * The `step` of the function that is running, for code below a handler that is not handed one. It may be taken apart at
 * load (`const { run } = step`); outside of a run, calling one of its tools throws STEP_OUTSIDE_RUN.
 *
 * @example
 * import { step } from "perdure";
 *
 * export function notify(userId: string, text: string) {
 *   return step.run(`notify-${userId}`, () => mailer.send(userId, text));
 * }
 */
// The tools are those of whatever run is current when one of them is called.
export const step: StepTools = new Proxy({} as StepTools, {
  get: (_, name): unknown => {
    // What the language and its tools ask of any object: `await step`, printing it.
    if (typeof name === "symbol" || name === "then" || name === "toJSON") return undefined;
    if (VALUES.includes(name)) return Reflect.get(currentSteps(name), name);
    return (...args: unknown[]): unknown => {
      const steps = currentSteps(name);
      const tool: unknown = Reflect.get(steps, name);
      if (typeof tool !== "function") throw new TypeError(`step.${name} is not a function`);
      return Reflect.apply(tool, steps, args);
    };
  },
});

function currentSteps(tool: string): StepTools {
  const context = store.getStore();
  if (!context) throw stepOutsideRun({ tool });
  return context.step;
}
