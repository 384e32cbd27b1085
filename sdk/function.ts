/**
 * Owns: what a function is: its checked configuration, its handler, and what the handler is given.
 * Must not: run a handler; `sdk/host` does.
 */
import { readBackoff, type Backoff } from "./backoff.js";
import { readCancelOn, type CancelOn } from "./cancel-on.js";
import { readConcurrency, type ConcurrencyOption } from "./concurrency.js";
import { shown } from "./error-catalogue.js";
import { functionInvalid, reviveError } from "./errors.js";
import type { EventMap, EventType, ReceivedEvent } from "./events.js";
import type { Logger } from "./logger.js";
import type { FunctionConfig } from "./protocol.js";
import { FAILED_EVENT, type FunctionFailedEvent } from "./system-events.js";
import type { GroupTools, StepTools } from "./steps.js";
import { middlewareFault, type Merged, type MiddlewareClass } from "./middleware/middleware.js";
import { readTimeouts, type Timeouts } from "./timeouts.js";
import { eventTypesOf, triggerConfigs, triggerList, type Trigger, type Triggers } from "./triggers.js";

/** The part of a client that its functions and their host know. Every `Perdure<Events>` fits. */
export interface FunctionClient {
  readonly id: string;
  readonly logger: Logger;
  /** Stands around that of each function. */
  readonly middleware?: readonly MiddlewareClass[];
}

export interface FunctionOptions<T> {
  /**
   * Names the function for ever: its runs are kept under it. Lowercase letters, digits and hyphens, at most 80.
   */
  id: string;
  /** For showing. The id when absent. */
  name?: string | undefined;
  /** What starts a run: one trigger or up to ten. Without any (left out, or `[]`), it runs when another function invokes it. */
  triggers: T;
  /** Attempts after the first, for each step and for the function itself: 0 to 20, 4 when absent. */
  retries?: number | undefined;
  /**
   * Where steps that are started together run: side by side in one Lambda ("in-turn", as when absent), or each in a Lambda
   * of its own ("distributed"). A step can say otherwise for itself: `step.run({ id, distributed: true }, …)`.
   */
  parallel?: "in-turn" | "distributed" | undefined;
  /** How long a failed attempt, of a step or of the function itself, waits for the next one. */
  backoff?: Backoff | undefined;
  /**
   * A CEL expression over `event`: for each of its values, the function runs once in 24 hours. An event for which it is null,
   * or fails, starts a run in any case. Lists and maps count as JSON, `1` and `"1"` as the same.
   *
   * @example
   * idempotency: "event.data.cartId"
   */
  idempotency?: string | undefined;
  /**
   * Events that cancel a run, at most five: the first one that fits, received after the event that started the run, whether
   * the run is queued, works or waits. Kept as they were when the run was created.
   *
   * @example
   * cancelOn: [{ event: "app/order.cancelled", match: "data.orderId" }]
   */
  cancelOn?: readonly CancelOn[] | undefined;
  /**
   * After which a run is cancelled: not begun within `start` of its event, not ended within `finish` of its beginning.
   *
   * @example
   * timeouts: { start: "10m", finish: "2h" }
   */
  timeouts?: Timeouts | undefined;
  /**
   * How many may execute at the same time: a number, or one or two limits of which both must have a place. What counts is
   * work: a run that sleeps, waits, or rests between two attempts takes no place. The `onFailure` handler is not limited.
   *
   * @example
   * concurrency: [{ limit: 50 }, { limit: 2, key: "event.data.customerId" }]
   */
  concurrency?: ConcurrencyOption | undefined;
  /** Classes whose hooks stand around this function, inside those of the client. The first is the outermost. */
  middleware?: readonly MiddlewareClass[] | undefined;
}

/** What is done when a run has failed for good. */
export interface FailureOption<Event, Events extends EventMap<Events>, Added = Record<never, never>> {
  /**
   * Called once for each run that has failed, not for one that was cancelled: a durable function of its own (`<id>-failure`,
   * with the same retries), with steps of its own. `error` is what the run failed with, `event.data.event` what had started it.
   *
   * @example
   * onFailure: async ({ event, error, step }) => {
   *   await step.run("tell", () => pager.call(`${event.data.runId} failed: ${error.message}`));
   * },
   */
  onFailure?: FailureHandler<Event, Events, Added> | undefined;
}

