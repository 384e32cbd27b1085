/**
 * Owns: a run's log in the table: writing the next item of an epoch, reading all of it back in order.
 * Invariants: G1 only the holder of an epoch writes its items, n = 1, 2, 3 …, one at a time; so a failed condition means
 * "my own earlier write arrived". G2 items of a sealed epoch beyond its seal never existed. G3 history never shrinks
 * silently: a load that finds fewer items than the head has counted stops.
 */
import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { defineError } from "../../sdk/error-catalogue.js";
import type { Json, LogEntry, WaitingOp } from "../../sdk/protocol.js";
import { nameOf } from "../aws/failures.js";
import { appOfRun } from "../core/ids.js";
import { untilKnown, type Patience } from "../aws/until-known.js";
import { hasInterruptedBody, hasProgress } from "../core/log-facts.js";
import type { RunHead } from "../core/run.js";
import type { Services } from "../services.js";
import { number, text, type Item } from "./attributes.js";
import { ABSENT } from "./conditions.js";
import type { StoredRun } from "./head-item.js";
import { readArrival, type StoredArrival } from "./inbox-store.js";
import {
  HEAD_SORT_KEY,
  INBOX_PREFIX,
  LOG_PREFIX,
  logKey,
  opOfInboxKey,
  parseLogSortKey,
  payloadObjectKey,
  runPartition,
} from "./keys.js";
import { queryAll } from "./query-all.js";
import { RunStore } from "./run-store.js";
import { pack, packInline, packedAttribute, readPacked, SPILL_ABOVE_BYTES, unpack, type Packed } from "./payloads.js";

export const historyShrank = defineError<{ runId: string; found: number; counted: number }>({
  code: "HISTORY_SHRANK",
  status: 500,
  retryable: true,
  message: ({ runId, found, counted }) =>
    `Cannot load run "${runId}": its log has ${found} items; expected at least the ${counted} its head has counted`,
  remedy: "Items were removed by other hands or restored from an older backup. Restore them, or cancel the run.",
});

/** Where a large value is kept instead. */
interface Kept {
  at: { key: string; jsonBytes: number };
}

/** An entry as stored: a large result, the value a wait came to, or the data of an invoke is a reference. */
type StoredEntry = LogEntry | (Omit<DoneEntry, "ok"> & Kept) | (Omit<SeenEntry, "ok"> & Kept) | (KeptOp & Kept);

type DoneEntry = Extract<LogEntry, { k: "done"; ok: Json }>;
type SeenEntry = Exclude<Extract<LogEntry, { k: "seen" }>, { err: unknown }>;

type KeptOp = Omit<Extract<LogEntry, { k: "op" }>, "op"> & { op: Omit<InvokeOp, "data"> };
type InvokeOp = Extract<WaitingOp, { kind: "invoke" }>;

/** From here on a load reads: what comes before (groups of branches, their tries) is of no use to a turn. */
const FIRST_SORT_KEY = INBOX_PREFIX;
/** The head itself was read before. "RUN" sorts after every log item, "Q" before it. */
const BEFORE_HEAD = "Q";
const ALL_SORT_KEYS = " ";

/** JSON characters of entries in one item: with up to 3 bytes a character and no gain from gzip still below 400 KB. */
const MAX_ITEM_CHARACTERS = 120_000;

export interface LoadedRun extends StoredRun {
  entries: LogEntry[];
  /** What has arrived from outside, by the hash of the operation it is for. */
  arrivals: ReadonlyMap<string, StoredArrival>;
  /** Log items that exist, over all epochs. */
  items: number;
  /** Log items of the head's own epoch, and whether they say that something got done. */
  epochItems: number;
  epochProgressed: boolean;
  /** A body was begun on record in the head's own epoch and has left no outcome. */
  epochInterrupted: boolean;
  /** JSON bytes of all results. */
  resultBytes: number;
  /** Results kept in S3: a turn that crashed had no time to count its own on the head. */
  objects: number;
}

export interface AppendResult {
  /** Items written: large batches are cut. */
  items: number;
  /** Payloads put into S3. */
  objects: number;
}

export class LogStore {
  readonly #services: Services;

  constructor(services: Services) {
    this.#services = services;
  }

