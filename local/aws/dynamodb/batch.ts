/** Owns: BatchGetItem and BatchWriteItem: many items, no conditions, nothing atomic beyond one item. */
import type { CallContext, Input, Output } from "../model.js";
import { decodeAttributes, encodeAttributes, isRecord } from "./attribute-codec.js";
import { capacityDetail, consumedByMany, Consumption, readUnitsOf } from "./capacity.js";
import type { Engine } from "./engine.js";
import { unreadable, validation } from "./errors.js";
import { readProjection } from "./get-item.js";
import { keyOfRequest } from "./item-key.js";
import { Request } from "./request.js";
import { commitWrite, decideWrite, decisionUnits, readDelete, readPut, type Write } from "./write.js";

const MAX_WRITES = 25;
const MAX_KEYS = 100;
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
const PARAMETERS = new Set(["RequestItems", "ReturnConsumedCapacity"]);
const KEYS_PARAMETERS = new Set(["Keys", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"]);
const WRITE_REQUESTS = new Set(["PutRequest", "DeleteRequest"]);

function requestItems(request: Request): [string, unknown][] {
  const items = Object.entries(request.record("RequestItems") ?? {});
  request.require("RequestItems");
  request.refuseViolations();
  if (items.length === 0) throw validation(`The requestItems parameter is required for ${request.operation}`);
  return items;
}

function refuseDuplicates(identities: readonly string[]): void {
  if (new Set(identities).size === identities.length) return;
  throw validation("Provided list of item keys contains duplicates");
}

export function batchWriteItem(engine: Engine, input: Input, context: CallContext): Output {
  const request = new Request("BatchWriteItem", input, PARAMETERS);
  const detail = capacityDetail(request);
  const items = requestItems(request);
  const count = items.reduce((sum, [, requests]) => sum + (Array.isArray(requests) ? requests.length : 0), 0);
  if (count > MAX_WRITES) throw tooManyWrites(items);
  // Everything is read before anything is written: a call that is refused has changed nothing.
  const writes = items.flatMap(([tableName, requests]) => readWrites(engine, tableName, requests));
  refuseDuplicates(writes.map(({ table, key }) => `${table.definition.name}/${key.identity}`));
  const consumptions = new Map(items.map(([tableName]) => [tableName, new Consumption(tableName)]));
  for (const write of writes) {
    const consumption = consumptions.get(write.table.definition.name);
    if (consumption === undefined) continue;
    const decision = decideWrite(write);
    consumption.addTable(decisionUnits(decision));
    commitWrite(decision, consumption);
  }
  for (const consumption of consumptions.values()) context.meter(consumption.asWrites());
  return { UnprocessedItems: {}, ...consumedByMany(detail, consumptions.values()) };
}

function tooManyWrites(items: readonly [string, unknown][]): Error {
  const shown = items.map(([tableName]) => `${tableName}=[WriteRequest, …]`).join(", ");
  return validation(
    `1 validation error detected: Value '{${shown}}' at 'requestItems' failed to satisfy constraint: ` +
      "Map value must satisfy constraint: [Member must have length less than or equal to 25, " +
      "Member must have length greater than or equal to 1]",
  );
}

function readWrites(engine: Engine, tableName: string, requests: unknown): Write[] {
  if (!Array.isArray(requests) || requests.length === 0) throw unreadable("RequestItems", "a list of write requests");
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

export function batchGetItem(engine: Engine, input: Input, context: CallContext): Output {
  const request = new Request("BatchGetItem", input, PARAMETERS);
  const detail = capacityDetail(request);
  const items = requestItems(request);
  const batch = new BatchRead(engine);
  const reads = items.map(([tableName, raw]) => batch.read(tableName, raw));
  const count = reads.reduce((sum, { keys }) => sum + keys.length, 0);
  if (count > MAX_KEYS) {
    throw validation("Too many items requested for the BatchGetItem call");
  }
  const answers = reads.map((read) => batch.answer(read));
  for (const { consumption } of answers) context.meter(consumption.asReads());
  return {
    Responses: Object.fromEntries(answers.map(({ tableName, found }) => [tableName, found])),
    UnprocessedKeys: Object.fromEntries(answers.flatMap(({ unprocessed }) => unprocessed)),
    ...consumedByMany(
      detail,
      answers.map(({ consumption }) => consumption),
    ),
  };
}

type TableRead = ReturnType<BatchRead["read"]>;

/** One BatchGetItem: keys of all tables share the response's size. */
class BatchRead {
  private readonly engine: Engine;
  private bytes = 0;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  read(tableName: string, raw: unknown) {
    if (!isRecord(raw)) throw unreadable("RequestItems", "a map of table names to keys");
    const request = new Request("BatchGetItem table", raw, KEYS_PARAMETERS);
    const rawKeys = request.list("Keys") ?? [];
    if (rawKeys.length > MAX_KEYS) throw tooManyKeys(tableName);
    const table = this.engine.table(new Request("BatchGetItem", { TableName: tableName }, TABLE_NAME).tableName());
    const { schema } = table.definition;
    const keys = rawKeys.map((key) => ({ raw: key, key: keyOfRequest(schema, decodeAttributes(key, "Keys")) }));
    if (keys.length === 0)
      throw validation(
        `1 validation error detected: Value '[]' at 'requestItems.${tableName}.member.keys' failed to satisfy constraint: Member must have length greater than or equal to 1`,
      );
    refuseDuplicates(keys.map(({ key }) => key.identity));
    return {
      tableName,
      table,
      request: raw,
      keys,
      isConsistent: request.flag("ConsistentRead"),
      view: readProjection(this.engine, request),
    };
  }

  answer({ tableName, table, request, keys, isConsistent, view }: TableRead) {
    const consumption = new Consumption(tableName);
    const found: Record<string, unknown>[] = [];
    const left: unknown[] = [];
    for (const { raw, key } of keys) {
      const item = table.get(key);
      const sizeBytes = item?.sizeBytes ?? 0;
      if (this.bytes + sizeBytes > MAX_RESPONSE_BYTES) {
        left.push(structuredClone(raw));
        continue;
      }
      this.bytes += sizeBytes;
      consumption.addTable(readUnitsOf(sizeBytes, isConsistent));
      if (item !== undefined) found.push(encodeAttributes(view(item.attributes)));
    }
    const unprocessed: [string, unknown][] = left.length === 0 ? [] : [[tableName, { ...request, Keys: left }]];
    return { tableName, found, unprocessed, consumption };
  }
}

const TABLE_NAME = new Set(["TableName"]);

function tooManyKeys(tableName: string): Error {
  return validation(
    `1 validation error detected: Value at 'RequestItems.${tableName}.member.Keys' failed to satisfy constraint: ` +
      `Member must have length less than or equal to ${MAX_KEYS}`,
  );
}
