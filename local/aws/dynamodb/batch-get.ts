/** Owns: BatchGetItem: up to 100 items by their keys, as many of them as fit into 16 MB. */
import type { CallContext, Input, Output } from "../model.js";
import { decodeAttributes, encodeAttributes } from "./attribute-codec.js";
import { refuseDuplicates, requestItems } from "./batch-write.js";
import { capacityDetail, consumedByMany, Consumption, readUnitsOf } from "./capacity.js";
import type { Engine } from "./engine.js";
import { validation } from "./errors.js";
import { readProjection } from "./get-item.js";
import { identityOf, keyOfRequest, type ItemKey } from "./item-key.js";
import { Request } from "./request.js";
import type { Table } from "./table.js";
import type { Attributes } from "./value.js";

const MAX_KEYS = 100;
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
const PARAMETERS = new Set(["RequestItems", "ReturnConsumedCapacity"]);
const TABLE_PARAMETERS = new Set(["Keys", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"]);
const TABLE_NAME = new Set(["TableName"]);

/** What is asked of one table. */
interface TableRead {
  readonly table: Table;
  readonly asked: unknown;
  readonly keys: readonly { readonly given: unknown; readonly key: ItemKey }[];
  readonly isConsistent: boolean;
  view(item: Attributes): Attributes;
}

interface TableAnswer {
  readonly found: Record<string, unknown>[];
  /** The keys for which the response had no room. */
  readonly left: unknown[];
  readonly usedBytes: number;
  readonly consumption: Consumption;
}

export function batchGetItem(engine: Engine, input: Input, context: CallContext): Output {
  const request = new Request("BatchGetItem", input, PARAMETERS);
  const detail = capacityDetail(request);
  const reads = requestItems(request).map(([tableName, asked]) => readTable(engine, tableName, asked));
  if (reads.reduce((sum, { keys }) => sum + keys.length, 0) > MAX_KEYS) {
    throw validation("Too many items requested for the BatchGetItem call");
  }
  const responses: [string, unknown][] = [];
  const unprocessed: [string, unknown][] = [];
  const consumptions: Consumption[] = [];
  let roomBytes = MAX_RESPONSE_BYTES;
  for (const read of reads) {
    const { found, left, consumption, usedBytes } = answer(read, roomBytes);
    roomBytes -= usedBytes;
    const { tableName } = consumption;
    responses.push([tableName, found]);
    if (left.length > 0) unprocessed.push([tableName, structuredClone(Object.assign({}, read.asked, { Keys: left }))]);
    consumptions.push(consumption);
    context.meter(consumption.asReads());
  }
  return {
    Responses: Object.fromEntries(responses),
    UnprocessedKeys: Object.fromEntries(unprocessed),
    ...consumedByMany(detail, consumptions),
  };
}

function readTable(engine: Engine, tableName: string, asked: unknown): TableRead {
  const request = new Request("BatchGetItem table", asked, TABLE_PARAMETERS);
  const given = request.list("Keys") ?? [];
  refuseCount(tableName, given.length);
  const table = engine.table(new Request("BatchGetItem", { TableName: tableName }, TABLE_NAME).tableName());
  const { schema } = table.definition;
  const keys = given.map((each) => ({ given: each, key: keyOfRequest(schema, decodeAttributes(each, "Keys")) }));
  refuseDuplicates(keys.map(({ key }) => identityOf(key)));
  const view = readProjection(engine, request);
  return { table, asked, keys, isConsistent: request.flag("ConsistentRead"), view };
}

function refuseCount(tableName: string, count: number): void {
  if (count >= 1 && count <= MAX_KEYS) return;
  const bound = count < 1 ? "greater than or equal to 1" : `less than or equal to ${MAX_KEYS}`;
  throw validation(
    `1 validation error detected: Value at 'RequestItems.${tableName}.member.Keys' failed to satisfy constraint: ` +
      `Member must have length ${bound}`,
  );
}

function answer(read: TableRead, roomBytes: number): TableAnswer {
  const consumption = new Consumption(read.table.definition.name);
  const found: Record<string, unknown>[] = [];
  const left: unknown[] = [];
  let usedBytes = 0;
  for (const { given, key } of read.keys) {
    const item = read.table.get(key);
    const sizeBytes = item?.sizeBytes ?? 0;
    if (usedBytes + sizeBytes > roomBytes) {
      left.push(given);
      continue;
    }
    usedBytes += sizeBytes;
    consumption.addTable(readUnitsOf(sizeBytes, read.isConsistent));
    if (item !== undefined) found.push(encodeAttributes(read.view(item.attributes)));
  }
  return { found, left, consumption, usedBytes };
}
