/**
 * Owns: bulk cancels in the table: what was asked for, and how far the work has come.
 * Invariant C1: a page is counted once, however often its message comes: the count is conditional on the page.
 */
import { GetItemCommand, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { untilKnown } from "../aws/until-known.js";
import type { Services } from "../services.js";
import { number, readNumber, readText, requireNumber, requireText, text, type Item } from "./attributes.js";
import { ABSENT, PAGE_UNCOUNTED } from "./conditions.js";
import { cancellationKey } from "./keys.js";
import { conditionFailedItem } from "./refusal.js";

export interface CancellationRequest {
  id: string;
  appId: string;
  functionId: string;
  /** Runs created from then on, ms since 1970. */
  fromMs: number;
  /** Runs created before. */
  toMs: number;
  /** A CEL expression over `event`; null for all runs. */
  condition: string | null;
  createdAtMs: number;
}

export interface Cancellation extends CancellationRequest {
  /** The next page to be worked on; the first is 0. */
  page: number;
  /** Where it begins in the list of the function's runs, newest first (state/keys.ts, `functionSort`). */
  before: string;
  /** Runs looked at, and runs cancelled. */
  examined: number;
  cancelled: number;
  /** Null while there are pages left. */
  endedAtMs: number | null;
}

/** What a page came to. `before` null: it was the last. */
export interface CountedPage {
  page: number;
  before: string | null;
  examined: number;
  cancelled: number;
}

export class CancellationStore {
  readonly #services: Services;

  constructor(services: Services) {
    this.#services = services;
  }

  /** Records a bulk cancel. Answers the one that stands: this, or the one an earlier try has recorded. */
  async create(request: CancellationRequest, before: string, ttlSeconds: number): Promise<Cancellation> {
    const { id, appId, functionId, fromMs, toMs, condition, createdAtMs } = request;
    const key = cancellationKey(id);
    const command = new PutItemCommand({
      TableName: this.#services.settings.tableName,
      Item: {
        pk: text(key.pk),
        sk: text(key.sk),
        app: text(appId),
        fn: text(functionId),
        fromMs: number(fromMs),
        toMs: number(toMs),
        createdAt: number(createdAtMs),
        pageNumber: number(0),
        place: text(before),
        examined: number(0),
        cancelled: number(0),
        ttl: number(ttlSeconds),
        ...(condition === null ? {} : { condition: text(JSON.stringify(condition)) }),
      },
      ConditionExpression: ABSENT,
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    try {
      await untilKnown(this.#services, `record bulk cancel "${id}"`, () =>
        this.#services.clients.dynamodb.send(command),
      );
      return { ...request, page: 0, before, examined: 0, cancelled: 0, endedAtMs: null };
    } catch (error) {
      const stored = conditionFailedItem(error);
      if (!stored) throw error;
      return readCancellation(id, stored);
    }
  }

  /** Strongly consistent; null when there is none. */
  async get(id: string): Promise<Cancellation | null> {
    const key = cancellationKey(id);
    const answer = await untilKnown(this.#services, `read bulk cancel "${id}"`, () =>
      this.#services.clients.dynamodb.send(
        new GetItemCommand({
          TableName: this.#services.settings.tableName,
          Key: { pk: text(key.pk), sk: text(key.sk) },
          ConsistentRead: true,
        }),
      ),
    );
    return answer.Item ? readCancellation(id, answer.Item) : null;
  }

  /** Counts a page that is done (C1). Answers how far the work has come, by this page or by its copy. */
  async count(id: string, { page, before, examined, cancelled }: CountedPage): Promise<Cancellation> {
    const key = cancellationKey(id);
    const ended = before === null ? { ":ended": number(this.#services.clock.now()) } : null;
    const command = new UpdateItemCommand({
      TableName: this.#services.settings.tableName,
      Key: { pk: text(key.pk), sk: text(key.sk) },
      UpdateExpression:
        "SET pageNumber = :next, place = :place, examined = examined + :examined, cancelled = cancelled + :cancelled" +
        (ended ? ", endedAt = :ended" : ""),
      ConditionExpression: PAGE_UNCOUNTED,
      ExpressionAttributeValues: {
        ":page": number(page),
        ":next": number(page + 1),
        ":place": text(before ?? ""),
        ":examined": number(examined),
        ":cancelled": number(cancelled),
        ...ended,
      },
      ReturnValues: "ALL_NEW",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    try {
      const answer = await untilKnown(this.#services, `count a page of bulk cancel "${id}"`, () =>
        this.#services.clients.dynamodb.send(command),
      );
      return readCancellation(id, answer.Attributes ?? {});
    } catch (error) {
      const stored = conditionFailedItem(error);
      if (!stored) throw error;
      return readCancellation(id, stored);
    }
  }
}

function readCancellation(id: string, item: Item): Cancellation {
  // As JSON: an expression may hold what no item can, half a surrogate pair.
  const condition = readText(item, "condition");
  return {
    id,
    appId: requireText(item, "app"),
    functionId: requireText(item, "fn"),
    fromMs: requireNumber(item, "fromMs"),
    toMs: requireNumber(item, "toMs"),
    condition: condition === null ? null : String(JSON.parse(condition)),
    createdAtMs: requireNumber(item, "createdAt"),
    page: requireNumber(item, "pageNumber"),
    before: requireText(item, "place"),
    examined: requireNumber(item, "examined"),
    cancelled: requireNumber(item, "cancelled"),
    endedAtMs: readNumber(item, "endedAt"),
  };
}
