/**
 * Owns: a run's inbox: what came from outside for one of its operations, one item each. Anyone may put it, the first arrival
 * is the only one (PROTOCOL §1): that is how event against timeout, or two duplicates, is decided once.
 * Must not: decide what an arrival means, or wake anybody.
 */
import { GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import type { Arrival, Json, SerializedError } from "../../sdk/protocol.js";
import { untilKnown, type Patience } from "../aws/until-known.js";
import type { Services } from "../services.js";
import { number, readText, requireText, text, type Item } from "./attributes.js";
import { ABSENT } from "./conditions.js";
import { inboxKey } from "./keys.js";
import { packedAttribute, readPacked, unpack, type Packed } from "./payloads.js";
import { conditionFailedItem } from "./refusal.js";

/**
 * An arrival as it is kept. `by` names where it comes from (an event's internal id, a child's run id, a signal's token): who
 * finds its own `by` standing has been here before. `ok` may refer to an object in S3.
 */
export type StoredArrival = { why: ArrivalReason; by: string } & ({ ok: Packed } | { err: SerializedError });

/** `event`: `by` is the internal id of the event. `answer`: a child's, a signal's or a branch's. `timeout`: nothing came in time. */
export type ArrivalReason = "event" | "answer" | "timeout";

const REASONS: readonly ArrivalReason[] = ["event", "answer", "timeout"];

export class InboxStore {
  readonly #services: Services;

  constructor(services: Services) {
    this.#services = services;
  }

  /** Puts an arrival for the operation with that hash (core/ids.ts, `stepHash`). Answers the one that stands, this or an earlier one. */
  async put(
    runId: string,
    opHash: string,
    arrival: StoredArrival,
    ttlSeconds: number,
    patience?: Patience,
  ): Promise<{ first: boolean; standing: StoredArrival }> {
    const key = inboxKey(runId, opHash);
    const command = new PutItemCommand({
      TableName: this.#services.settings.tableName,
      Item: { pk: text(key.pk), sk: text(key.sk), ttl: number(ttlSeconds), ...attributesOf(arrival) },
      ConditionExpression: ABSENT,
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    try {
      const what = `put an arrival for run "${runId}"`;
      await untilKnown(this.#services, what, () => this.#services.clients.dynamodb.send(command), patience);
      return { first: true, standing: arrival };
    } catch (error) {
      const stored = conditionFailedItem(error);
      if (stored === null) throw error;
      const standing = readArrival(stored);
      // The answer to an earlier try of this very call may have been lost: then what stands is its own.
      return { first: standing.by === arrival.by && standing.why === arrival.why, standing };
    }
  }

  /** What has arrived for an operation, strongly consistent; null when nothing has. */
  async get(runId: string, opHash: string): Promise<StoredArrival | null> {
    const key = inboxKey(runId, opHash);
    const answer = await untilKnown(this.#services, `read an arrival of run "${runId}"`, () =>
      this.#services.clients.dynamodb.send(
        new GetItemCommand({
          TableName: this.#services.settings.tableName,
          Key: { pk: text(key.pk), sk: text(key.sk) },
          ConsistentRead: true,
        }),
      ),
    );
    return answer.Item ? readArrival(answer.Item) : null;
  }

  /** The arrival as the function's host takes it: its value fetched, wherever it is kept. */
  async open(arrival: StoredArrival): Promise<Arrival> {
    if ("err" in arrival) return { err: arrival.err };
    // What was packed was JSON.
    const ok = JSON.parse(await unpack(this.#services, arrival.ok)) as Json;
    if (arrival.why === "timeout") return { ok, timedOut: true };
    return arrival.why === "event" ? { ok, eventId: arrival.by } : { ok };
  }
}

function attributesOf(arrival: StoredArrival): Item {
  const value = "ok" in arrival ? { ok: packedAttribute(arrival.ok) } : { err: text(JSON.stringify(arrival.err)) };
  return { why: text(arrival.why), by: text(arrival.by), ...value };
}

export function readArrival(item: Item): StoredArrival {
  const given = requireText(item, "why");
  const why = REASONS.find((known) => known === given);
  if (!why) throw new TypeError(`Cannot read arrival "${item["sk"]?.S}": its reason "${given}" is not known`);
  const by = requireText(item, "by");
  const ok = readPacked(item["ok"]);
  if (ok) return { why, by, ok };
  const err = readText(item, "err");
  if (err === null) throw new TypeError(`Cannot read arrival "${item["sk"]?.S}": it has neither value nor error`);
  // Written by `attributesOf` and by nothing else.
  return { why, by, err: JSON.parse(err) as SerializedError };
}
