/**
 * Owns: the type of `step`, the tools a function is cut into steps with.
 * Must not: know how a step is run or remembered; `sdk/host` does.
 */
import type { Backoff } from "./backoff.js";
import type { TimeStr } from "./duration.js";
import type { EventData, EventMap, EventType, ReceivedEvent, Sendable, UntypedData } from "./events.js";
import type { PerdureFunction } from "./function.js";
import type { Jsonify } from "./jsonify.js";
import type { Json } from "./protocol.js";
import type { FunctionReference } from "./reference.js";
import type { SystemEvents } from "./system-events.js";
import type { EventOf } from "./triggers.js";

/**
 * A step's id, alone or with options. The id names the step in the history, so it must not change while runs are under
 * way; one used again in the same run gets an occurrence index. `name` is for showing.
 */
export type StepId = string | { id: string; name?: string };

/** Options of a step with a body. */
export interface StepOptions {
  id: string;
  name?: string;
  /** The body runs in a Lambda of its own, beside others started with it. Not beside `atMostOnce`. */
  distributed?: boolean;
  /** Attempts after the first, 0 to 20. The function's when absent. */
  retries?: number;
  /** How long a failed attempt waits for the next one. The function's when absent. */
  backoff?: Backoff;
  /**
   * How long one attempt may take, 1 ms to 15 minutes. One that takes longer has failed (STEP_ATTEMPT_TIMED_OUT) and its
   * `step.signal` aborts; what its body still does is not recorded.
   */
  timeout?: number | TimeStr;
  /**
   * The body begins at most once, whatever happens: for effects that are worse done twice than not at all, behind an API that
   * knows no idempotency keys. It is written down before it begins, which costs one write; when its worker dies in it, the step
   * fails with STEP_INTERRUPTED, and whether the effect took place is for you to find out. An error is final: it has no retries.
   */
  atMostOnce?: boolean;
}

export type BodyStepId = string | StepOptions;

/** How long to wait at the most: a duration from now, or a point in time. At most 366 days. */
export type WaitTimeout = number | TimeStr | Date;

/** Which event: its name or type, and a CEL expression over `event` (what started the run) and `async` (what arrives). */
export interface AwaitedEvent<E extends string | EventType = string | EventType> {
  event: E;
  /** Such as `async.data.orderId == event.data.orderId`. Equalities make the wait cheap, however many runs wait. */
  if?: string | undefined;
  /** Short for an equality: `match: "data.orderId"`. Not beside `if`. */
  match?: string | undefined;
}

interface Waiting {
  timeout: WaitTimeout;
  /** Also events that came before: within that time, or since the run began. The earliest that fits is taken. */
  lookback?: number | TimeStr | "run" | undefined;
}

export interface WaitForEventOptions<E extends string | EventType = string | EventType>
  extends AwaitedEvent<E>, Waiting {}

export interface WaitForAnyOptions<List extends readonly AwaitedEvent[] = readonly AwaitedEvent[]> extends Waiting {
  /** One to ten. */
  events: List;
}

export interface WaitForSignalOptions {
  /** One run at a time may wait for a signal of that name. */
  signal: string;
  timeout: WaitTimeout;
  /** What happens when another run waits for it: this step fails (as when absent), or the other one's does. */
  onConflict?: "fail" | "replace" | undefined;
}

export type InvokeOptions<Target extends InvokeTarget = InvokeTarget> = {
  function: Target;
  /** 366 days when absent. The invoked function goes on when the time is up. */
  timeout?: WaitTimeout | undefined;
  /**
   * What becomes of the invoked function when this run ends, or lets go of it in a race, without its answer: it is cancelled
   * (as when absent), or it goes on.
   */
  onCancel?: "cancel" | "detach" | undefined;
} & DataMember<InvokeData<Target>>;

