/**
 * Owns: events in the table. An event item is written once, after it is known which functions it goes to, and lists them:
 * it is the record that nothing vanished (PROTOCOL §5).
 */
import { GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import type { StoredEvent } from "../../sdk/protocol.js";
import { untilKnown } from "../aws/until-known.js";
import type { AcceptedEvent } from "../queue/messages.js";
import type { Services } from "../services.js";
import { number, readNumber, readText, requireNumber, requireText, text, type Item } from "./attributes.js";
import * as conditions from "./conditions.js";
import { eventKey, payloadObjectKey, timeIndex } from "./keys.js";
import { pack, packedAttribute, packedBefore, readPacked, unpack, type Packed } from "./payloads.js";
import { conditionFailedItem } from "./refusal.js";

/** What became of an event for one function. */
export type Route =
  | { app: string; fn: string; run: string }
  /**
   * The event that started `run` was first in 24 hours: with the same id of its sender's (`duplicate`), or with the same
   * idempotency key of the function's (`idempotent`).
   */
  | { app: string; fn: string; skipped: "duplicate" | "idempotent"; run: string };

export interface EventRecord {
  id: string;
  name: string;
  payload: Packed;
  receivedAtMs: number;
  senderId: string | null;
  routes: Route[];
}

export class EventStore {
  readonly #services: Services;

  constructor(services: Services) {
    this.#services = services;
  }

  /** Records an event and its routes. Answers the routes that stand: those of the first writer. */
  async record(accepted: AcceptedEvent, routes: Route[], ttlSeconds: number): Promise<Route[]> {
    const key = eventKey(accepted.id);
    const payload = await this.#pack(accepted);
    const item: Item = {
      pk: text(key.pk),
      sk: text(key.sk),
      name: text(accepted.event.name),
      payload: packedAttribute(payload),
      receivedAt: number(accepted.receivedAtMs),
      routes: text(JSON.stringify(routes)),
      ttl: number(ttlSeconds),
      ...(accepted.senderId === undefined ? {} : { senderId: text(JSON.stringify(accepted.senderId)) }),
      ...(accepted.trace === undefined ? {} : { trace: text(accepted.trace) }),
      ...indexAttributes(accepted),
    };
    try {
      await untilKnown(this.#services, `record event "${accepted.id}"`, () =>
        this.#services.clients.dynamodb.send(
          new PutItemCommand({
            TableName: this.#services.settings.tableName,
            Item: item,
            ConditionExpression: conditions.ABSENT,
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          }),
        ),
      );
      return routes;
    } catch (error) {
      const stored = conditionFailedItem(error);
      if (!stored) throw error;
      return readRoutes(stored);
    }
  }

  async get(eventId: string): Promise<EventRecord | null> {
    const key = eventKey(eventId);
    const answer = await untilKnown(this.#services, `read event "${eventId}"`, () =>
      this.#services.clients.dynamodb.send(
        new GetItemCommand({
          TableName: this.#services.settings.tableName,
          Key: { pk: text(key.pk), sk: text(key.sk) },
          ConsistentRead: true,
        }),
      ),
    );
    return answer.Item ? readEventRecord(eventId, answer.Item) : null;
  }

  async unpack(packed: Packed): Promise<StoredEvent> {
    // Written by `record` and by nothing else.
    return JSON.parse(await unpack(this.#services, packed)) as StoredEvent;
  }

  #pack(accepted: AcceptedEvent): Promise<Packed> {
    return pack(this.#services, JSON.stringify(accepted.event), () => payloadObjectKey("events", accepted.id));
  }
}

/** A recorded event's payload, in the form in which `record` has stored it: who hands it on need not store it again. */
export function recordedPayload(accepted: AcceptedEvent): Packed {
  return packedBefore(JSON.stringify(accepted.event), payloadObjectKey("events", accepted.id));
}

function indexAttributes(accepted: AcceptedEvent): Item {
  const index = timeIndex(accepted.event.name, accepted.id, accepted.receivedAtMs);
  return { timeKey: text(index.timeKey), timeSort: text(index.timeSort) };
}

function readRoutes(item: Item): Route[] {
  // Written by `record` and by nothing else.
  return JSON.parse(requireText(item, "routes")) as Route[];
}

function readEventRecord(id: string, item: Item): EventRecord {
  const payload = readPacked(item["payload"]);
  if (!payload) throw new TypeError(`Cannot read event "${id}": it has no payload`);
  const senderId = readText(item, "senderId");
  return {
    id,
    name: requireText(item, "name"),
    payload,
    receivedAtMs: readNumber(item, "receivedAt") ?? requireNumber(item, "ttl") * 1_000,
    senderId: senderId === null ? null : String(JSON.parse(senderId)),
    routes: readRoutes(item),
  };
}
