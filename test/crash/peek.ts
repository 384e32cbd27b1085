/**
 * Owns: looking into the embedded AWS at an instant, without a call: nothing is counted, faulted or awaited.
 * Must not: change anything.
 */
import { gunzipSync } from "node:zlib";
import type { LogEntry } from "../../sdk/protocol.js";
import type { RunHead } from "../../runtime/core/run.js";
import type { Item } from "../../runtime/state/attributes.js";
import { readHead } from "../../runtime/state/head-item.js";
import {
  FUNCTION_SHARDS,
  functionPartition,
  headKey,
  inboxKey,
  LOG_PREFIX,
  runPartition,
} from "../../runtime/state/keys.js";
import { stepHash } from "../../runtime/core/ids.js";
import { isEntryOf } from "../../runtime/state/log-store.js";
import { readPacked } from "../../runtime/state/payloads.js";
import type { CallContext, Input, Output } from "../../local/aws/model.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import type { World } from "../../local/world/world.js";

export interface QueueCount {
  queue: string;
  /** Visible, in flight and delayed together. */
  messages: number;
}

const COUNTS = [
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesNotVisible",
  "ApproximateNumberOfMessagesDelayed",
];

export class Peek {
  readonly #world: World;
  readonly #context: CallContext;

  constructor(world: World, nowMs: number) {
    this.#world = world;
    this.#context = { nowMs, random: seededRandom(1), meter: () => undefined };
  }

  /** The run's head; null when there is none. */
  head(runId: string): RunHead | null {
    const { pk, sk } = headKey(runId);
    const TableName = this.#world.platform.tableName;
    const { Item: item } = this.#dynamodb("GetItem", { TableName, Key: { pk: { S: pk }, sk: { S: sk } } });
    return isItem(item) ? readHead(item).head : null;
  }

  /** What the run's log says now: items outside a seal do not count. */
  entries(runId: string): LogEntry[] {
    const head = this.head(runId);
    if (!head) return [];
    return this.#logItems(runId)
      .filter((item) => isEntryOf(head, item["sk"]?.S ?? ""))
      .flatMap(entriesOf);
  }

  /** Everything that was ever written to the run's log, sealed off or not, by sort key. */
  written(runId: string): { sortKey: string; entries: LogEntry[] }[] {
    return this.#logItems(runId).map((item) => ({ sortKey: item["sk"]?.S ?? "", entries: entriesOf(item) }));
  }

  /** Whether the log, or the inbox, holds a final result of the step's first occurrence. */
  completed(runId: string, step: string): boolean {
    if (this.arrived(runId, stepHash(step, 0))) return true;
    return this.entries(runId).some((entry) => entry.k === "done" && entry.id === step && entry.i === 0);
  }

  /** Whether the run's inbox holds the outcome of an operation (core/ids.ts, `stepHash`). */
  arrived(runId: string, opHash: string): boolean {
    const { pk, sk } = inboxKey(runId, opHash);
    const TableName = this.#world.platform.tableName;
    const arrival = this.#dynamodb("GetItem", { TableName, Key: { pk: { S: pk }, sk: { S: sk } } });
    return isItem(arrival["Item"]);
  }

  /** Ids of every run of a function that was created in the month of `atMs`. */
  runIds(appId: string, functionId: string, atMs: number): string[] {
    const month = new Date(atMs).toISOString().slice(0, 7);
    const shards = Array.from({ length: FUNCTION_SHARDS }, (_, shard) => shard);
    return shards.flatMap((shard) =>
      this.#query({
        IndexName: "byFunction",
        KeyConditionExpression: "fnKey = :key",
        ExpressionAttributeValues: { ":key": { S: functionPartition(appId, functionId, month, shard) } },
      }).flatMap((item) => item["pk"]?.S?.split("#")[2] ?? []),
    );
  }

  /** How many messages are on each queue of the platform. */
  messages(): QueueCount[] {
    const base = this.#world.stepQueueUrl.slice(0, this.#world.stepQueueUrl.lastIndexOf("/"));
    return this.#world.platform.queues.map(({ name }) => {
      const input = { QueueUrl: `${base}/${name}`, AttributeNames: ["All"] };
      const { Attributes: attributes } = this.#world.aws.sqs.execute("GetQueueAttributes", input, this.#context);
      const count = (attribute: string): number =>
        typeof attributes === "object" && attributes !== null ? Number(Reflect.get(attributes, attribute)) : Number.NaN;
      return { queue: name, messages: COUNTS.reduce((sum, attribute) => sum + count(attribute), 0) };
    });
  }

  /** Names of the schedules that are still there, the platform's own aside. */
  timers(): string[] {
    const input = { GroupName: this.#world.platform.scheduleGroup };
    const { Schedules: schedules } = this.#world.aws.scheduler.execute("ListSchedules", input, this.#context);
    if (!Array.isArray(schedules)) return [];
    const names = schedules.map((schedule: unknown) => (isRecord(schedule) ? String(schedule["Name"]) : ""));
    return names.filter((name) => !name.startsWith("every-minute-"));
  }

  #logItems(runId: string): Item[] {
    return this.#query({
      KeyConditionExpression: "pk = :pk AND begins_with(sk, :log)",
      ExpressionAttributeValues: { ":pk": { S: runPartition(runId) }, ":log": { S: LOG_PREFIX } },
    });
  }

  #query(input: Input): Item[] {
    const { Items: items } = this.#dynamodb("Query", { TableName: this.#world.platform.tableName, ...input });
    return Array.isArray(items) ? items.filter(isItem) : [];
  }

  #dynamodb(operation: string, input: Input): Output {
    return this.#world.aws.dynamodb.execute(operation, input, this.#context);
  }
}

/** The entries of one log item. Results kept in S3 stay references: what is asked here are kinds and names. */
export function entriesOf(item: Item): LogEntry[] {
  const packed = readPacked(item["e"]);
  if (packed?.form === "text") return JSON.parse(packed.text) as LogEntry[];
  return packed?.form === "gzip" ? (JSON.parse(gunzipSync(packed.bytes).toString()) as LogEntry[]) : [];
}

/** The model answers items in the SDK's own shape. */
function isItem(value: unknown): value is Item {
  return isRecord(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
