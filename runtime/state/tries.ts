/** Owns: counting how often a distributed step was delivered again, which tells of workers that died in its body. */
import { UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { untilKnown } from "../aws/until-known.js";
import type { RunHead } from "../core/run.js";
import type { Services } from "../services.js";
import { number, readNumber, text } from "./attributes.js";
import { tryKey } from "./keys.js";

/** Counts one more, and answers how many there were. A count whose answer was lost counts twice: an attempt less, no more. */
export async function countTry(services: Services, head: RunHead, opHash: string): Promise<number> {
  const key = tryKey(head.runId, opHash);
  const command = new UpdateItemCommand({
    TableName: services.settings.tableName,
    Key: { pk: text(key.pk), sk: text(key.sk) },
    UpdateExpression: "SET #ttl = :ttl ADD tries :one",
    ExpressionAttributeNames: { "#ttl": "ttl" },
    ExpressionAttributeValues: { ":ttl": number(head.ttlSeconds), ":one": number(1) },
    ReturnValues: "ALL_NEW",
  });
  const answer = await untilKnown(services, `count a try of run "${head.runId}"`, () =>
    services.clients.dynamodb.send(command),
  );
  return readNumber(answer.Attributes ?? {}, "tries") ?? 1;
}
