/**
 * Owns: a live run's items never expire: before a run waits longer than its items are kept, everything it needs is kept
 * longer first (DESIGN §8, ADR 0007).
 */
import { UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { nameOf } from "../aws/failures.js";
import { untilKnown } from "../aws/until-known.js";
import { RETENTION_DAY_MS, RETENTION_SLACK_MS } from "../core/limits.js";
import type { RunHead } from "../core/run.js";
import type { Services } from "../services.js";
import { number, text } from "../state/attributes.js";
import { EXPIRES_SOONER } from "../state/conditions.js";
import { EventStore } from "../state/event-store.js";
import { eventKey, runPartition, type Key } from "../state/keys.js";
import { LogStore } from "../state/log-store.js";
import { refreshPayload } from "../state/payloads.js";

const toSeconds = (ms: number): number => Math.ceil(ms / 1_000);

/** The TTL of an item that is needed until `neededUntilMs`, in seconds since 1970: retention and slack beyond it. */
export function ttlFor(services: Services, neededUntilMs: number): number {
  return toSeconds(neededUntilMs + services.settings.retentionDays * RETENTION_DAY_MS + RETENTION_SLACK_MS);
}

/** The TTL of an ended run's head, in seconds since 1970. */
export function endedTtl(services: Services, endedAtMs: number): number {
  return toSeconds(endedAtMs + services.settings.retentionDays * RETENTION_DAY_MS);
}

/**
 * The TTL the head must be released with when the run next wakes at `wakeAtMs`. Pushes the TTL of everything else the run
 * needs first, when theirs would end before the wake plus retention.
 */
export async function retainUntil(services: Services, head: RunHead, wakeAtMs: number): Promise<number> {
  const neededSeconds = toSeconds(wakeAtMs + services.settings.retentionDays * RETENTION_DAY_MS);
  if (neededSeconds <= head.ttlSeconds) return head.ttlSeconds;
  const ttlSeconds = ttlFor(services, wakeAtMs);
  const { sortKeys, objects } = await new LogStore(services).belongings(head.runId);
  const keys: Key[] = sortKeys.map((sk) => ({ pk: runPartition(head.runId), sk }));
  keys.push(eventKey(head.eventId));
  for (const key of keys) await pushTtl(services, key, ttlSeconds);
  const event = await new EventStore(services).get(head.eventId);
  if (event?.payload.form === "object") objects.push(event.payload.key);
  for (const key of objects) await refreshPayload(services, key);
  return ttlSeconds;
}

async function pushTtl(services: Services, key: Key, ttlSeconds: number): Promise<void> {
  const command = new UpdateItemCommand({
    TableName: services.settings.tableName,
    Key: { pk: text(key.pk), sk: text(key.sk) },
    UpdateExpression: "SET #ttl = :ttl",
    ConditionExpression: EXPIRES_SOONER,
    ExpressionAttributeNames: { "#ttl": "ttl" },
    ExpressionAttributeValues: { ":ttl": number(ttlSeconds) },
  });
  try {
    await untilKnown(services, `keep item "${key.pk}" longer`, () => services.clients.dynamodb.send(command));
  } catch (error) {
    // Gone (an event nobody needs inline any more) or kept longer already.
    if (nameOf(error) !== "ConditionalCheckFailedException") throw error;
  }
}