/** What a handler is given. */
export interface FunctionContext<Event = ReceivedEvent, Events extends EventMap<Events> = Record<never, never>> {
  /** The event that started the run. */
  event: Event;
  /** All events that started the run, `event` first. */
  events: readonly Event[];
  runId: string;
  /** Of the function itself, 0 for the first. It grows when code outside a step throws. */
  attempt: number;
  /** How many attempts there are: `retries` and one; inside a step's body, those of the step. */
  maxAttempts: number;
  step: StepTools<Events>;
  /** Races between steps. */
  group: GroupTools;
  /**
   * The trace the run belongs to, as the W3C's `traceparent` header spells it; undefined when the event was sent without one.
   * Hand it to what you call: the platform makes no spans of its own.
   */
  traceparent: string | undefined;
  /** The client's logger, silent while what is already done is gone through again. */
  logger: Logger;
  /** Aborts when the run is cancelled or this turn must end. Hand it to what you call. */
  signal: AbortSignal;
}

/** What an `onFailure` handler is given: the event tells of the failed run, and holds what had started that one. */
export interface FailureContext<
  Event = ReceivedEvent,
  Events extends EventMap<Events> = Record<never, never>,
> extends FunctionContext<FunctionFailedEvent<Event>, Events> {
  /** What the run failed with, made into an Error again: its name, message, stack, code and cause. */
  error: Error;
}

/** A method's type, so that a handler of narrower events fits where any is asked for. `Added`: by middleware. */
export type FailureHandler<
  Event = ReceivedEvent,
  Events extends EventMap<Events> = Record<never, never>,
  Added = Record<never, never>,
> = {
  bivariance(context: Merged<FailureContext<Event, Events>, Added>): unknown;
}["bivariance"];

const functionBrand = Symbol.for("perdure.PerdureFunction");

/** A durable function, as made by `perdure.createFunction`. */
export interface PerdureFunction<Event = ReceivedEvent, Output = unknown> {
  readonly [functionBrand]: true;
  readonly client: FunctionClient;
  readonly id: string;
  readonly config: FunctionConfig;
  /** As written. `validateEvent` reads the schemas in them. */
  readonly triggers: readonly Trigger[];
  readonly eventTypes: readonly EventType[];
  /** The client's, then the function's own. */
  readonly middleware: readonly MiddlewareClass[];
  /** The function that its `onFailure` handler is; null without one. */
  readonly failure: PerdureFunction | null;
  /** A method, so that a function of narrower events fits where any function is asked for. */
  handler(context: FunctionContext<Event>): Output | Promise<Output>;
}

export function isPerdureFunction(value: unknown): value is PerdureFunction {
  return typeof value === "object" && value !== null && Reflect.get(value, functionBrand) === true;
}

/** Lowercase letters, digits and hyphens, hyphens inside only: an id becomes part of keys, names of queues and URLs. */
const ID_PATTERN = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
export const ID_RULE = "lowercase letters, digits and hyphens, such as";

export function isId(id: unknown, maxCharacters: number): id is string {
  return typeof id === "string" && id.length <= maxCharacters && ID_PATTERN.test(id);
}

const MAX_FUNCTION_ID_CHARACTERS = 80;
const MAX_NAME_CHARACTERS = 255;
export const MAX_RETRIES = 20;
const DEFAULT_RETRIES = 4;
const OPTION_NAMES: readonly string[] = [
  "id",
  "name",
  "triggers",
  "retries",
  "parallel",
  "backoff",
  "idempotency",
  "cancelOn",
  "timeouts",
  "concurrency",
  "onFailure",
  "middleware",
];

/** What was written, not yet checked. `triggers` may come from the options or from an argument of their own. */
interface FunctionParts {
  client: FunctionClient;
  options: Omit<FunctionOptions<Triggers>, "triggers"> & { onFailure?: FailureHandler<never, never> | undefined };
  triggers: Triggers | undefined;
  handler: (context: never) => unknown;
}

/** A function from its parts. Throws FUNCTION_INVALID or FUNCTION_TRIGGER_INVALID. */
export function defineFunction({ client, options, triggers: written, handler }: FunctionParts): PerdureFunction {
  requireOptions(options);
  const { id, name = id, retries = DEFAULT_RETRIES } = options;
  if (typeof handler !== "function") {
    throw functionInvalid({ id, is: "its handler is not a function", expected: "createFunction(options, handler)" });
  }
  const triggers = triggerList(written === undefined ? [] : written);
  return Object.freeze({
    [functionBrand]: true as const,
    client,
    id,
    config: { id, name, triggers: triggerConfigs(id, triggers), retries, ...attemptConfig(options) },
    triggers,
    eventTypes: eventTypesOf(triggers),
    middleware: [...(client.middleware ?? []), ...(options.middleware ?? [])],
    failure: options.onFailure === undefined ? null : failureFunction(client, options, options.onFailure),
    handler,
  });
}

const FAILURE_SUFFIX = "-failure";

/**
 * A handler of failures is a durable function of its own, started by the event that tells of one. That event is made once for
 * each failed run, and none is made for a run that such an event has started: a handler that fails does not start itself.
 */
