/**
 * Owns: the items behind a concurrency limit (PROTOCOL §5): a slot is one of the limit's places, taken; a ticket is somebody's
 * place in the queue for one. Which of them may be written when is runtime/flow's to know.
 * Invariants: S1 a slot is put where none is, or over the stamp that was read. S2 slots and tickets are deleted by their stamps. A
 * write whose answer was lost is told by its own stamp. S3 Whoever writes for a turn writes nothing once its lease has run out:
 * what a zombie reads then is its thief's (test/model, slots).
 */
import { DeleteItemCommand, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { untilKnown, type Patience } from "../aws/until-known.js";
import type { Services } from "../services.js";
import { number, readNumber, readText, requireText, text, type Item } from "./attributes.js";
import * as conditions from "./conditions.js";
import {
  indexOfSlotKey,
  SLOT_PREFIX,
  slotPartition,
  slotSortKey,
  TICKET_PREFIX,
  ticketSortKey,
  type Key,
} from "./keys.js";
import { queryAll } from "./query-all.js";
import { conditionFailedItem } from "./refusal.js";

/** Who takes a place: a run's turn, a further body of it side by side, or one distributed step. */
export interface Seat {
  run: string;
  seat: string;
}

/** One place of a limit, taken. */
export interface Slot extends Seat {
  index: number;
  /** Unique to each putting, so that a late write of an earlier one is told. */
  stamp: string;
  fn: string;
  stampedAtMs: number;
  /** Of a distributed step: until then its worker is surely at it. Null: the run's lease tells. */
  untilMs: number | null;
}

/** A place in the queue. */
export interface Ticket extends Seat {
  key: Key;
  /** Unique to each putting: a late removal must not take what was put anew. */
  stamp: string;
  fn: string;
  /** The limit as its function had it. */
  limit: number;
  /** The message to be sent once it is granted, as its queue takes it. */
  wake: string;
}

export interface NewTicket extends Omit<Ticket, "key" | "stamp"> {
  createdAtMs: number;
}

/** Longer than any wait of a run (366 days): what TTL takes away before would let one too many in. */
const KEPT_MS = 400 * 86_400_000;

export class SlotStore {
  readonly #services: Services;
  readonly #pk: string;
  readonly #hash: string;
  readonly #stamps: { count: number; prefix: string };
  readonly #mayWrite: () => boolean;

  /**
   * `hash`: of one key of a limit (keys.ts, `slotHash`). `mayWrite` is asked before each write; once it says no, places are
   * refused and nothing is removed.
   */
  constructor(services: Services, appId: string, hash: string, mayWrite: () => boolean = () => true) {
    this.#mayWrite = mayWrite;
    this.#services = services;
    this.#hash = hash;
    this.#pk = slotPartition(appId, hash);
    this.#stamps = { count: 0, prefix: Buffer.from(services.random.bytes(9)).toString("base64url") };
  }

  /** Nobody waits for a place, and none beyond the limit is taken, as one is after the limit was lowered. */
  async isOpen(limit: number): Promise<boolean> {
    return (await this.#first(slotSortKey(limit))) === null;
  }

  /** Somebody waits for a place. */
  async isQueued(): Promise<boolean> {
    return (await this.#first(TICKET_PREFIX)) !== null;
  }

  /** Every slot that is taken, strongly consistent, by index. */
  async slots(): Promise<Slot[]> {
    const { items } = await queryAll(this.#services, `read the slots of "${this.#hash}"`, {
      KeyConditionExpression: "pk = :pk AND begins_with(sk, :prefix)",
      ExpressionAttributeValues: { ":pk": text(this.#pk), ":prefix": text(SLOT_PREFIX) },
    });
    return items.map(readSlot);
  }

  /** The first `count` tickets, strongly consistent. */
  async tickets(count: number): Promise<Ticket[]> {
    return (await this.#from(TICKET_PREFIX, count)).map(readTicket);
  }

  /** Takes the place `index`, where nobody has it; null where somebody has. */
  take(index: number, seat: Seat & { fn: string; untilMs?: number | null }, patience?: Patience): Promise<Slot | null> {
    return this.#put(index, seat, null, patience);
  }

  /** Stamps a slot anew; null when it is no longer what was read. */
  stampAnew(slot: Slot, patience?: Patience): Promise<Slot | null> {
    return this.#put(slot.index, slot, slot.stamp, patience);
  }

  /** Removes a slot by its stamp. False when it is another's by now, or gone. */
  remove({ index, stamp }: Pick<Slot, "index" | "stamp">): Promise<boolean> {
    return this.#remove(slotSortKey(index), stamp);
  }

  async putTicket({ run, seat, fn, limit, wake, createdAtMs }: NewTicket, patience?: Patience): Promise<void> {
    if (!this.#mayWrite()) return;
    const command = new PutItemCommand({
      TableName: this.#services.settings.tableName,
      Item: {
        pk: text(this.#pk),
        sk: text(ticketSortKey(createdAtMs, run, seat)),
        stamp: text(this.#newStamp()),
        run: text(run),
        seat: text(seat),
        fn: text(fn),
        limit: number(limit),
        wake: text(wake),
        ttl: number(this.#ttlSeconds()),
      },
    });
    const what = `queue run "${run}" for a slot`;
    await untilKnown(this.#services, what, () => this.#services.clients.dynamodb.send(command), patience);
  }

  /** A seat's ticket, if there is one. */
  async removeTicket(createdAtMs: number, { run, seat }: Seat): Promise<void> {
    const tickets = await this.ticketsOf(createdAtMs, run);
    for (const ticket of tickets.filter((read) => read.seat === seat)) await this.removeRead(ticket);
  }

  /** Every ticket of a run, whatever its seat, strongly consistent. */
  async ticketsOf(createdAtMs: number, run: string): Promise<Ticket[]> {
    const { items } = await queryAll(this.#services, `read the tickets of run "${run}"`, {
      KeyConditionExpression: "pk = :pk AND begins_with(sk, :prefix)",
      ExpressionAttributeValues: { ":pk": text(this.#pk), ":prefix": text(ticketSortKey(createdAtMs, run, "")) },
    });
    return items.map(readTicket);
  }

  /** A ticket as it was read. False when it was put anew meanwhile, or is gone. */
  removeRead({ key, stamp }: Ticket): Promise<boolean> {
    return this.#remove(key.sk, stamp);
  }

  async #remove(sk: string, stamp: string): Promise<boolean> {
    if (!this.#mayWrite()) return false;
    const command = new DeleteItemCommand({
      TableName: this.#services.settings.tableName,
      Key: { pk: text(this.#pk), sk: text(sk) },
      ConditionExpression: conditions.SLOT_STAMPED,
      ExpressionAttributeValues: { ":stamp": text(stamp) },
    });
    try {
      await untilKnown(this.#services, `give back a slot of "${this.#hash}"`, () =>
        this.#services.clients.dynamodb.send(command),
      );
      return true;
    } catch (error) {
      if (conditionFailedItem(error) === null) throw error;
      return false;
    }
  }

  #newStamp(): string {
    this.#stamps.count += 1;
    return `${this.#stamps.prefix}.${this.#stamps.count}`;
  }

  /** `over`: the stamp that was read, or null where there is to be none. */
  async #put(
    index: number,
    { run, seat, fn, untilMs = null }: Seat & { fn: string; untilMs?: number | null },
    over: string | null,
    patience?: Patience,
  ): Promise<Slot | null> {
    if (!this.#mayWrite()) return null;
    const stamp = this.#newStamp();
    const slot = { index, run, seat, stamp, fn, stampedAtMs: this.#services.clock.now(), untilMs };
    const command = new PutItemCommand({
      TableName: this.#services.settings.tableName,
      Item: {
        pk: text(this.#pk),
        sk: text(slotSortKey(index)),
        ...attributesOf(slot),
        ttl: number(this.#ttlSeconds()),
      },
      ConditionExpression: over === null ? conditions.ABSENT : conditions.SLOT_STAMPED,
      ...(over === null ? {} : { ExpressionAttributeValues: { ":stamp": text(over) } }),
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    const what = `take a slot of "${this.#hash}"`;
    try {
      await untilKnown(this.#services, what, () => this.#services.clients.dynamodb.send(command), patience);
      return slot;
    } catch (error) {
      const stored = conditionFailedItem(error);
      if (stored === null) throw error;
      return stored["stamp"]?.S === stamp ? slot : null;
    }
  }

  async #first(sk: string): Promise<Item | null> {
    return (await this.#from(sk, 1))[0] ?? null;
  }

  async #from(sk: string, count: number): Promise<Item[]> {
    const command = new QueryCommand({
      TableName: this.#services.settings.tableName,
      KeyConditionExpression: "pk = :pk AND sk >= :from",
      ExpressionAttributeValues: { ":pk": text(this.#pk), ":from": text(sk) },
      ConsistentRead: true,
      Limit: count,
    });
    const answer = await untilKnown(this.#services, `read the queue of "${this.#hash}"`, () =>
      this.#services.clients.dynamodb.send(command),
    );
    return answer.Items ?? [];
  }

  #ttlSeconds(): number {
    return Math.ceil((this.#services.clock.now() + KEPT_MS) / 1_000);
  }
}

function attributesOf({ run, seat, stamp, fn, stampedAtMs, untilMs }: Slot): Item {
  return {
    run: text(run),
    seat: text(seat),
    stamp: text(stamp),
    fn: text(fn),
    stampedAt: number(stampedAtMs),
    ...(untilMs === null ? {} : { until: number(untilMs) }),
  };
}

/** Members that other hands have removed are read as none: one bad item must not hold up everybody who queues beside it. */
function readSlot(item: Item): Slot {
  return {
    index: indexOfSlotKey(requireText(item, "sk")),
    run: readText(item, "run") ?? "",
    seat: readText(item, "seat") ?? "",
    stamp: readText(item, "stamp") ?? "",
    fn: readText(item, "fn") ?? "",
    stampedAtMs: readNumber(item, "stampedAt") ?? 0,
    untilMs: readNumber(item, "until"),
  };
}

function readTicket(item: Item): Ticket {
  return {
    key: { pk: requireText(item, "pk"), sk: requireText(item, "sk") },
    run: readText(item, "run") ?? "",
    seat: readText(item, "seat") ?? "",
    stamp: readText(item, "stamp") ?? "",
    fn: readText(item, "fn") ?? "",
    limit: readNumber(item, "limit") ?? 1,
    wake: readText(item, "wake") ?? "",
  };
}
