/**
 * Owns: gates that let one event through to a function in 24 hours: the id its sender gave it, and the function's own
 * idempotency key. A gate is held by an event's internal id, so a redelivery finds itself and goes on.
 * Must not: know expressions, or what becomes of an event that is not let through.
 * G1 An event takes all its gates or none: one that is held off at its second gate must not hold others off at its first.
 * G2 The 24 hours count from the first event; whoever comes again does not move them.
 */
import { PutItemCommand, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";
import { nameOf } from "../aws/failures.js";
import { untilKnown } from "../aws/until-known.js";
import type { Services } from "../services.js";
import { number, readText, text, type Item } from "./attributes.js";
import { GATE_FREE } from "./conditions.js";
import type { Key } from "./keys.js";
import { conditionFailedItem, type Refusals, transactionRefusals } from "./refusal.js";

export interface Gate {
  key: Key;
  /** What an event is that finds the gate held. */
  why: "duplicate" | "idempotent";
}

/** Who was first at a gate: an event's internal id. */
export interface HeldGate {
  why: Gate["why"];
  by: string;
}

export class GateStore {
  readonly #services: Services;

  constructor(services: Services) {
    this.#services = services;
  }

  /**
   * Takes the gates for an event until `untilSeconds`. Answers null when it has them all, now or from an earlier delivery;
   * else the first one in the list that another event has.
   */
  async take(eventId: string, gates: readonly Gate[], untilSeconds: number): Promise<HeldGate | null> {
    let left = gates;
    while (left.length > 0) {
      const refusals = await this.#put(eventId, left, untilSeconds);
      if (refusals === null) return null;
      const mine = new Set<Gate>();
      for (const [place, gate] of left.entries()) {
        const stored = refusals[place];
        if (!stored) continue;
        const by = readText(stored, "event") ?? "";
        if (by !== eventId) return { why: gate.why, by };
        mine.add(gate);
      }
      // Own items are from an earlier delivery, or from a write whose answer was lost. A gate the function did not have then
      // is taken now.
      left = left.filter((gate) => !mine.has(gate));
    }
    return null;
  }

  /** Null when all were put; else, by place, the item that is in the way of each. */
  async #put(eventId: string, gates: readonly Gate[], untilSeconds: number): Promise<Refusals | null> {
    const puts = gates.map(({ key }) => this.#putOf(key, eventId, untilSeconds));
    const [put] = puts;
    if (!put) return null;
    const { dynamodb } = this.#services.clients;
    try {
      await untilKnown<unknown>(this.#services, `take the gates for event "${eventId}"`, () =>
        puts.length === 1
          ? dynamodb.send(new PutItemCommand(put))
          : dynamodb.send(new TransactWriteItemsCommand({ TransactItems: puts.map((Put) => ({ Put })) })),
      );
      return null;
    } catch (error) {
      if (nameOf(error) === "TransactionCanceledException") return transactionRefusals(error);
      const stored = conditionFailedItem(error);
      if (!stored) throw error;
      return [stored];
    }
  }

  #putOf({ pk, sk }: Key, eventId: string, untilSeconds: number): GatePut {
    return {
      TableName: this.#services.settings.tableName,
      Item: { pk: text(pk), sk: text(sk), event: text(eventId), ttl: number(untilSeconds) },
      ConditionExpression: GATE_FREE,
      ExpressionAttributeNames: { "#ttl": "ttl" },
      ExpressionAttributeValues: { ":nowSeconds": number(Math.floor(this.#services.clock.now() / 1_000)) },
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    };
  }
}

interface GatePut {
  TableName: string;
  Item: Item;
  ConditionExpression: string;
  ExpressionAttributeNames: Record<string, string>;
  ExpressionAttributeValues: Item;
  ReturnValuesOnConditionCheckFailure: "ALL_OLD";
}
