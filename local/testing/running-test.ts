/** Owns: a running test: the world it stands on, its mocks, and the ways from one to the other. */
import { durationMs, type TimeStr } from "../../sdk/duration.js";
import { outgoingEvents, type EventMap, type Sendable } from "../../sdk/events.js";
import { findCrashPoints } from "./chaos.js";
import type { ChaosReport } from "./chaos-report.js";
import { attachClient } from "./client-sends.js";
import { testMocksUnused, testRunAmbiguous, testRunUnknown, testStopped, testTimeInvalid } from "./errors.js";
import { functionIdOf, Mocks, type FunctionName, type Mock, type MockStep, type UnusedMock } from "./mocks.js";
import type { ChaosOptions, OutputOfTarget, PerdureTest, TestFunction } from "./perdure-test.js";
import type { OutputOf, TestRun } from "./test-run.js";
import { TestWorld, type TestWorldOptions } from "./test-world.js";

const DEFAULT_UNTIL = "7d";
const DEFAULT_MAX_TRIALS = 500;

/** What every world of a test is made from. */
export interface TestSetup extends TestWorldOptions {
  makeMocks: ((mock: MockStep) => void) | undefined;
}

/** Of the functions a test is given, and of those that their `onFailure` handlers are. */
function idsOf(functions: TestSetup["functions"]): string[] {
  return functions.flatMap(({ id, failure }) => (failure === null ? [id] : [id, failure.id]));
}

/** The mocks every world begins with. */
export function newMocks({ functions, makeMocks }: TestSetup): Mocks {
  const mocks = new Mocks(idsOf(functions));
  makeMocks?.((target, stepId, mock) => mocks.set(target, stepId, mock, true));
  return mocks;
}

/** A running test: what `PerdureTest` promises. */
export class RunningTest<
  Functions extends readonly TestFunction[] = readonly TestFunction[],
  Events extends EventMap<Events> = Record<never, never>,
> implements PerdureTest<Functions, Events> {
  readonly #setup: TestSetup;
  readonly #world: TestWorld;
  readonly #mocks: Mocks;
  readonly #ownMocks: Parameters<MockStep>[] = [];
  readonly #detachClient: () => void;
  #stopping: Promise<void> | null = null;

  constructor(setup: TestSetup, world: TestWorld, mocks: Mocks) {
    this.#setup = setup;
    this.#world = world;
    this.#mocks = mocks;
    this.#detachClient = attachClient(setup.client, {
      events: async (events) => ({ ids: await world.post(events) }),
      signal: (signal, data) => world.signal(signal, data),
    });
  }

  get now(): Date {
    return new Date(this.#world.clock.now());
  }

  async send<const Name extends string>(
    events: Sendable<Events, Name> | readonly Sendable<Events, Name>[],
  ): Promise<{ ids: string[] }> {
    this.#requireRunning();
    const ids = await this.#world.post(await outgoingEvents(events));
    await this.#world.clock.settle();
    return { ids };
  }

  async advance(duration: TimeStr | number): Promise<void> {
    this.#requireRunning();
    await this.#world.clock.advance(durationMs(duration, Number.MAX_SAFE_INTEGER));
  }

  async advanceTo(time: Date | string | number): Promise<void> {
    this.#requireRunning();
    const targetMs = timeMs(time);
    if (targetMs < this.#world.clock.now()) {
      throw testTimeInvalid({ value: time, is: `it is ${this.now.toISOString()} already` });
    }
    await this.#world.clock.advanceTo(targetMs);
  }

  async runs<const Target extends FunctionName = Functions[number]>(
    filter: { function?: Target | undefined; event?: string | undefined } = {},
  ): Promise<TestRun<OutputOfTarget<Target, Functions>>[]> {
    const functionIds =
      filter.function === undefined ? idsOf(this.#setup.functions) : [this.#mocks.requireFunction(filter.function)];
    const all = await this.#world.runIds(functionIds);
    const started = filter.event === undefined ? null : new Set(await this.#world.runIdsOf(filter.event));
    const wanted = all.filter((id) => started === null || started.has(id));
    return Promise.all(wanted.map((id) => this.#world.run<OutputOfTarget<Target, Functions>>(id)));
  }

  async run<Target extends TestFunction = Functions[number]>(
    runId: string,
    target?: Target,
  ): Promise<TestRun<OutputOf<Target>>> {
    const run = await this.#world.run<OutputOf<Target>>(runId);
    if (target !== undefined && run.functionId !== functionIdOf(target)) throw testRunUnknown({ runId });
    return run;
  }

  async runOf<Target extends TestFunction = Functions[number]>(
    eventId: string | undefined,
    target?: Target,
  ): Promise<TestRun<OutputOf<Target>>> {
    const runs = await Promise.all(
      (await this.#world.runIdsOf(eventId ?? "")).map((id) => this.#world.run<OutputOf<Target>>(id)),
    );
    const fitting = target === undefined ? runs : runs.filter(({ functionId }) => functionId === functionIdOf(target));
    const [run, ...others] = fitting;
    if (run && others.length === 0) return run;
    throw testRunAmbiguous({ eventId: eventId ?? "", found: runs.map(({ functionId }) => `"${functionId}"`) });
  }

  mock(target: FunctionName, stepId: string, mock: Mock): void {
    this.#mocks.set(target, stepId, mock);
    this.#ownMocks.push([target, stepId, mock]);
  }

  get unusedMocks(): UnusedMock[] {
    return this.#mocks.unused().map(({ functionId, stepId }) => ({ functionId, stepId }));
  }

  async chaos<const Name extends string>(options: ChaosOptions<Events, Name>): Promise<ChaosReport> {
    const { until = DEFAULT_UNTIL, idempotent = [], ignore = [], maxTrials = DEFAULT_MAX_TRIALS } = options;
    const used: Mocks[] = [];
    const report = await findCrashPoints({
      setup: this.#setup,
      makeMocks: () => {
        const mocks = newMocks(this.#setup);
        for (const [target, stepId, mock] of this.#ownMocks) mocks.set(target, stepId, mock);
        used.push(mocks);
        return mocks;
      },
      events: await outgoingEvents(options.event),
      untilMs: durationMs(until, Number.MAX_SAFE_INTEGER),
      idempotent,
      ignore,
      maxTrials,
    });
    for (const mocks of used) this.#mocks.addUsesOf(mocks);
    return report;
  }

  async stop(): Promise<void> {
    await this.#release();
    const unused = this.#mocks.unused().filter(({ shared }) => !shared);
    if (unused.length === 0) return;
    throw testMocksUnused({ mocks: unused.map(({ functionId, stepId }) => `"${functionId}" / "${stepId}"`) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#release();
  }

  #requireRunning(): void {
    if (this.#stopping) throw testStopped({ appId: this.#setup.client.id });
  }

  #release(): Promise<void> {
    this.#stopping ??= this.#world.stop().finally(this.#detachClient);
    return this.#stopping;
  }
}

/** A point in time, ms since 1970. */
export function timeMs(time: Date | string | number): number {
  const ms = time instanceof Date ? time.getTime() : typeof time === "string" ? Date.parse(time) : time;
  if (!Number.isFinite(ms)) throw testTimeInvalid({ value: time, is: "it is not a point in time" });
  return ms;
}
