/**
 * Owns: what is on record of distributed steps on their way: how often one was delivered again (which tells of workers that died
 * in its body), which attempt is next and when, and until when somebody is surely at it. Nothing is written for a step whose
 * first attempt returns within half a minute.
 */
import { UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { untilKnown } from "../aws/until-known.js";
import type { RunHead } from "../core/run.js";
import type { Services } from "../services.js";
import { number, readNumber, text, type Item } from "./attributes.js";
import { BRANCH_PREFIX, branchKey, opOfBranchKey, runPartition } from "./keys.js";
import { queryAll } from "./query-all.js";

/** A distributed step on its way. */
export interface BranchRecord {
  /** The attempt that is next or under way, 0 first. */
  attempt: number;
  /** Until then its message, or the worker that has it, need not be missed. */
  expectedUntilMs: number;
}

export class BranchStore {
  readonly #services: Services;

  constructor(services: Services) {
    this.#services = services;
  }

  /** Counts one more delivery, and answers how many there were. A count whose answer was lost counts twice: an attempt less, no more. */
  async countTry(head: RunHead, opHash: string): Promise<number> {
    const item = await this.#update(head, opHash, "SET #ttl = :ttl ADD tries :one", { ":one": number(1) });
    return readNumber(item, "tries") ?? 1;
  }

  /** Before the message for an attempt is sent. */
  async expectAttempt(head: RunHead, opHash: string, { attempt, expectedUntilMs }: BranchRecord): Promise<void> {
    await this.#update(head, opHash, "SET #ttl = :ttl, attempt = :attempt, expectedUntil = :until", {
      ":attempt": number(attempt),
      ":until": number(expectedUntilMs),
    });
  }

  /** Somebody is at it, or its message was sent anew. */
  async expectUntil(head: RunHead, opHash: string, expectedUntilMs: number): Promise<void> {
    await this.#update(head, opHash, "SET #ttl = :ttl, expectedUntil = :until", { ":until": number(expectedUntilMs) });
  }

  /** What is on record of a run's distributed steps, by their hash. */
  async ofRun(runId: string): Promise<Map<string, BranchRecord>> {
    const { items } = await queryAll(this.#services, `read the branches of run "${runId}"`, {
      KeyConditionExpression: "pk = :pk AND begins_with(sk, :prefix)",
      ExpressionAttributeValues: { ":pk": text(runPartition(runId)), ":prefix": text(BRANCH_PREFIX) },
    });
    return new Map(items.map((item) => [opOfBranchKey(item["sk"]?.S ?? ""), recordOf(item)]));
  }

  async #update(head: RunHead, opHash: string, expression: string, values: Item): Promise<Item> {
    const key = branchKey(head.runId, opHash);
    const command = new UpdateItemCommand({
      TableName: this.#services.settings.tableName,
      Key: { pk: text(key.pk), sk: text(key.sk) },
      UpdateExpression: expression,
      ExpressionAttributeNames: { "#ttl": "ttl" },
      ExpressionAttributeValues: { ":ttl": number(head.ttlSeconds), ...values },
      ReturnValues: "ALL_NEW",
    });
    const answer = await untilKnown(this.#services, `note a branch of run "${head.runId}"`, () =>
      this.#services.clients.dynamodb.send(command),
    );
    return answer.Attributes ?? {};
  }
}

function recordOf(item: Item): BranchRecord {
  return { attempt: readNumber(item, "attempt") ?? 0, expectedUntilMs: readNumber(item, "expectedUntil") ?? 0 };
}
