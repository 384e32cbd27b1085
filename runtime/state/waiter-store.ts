/**
 * Owns: who waits for an event: the waiters of waits and of `cancelOn`, and the shapes, which tell dispatch which fields of an
 * event to look up.
 * Must not: decide whether an event fits, or what follows from it (dispatch/match-waiters.ts).
 * W1 A shape is put before the first waiter that needs it: who reads the shapes and then the waiters misses none.
 * W2 The same wait gives the same item: putting it again changes nothing.
 * W3 A waiter that is left over harms nobody: what it would do is refused by the run it belongs to, and its TTL removes it.
 */
import { DeleteItemCommand, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import type { AwsClients } from "../aws/clients.js";
import { untilKnown } from "../aws/until-known.js";
import { appOfRun } from "../core/ids.js";
import { forEachLimited } from "../core/limited.js";
import { RETENTION_DAY_MS } from "../core/limits.js";
import type { RunHead } from "../core/run.js";
import type { MatchPlan, MatchRest } from "../expressions/match-plan.js";
import type { Services } from "../services.js";
import { number, readNumber, readText, requireNumber, requireText, text, type Item } from "./attributes.js";
import {
  cancelSlot,
  shapeKey,
  shapePartition,
  waiterKey,
  waiterPartition,
  waiterPartitionOf,
  type Key,
} from "./keys.js";
import { packedAttribute, packInline, readPacked, SPILL_ABOVE_BYTES, unpack } from "./payloads.js";
import { queryAll } from "./query-all.js";

/** Waiters read at once: of 1 KB each they fit half of the 1 MB that a query answers. */
export const WAITER_PAGE = 500;
/** A wait lasts a year at most; the shapes of it must be there to its end. */
const SHAPE_KEPT_MS = 400 * RETENTION_DAY_MS;
/** Put again after this time, so that a shape in use never expires. */
const SHAPE_KNOWN_MS = RETENTION_DAY_MS;
/** An event may be dispatched this much later than it was received. */
const LATE_DISPATCH_MS = 7 * RETENTION_DAY_MS;
const PARALLEL_DELETES = 16;

/** Whom an event finds. */
export interface Waiter {
  key: Key;
  run: string;
  fn: string;
  /** The operation that waits (core/ids.ts, `stepHash`). Null: the run is to be cancelled. */
  op: string | null;
  /** Events count that were received after, and at the latest. */
  afterMs: number;
  untilMs: number;
  /** Of the events received a millisecond after `afterMs`, those count that have at least this place in their request. */
  fromPlace: number;
  /** Internal ids of events that do not count: what started the run, what it has seen. */
  excluded: readonly string[];
  /** What is left to ask; `event` absent: `trigger` is the internal id of the event it is about. */
  rest: (Omit<MatchRest, "event"> & { event?: unknown; trigger: string }) | null;
}

export interface NewWaiter extends Omit<Waiter, "key" | "rest"> {
  app: string;
  eventName: string;
  plan: MatchPlan;
  /** Which of the run's waiters: state/keys.ts, `waitSlot` and `cancelSlot`. */
  slot: string;
  /** Internal id of the event that started the run. */
  trigger: string;
}

/** Fields that are looked up for an event, and in whose name. */
export interface Shape {
  app: string;
  fields: readonly string[];
}

/** When each shape was put by this process; by what all its services share, since a traced turn has services of its own. */
const knownShapes = new WeakMap<AwsClients, Map<string, number>>();

export class WaiterStore {
  readonly #services: Services;

  constructor(services: Services) {
    this.#services = services;
  }

  async put(waiter: NewWaiter): Promise<void> {
    const { app, eventName, plan } = waiter;
    await this.#ensureShape(eventName, { app, fields: plan.fields });
    const key = keyOf(waiter);
    const item: Item = {
      pk: text(key.pk),
      sk: text(key.sk),
      run: text(waiter.run),
      fn: text(waiter.fn),
      ...(waiter.op === null ? {} : { op: text(waiter.op) }),
      after: number(waiter.afterMs),
      until: number(waiter.untilMs),
      ...(waiter.fromPlace === 0 ? {} : { place: number(waiter.fromPlace) }),
      not: text(waiter.excluded.join(" ")),
      ...(plan.rest ? restAttributes(plan.rest, waiter.trigger) : {}),
      ttl: number(Math.ceil((waiter.untilMs + LATE_DISPATCH_MS) / 1_000)),
    };
    await this.#put(`put a waiter of run "${waiter.run}"`, item);
  }

  async remove(keys: readonly Key[]): Promise<void> {
    await forEachLimited(keys, PARALLEL_DELETES, async (key) => {
      await untilKnown(this.#services, `remove waiter "${key.sk}"`, () =>
        this.#services.clients.dynamodb.send(
          new DeleteItemCommand({
            TableName: this.#services.settings.tableName,
            Key: { pk: text(key.pk), sk: text(key.sk) },
          }),
        ),
      );
    });
  }

  /** What is looked up for events of that name, strongly consistent. */
  async shapesOf(eventName: string): Promise<Shape[]> {
    const { items } = await queryAll(this.#services, `read who waits for event "${eventName}"`, {
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": text(shapePartition(eventName)) },
    });
    // Written by `ensureShape` and by nothing else.
    return items.map((item) => ({
      app: requireText(item, "app"),
      fields: JSON.parse(requireText(item, "fields")) as string[],
    }));
  }

  /** The waiters of one key, strongly consistent, from the one after `after`; `next` when there are more. */
  async page(partition: string, after: string | null): Promise<{ waiters: Waiter[]; next: string | null }> {
    const answer = await untilKnown(this.#services, `read waiters "${partition}"`, () =>
      this.#services.clients.dynamodb.send(
        new QueryCommand({
          TableName: this.#services.settings.tableName,
          KeyConditionExpression: "pk = :pk",
          ExpressionAttributeValues: { ":pk": text(partition) },
          ConsistentRead: true,
          Limit: WAITER_PAGE,
          ...(after === null ? {} : { ExclusiveStartKey: { pk: text(partition), sk: text(after) } }),
        }),
      ),
    );
    const waiters = await Promise.all((answer.Items ?? []).map((item) => this.#read(item)));
    return { waiters, next: answer.LastEvaluatedKey?.["sk"]?.S ?? null };
  }

  async #read(item: Item): Promise<Waiter> {
    const packed = readPacked(item["rest"]);
    const excluded = requireText(item, "not");
    return {
      key: { pk: requireText(item, "pk"), sk: requireText(item, "sk") },
      run: requireText(item, "run"),
      fn: requireText(item, "fn"),
      op: readText(item, "op"),
      afterMs: requireNumber(item, "after"),
      untilMs: requireNumber(item, "until"),
      fromPlace: readNumber(item, "place") ?? 0,
      excluded: excluded === "" ? [] : excluded.split(" "),
      // Written by `restAttributes` and by nothing else.
      rest: packed ? (JSON.parse(await unpack(this.#services, packed)) as Waiter["rest"]) : null,
    };
  }

  async #ensureShape(eventName: string, shape: Shape): Promise<void> {
    const nowMs = this.#services.clock.now();
    const known = knownShapes.get(this.#services.clients) ?? new Map<string, number>();
    knownShapes.set(this.#services.clients, known);
    const { pk, sk } = shapeKey(eventName, shape.app, shape.fields);
    const name = `${pk}\n${sk}`;
    if (nowMs - (known.get(name) ?? Number.NEGATIVE_INFINITY) < SHAPE_KNOWN_MS) return;
    await this.#put(`note what is waited for in event "${eventName}"`, {
      pk: text(pk),
      sk: text(sk),
      app: text(shape.app),
      fields: text(JSON.stringify(shape.fields)),
      ttl: number(Math.ceil((nowMs + SHAPE_KEPT_MS) / 1_000)),
    });
    known.set(name, nowMs);
  }

  async #put(what: string, item: Item): Promise<void> {
    await untilKnown(this.#services, what, () =>
      this.#services.clients.dynamodb.send(
        new PutItemCommand({ TableName: this.#services.settings.tableName, Item: item }),
      ),
    );
  }
}

/** Where a waiter is kept. */
export function keyOf(waiter: Pick<NewWaiter, "app" | "eventName" | "plan" | "run" | "slot">): Key {
  const { app, eventName, plan, run, slot } = waiter;
  return waiterKey(waiterPartition(app, eventName, plan.fields, plan.values), run, slot);
}

/** Where the waiters are that may cancel a run. */
export function cancelKeysOf({ runId, cancelOn }: Pick<RunHead, "runId" | "cancelOn">): Key[] {
  return cancelOn.flatMap((hash, k) =>
    hash === "" ? [] : [waiterKey(waiterPartitionOf(appOfRun(runId), hash), runId, cancelSlot(k))],
  );
}

/** A large event is referred to: it is read when an event has found the waiter, which few do. */
function restAttributes(rest: MatchRest, trigger: string): Item {
  const packed = packInline(JSON.stringify({ ...rest, trigger }));
  if (packed.form === "text" || packed.bytes.byteLength <= SPILL_ABOVE_BYTES) return { rest: packedAttribute(packed) };
  const { event: _large, ...small } = rest;
  return { rest: packedAttribute(packInline(JSON.stringify({ ...small, trigger }))) };
}
