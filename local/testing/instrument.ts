/**
 * Owns: a function as a test runs it: its own handler, given a `step` that puts mocks in place of bodies and tells an
 * observer what the code asks for and is shown.
 * Must not: change what a step does: it is asked for, retried and recorded by the very host that runs it when deployed.
 */
import type { FunctionContext, PerdureFunction } from "../../sdk/function.js";
import { runningIn } from "../../sdk/host/current-run.js";
import { bodyContext } from "../../sdk/host/step-context.js";
import type { Logger } from "../../sdk/logger.js";
import { sendingTo, type Sink } from "./client-sends.js";
import { testMockNotABody } from "./errors.js";
import type { Mocks } from "./mocks.js";
import type { PassTrace } from "./pass-trace.js";

export interface Instruments {
  mocks: Mocks;
  /** Where what the client sends goes from inside the functions. */
  sink: Sink;
  /** Opens the record of one pass. */
  observe?: (functionId: string, runId: string) => PassTrace;
  /** In place of the client's. */
  logger?: Logger;
}

/** The function with the same configuration, under instruments. */
export function instrument(original: PerdureFunction<never>, instruments: Instruments): PerdureFunction<never> {
  return {
    ...original,
    failure: original.failure && instrument(original.failure, instruments),
    handler: (context) => {
      const trace = instruments.observe?.(original.id, context.runId);
      const observed = observedContext(original.id, context, instruments, trace);
      const run = async (): Promise<unknown> => {
        // Also where code below the handler asks for the current run: the global `step` is under instruments.
        const call = (): unknown => runningIn<unknown>(observed, () => original.handler(observed));
        const output = await sendingTo(instruments.sink, call);
        trace?.returned();
        return output;
      };
      return run();
    },
  };
}

/** A proxy, so that getters (`attempt`) stay what they are, and copies made by spreading are instrumented as well. */
function observedContext(
  functionId: string,
  context: FunctionContext<never>,
  instruments: Instruments,
  trace: PassTrace | undefined,
): FunctionContext<never> {
  const tools = new ObservedTools(functionId, context, instruments, trace);
  const step = new Proxy(context.step, {
    get: (target, name) => {
      const tool: unknown = Reflect.get(target, name);
      if (typeof name !== "string" || typeof tool !== "function") return tool;
      return (...args: unknown[]) => tools.call(name, (replaced) => Reflect.apply(tool, target, replaced), args);
    },
  });
  return new Proxy(context, {
    get: (target, name) => {
      if (name === "step") return step;
      if (name === "logger" && instruments.logger) return instruments.logger;
      return Reflect.get(target, name);
    },
  });
}

type Tool = (args: unknown[]) => unknown;

class ObservedTools {
  readonly #functionId: string;
  readonly #context: FunctionContext<never>;
  readonly #mocks: Mocks;
  readonly #sink: Sink;
  readonly #trace: PassTrace | undefined;
  readonly #occurrences = new Map<string, number>();

  constructor(
    functionId: string,
    context: FunctionContext<never>,
    { mocks, sink }: Instruments,
    trace: PassTrace | undefined,
  ) {
    this.#functionId = functionId;
    this.#context = context;
    this.#mocks = mocks;
    this.#sink = sink;
    this.#trace = trace;
  }

  /** One call of a step tool. Misuse, which the host refuses, is left to it. */
  call(tool: string, original: Tool, args: unknown[]): unknown {
    const id = idOf(args[0]);
    if (id === null || bodyContext.getStore() !== undefined) return original(args);
    const index = this.#occurrences.get(id) ?? 0;
    this.#occurrences.set(id, index + 1);
    const mock = this.#mocks.find(this.#functionId, id);
    if (mock && tool !== "run") {
      const refused = Promise.reject(testMockNotABody({ functionId: this.#functionId, stepId: id, tool }));
      // As with the host's own refusals: one that nobody awaits must not end the process.
      refused.catch(() => undefined);
      return refused;
    }
    const [stepId, body, ...input] = args;
    this.#trace?.asked({ tool, id, index, input: inputOf(tool, args) });
    const replaced = tool === "run" ? [stepId, this.#body(id, index, body, mock), ...input] : args;
    const promise = original(replaced);
    if (this.#trace && promise instanceof Promise) this.#noteShown(this.#trace, id, index, promise);
    return promise;
  }

  #body(id: string, index: number, body: unknown, mock: ReturnType<Mocks["find"]>): unknown {
    if (typeof body !== "function") return body;
    const run = (input: unknown[]): unknown => {
      if (!mock) return Reflect.apply(body, undefined, input);
      const { runId, event } = this.#context;
      return mock({ attempt: bodyContext.getStore()?.attempt ?? 0, index, input, runId, event });
    };
    // The host starts bodies from its own loop, outside the handler's async context.
    return (...input: unknown[]): unknown => {
      this.#trace?.bodyBegan(id, index);
      return sendingTo(this.#sink, () => run(input));
    };
  }

  /** The first to hear of the result; the caller's own promise is untouched. */
  #noteShown(trace: PassTrace, id: string, index: number, promise: Promise<unknown>): void {
    promise.then(
      (value) => trace.shown(id, index, value),
      (error: unknown) => trace.shown(id, index, error instanceof Error ? `${error.name}: ${error.message}` : error),
    );
  }
}

/** The id as the host reads it; null for what the host refuses. */
function idOf(stepId: unknown): string | null {
  const id: unknown = typeof stepId === "object" && stepId !== null ? Reflect.get(stepId, "id") : stepId;
  return typeof id === "string" ? id : null;
}

/** What the code hands over beside the id. The end of a wait counts from when it is asked for, so it may differ. */
function inputOf(tool: string, args: readonly unknown[]): unknown {
  if (tool === "run") return args.slice(2);
  return tool === "sendEvent" ? args[1] : null;
}
