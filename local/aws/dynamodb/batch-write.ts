/** Owns: BatchWriteItem: up to 25 puts and deletes without conditions; nothing is atomic beyond one item. */
import type { CallContext, Input, Output } from "../model.js";
import { capacityDetail, consumedByMany, Consumption } from "./capacity.js";
import type { Engine } from "./engine.js";
import { unreadable, validation } from "./errors.js";
import { identityOf } from "./item-key.js";
import { Request } from "./request.js";
import { commitWrite, decideWrite, decisionUnits, readDelete, readPut, type Write } from "./write.js";

const MAX_WRITES = 25;
const PARAMETERS = new Set(["RequestItems", "ReturnConsumedCapacity"]);
const WRITE_REQUESTS = new Set(["PutRequest", "DeleteRequest"]);

/** What a batch asks for, by table. */
export function requestItems(request: Request): [string, unknown][] {
  const items = Object.entries(request.record("RequestItems") ?? {});
  request.require("RequestItems");
  request.refuseViolations();
  if (items.length === 0) throw validation(`The requestItems parameter is required for ${request.operation}`);
  return items;
}

export function refuseDuplicates(identities: readonly string[]): void {
  if (new Set(identities).size === identities.length) return;
  throw validation("Provided list of item keys contains duplicates");
}

export function batchWriteItem(engine: Engine, input: Input, context: CallContext): Output {
  const request = new Request("BatchWriteItem", input, PARAMETERS);
  const detail = capacityDetail(request);
  const items = requestItems(request);
  refuseCount(items);
  // Everything is read before anything is written: a call that is refused has changed nothing.
  const writes = items.flatMap(([tableName, requests]) => readWrites(engine, tableName, requests));
  refuseDuplicates(writes.map(({ target: { table, key } }) => `${table.definition.name}/${identityOf(key)}`));
  const consumptions = new Map(items.map(([tableName]) => [tableName, new Consumption(tableName)]));
  for (const write of writes) {
    const consumption = consumptions.get(write.target.table.definition.name);
    if (consumption === undefined) continue;
    const decision = decideWrite(write);
    consumption.addTable(decisionUnits(decision));
    commitWrite(decision, consumption);
  }
  for (const consumption of consumptions.values()) context.meter(consumption.asWrites());
  return { UnprocessedItems: {}, ...consumedByMany(detail, consumptions.values()) };
}

function refuseCount(items: readonly [string, unknown][]): void {
  const counts = items.map(([, requests]) => (Array.isArray(requests) ? requests.length : 1));
  if (!counts.includes(0) && counts.reduce((sum, count) => sum + count, 0) <= MAX_WRITES) return;
  const shown = items.map(([tableName]) => `${tableName}=[WriteRequest, …]`).join(", ");
  throw validation(
    `1 validation error detected: Value '{${shown}}' at 'requestItems' failed to satisfy constraint: ` +
      `Map value must satisfy constraint: [Member must have length less than or equal to ${MAX_WRITES}, ` +
      "Member must have length greater than or equal to 1]",
  );
}

function readWrites(engine: Engine, tableName: string, requests: unknown): Write[] {
  if (!Array.isArray(requests)) throw unreadable("RequestItems", "a list of write requests");
  return requests.map((raw) => {
    const item = new Request("BatchWriteItem item", raw, WRITE_REQUESTS);
    const put = item.record("PutRequest");
    const remove = item.record("DeleteRequest");
    if ((put === undefined) === (remove === undefined)) {
      throw validation(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of PutRequest, DeleteRequest",
      );
    }
    const parameters = new Set(["TableName", put === undefined ? "Key" : "Item"]);
    const request = new Request(item.operation, { ...(put ?? remove), TableName: tableName }, parameters);
    return put === undefined ? readDelete(engine, request) : readPut(engine, request);
  });
}
