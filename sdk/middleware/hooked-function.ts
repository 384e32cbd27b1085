/**
 * Owns: a function in one pass with its middleware around it: what it is given, what it returns or throws, and who is told.
 * Must not: decide what a failure leads to; the pass does.
 */
import { reviveStepError } from "../errors.js";
import type { ReceivedEvent } from "../events.js";
import type { FunctionContext, PerdureFunction } from "../function.js";
import { functionTimedOut } from "../host/errors.js";
import { runningIn } from "../host/current-run.js";
import type { PassOutcome, PassPort } from "../protocol.js";
import { validateEvent } from "../triggers.js";
import { Chain, withMembers } from "./chain.js";
import { hookPort, hookSteps, type HookedSteps } from "./hooked-steps.js";
import type { RunInfo } from "./middleware.js";
import { storedError } from "./thrown.js";

/** As much of a pass as is needed here. */
interface RunningPass {
  readonly input: { readonly history: readonly unknown[] };
  unreadable(name: string, error: unknown): void;
}

export class HookedFunction {
  readonly #function: PerdureFunction;
  #chain: Chain | null = null;
  #steps: HookedSteps | null = null;
  #output: unknown;
  #thrown: { error: unknown } | null = null;

  constructor(perdureFunction: PerdureFunction) {
    this.#function = perdureFunction;
  }

  /** The port the pass is given: what steps send goes through the middleware. */
  port(port: PassPort): PassPort {
    if (this.#function.middleware.length === 0) return port;
    return hookPort(port, () => this.#hookedSteps());
  }

  #hookedSteps(): HookedSteps {
    if (!this.#steps) throw new TypeError(`Cannot run a step of function "${this.#function.id}" before it has begun`);
    return this.#steps;
  }

  /** Runs the handler. Never settles when the history cannot be read: the pass has been told. */
  async start(pass: RunningPass, bare: FunctionContext): Promise<unknown> {
    this.#chain = new Chain(this.#function.middleware);
    const run = runInfo(this.#function.id, bare);
    const hooked = { chain: this.#chain, run, unreadable: pass.unreadable.bind(pass) };
    this.#steps = hooked;
    let context = bare;
    try {
      context = withMembers(bare, {
        ...readEvents(hooked.chain, bare),
        step: hookSteps(bare.step, hooked, () => context),
      });
    } catch (error) {
      pass.unreadable(bare.event.name, error);
      return new Promise(() => undefined);
    }
    try {
      context = await hooked.chain.extend(run, context);
      this.#output = await this.#call(hooked, context, pass.input.history.length === 0);
      return hooked.chain.toHistory({ of: "output", name: null, value: this.#output });
    } catch (error) {
      this.#thrown = { error };
      throw storedError(hooked.chain, error, null);
    }
  }

  async #call({ chain, run }: HookedSteps, context: FunctionContext, isFirstPass: boolean): Promise<unknown> {
    const { triggers, handler } = this.#function;
    if (isFirstPass) {
      // A first pass only: what has started is not stopped by a schema that was changed since.
      for (const event of context.events) await validateEvent(triggers, event);
      await chain.watch("onRunStart", { run }, run.logger);
    }
    return chain.callFunction(run, context, () => runningIn(context, async () => handler(context)));
  }

  /** Tells those that watch what the pass came to. Waits for them as long as the turn may last. */
  async ended(outcome: PassOutcome, { clock, stopped, logger }: PassPort): Promise<void> {
    if (!this.#chain || !this.#steps || this.#chain.isEmpty) return;
    const { run } = this.#steps;
    const chain = this.#chain;
    const tell = (): Promise<void> => {
      if (outcome.kind === "finished") return chain.watch("onRunComplete", { run, output: this.#output }, logger);
      const isFinalAttempt = outcome.kind === "failed";
      return chain.watch("onRunError", { run, error: this.#errorOf(outcome), isFinalAttempt }, logger);
    };
    if (outcome.kind !== "finished" && outcome.kind !== "failed" && outcome.kind !== "retry") return;
    const hold = clock.hold();
    hold.resume();
    await Promise.race([hold.run(tell), aborted(stopped)]);
    hold.pause();
  }

  /** What the function threw, or what became of it: a result that is no JSON, code between steps that took too long. */
  #errorOf(outcome: PassOutcome): unknown {
    if (this.#thrown) return this.#thrown.error;
    return outcome.kind === "failed"
      ? reviveStepError(outcome.error, "")
      : functionTimedOut({ functionId: this.#function.id });
  }
}

function runInfo(functionId: string, context: FunctionContext): RunInfo {
  const { runId, attempt, maxAttempts, logger } = context;
  return { functionId, runId, attempt, maxAttempts, logger };
}

/** The events as the function is to see them. */
function readEvents(chain: Chain, { events }: FunctionContext): Pick<FunctionContext, "event" | "events"> | object {
  if (!chain.hasStoredForm) return {};
  const read = events.map((event): ReceivedEvent => {
    const data = chain.fromHistory({ of: "event", name: event.name, value: event.data });
    // As `event.data` itself: JSON of the shape the triggers' types describe.
    return { ...event, data: data as ReceivedEvent["data"] };
  });
  return { event: read[0], events: read };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
