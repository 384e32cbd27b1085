/** Owns: reading many runs at once, strongly consistent: what an index named is only a candidate until its head was read. */
import { BatchGetItemCommand } from "@aws-sdk/client-dynamodb";
import { sleep } from "../../sdk/clock.js";
import { outcomeUnknown, untilKnown } from "../aws/until-known.js";
import type { Services } from "../services.js";
import { text, type Item } from "./attributes.js";
import { readHead, type StoredRun } from "./head-item.js";
import { headKey } from "./keys.js";

/** BatchGetItem takes 100 keys (API reference). */
const BATCH_KEYS = 100;
/** Keys may come back unprocessed under load or beyond 16 MB; each round answers some. */
const MAX_ROUNDS = 10;
const FIRST_DELAY_MS = 25;

/** The runs that exist, by id. */
export async function readRuns(services: Services, runIds: readonly string[]): Promise<Map<string, StoredRun>> {
  // The same key twice in one call is refused by DynamoDB.
  const unique = [...new Set(runIds)];
  const runs = new Map<string, StoredRun>();
  for (let from = 0; from < unique.length; from += BATCH_KEYS) {
    const keys = unique.slice(from, from + BATCH_KEYS).map((runId) => {
      const key = headKey(runId);
      return { pk: text(key.pk), sk: text(key.sk) };
    });
    for (const item of await readBatch(services, keys)) {
      const run = readHead(item);
      runs.set(run.head.runId, run);
    }
  }
  return runs;
}

async function readBatch(services: Services, keys: readonly Item[]): Promise<Item[]> {
  const { tableName } = services.settings;
  const items: Item[] = [];
  let left = [...keys];
  for (let round = 1; left.length > 0; round += 1) {
    const Keys = left;
    const answer = await untilKnown(services, `read ${Keys.length} runs`, () =>
      services.clients.dynamodb.send(
        new BatchGetItemCommand({ RequestItems: { [tableName]: { Keys, ConsistentRead: true } } }),
      ),
    );
    items.push(...(answer.Responses?.[tableName] ?? []));
    left = answer.UnprocessedKeys?.[tableName]?.Keys ?? [];
    if (left.length === 0) break;
    if (round >= MAX_ROUNDS) {
      throw outcomeUnknown({ what: `read ${left.length} runs`, attempts: round, reason: "UnprocessedKeys" });
    }
    await sleep(services.clock, FIRST_DELAY_MS * 2 ** Math.min(round, 5) * (0.5 + services.random.unit() / 2));
  }
  return items;
}
