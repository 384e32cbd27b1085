/**
 * Owns: the middleware of one pass or one send: their instances, in which order their hooks are called, and what a hook that
 * throws leads to.
 * Must not: know how a function or a step is run.
 * C1 The first is the outermost: nearest to the platform. What goes in meets it first, what goes out meets it last.
 * C2 Watching hooks never throw from here.
 */
import { outgoingEvents, type EventPayload } from "../events.js";
import type { FunctionContext } from "../function.js";
import type { Logger } from "../logger.js";
import type { Json, OutgoingEvent } from "../protocol.js";
import type { Middleware, MiddlewareClass, RunInfo, StepHook, StepInputHook, StoredHook } from "./middleware.js";

/** The hooks that only watch. */
type WatchingHook = "onRunStart" | "onRunComplete" | "onRunError" | "onStepStart" | "onStepComplete" | "onStepError";

export class Chain {
  readonly #links: readonly Middleware[];
  readonly #inward: readonly Middleware[];

  constructor(classes: readonly MiddlewareClass[]) {
    this.#links = classes.map((Class) => new Class());
    this.#inward = [...this.#links].reverse();
  }

  get isEmpty(): boolean {
    return this.#links.length === 0;
  }

  /** Whether what is kept differs from what the function sees. */
  get hasStoredForm(): boolean {
    return this.#links.some((link) => link.toHistory !== undefined || link.fromHistory !== undefined);
  }

  /** The context with what the middleware adds, outermost first: each sees what those around it have added. */
  async extend(run: RunInfo, context: FunctionContext): Promise<FunctionContext> {
    let extended = context;
    for (const link of this.#links) {
      const added = await link.transformFunctionInput?.({ run, ctx: extended });
      if (added) extended = withMembers(extended, added);
    }
    return extended;
  }

  /** Calls the handler through all that stand around it. */
  callFunction(run: RunInfo, ctx: FunctionContext, handler: () => Promise<unknown>): Promise<unknown> {
    return this.#inward.reduce<() => Promise<unknown>>(
      (next, link) => (link.wrapFunctionHandler ? async () => link.wrapFunctionHandler?.({ run, ctx, next }) : next),
      handler,
    )();
  }

  /** Runs a body through all that stand around it. */
  callBody(about: StepHook, body: () => Promise<unknown>): Promise<unknown> {
    return this.#inward.reduce<() => Promise<unknown>>(
      (next, link) => (link.wrapStepHandler ? async () => link.wrapStepHandler?.({ ...about, next }) : next),
      body,
    )();
  }

  async stepInput(hook: StepInputHook): Promise<readonly unknown[]> {
    let { input } = hook;
    for (const link of this.#links) input = (await link.transformStepInput?.({ ...hook, input })) ?? input;
    return input;
  }

  /** Checked again: what a hook returns goes over the wire. */
  async events(run: RunInfo | null, events: readonly OutgoingEvent[]): Promise<readonly OutgoingEvent[]> {
    let outgoing = events;
    for (const link of this.#inward) {
      if (!link.transformSendEvent) continue;
      const returned = await link.transformSendEvent({ run, events: outgoing });
      outgoing = await outgoingEvents(returned.map(payloadOf));
    }
    return outgoing;
  }

  toHistory({ of, name, value }: StoredHook): unknown {
    return this.#inward.reduce(
      (kept, link) => (link.toHistory ? link.toHistory({ of, name, value: kept }) : kept),
      value,
    );
  }

  fromHistory({ of, name, value }: StoredHook): unknown {
    return this.#links.reduce(
      (seen, link) => (link.fromHistory ? link.fromHistory({ of, name, value: seen }) : seen),
      value,
    );
  }

  /** Tells those that watch, one after the other. What they throw is logged. */
  async watch<Hook extends WatchingHook>(
    name: Hook,
    hook: Parameters<NonNullable<Middleware[Hook]>>[0],
    logger: Logger,
  ): Promise<void> {
    for (const link of this.#links) {
      // The compiler does not see that a member and its argument are of one hook.
      const watcher = link[name] as ((hook: unknown) => unknown) | undefined;
      if (!watcher) continue;
      try {
        await watcher.call(link, hook);
      } catch (error) {
        logger.warn(`Middleware "${link.id}" threw in ${name}, which changes nothing`, error);
      }
    }
  }
}

/** Events as a client sends them: checked, and through its middleware. */
export async function clientEvents(
  middleware: readonly MiddlewareClass[] | undefined,
  payloads: EventPayload | readonly EventPayload[],
): Promise<readonly OutgoingEvent[]> {
  const outgoing = await outgoingEvents(payloads);
  if (middleware === undefined || middleware.length === 0 || outgoing.length === 0) return outgoing;
  return new Chain(middleware).events(null, outgoing);
}

/** The data of a signal as a client sends it. */
export function clientSignal(middleware: readonly MiddlewareClass[], signal: string, data: Json): unknown {
  return new Chain(middleware).toHistory({ of: "signal", name: signal, value: data });
}

function payloadOf({ data, ...event }: OutgoingEvent): EventPayload {
  return data === undefined ? event : { ...event, data };
}

/** A copy with further members. Getters stay getters: a spread would read them once and for all. */
export function withMembers(context: FunctionContext, added: object): FunctionContext {
  const members = { ...Object.getOwnPropertyDescriptors(context), ...Object.getOwnPropertyDescriptors(added) };
  // The members of a context, with some more or others in their place.
  return Object.defineProperties({}, members) as FunctionContext;
}
