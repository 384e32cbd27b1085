/**
 * Owns: finding events by name and time, through the index, which lags behind the table by moments.
 * Must not: be the base of a decision: it finds candidates, whose items are read.
 */
import { QueryCommand } from "@aws-sdk/client-dynamodb";
import { untilKnown } from "../aws/until-known.js";
import type { Services } from "../services.js";
import { text } from "./attributes.js";
import { parseTimeSort, TIME_SHARDS, timeBound, timePartition } from "./keys.js";

/** Keys read of one partition at once. */
const PAGE = 100;

/**
 * The next events of these names received at `from` or later (state/keys.ts, `timeBound`, or the place of an event, which is
 * left out) and before `to`, the oldest first, with their places. Of one day at a time: `next` is where to go on, null at the
 * end.
 */
export async function eventsBetween(
  services: Services,
  names: readonly string[],
  from: string,
  to: string,
): Promise<{ found: { id: string; place: string }[]; next: string | null }> {
  const day = dayOf(from);
  const partitions = names.flatMap((name) =>
    Array.from({ length: TIME_SHARDS }, (_, shard) => timePartition(name, day, shard)),
  );
  const pages = await Promise.all(partitions.map((partition) => page(services, partition, from, to)));
  // A page that was cut short may hide older events than those another page goes on with.
  const horizons = pages.flatMap(({ places, more }) => (more ? places.slice(-1) : []));
  const [horizon] = horizons.sort();
  const places = pages.flatMap((found) => found.places).sort();
  const found = places
    .filter((place) => horizon === undefined || place <= horizon)
    .map((place) => ({ id: parseTimeSort(place).eventId, place }));
  if (horizon !== undefined) return { found, next: horizon };
  const tomorrow = timeBound(startOfDayMs(from) + DAY_MS);
  return { found, next: tomorrow < to ? tomorrow : null };
}

const DAY_MS = 86_400_000;

function startOfDayMs(place: string): number {
  return Math.floor(parseTimeSort(place).receivedAtMs / DAY_MS) * DAY_MS;
}

function dayOf(place: string): string {
  return new Date(parseTimeSort(place).receivedAtMs).toISOString().slice(0, 10);
}

async function page(
  services: Services,
  partition: string,
  from: string,
  to: string,
): Promise<{ places: string[]; more: boolean }> {
  const answer = await untilKnown(services, `look for events in "${partition}"`, () =>
    services.clients.dynamodb.send(
      new QueryCommand({
        TableName: services.settings.tableName,
        IndexName: "byTime",
        // BETWEEN takes both ends; no event has the place of a bound, and the one that is gone on from is left out below.
        KeyConditionExpression: "timeKey = :key AND timeSort BETWEEN :from AND :to",
        ExpressionAttributeValues: { ":key": text(partition), ":from": text(from), ":to": text(to) },
        Limit: PAGE,
      }),
    ),
  );
  const places = (answer.Items ?? []).map((item) => item["timeSort"]?.S ?? "").filter((place) => place > from);
  return { places, more: answer.LastEvaluatedKey !== undefined };
}
