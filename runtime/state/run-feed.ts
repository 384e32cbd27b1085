/**
 * Owns: the runs of some functions, newest first, as candidates from the index `byFunction`: one sorted partition for each
 * function, month and shard, merged month by month.
 * Must not: be believed. The index lags and its entries may outlive their run; who uses a candidate reads its head.
 * Bounds: a month's partitions are asked together; no further month is begun after MAX_QUERIES queries.
 */
import { QueryCommand } from "@aws-sdk/client-dynamodb";
import { untilKnown } from "../aws/until-known.js";
import { forEachLimited } from "../core/limited.js";
import type { Services } from "../services.js";
import { readText, text, type Item } from "./attributes.js";
import { FUNCTION_SHARDS, functionPartition, functionSort, parseFunctionSort } from "./keys.js";

export interface FunctionName {
  appId: string;
  functionId: string;
}

export interface FeedRange {
  /** Created at this time or later, ms since 1970. */
  fromMs: number;
  /** Sorts before this place (state/keys.ts, functionSort). */
  before: string;
}

const MAX_QUERIES = 400;
const PARALLEL_QUERIES = 16;
/** Entries a query asks for. 25 fit the 4 KB of the smallest read; a shard's share of a page is doubled, as shards differ. */
const MIN_QUERY_ENTRIES = 25;
const MAX_QUERY_ENTRIES = 100;

/** One partition of the index, read as far as needed. */
interface Partition {
  key: string;
  /** Sort keys read and not yet taken, newest last. */
  entries: string[];
  /** Where to read on; null at the end of the partition, undefined before the first read. */
  readOn: Item | null | undefined;
}

export class RunFeed {
  readonly #services: Services;
  readonly #functions: readonly FunctionName[];
  readonly #oldest: string;
  readonly #before: string;
  readonly #queryEntries: number;
  /** Months still to be read, newest last. */
  readonly #months: string[];
  #partitions: Partition[] = [];
  #queries = 0;

  constructor(services: Services, functions: readonly FunctionName[], range: FeedRange, pageSize: number) {
    this.#services = services;
    this.#functions = functions;
    this.#oldest = functionSort(range.fromMs, "");
    this.#before = range.before;
    this.#months = functions.length === 0 || range.before <= this.#oldest ? [] : monthsOf(range);
    const share = Math.ceil((2 * (pageSize + 1)) / Math.max(1, functions.length * FUNCTION_SHARDS));
    this.#queryEntries = Math.min(MAX_QUERY_ENTRIES, Math.max(MIN_QUERY_ENTRIES, share));
  }

  /** The next places, newest first; fewer than asked for only at the end or when the work of one page is done. */
  async take(count: number): Promise<string[]> {
    const taken: string[] = [];
    while (taken.length < count) {
      await this.#refill();
      const newest = this.#newest();
      if (newest) taken.push(newest);
      else if (!this.#openMonth()) break;
    }
    return taken;
  }

  /** After `take` gave fewer than asked for: the place from which to go on, or null at the end. */
  get resumeBefore(): string | null {
    const month = this.#months.at(-1);
    return month === undefined ? null : functionSort(startOfMonthAfter(month), "");
  }

  /** Every partition that may hold something knows its newest entry. */
  async #refill(): Promise<void> {
    const empty = this.#partitions.filter(({ entries, readOn }) => entries.length === 0 && readOn !== null);
    if (empty.length > 0) await forEachLimited(empty, PARALLEL_QUERIES, (partition) => this.#read(partition));
  }

  #newest(): string | null {
    let holder: Partition | null = null;
    let newest = "";
    for (const partition of this.#partitions) {
      const candidate = partition.entries.at(-1) ?? "";
      if (candidate > newest) [holder, newest] = [partition, candidate];
    }
    holder?.entries.pop();
    return holder ? newest : null;
  }

  #openMonth(): boolean {
    if (this.#queries >= MAX_QUERIES) return false;
    const month = this.#months.pop();
    if (month === undefined) return false;
    this.#partitions = this.#functions.flatMap(({ appId, functionId }) =>
      Array.from({ length: FUNCTION_SHARDS }, (_, shard): Partition => {
        return { key: functionPartition(appId, functionId, month, shard), entries: [], readOn: undefined };
      }),
    );
    return true;
  }

  async #read(partition: Partition): Promise<void> {
    this.#queries += 1;
    const { readOn } = partition;
    const answer = await untilKnown(this.#services, `list runs of "${partition.key}"`, () =>
      this.#services.clients.dynamodb.send(
        new QueryCommand({
          TableName: this.#services.settings.tableName,
          IndexName: "byFunction",
          KeyConditionExpression: "fnKey = :partition AND fnSort BETWEEN :oldest AND :before",
          ExpressionAttributeValues: {
            ":partition": text(partition.key),
            ":oldest": text(this.#oldest),
            ":before": text(this.#before),
          },
          ScanIndexForward: false,
          Limit: this.#queryEntries,
          ...(readOn ? { ExclusiveStartKey: readOn } : {}),
        }),
      ),
    );
    const places = (answer.Items ?? []).map((item) => readText(item, "fnSort") ?? "");
    // BETWEEN takes its upper end in, a page begins after it.
    partition.entries = places.filter((place) => place !== "" && place < this.#before).reverse();
    partition.readOn = answer.LastEvaluatedKey ?? null;
  }
}

/** The months a range touches, as the index spells them, oldest first. */
function monthsOf({ fromMs, before }: FeedRange): string[] {
  const newest = monthOf(parseFunctionSort(before).createdAtMs);
  const months: string[] = [];
  for (let month = monthOf(fromMs); month <= newest; month = monthOf(startOfMonthAfter(month))) months.push(month);
  return months;
}

function monthOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 7);
}

function startOfMonthAfter(month: string): number {
  const [year, number] = month.split("-");
  return Date.UTC(Number(year), Number(number), 1);
}
