/** What scenarios do and look at beside the platform's own ways: raw messages, table items, objects. No assertions in here. */
import { GetItemCommand, QueryCommand, type AttributeValue } from "@aws-sdk/client-dynamodb";
import { GetObjectTaggingCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { PurgeQueueCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import type { AwsCall } from "../../local/aws/call.js";
import type { Fault } from "../../local/aws/faults.js";
import type { LedgerMark } from "../../local/aws/ledger.js";
import { quarantineKey, runPartition } from "../../runtime/state/keys.js";
import { EVENT_KEY } from "../../local/world/world.js";
import type { Scenario } from "./world.js";

export type Item = Record<string, AttributeValue>;

/** An answer of the HTTP API. */
export interface Answer {
  status: number;
  body: unknown;
}

/** Posts a body to the events route as it is. */
export async function postRaw(
  scenario: Scenario,
  body: unknown,
  options: { path?: string; headers?: Record<string, string>; method?: string } = {},
): Promise<Answer> {
  const { path = `/e/${EVENT_KEY}`, headers = {}, method = "POST" } = options;
  const answer = await scenario.world.request(method, path, body, headers);
  const parsed: unknown = JSON.parse(Buffer.from(answer.body).toString());
  return { status: answer.status, body: parsed };
}

/** The catalogue code of a refusal, or what API Gateway says instead. */
export function refusalCode({ body }: Answer): unknown {
  if (typeof body !== "object" || body === null) return body;
  if ("error" in body && typeof body.error === "object" && body.error !== null && "code" in body.error) {
    return body.error.code;
  }
  return "message" in body ? body.message : body;
}

/** The ids an accepted request was answered with. */
export function idsOf({ body }: Answer): string[] {
  if (typeof body !== "object" || body === null || !("ids" in body) || !Array.isArray(body.ids)) return [];
  return body.ids.map(String);
}

export function eventsQueueUrl(scenario: Scenario): string {
  return scenario.world.services("observer").settings.eventsQueueUrl;
}

export async function sendRaw(scenario: Scenario, queueUrl: string, body: string, delaySeconds = 0): Promise<string> {
  const { sqs } = scenario.world.services("outsider").clients;
  const answer = await sqs.send(
    new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body, DelaySeconds: delaySeconds }),
  );
  return answer.MessageId ?? "";
}

export async function purge(scenario: Scenario, queueUrl: string): Promise<void> {
  await scenario.world.services("outsider").clients.sqs.send(new PurgeQueueCommand({ QueueUrl: queueUrl }));
}

async function query(scenario: Scenario, pk: string): Promise<Item[]> {
  const { clients, settings } = scenario.world.services("observer");
  const answer = await clients.dynamodb.send(
    new QueryCommand({
      TableName: settings.tableName,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": { S: pk } },
      ConsistentRead: true,
    }),
  );
  return answer.Items ?? [];
}

/** All items of a run: its head and its log. */
export function itemsOf(scenario: Scenario, runId: string): Promise<Item[]> {
  return query(scenario, runPartition(runId));
}

/** What was quarantined today. */
export function quarantined(scenario: Scenario): Promise<Item[]> {
  return query(scenario, quarantineKey(scenario.clock.now(), "").pk);
}

export async function item(scenario: Scenario, pk: string, sk: string): Promise<Item | undefined> {
  const { clients, settings } = scenario.world.services("observer");
  const Key = { pk: { S: pk }, sk: { S: sk } };
  const answer = await clients.dynamodb.send(
    new GetItemCommand({ TableName: settings.tableName, Key, ConsistentRead: true }),
  );
  return answer.Item;
}

/** Keys of the stored objects that begin so, with their tags. */
export async function objects(
  scenario: Scenario,
  prefix: string,
): Promise<{ key: string; tags: string[]; writtenAtMs: number }[]> {
  const { clients, settings } = scenario.world.services("observer");
  const Bucket = settings.bucketName;
  const list = await clients.s3.send(new ListObjectsV2Command({ Bucket, Prefix: prefix }));
  return Promise.all(
    (list.Contents ?? []).map(async ({ Key = "", LastModified }) => {
      const tagging = await clients.s3.send(new GetObjectTaggingCommand({ Bucket, Key }));
      return {
        key: Key,
        tags: (tagging.TagSet ?? []).map((tag) => `${tag.Key}=${tag.Value}`),
        writtenAtMs: LastModified?.getTime() ?? 0,
      };
    }),
  );
}

const STORING = new Set(["PutItem", "UpdateItem", "BatchWriteItem", "SendMessage", "SendMessageBatch", "PutObject"]);

/** What the platform has stored or sent since the mark, as "caller operation". */
export function storedSince(scenario: Scenario, mark: LedgerMark): string[] {
  return scenario.world.aws.ledger
    .since(mark)
    .rows.filter(({ operation }) => STORING.has(operation))
    .map(({ caller, operation }) => `${caller} ${operation}`);
}

/** Lets the first call that matches go wrong, once. The answer tells whether there was one. */
export function onceAt(scenario: Scenario, matches: (call: AwsCall) => boolean, fault: Fault): () => boolean {
  let done = false;
  scenario.world.aws.faults.add((call) => {
    if (done || !matches(call)) return undefined;
    done = true;
    return fault;
  });
  return () => done;
}

/** A call by `caller` that sends to the queue whose name ends so. */
export function isSendTo(call: AwsCall, caller: string, queueName: string): boolean {
  return (
    call.caller.name === caller &&
    call.service === "sqs" &&
    call.operation.startsWith("SendMessage") &&
    String(call.input["QueueUrl"]).endsWith(queueName)
  );
}

/** A put of an item whose sort key begins so. */
export function isPutOf(call: AwsCall, sortKeyPrefix: string): boolean {
  if (call.service !== "dynamodb" || call.operation !== "PutItem") return false;
  const written: unknown = call.input["Item"];
  if (typeof written !== "object" || written === null || !("sk" in written)) return false;
  const { sk } = written;
  return typeof sk === "object" && sk !== null && "S" in sk && String(sk.S).startsWith(sortKeyPrefix);
}
