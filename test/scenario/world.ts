/** A whole platform on a virtual clock for one scenario, and the few questions scenarios ask of it. No assertions in here. */
import { QueryCommand } from "@aws-sdk/client-dynamodb";
import type { PerdureFunction } from "../../sdk/function.js";
import type { LogEntry } from "../../sdk/protocol.js";
import type { Perdure } from "../../sdk/client.js";
import type { RunHead } from "../../runtime/core/run.js";
import { LogStore } from "../../runtime/state/log-store.js";
import { FUNCTION_SHARDS, functionPartition, parseFunctionSort } from "../../runtime/state/keys.js";
import { unpack } from "../../runtime/state/payloads.js";
import { EventStore, type EventRecord } from "../../runtime/state/event-store.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { VirtualClock } from "../../local/aws/virtual-clock.js";
import { EVENT_KEY, World, type WorldOptions } from "../../local/world/world.js";

/** Scenarios begin on Monday, 2 March 2026, 09:00 UTC. */
export const START_MS = Date.UTC(2026, 2, 2, 9);

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export interface ScenarioOptions extends Partial<Omit<WorldOptions, "clock" | "random" | "client" | "functions">> {
  client: Perdure<never> | { readonly id: string };
  functions: readonly PerdureFunction<never>[];
  startMs?: number;
  seed?: number;
}

/** A run as a scenario looks at it. */
export interface RunView {
  head: RunHead;
  entries: LogEntry[];
  output: unknown;
}

export class Scenario {
  readonly clock: VirtualClock;
  readonly world: World;
  readonly #appId: string;

  private constructor(clock: VirtualClock, world: World, appId: string) {
    this.clock = clock;
    this.world = world;
    this.#appId = appId;
  }

  static async start(options: ScenarioOptions): Promise<Scenario> {
    const { startMs = START_MS, seed = 1, ...rest } = options;
    const clock = new VirtualClock({ startMs });
    const world = await World.start({ sweeper: false, ...rest, clock, random: seededRandom(seed) });
    await clock.settle();
    return new Scenario(clock, world, options.client.id);
  }

  /** Sends events through the HTTP API and waits until all that follows at once has happened. Answers the events' ids. */
  async send(...events: object[]): Promise<string[]> {
    const ids = await this.post(events);
    await this.clock.settle();
    return ids;
  }

  async post(events: unknown): Promise<string[]> {
    const { status, body } = await this.world.request("POST", `/e/${EVENT_KEY}`, events);
    const answer: unknown = JSON.parse(Buffer.from(body).toString());
    if (status !== 200 || typeof answer !== "object" || answer === null || !("ids" in answer)) {
      throw new Error(`The events were not accepted: ${status} ${JSON.stringify(answer)}`);
    }
    return answer.ids as string[];
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  async event(eventId: string): Promise<EventRecord> {
    const record = await new EventStore(this.world.services("observer")).get(eventId);
    if (!record) throw new Error(`There is no event "${eventId}"`);
    return record;
  }

  /** The runs an event started, in the order of its routes. */
  async runIds(eventId: string): Promise<string[]> {
    return (await this.event(eventId)).routes.flatMap((route) => ("skipped" in route ? [] : [route.run]));
  }

  async run(runId: string): Promise<RunView> {
    const services = this.world.services("observer");
    const loaded = await new LogStore(services).load(runId);
    if (!loaded) throw new Error(`There is no run "${runId}"`);
    const { head, entries, output } = loaded;
    return { head, entries, output: output ? JSON.parse(await unpack(services, output)) : null };
  }

  /** The one run an event started. */
  async runOf(eventId: string): Promise<RunView> {
    const [runId, ...others] = await this.runIds(eventId);
    if (runId === undefined || others.length > 0) throw new Error(`Event "${eventId}" did not start one run`);
    return this.run(runId);
  }

  /** All runs of a function, oldest first, read through the index that lists them. */
  async runsOf(functionId: string): Promise<{ timeSorted: RunView[] }> {
    const services = this.world.services("observer");
    const month = new Date(this.clock.now()).toISOString().slice(0, 7);
    const sorts: string[] = [];
    for (let shard = 0; shard < FUNCTION_SHARDS; shard += 1) {
      const page = await services.clients.dynamodb.send(
        new QueryCommand({
          TableName: services.settings.tableName,
          IndexName: "byFunction",
          KeyConditionExpression: "fnKey = :key",
          ExpressionAttributeValues: { ":key": { S: functionPartition(this.#appId, functionId, month, shard) } },
        }),
      );
      sorts.push(...(page.Items ?? []).map((item) => item["fnSort"]?.S ?? ""));
    }
    const timeSorted: RunView[] = [];
    for (const sort of sorts.sort()) timeSorted.push(await this.run(parseFunctionSort(sort).runId));
    return { timeSorted };
  }

  stop(): Promise<void> {
    return this.world.stop();
  }
}