  /** Makes entries durable as items `n`, `n + 1`, … of an epoch, one after the other. */
  async append(
    position: { runId: string; epoch: number; n: number; ttlSeconds: number },
    entries: readonly LogEntry[],
    patience?: Patience,
  ): Promise<AppendResult> {
    const stored = await Promise.all(entries.map((entry, index) => this.#spill(position, entry, index, patience)));
    const objects = stored.filter((entry) => "at" in entry).length;
    const chunks = chunk(stored.map((entry) => JSON.stringify(entry)));
    for (const [offset, json] of chunks.entries()) {
      await this.#put({ ...position, n: position.n + offset }, json, patience);
    }
    return { items: chunks.length, objects };
  }

  /** The run with its whole log, strongly consistent. Null when there is no such run. */
  async load(runId: string): Promise<LoadedRun | null> {
    const run = await new RunStore(this.#services).get(runId);
    return run && this.loadLog(run);
  }

  /** The same without the inbox: a branch has no use for the results of a thousand others. */
  async loadWithoutInbox(runId: string): Promise<LoadedRun | null> {
    const run = await new RunStore(this.#services).get(runId);
    return run && this.loadLog(run, LOG_PREFIX);
  }

  /**
   * The log of a run whose head was read before: in this order, what the head says is complete is complete in what is read
   * after it. The other way round, items written in between would be missing (test/model, "the head is read last").
   */
  async loadLog(run: StoredRun, from = FIRST_SORT_KEY): Promise<LoadedRun> {
    const { runId } = run.head;
    const items = await this.#query(runId, from);
    const valid = items.filter((item) => isEntryOf(run.head, item["sk"]?.S ?? ""));
    const inbox = items.filter((item) => item["sk"]?.S?.startsWith(INBOX_PREFIX));
    if (valid.length < run.head.logged) {
      const shrank = historyShrank({ runId, found: valid.length, counted: run.head.logged });
      const { message } = shrank;
      this.#services.metrics.count("HistoriesShrunk", {
        message,
        app: appOfRun(runId),
        functionId: run.head.functionId,
        about: { runId },
      });
      throw shrank;
    }
    const lists = await Promise.all(valid.map((item) => this.#readItem(item)));
    const stored = lists.flat();
    const entries = await Promise.all(stored.map((entry) => this.#fetch(entry)));
    const ofEpoch = lists.filter((_, index) => epochOf(valid[index]) === run.head.epoch);
    return {
      ...run,
      entries,
      arrivals: new Map(inbox.map((item) => [opOfInboxKey(item["sk"]?.S ?? ""), readArrival(item)])),
      items: valid.length,
      epochItems: ofEpoch.length,
      epochProgressed: hasProgress(ofEpoch.flat()),
      epochInterrupted: hasInterruptedBody(ofEpoch.flat()),
      resultBytes: resultBytes(stored, entries),
      objects: stored.filter((entry) => "at" in entry).length,
    };
  }

  async #put(
    position: { runId: string; epoch: number; n: number; ttlSeconds: number },
    json: string,
    patience?: Patience,
  ): Promise<void> {
    const key = logKey(position.runId, position.epoch, position.n);
    const command = new PutItemCommand({
      TableName: this.#services.settings.tableName,
      Item: {
        pk: text(key.pk),
        sk: text(key.sk),
        e: packedAttribute(packInline(json)),
        ttl: number(position.ttlSeconds),
      },
      ConditionExpression: ABSENT,
    });
    try {
      const what = `write log item ${position.epoch}/${position.n} of run "${position.runId}"`;
      await untilKnown(this.#services, what, () => this.#services.clients.dynamodb.send(command), patience);
    } catch (error) {
      // G1: nobody else writes this key.
      if (nameOf(error) !== "ConditionalCheckFailedException") throw error;
    }
  }

  async #spill(
    position: { runId: string; epoch: number; n: number },
    entry: LogEntry,
    index: number,
    patience?: Patience,
  ): Promise<StoredEntry> {
    const bulk = bulkOf(entry);
    if (bulk === null) return entry;
    const json = JSON.stringify(bulk);
    if (json.length <= SPILL_ABOVE_BYTES) return entry;
    const name = `${position.epoch}-${position.n}-${index}`;
    const objectKey = (): string => payloadObjectKey(`runs/${position.runId}`, name);
    const packed = await pack(this.#services, json, objectKey, patience);
    if (packed.form !== "object") return entry;
    return withoutBulk(entry, { at: { key: packed.key, jsonBytes: packed.jsonBytes } });
  }

  async #readItem(item: Item): Promise<StoredEntry[]> {
    const packed = readPacked(item["e"]);
    if (!packed) throw new TypeError(`Cannot read log item "${item["sk"]?.S}": it has no entries`);
    // Written by `append` above and by nothing else.
    return JSON.parse(await unpack(this.#services, packed)) as StoredEntry[];
  }

  async #fetch(entry: StoredEntry): Promise<LogEntry> {
    if (!("at" in entry)) return entry;
    const { at, ...rest } = entry;
    const packed: Packed = { form: "object", key: at.key, jsonBytes: at.jsonBytes };
    const json = await unpack(this.#services, packed);
    // What `spill` wrote is JSON: of an operation the object an invoke was given, else any value.
    if (rest.k === "op") return { ...rest, op: { ...rest.op, data: JSON.parse(json) as InvokeOp["data"] } };
    const ok = JSON.parse(json) as Json;
    return rest.k === "done" ? { ...rest, ok } : { ...rest, ok };
  }

  async #query(runId: string, from = FIRST_SORT_KEY): Promise<Item[]> {
    const { items } = await queryAll(this.#services, `load run "${runId}"`, {
      // Everything before the head, which sorts last and has been read first.
      KeyConditionExpression: "pk = :pk AND sk BETWEEN :from AND :head",
      ExpressionAttributeValues: {
        ":pk": text(runPartition(runId)),
        ":from": text(from),
        ":head": text(BEFORE_HEAD),
      },
    });
    return items;
  }

  /** What has arrived from outside until now, strongly consistent. */
  async arrivals(runId: string): Promise<Map<string, StoredArrival>> {
    const { items } = await queryAll(this.#services, `read the inbox of run "${runId}"`, {
      KeyConditionExpression: "pk = :pk AND begins_with(sk, :inbox)",
      ExpressionAttributeValues: { ":pk": text(runPartition(runId)), ":inbox": text(INBOX_PREFIX) },
    });
    return new Map(items.map((item) => [opOfInboxKey(item["sk"]?.S ?? ""), readArrival(item)]));
  }

  /** Every key of the run's partition and every payload object its log refers to. */
  async belongings(runId: string): Promise<{ sortKeys: string[]; objects: string[] }> {
    const run = await new RunStore(this.#services).get(runId);
    const items = await this.#query(runId, ALL_SORT_KEYS);
    const logItems = items.filter((item) => item["sk"]?.S?.startsWith(LOG_PREFIX));
    const stored = (await Promise.all(logItems.map((item) => this.#readItem(item)))).flat();
    const output = run?.output;
    const objects = stored.flatMap((entry) => ("at" in entry ? [entry.at.key] : []));
    for (const item of items) {
      if (!item["sk"]?.S?.startsWith(INBOX_PREFIX)) continue;
      const arrival = readArrival(item);
      // An event's own object lives and ends with the event.
      if ("ok" in arrival && arrival.ok.form === "object" && arrival.why !== "event") objects.push(arrival.ok.key);
    }
    if (output?.form === "object") objects.push(output.key);
    return { sortKeys: [HEAD_SORT_KEY, ...items.map((item) => item["sk"]?.S ?? "")], objects };
  }
}

/** What of an entry may be large, or null. */
function bulkOf(entry: LogEntry): Json {
  if (entry.k === "op") return entry.op.kind === "invoke" ? entry.op.data : null;
  return (entry.k === "done" || entry.k === "seen") && "ok" in entry ? (entry.ok ?? null) : null;
}

function withoutBulk(entry: LogEntry, kept: Kept): StoredEntry {
  if (entry.k === "op" && entry.op.kind === "invoke") {
    const { data: _spilled, ...op } = entry.op;
    return { ...entry, op, ...kept };
  }
  if (entry.k === "done" && "ok" in entry) {
    const { ok: _spilled, ...rest } = entry;
    return { ...rest, ...kept };
  }
  if (entry.k !== "seen" || "err" in entry) return entry;
  const { ok: _spilled, ...rest } = entry;
  return { ...rest, ...kept };
}

function epochOf(item: Item | undefined): number {
  return parseLogSortKey(item?.["sk"]?.S ?? "").epoch;
}

/** G2: whether a log item belongs to the run's history. */
export function isEntryOf(head: Pick<RunHead, "seals">, sortKey: string): boolean {
  if (!sortKey.startsWith(LOG_PREFIX)) return false;
  const { epoch, n } = parseLogSortKey(sortKey);
  const seal = head.seals.get(epoch);
  return seal === undefined || n <= seal;
}

/** Joins entries into JSON arrays of bounded length, in order. */
function chunk(entries: string[]): string[] {
  const chunks: string[] = [];
  let current: string[] = [];
  let characters = 0;
  for (const entry of entries) {
    if (current.length > 0 && characters + entry.length > MAX_ITEM_CHARACTERS) {
      chunks.push(`[${current.join(",")}]`);
      current = [];
      characters = 0;
    }
    current.push(entry);
    characters += entry.length;
  }
  chunks.push(`[${current.join(",")}]`);
  return chunks;
}

function resultBytes(stored: readonly StoredEntry[], entries: readonly LogEntry[]): number {
  let bytes = 0;
  stored.forEach((entry, index) => {
    const loaded = entries[index];
    if ("at" in entry) bytes += entry.at.jsonBytes;
    else if (loaded && "ok" in loaded) bytes += JSON.stringify(loaded.ok).length;
  });
  return bytes;
}
