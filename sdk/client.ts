/**
 * Owns: `Perdure`, the object an app is written with: it names the app, makes functions and sends events.
 * Must not: know how functions are run or served.
 */
import { realClock, realRandom } from "./clock.js";
import { clientInvalid, functionInvalid } from "./errors.js";
import type { EventMap, Sendable } from "./events.js";
import {
  defineFunction,
  type FailureOption,
  ID_RULE,
  isId,
  type FunctionClient,
  type FunctionContext,
  type FunctionOptions,
  type PerdureFunction,
} from "./function.js";
import { consoleLogger, type Logger } from "./logger.js";
import { clientEvents, clientSignal } from "./middleware/chain.js";
import { middlewareFault, type AddedBy, type Merged, type MiddlewareClass } from "./middleware/middleware.js";
import type { OutgoingEvent } from "./protocol.js";
import { postEvents, postSignal, sendTarget, type FetchLike, type SendWorld } from "./send.js";
import { signalData, type SignalSender } from "./signals.js";
import type { InvokedEvent } from "./system-events.js";
import type { EventsOf, StrictTriggers, Triggers } from "./triggers.js";

/** Any middleware, of which nothing is known. */
type AnyMiddleware = readonly MiddlewareClass[];

export interface ClientOptions<Middleware extends AnyMiddleware = AnyMiddleware> {
  /** Names the app for ever. Lowercase letters, digits and hyphens, at most 40. */
  id: string;
  /** Where log lines go. The console when absent. */
  logger?: Logger | undefined;
  /** The key events are sent with. The environment's PERDURE_EVENT_KEY when absent. */
  eventKey?: string | undefined;
  /** Where Perdure's API is, such as "https://abc.execute-api.eu-west-1.amazonaws.com". PERDURE_URL when absent. */
  baseUrl?: string | undefined;
  /** Sends the requests. The global fetch when absent. */
  fetch?: FetchLike | undefined;
  /**
   * Classes whose hooks stand around every function of this client, and around `send`. The first is the outermost. What they
   * add to a handler's context is typed; beside a list of events, name it: `new Perdure<Events, typeof middleware>(…)`.
   */
  middleware?: Middleware | undefined;
}

/** Accepts checked events, all or none, and answers with their ids. */
export type EventQueue = (events: readonly OutgoingEvent[]) => Promise<{ ids: string[] }>;

type Handler<Event, Output, Events extends EventMap<Events>, Added> = (
  context: Merged<FunctionContext<Event, Events>, Added>,
) => Output;

/** What a handler's context gets from the client's middleware and, counting before it, from the function's own. */
type AddedByBoth<Clients extends AnyMiddleware, Own extends AnyMiddleware> = Merged<AddedBy<Clients>, AddedBy<Own>>;

interface OwnMiddleware<Own> {
  middleware?: Own | undefined;
}

/** Of any events. What it is called with is the host's care: the event that started the run. */
type AnyHandler = (context: never) => unknown;

const MAX_CLIENT_ID_CHARACTERS = 40;
const OPTION_NAMES: readonly string[] = ["id", "logger", "eventKey", "baseUrl", "fetch", "middleware"];
const LOGGER_METHODS = ["debug", "info", "warn", "error"] as const;

const machine: SendWorld = {
  clock: realClock,
  random: realRandom,
  // Looked up at each call, so that a test may replace the global fetch.
  fetch: (url, request) => globalThis.fetch(url, request),
  environment: () => globalThis.process?.env ?? {},
};

/**
 * The client of one app. Its type parameter may list the app's events, so that triggers and `send` know their data;
 * `eventType` does the same for one event, with a schema that is checked as well.
 *
 * @example
 * type Events = { "api/document.uploaded": { id: string; url: string } };
 * export const perdure = new Perdure<Events>({ id: "shop" });
 */
export class Perdure<
  Events extends EventMap<Events> = Record<never, never>,
  const Middleware extends AnyMiddleware = AnyMiddleware,
