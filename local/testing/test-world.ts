/**
 * Owns: one fresh platform with the functions under instruments, on a virtual clock of its own; sending to it and reading
 * its runs. A test has one; a search for crash points makes one for each trial.
 */
import { readRuns } from "../../runtime/state/read-runs.js";
import { RunFeed } from "../../runtime/state/run-feed.js";
import { showRun } from "../../runtime/api/show-run.js";
import { showSteps } from "../../runtime/api/show-steps.js";
import { parseRunId } from "../../runtime/core/ids.js";
import type { Services } from "../../runtime/services.js";
import { EventStore } from "../../runtime/state/event-store.js";
import { functionSort, parseFunctionSort } from "../../runtime/state/keys.js";
import { LogStore, type LoadedRun } from "../../runtime/state/log-store.js";
import type { FunctionClient, PerdureFunction } from "../../sdk/function.js";
import { hostFunctions } from "../../sdk/host/in-process-host.js";
import type { Json, OutgoingEvent } from "../../sdk/protocol.js";
import { seededRandom } from "../aws/seeded-random.js";
import { VirtualClock } from "../aws/virtual-clock.js";
import { EVENT_KEY, World } from "../world/world.js";
import type { Sink } from "./client-sends.js";
import { testEventsRefused, testEventUnknown, testRunUnknown } from "./errors.js";
import { instrument, type Instruments } from "./instrument.js";
import { shownRun } from "./shown-run.js";
import type { TestRun } from "./test-run.js";

export interface TestWorldOptions {
  client: FunctionClient;
  functions: readonly PerdureFunction<never>[];
  startMs: number;
  seed: number;
}

/** A test that has moved on by years still finds its first run: what AWS would have deleted long ago stays. */
const RETENTION_DAYS = 36_500;
const RUNS_A_PAGE = 500;
const REQUEST_ID_HEADER = "x-perdure-request-id";

export class TestWorld {
  readonly clock: VirtualClock;
  readonly world: World;
  readonly #options: TestWorldOptions;
  readonly #services: Services;

  private constructor(clock: VirtualClock, world: World, options: TestWorldOptions) {
    this.clock = clock;
    this.world = world;
    this.#options = options;
    this.#services = world.services("test");
  }

  static async start(options: TestWorldOptions, instruments: Omit<Instruments, "sink">): Promise<TestWorld> {
    const { client, functions, startMs, seed } = options;
    // Says what is wrong with the functions before they are under instruments.
    hostFunctions(client.id, functions);
    const clock = new VirtualClock({ startMs });
    let testWorld: TestWorld | null = null;
    const sink: Sink = {
      events: async (events) => ({ ids: testWorld ? await testWorld.post(events) : [] }),
      signal: async (signal, data) => (testWorld ? testWorld.signal(signal, data) : { runId: null }),
    };
    const world = await World.start({
      client,
      clock,
      random: seededRandom(seed),
      functions: functions.map((original) => instrument(original, { ...instruments, sink })),
      // Waits whose end is months away are looked at now and then (ADR 0020). Nothing is lost here without a fault: every
      // minute of virtual time it would look in vain.
      sweeper: "seldom",
      retentionDays: RETENTION_DAYS,
    });
    testWorld = new TestWorld(clock, world, options);
    await clock.settle();
    return testWorld;
  }

  /** Sends through the HTTP API, as everybody does. `requestId` makes the events' ids the same in every world. */
  async post(events: readonly OutgoingEvent[], requestId?: string): Promise<string[]> {
    if (events.length === 0) return [];
    const headers = requestId === undefined ? {} : { [REQUEST_ID_HEADER]: requestId };
    const { status, body } = await this.world.request("POST", `/e/${EVENT_KEY}`, events, headers);
    const text = Buffer.from(body).toString();
    if (status !== 200) throw testEventsRefused({ status, answer: messageOf(text) });
    // The ingest handler's answer to events it has accepted.
    return (JSON.parse(text) as { ids: string[] }).ids;
  }

  /** Sends a signal, likewise. */
  async signal(signal: string, data: Json): Promise<{ runId: string | null }> {
    const headers = { authorization: `Bearer ${EVENT_KEY}` };
    const { status, body } = await this.world.request("POST", "/api/v1/signals", { signal, data }, headers);
    const text = Buffer.from(body).toString();
    if (status !== 200) throw testEventsRefused({ status, answer: messageOf(text) });
    // The API's answer to a signal it has taken (docs/api.md).
    return (JSON.parse(text) as { data: { runId: string | null } }).data;
  }

  /** Ids of the runs an event started, in the order of its routes. */
  async runIdsOf(eventId: string): Promise<string[]> {
    const record = await new EventStore(this.#services).get(eventId);
    if (!record) throw testEventUnknown({ eventId });
    return record.routes.flatMap((route) => ("skipped" in route ? [] : [route.run]));
  }

  async run<Output>(runId: string): Promise<TestRun<Output>> {
    const loaded = parseRunId(runId) === null ? null : await new LogStore(this.#services).load(runId);
    if (!loaded) throw testRunUnknown({ runId });
    return shownRun(await readTestRun<Output>(this.#services, loaded), this.#options.functions);
  }

  /** Ids of all runs of some functions, oldest first. */
  async runIds(functionIds: readonly string[]): Promise<string[]> {
    const { client, startMs } = this.#options;
    const names = functionIds.map((functionId) => ({ appId: client.id, functionId }));
    const places: string[] = [];
    let before: string | null = functionSort(this.clock.now() + 1, "");
    while (before !== null) {
      const feed: RunFeed = new RunFeed(this.#services, names, { fromMs: startMs, before }, RUNS_A_PAGE);
      const page = await feed.take(RUNS_A_PAGE);
      places.push(...page);
      before = page.length < RUNS_A_PAGE ? feed.resumeBefore : (page.at(-1) ?? null);
    }
    const ids = places.map((place) => parseFunctionSort(place).runId).reverse();
    // What an index names is there only once its head says so.
    const found = await readRuns(this.#services, ids);
    return ids.filter((id) => found.has(id));
  }

  stop(): Promise<void> {
    return this.world.stop();
  }
}

/** The API's own sentence, where the answer holds one. */
function messageOf(text: string): string {
  try {
    const answer: unknown = JSON.parse(text);
    const error: unknown = typeof answer === "object" && answer !== null ? Reflect.get(answer, "error") : null;
    const message: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "message") : null;
    return typeof message === "string" ? message : text;
  } catch {
    return text;
  }
}

async function readTestRun<Output>(services: Services, loaded: LoadedRun): Promise<TestRun<Output>> {
  const { id, functionId, eventId, status, output, error, queuedAt, startedAt, endedAt } = await showRun(
    services,
    loaded,
  );
  return {
    id,
    functionId,
    eventId,
    status,
    // The one place where stored JSON gets the type of the function that returned it: `OutputOf` says what JSON makes of it.
    output: output as Output | null,
    error,
    steps: showSteps(loaded.head, loaded.entries),
    queuedAt,
    startedAt,
    endedAt,
  };
}