function failureFunction(
  client: FunctionClient,
  { id, name = id, retries, backoff, middleware }: FunctionParts["options"],
  onFailure: FailureHandler<never, never>,
): PerdureFunction {
  if (typeof onFailure !== "function") {
    throw functionInvalid({
      id,
      is: "its onFailure is not a function",
      expected: "onFailure: ({ event, error }) => …",
    });
  }
  if (id.length > MAX_FUNCTION_ID_CHARACTERS - FAILURE_SUFFIX.length) {
    const expected = `at most ${MAX_FUNCTION_ID_CHARACTERS - FAILURE_SUFFIX.length} characters beside onFailure`;
    throw functionInvalid({ id, is: `its id has ${id.length} characters`, expected });
  }
  const condition = `event.data.appId == '${client.id}' && event.data.functionId == '${id}'`;
  return defineFunction({
    client,
    options: { id: `${id}${FAILURE_SUFFIX}`, name: `${name} (failure)`, retries, backoff, middleware },
    triggers: { event: FAILED_EVENT, if: condition },
    handler: (context: FunctionContext<FunctionFailedEvent>) => {
      const error = { value: reviveError(context.event.data.error), enumerable: true };
      // Getters, since some members (`attempt`) tell what is now.
      const own = Reflect.ownKeys(context).map(
        (key) => [key, { get: (): unknown => Reflect.get(context, key), enumerable: true }] as const,
      );
      return Reflect.apply(onFailure, undefined, [Object.defineProperties({}, { ...Object.fromEntries(own), error })]);
    },
  });
}

function requireOptions(options: FunctionParts["options"]): void {
  if (typeof options !== "object" || options === null) {
    throw functionInvalid({ id: options, is: "its options are not an object", expected: "{ id, triggers }" });
  }
  const { id, name, retries } = options;
  if (!isId(id, MAX_FUNCTION_ID_CHARACTERS)) {
    const expected = `at most ${MAX_FUNCTION_ID_CHARACTERS} ${ID_RULE} "process-document"`;
    throw functionInvalid({ id, is: "its id is not usable", expected });
  }
  const unknownOption = Object.keys(options).find((option) => !OPTION_NAMES.includes(option));
  if (unknownOption !== undefined) {
    throw functionInvalid({ id, is: `there is no option "${unknownOption}"`, expected: OPTION_NAMES.join(", ") });
  }
  if (name !== undefined && (typeof name !== "string" || name === "" || name.length > MAX_NAME_CHARACTERS)) {
    throw functionInvalid({ id, is: "its name is not usable", expected: `1 to ${MAX_NAME_CHARACTERS} characters` });
  }
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0 && retries <= MAX_RETRIES)) {
    const expected = `a whole number from 0 to ${MAX_RETRIES}`;
    throw functionInvalid({ id, is: `its retries are ${shown(retries)}`, expected });
  }
  const fault = middlewareFault(options.middleware);
  if (fault) throw functionInvalid({ id, ...fault });
}

type KeptConfig = Omit<FunctionConfig, "id" | "name" | "triggers" | "retries">;

/** Options that are kept only where something is said. */
function attemptConfig(options: FunctionParts["options"]): KeptConfig {
  const { id, backoff, idempotency, parallel, cancelOn, timeouts, concurrency } = options;
  const config: KeptConfig = {};
  if (parallel !== undefined) {
    if (parallel !== "in-turn" && parallel !== "distributed") {
      throw functionInvalid({ id, is: `its parallel is ${shown(parallel)}`, expected: '"in-turn" or "distributed"' });
    }
    config.parallel = parallel;
  }
  if (backoff !== undefined) {
    const read = readBackoff(backoff);
    if ("is" in read) throw functionInvalid({ id, ...read });
    config.backoff = read;
  }
  if (idempotency !== undefined) {
    if (typeof idempotency !== "string" || idempotency.trim() === "") {
      const expected = 'a CEL expression such as "event.data.cartId"';
      throw functionInvalid({ id, is: "its idempotency is not text", expected });
    }
    config.idempotency = idempotency;
  }
  if (cancelOn !== undefined) {
    const read = readCancelOn(cancelOn);
    if ("is" in read) throw functionInvalid({ id, ...read });
    config.cancelOn = read;
  }
  if (timeouts !== undefined) {
    const read = readTimeouts(timeouts);
    if ("is" in read) throw functionInvalid({ id, ...read });
    config.timeouts = read;
  }
  if (concurrency !== undefined) {
    const read = readConcurrency(concurrency);
    if ("is" in read) throw functionInvalid({ id, ...read });
    config.concurrency = read;
  }
  return config;
}