> implements FunctionClient {
  readonly id: string;
  readonly logger: Logger;
  readonly middleware: Middleware | readonly [];
  readonly #options: ClientOptions<Middleware>;
  readonly #world: SendWorld;
  #queue: EventQueue | null = null;
  #signals: SignalSender | null = null;

  /** @param world The outside world `send` meets; tests give their own. */
  constructor(options: ClientOptions<Middleware>, world: SendWorld = machine) {
    requireClientOptions(options);
    this.id = options.id;
    this.logger = options.logger ?? consoleLogger;
    this.middleware = options.middleware ?? [];
    this.#options = options;
    this.#world = options.fetch === undefined ? world : { ...world, fetch: options.fetch };
  }

  /**
   * A durable function: ordinary code, cut into steps. It runs when one of its triggers does, and it completes even if
   * the machine under it does not. Also accepted, as in older code: the triggers as an argument of their own.
   *
   * @example
   * export const processDocument = perdure.createFunction(
   *   { id: "process-document", triggers: { event: "api/document.uploaded" }, retries: 3 },
   *   async ({ event, step }) => {
   *     const summary = await step.run("summarize", () => llm.summarize(event.data.url));
   *     await step.sleep("let-it-settle", "10m");
   *     return step.run("save", () => db.save(event.data.id, summary));
   *   },
   * );
   */
  createFunction<const T extends Triggers, Output, const Own extends AnyMiddleware = readonly []>(
    options: FunctionOptions<T & StrictTriggers<T>> &
      FailureOption<EventsOf<T, Events>, Events, AddedByBoth<Middleware, Own>> &
      OwnMiddleware<Own>,
    handler: Handler<EventsOf<T, Events>, Output, Events, AddedByBoth<Middleware, Own>>,
  ): PerdureFunction<EventsOf<T, Events>, Awaited<Output>>;
  createFunction<Output, const Own extends AnyMiddleware = readonly []>(
    options: Omit<FunctionOptions<Triggers>, "triggers"> & { triggers?: never } & FailureOption<
        InvokedEvent,
        Events,
        AddedByBoth<Middleware, Own>
      > &
      OwnMiddleware<Own>,
    handler: Handler<InvokedEvent, Output, Events, AddedByBoth<Middleware, Own>>,
  ): PerdureFunction<InvokedEvent, Awaited<Output>>;
  createFunction<const T extends Triggers, Output, const Own extends AnyMiddleware = readonly []>(
    options: Omit<FunctionOptions<T>, "triggers"> & { triggers?: never } & FailureOption<
        EventsOf<T, Events>,
        Events,
        AddedByBoth<Middleware, Own>
      > &
      OwnMiddleware<Own>,
    triggers: T & StrictTriggers<T>,
    handler: Handler<EventsOf<T, Events>, Output, Events, AddedByBoth<Middleware, Own>>,
  ): PerdureFunction<EventsOf<T, Events>, Awaited<Output>>;
  createFunction(
    options: Omit<FunctionOptions<Triggers>, "triggers"> & {
      triggers?: Triggers | undefined;
      onFailure?: AnyHandler | undefined;
    },
    ...rest: [AnyHandler] | [Triggers, AnyHandler]
  ): PerdureFunction {
    const [triggers, handler] = rest.length === 2 ? rest : [options?.triggers, rest[0]];
    if (rest.length === 2 && options?.triggers !== undefined) {
      const expected = "them in one place, best in the options";
      throw functionInvalid({ id: options.id, is: "its triggers are given twice", expected });
    }
    return defineFunction({ client: this, options, triggers, handler });
  }

  /**
   * Sends events and answers with the ids they were given, in their order. All or none are accepted. Transport errors are
   * retried under the same request id, so a retry never makes an event twice. Inside a function, use `step.sendEvent`.
   *
   * @example
   * const { ids } = await perdure.send({ name: "api/document.uploaded", data: { id: "d_1", url: "https://…" } });
   */
  async send<const Name extends string>(
    events: Sendable<Events, Name> | readonly Sendable<Events, Name>[],
  ): Promise<{ ids: string[] }> {
    const outgoing = await clientEvents(this.middleware, events);
    if (outgoing.length === 0) return { ids: [] };
    const environment = this.#world.environment();
    if (this.#queue && !this.#options.baseUrl && !environment.PERDURE_URL) return this.#queue(outgoing);
    return postEvents(sendTarget(this.#options, environment), outgoing, this.#world);
  }

  /**
   * Sends a signal to the run that waits for it, whichever app it belongs to, and says which run that was; undefined when none
   * waits: a signal is not kept. `data` goes through JSON, at most 256 KiB. Transport errors are retried under the same
   * request id, so a retry never ends a second wait. Inside a function, use `step.sendSignal`.
   *
   * @example
   * const { runId } = await perdure.sendSignal({ signal: `approve/${orderId}`, data: { by: "Ada" } });
   */
  async sendSignal({ signal, data }: { signal: string; data?: unknown }): Promise<{ runId?: string }> {
    const json = signalData(signal, clientSignal(this.middleware, signal, signalData(signal, data)));
    const environment = this.#world.environment();
    const direct = this.#signals && !this.#options.baseUrl && !environment.PERDURE_URL ? this.#signals : null;
    const { runId } = await (direct
      ? direct(signal, json)
      : postSignal(sendTarget(this.#options, environment), { signal, data: json }, this.#world));
    return runId === null ? {} : { runId };
  }

  /**
   * Called by the host of a worker, as `sendThrough` is.
   *
   * @internal
   */
  signalThrough(send: SignalSender): void {
    this.#signals = send;
  }

  /**
   * Called by the host of a worker, which has the events queue at hand: `send` then needs neither an address nor a key.
   * An address that is set all the same is where events go.
   *
   * @internal
   */
  sendThrough(queue: EventQueue): void {
    this.#queue = queue;
  }
}

function requireClientOptions(options: ClientOptions): void {
  if (typeof options !== "object" || options === null) {
    throw clientInvalid({ id: options, is: "its options are not an object", expected: '{ id: "my-app" }' });
  }
  const { id, logger, eventKey, baseUrl, fetch } = options;
  const refuse = (is: string, expected: string): never => {
    throw clientInvalid({ id, is, expected });
  };
  if (!isId(id, MAX_CLIENT_ID_CHARACTERS)) {
    refuse("its id is not usable", `at most ${MAX_CLIENT_ID_CHARACTERS} ${ID_RULE} "my-app"`);
  }
  const unknownOption = Object.keys(options).find((option) => !OPTION_NAMES.includes(option));
  if (unknownOption !== undefined) refuse(`there is no option "${unknownOption}"`, OPTION_NAMES.join(", "));
  const fault = middlewareFault(options.middleware);
  if (fault) refuse(fault.is, fault.expected);
  if (logger !== undefined && !LOGGER_METHODS.every((method) => typeof logger?.[method] === "function")) {
    refuse("its logger is not usable", "an object with the methods debug, info, warn and error");
  }
  if (eventKey !== undefined && typeof eventKey !== "string") refuse("its eventKey is not text", "an event key");
  if (baseUrl !== undefined && !isHttpUrl(baseUrl))
    refuse("its baseUrl is not a URL", "one such as http://localhost:8288");
  if (fetch !== undefined && typeof fetch !== "function")
    refuse("its fetch is not a function", "one like the global fetch");
}

function isHttpUrl(url: unknown): boolean {
  return typeof url === "string" && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}
