/**
 * Owns: whether anybody listens to runs that complete: a function that `perdure/function.finished` triggers, or a wait for it.
 * Most of the time nobody does, and then the end of a run costs nothing more. A new listener is heard of within five seconds.
 */
import { GetItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import type { FunctionConfig } from "../../sdk/protocol.js";
import { FINISHED_EVENT } from "../../sdk/system-events.js";
import type { AwsClients } from "../aws/clients.js";
import { untilKnown } from "../aws/until-known.js";
import type { Services } from "../services.js";
import { text } from "../state/attributes.js";
import { REGISTRY_SHARDS, registryKey, shapePartition } from "../state/keys.js";

/** An answer is used for this long. */
export const LISTENERS_KNOWN_MS = 5_000;

/** The attribute of the list of apps that names those with a function that listens: a set, absent while there is none. */
export const LISTENERS_ATTRIBUTE = "listeners";

interface Known {
  untilMs: number;
  isListenedTo: Promise<boolean>;
}

/** By what all services of one process share: a run's own services are made anew for each turn. */
const known = new WeakMap<AwsClients, Known>();

/** Whether a function of this configuration listens to runs that complete. */
export function listensToFinished({ triggers }: FunctionConfig): boolean {
  return triggers.some((trigger) => "event" in trigger && trigger.event === FINISHED_EVENT);
}

/** Whether somebody is to be told of a run that completes now. Read at most every five seconds in a process. */
export function isFinishListenedTo(services: Services): Promise<boolean> {
  const nowMs = services.clock.monotonic();
  const { clients } = services;
  const last = known.get(clients);
  if (last && nowMs < last.untilMs) return last.isListenedTo;
  const isListenedTo = read(services);
  known.set(clients, { untilMs: nowMs + LISTENERS_KNOWN_MS, isListenedTo });
  // What could not be read is read again by the next who asks.
  isListenedTo.catch(() => known.delete(clients));
  return isListenedTo;
}

async function read(services: Services): Promise<boolean> {
  const [byFunction, byWait] = await Promise.all([hasFunction(services), hasWait(services)]);
  return byFunction || byWait;
}

async function hasFunction(services: Services): Promise<boolean> {
  const key = registryKey(Math.floor(services.random.unit() * REGISTRY_SHARDS));
  const answer = await untilKnown(services, "read who listens to ended runs", () =>
    services.clients.dynamodb.send(
      new GetItemCommand({
        TableName: services.settings.tableName,
        Key: { pk: text(key.pk), sk: text(key.sk) },
        ProjectionExpression: LISTENERS_ATTRIBUTE,
      }),
    ),
  );
  return (answer.Item?.[LISTENERS_ATTRIBUTE]?.SS ?? []).length > 0;
}

/** A shape is kept longer than any wait of it: that of a wait which is over counts, too. */
async function hasWait(services: Services): Promise<boolean> {
  const answer = await untilKnown(services, "read who waits for ended runs", () =>
    services.clients.dynamodb.send(
      new QueryCommand({
        TableName: services.settings.tableName,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": text(shapePartition(FINISHED_EVENT)) },
        Limit: 1,
      }),
    ),
  );
  return (answer.Items ?? []).length > 0;
}