/** Left out where nothing in it is required. */
type DataMember<Data> =
  Record<never, never> extends Data
    ? {
        /** Becomes `event.data` of the invoked function. */
        data?: Data | undefined;
      }
    : {
        /** Becomes `event.data` of the invoked function. */
        data: Data;
      };

export type InvokeTarget = PerdureFunction<never> | FunctionReference<never, unknown>;

/** What the invoked function takes: the data of the events its triggers name. Any object, when they name none of the app's own. */
export type InvokeData<Target> =
  Target extends FunctionReference<infer Data, infer _Output>
    ? Data
    : Target extends PerdureFunction<infer Event, infer _Output>
      ? DataOf<Event>
      : EventData;

type DataOf<Event> = [OwnData<Event>] extends [never] ? EventData : OwnData<Event>;

/** Of the platform's own events nobody but the platform makes the data; that of an undeclared event is any object. */
type OwnData<Event> =
  Event extends ReceivedEvent<infer Name, infer Data>
    ? Name extends keyof SystemEvents
      ? never
      : [Data, UntypedData] extends [UntypedData, Data]
        ? EventData
        : Data
    : never;

/** What the invoked function returns, through JSON. */
export type InvokeOutput<Target> =
  Target extends FunctionReference<never, infer Output>
    ? Jsonify<Output>
    : Target extends PerdureFunction<never, infer Output>
      ? StepOutput<Output>
      : Json;

/** What a step's body returned, as the function sees it: through JSON, and `undefined` is null. */
export type StepOutput<T> = Jsonify<Awaited<T>>;

/**
 * The tools of one run. Each takes an id first. Steps started together run side by side, with `Promise.all` and the
 * others behaving as in plain JavaScript.
 */
export interface StepTools<Events extends EventMap<Events> = Record<never, never>> {
  /**
   * In a step's body: aborts when its attempt's time is up (`timeout`), when another entrant of its race has won, and when the
   * turn ends; hand it to what the body calls. Elsewhere it is the handler's `signal`.
   */
  readonly signal: AbortSignal;

  /**
   * In a step's body: a UUID that names this operation of this run. It is the same in every attempt of it, whichever worker
   * runs it, and different for every other step, occurrence and run: what an API takes to do a thing once. Outside of a body
   * it throws OUTSIDE_STEP_BODY.
   *
   * @example
   * await step.run("charge", () => cards.charge(amount, { idempotencyKey: step.idempotencyKey }));
   */
  readonly idempotencyKey: string;

  /**
   * Runs `body` and remembers what it returned: however often the function is begun anew, a completed step is not run
   * again. A body that throws is tried again (`retries`), and then the promise rejects with a `StepError`.
   * `input` is handed to the body. Options for this step alone go where its id goes: `{ id, retries, backoff, timeout,
   * atMostOnce }`.
   *
   * @example
   * const user = await step.run("load-user", () => db.users.find(event.data.userId));
   * const [mail, push] = await Promise.all([
   *   step.run("send-mail", () => mailer.send(user)),
   *   step.run("send-push", pushes.send, user),
   * ]);
   */
  run<Output, Input extends readonly unknown[] = []>(
    id: BodyStepId,
    body: (...input: Input) => Output,
    ...input: Input
  ): Promise<StepOutput<Output>>;

  /**
   * Goes on after a duration, up to 366 days. Nothing runs meanwhile.
   *
   * @example
   * await step.sleep("let-it-settle", "10m");
   */
  sleep(id: StepId, duration: number | TimeStr): Promise<void>;

  /**
   * Goes on at a point in time: a Date or an ISO 8601 string. One that has passed does not wait.
   *
   * @example
   * await step.sleepUntil("trial-ends", new Date(event.data.trialEndsAt));
   */
  sleepUntil(id: StepId, time: Date | string): Promise<void>;

