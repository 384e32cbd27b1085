/**
 * Owns: what a test is to the person who writes one: its options and what it can do. Types only, so that a user's compiler
 * reads nothing of the engine below.
 */
import type { Perdure } from "../../sdk/client.js";
import type { TimeStr } from "../../sdk/duration.js";
import type { EventMap, Sendable } from "../../sdk/events.js";
import type { PerdureFunction } from "../../sdk/function.js";
import type { ChaosReport } from "./chaos-report.js";
import type { FunctionName, Mock, MockStep, UnusedMock } from "./mocks.js";
import type { OutputOf, TestRun } from "./test-run.js";

export type TestFunction = PerdureFunction<never>;

export interface TestOptions<
  Functions extends readonly TestFunction[] = readonly TestFunction[],
  Events extends EventMap<Events> = Record<never, never>,
> {
  functions: Functions;
  /** The functions' client. Only its type is needed here: with it, `send` knows the app's events. */
  client?: Perdure<Events> | undefined;
  /** Where time begins: 2026-01-01T00:00:00Z when absent, so that a test sees the same times for ever. */
  startAt?: Date | string | number | undefined;
  /** Seeds all chance: ids, the jitter of retries. 1 when absent. */
  seed?: number | undefined;
  /** Called once for each world, the test's own and each of `chaos`: mocks that remember something begin anew there. */
  mocks?: ((mock: MockStep) => void) | undefined;
}

export interface ChaosOptions<Events extends EventMap<Events>, Name extends string> {
  /** What starts the runs. */
  event: Sendable<Events, Name> | readonly Sendable<Events, Name>[];
  /** How long the undisturbed runs may take. "7d" when absent. */
  until?: TimeStr | number | undefined;
  /** Ids of steps that may run more than once without harm. */
  idempotent?: readonly string[] | undefined;
  /** Ids of steps nothing is said about. */
  ignore?: readonly string[] | undefined;
  /** 500 when absent. The report says what was left out. */
  maxTrials?: number | undefined;
}

/** An id says nothing of a type: the output is that of any function of the test. */
export type OutputOfTarget<Target extends FunctionName, Functions extends readonly TestFunction[]> = OutputOf<
  Target extends string ? Functions[number] : Target
>;

/** A running test. */
export interface PerdureTest<
  Functions extends readonly TestFunction[] = readonly TestFunction[],
  Events extends EventMap<Events> = Record<never, never>,
> {
  /** The test's time. */
  readonly now: Date;

  /**
   * Sends events and lets everything happen that follows at once: runs start, steps run, events sent by steps start further
   * runs. What waits for time waits. Answers with the events' ids, in their order.
   */
  send<const Name extends string>(
    events: Sendable<Events, Name> | readonly Sendable<Events, Name>[],
  ): Promise<{ ids: string[] }>;

  /** Lets time pass: sleeps end, retries start, crons tick, each at its time. */
  advance(duration: TimeStr | number): Promise<void>;

  /** Lets time pass until a point in time. */
  advanceTo(time: Date | string | number): Promise<void>;

  /**
   * Runs, oldest first, in no particular order within one millisecond: all of them, a function's, those an event started,
   * or both.
   */
  runs<const Target extends FunctionName = Functions[number]>(filter?: {
    function?: Target | undefined;
    event?: string | undefined;
  }): Promise<TestRun<OutputOfTarget<Target, Functions>>[]>;

  /** One run with its steps. With the function it is of, its output has that function's type. */
  run<Target extends TestFunction = Functions[number]>(
    runId: string,
    target?: Target,
  ): Promise<TestRun<OutputOf<Target>>>;

  /** The one run an event started, or the one it started of a function. `undefined` is no event: `ids[0]` may be given. */
  runOf<Target extends TestFunction = Functions[number]>(
    eventId: string | undefined,
    target?: Target,
  ): Promise<TestRun<OutputOf<Target>>>;

  /**
   * Puts something in place of a step's body: a function, called for each attempt; an Error, thrown at each; or what the
   * body returns. Retries and the run's history are as real as with the body itself.
   *
   * @example
   * t.mock(processDocument, "summarize", ({ attempt }) => {
   *   if (attempt === 0) throw new Error("The model is overloaded");
   *   return "a summary";
   * });
   */
  mock(target: FunctionName, stepId: string, mock: Mock): void;

  /** Mocks of steps no run has asked for (yet): most often, a step's id is misspelled. */
  readonly unusedMocks: UnusedMock[];

  /**
   * Runs the event's functions once for every call to AWS that the worker and dispatch make × how it can go wrong: the
   * caller dies before it, dies just after it, or the answer is lost. Each time in a fresh world with the same event.
   * Reports runs that did not end as they do undisturbed, steps whose body ran again, and code that is not deterministic
   * outside its steps. This test's own runs are not touched.
   */
  chaos<const Name extends string>(options: ChaosOptions<Events, Name>): Promise<ChaosReport>;

  /** Ends the test. Rejects with TEST_MOCKS_UNUSED when a mock made by `mock` was never asked for. */
  stop(): Promise<void>;

  /** `await using t = …`. Says nothing of unused mocks: it also runs when the test has failed, and would hide why. */
  [Symbol.asyncDispose](): Promise<void>;
}