  /**
   * Sends events, exactly once however often the function is begun anew: prefer it to `perdure.send` inside a function.
   *
   * @example
   * const { ids } = await step.sendEvent("announce", { name: "app/order.paid", data: { orderId } });
   */
  // `Declared` is `Events` and nothing else. As a parameter of the method it keeps StepTools<Events> assignable to
  // StepTools, so that a helper can take `step` without knowing the app's events.
  sendEvent<const Name extends string, Declared extends EventMap<Declared> = Events>(
    id: StepId,
    events: Sendable<NoInfer<Declared>, Name> | readonly Sendable<NoInfer<Declared>, Name>[],
  ): Promise<{ ids: string[] }>;

  /**
   * The first event that fits, or null when the time is up before. An event costs what it matches, however many runs wait.
   *
   * @example
   * const approval = await step.waitForEvent("approval", {
   *   event: "app/order.approved",
   *   match: "data.orderId",
   *   timeout: "7d",
   * });
   */
  waitForEvent<const E extends string | EventType, Declared extends EventMap<Declared> = Events>(
    id: StepId,
    options: WaitForEventOptions<E>,
  ): Promise<EventOf<{ event: E }, NoInfer<Declared>> | null>;

  /**
   * The first of several events, or null when the time is up before.
   *
   * @example
   * const answer = await step.waitForAny("answer", {
   *   events: [
   *     { event: "app/order.approved", match: "data.orderId" },
   *     { event: "app/order.rejected", match: "data.orderId" },
   *   ],
   *   timeout: "7d",
   * });
   */
  waitForAny<const List extends readonly AwaitedEvent[], Declared extends EventMap<Declared> = Events>(
    id: StepId,
    options: WaitForAnyOptions<List>,
  ): Promise<EventOf<List[number], NoInfer<Declared>> | null>;

  /**
   * What the sender of the signal gave along, or null when the time is up before. Only one run waits for a signal at a time.
   *
   * @example
   * const done = await step.waitForSignal<{ url: string }>("rendered", { signal: `render/${event.data.id}`, timeout: "1h" });
   */
  waitForSignal<Data = Json>(
    id: StepId,
    options: WaitForSignalOptions,
  ): Promise<{ signal: string; data: Jsonify<Data> } | null>;

  /**
   * Sends a signal to the run that waits for it. `runId` says which run that was; undefined when none waits.
   *
   * @example
   * const { runId } = await step.sendSignal("tell", { signal: `render/${id}`, data: { url } });
   */
  sendSignal(id: StepId, options: { signal: string; data?: unknown }): Promise<{ runId?: string }>;

  /**
   * Runs another function, of this app or another, and answers with what it returns. When it fails, is cancelled, cannot start
   * or takes too long, this rejects with a `StepError` whose `code` says which (docs/invoke.md); its `cause` is what it failed with.
   *
   * @example
   * const receipt = await step.invoke("charge", { function: charge, data: { orderId: event.data.orderId } });
   */
  invoke<Target extends InvokeTarget>(id: StepId, options: InvokeOptions<Target>): Promise<InvokeOutput<Target>>;
}

/** What runs in a race. `signal` aborts when another entrant has won. */
export type RaceEntrants = readonly ((signal: AbortSignal) => unknown)[];

/** Tools for steps that belong together. */
export interface GroupTools {
  /**
   * The result of the first entrant that settles. The others are let go: what they wait for is waited for no longer, their
   * bodies are told to stop by `signal` and what they still do is not recorded, functions they invoked are cancelled, and
   * the run may end at once. `Promise.race` instead keeps the losers going.
   *
   * @example
   * const answer = await group.race([
   *   () => step.waitForEvent("approval", { event: "app/order.approved", timeout: "30d" }),
   *   async () => {
   *     await step.sleep("patience", "3d");
   *     return step.run("escalate", () => pager.call(event.data.ownerId));
   *   },
   * ]);
   */
  race<const Entrants extends RaceEntrants>(entrants: Entrants): Promise<Awaited<ReturnType<Entrants[number]>>>;
}
