/**
 * Owns: the embedded DynamoDB: which operations there are, and the model as a whole (time to live, snapshot).
 * Must not: know any operation's rules, or read a clock: what a call does follows from the call, its time and the state.
 * The model is strict: what the real service refuses is refused with its own error, what is not modelled is refused by name.
 */
import type { CallContext, Input, Output, ServiceModel } from "../model.js";
import { batchGetItem } from "./batch-get.js";
import { batchWriteItem } from "./batch-write.js";
import { Engine, type EngineOptions } from "./engine.js";
import { notModelled } from "./errors.js";
import { getItem } from "./get-item.js";
import { query } from "./query.js";
import { deleteItem, putItem, updateItem } from "./single-write.js";
import { isSnapshot, restoreSnapshot, takeSnapshot } from "./snapshot.js";
import { createTable, describeTable, describeTimeToLive, updateTimeToLive } from "./table-operations.js";
import { transactWriteItems } from "./transaction.js";

type Operation = (engine: Engine, input: Input, context: CallContext) => Output;

const WRITING: ReadonlyMap<string, Operation> = new Map([
  ["CreateTable", createTable],
  ["UpdateTimeToLive", updateTimeToLive],
  ["PutItem", putItem],
  ["UpdateItem", updateItem],
  ["DeleteItem", deleteItem],
  ["BatchWriteItem", batchWriteItem],
  ["TransactWriteItems", transactWriteItems],
]);

const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ...WRITING,
  ["DescribeTable", describeTable],
  ["DescribeTimeToLive", describeTimeToLive],
  ["GetItem", getItem],
  ["BatchGetItem", batchGetItem],
  ["Query", query],
]);

export type DynamoDbOptions = EngineOptions;

export class DynamoDbModel implements ServiceModel {
  readonly service = "dynamodb";
  readonly logged: ReadonlySet<string> = new Set(WRITING.keys());
  private readonly engine: Engine;

  constructor(options: DynamoDbOptions = {}) {
    this.engine = new Engine(options);
  }

  execute(operation: string, input: Input, context: CallContext): Output {
    const apply = OPERATIONS.get(operation);
    if (apply === undefined)
      throw notModelled(operation, "this operation", `one of ${[...OPERATIONS.keys()].join(", ")}`);
    return apply(this.engine, input, context);
  }

  /**
   * Removes the items whose time to live is over and answers how many. The real service does so days late at times, and reads
   * find such items until then; when to call this is up to the owner. Free of charge, as in the real service.
   */
  expire(nowMs: number): number {
    let removed = 0;
    for (const table of this.engine.tables.values()) {
      for (const item of table.expiry?.expired(nowMs) ?? []) {
        table.write(item, undefined, () => undefined);
        removed += 1;
      }
    }
    return removed;
  }

  /** When `expire` will next have something to remove (past times included); undefined while there is nothing to wait for. */
  nextExpiryAtMs(nowMs: number): number | undefined {
    let earliest: number | undefined;
    for (const table of this.engine.tables.values()) {
      const next = table.expiry?.nextAtMs(nowMs);
      if (next !== undefined && (earliest === undefined || next < earliest)) earliest = next;
    }
    return earliest;
  }

  /** The partition key's attribute of a table or of one of its indexes. */
  partitionKey(tableName: string, indexName: string | undefined): string | undefined {
    const definition = this.engine.tables.get(tableName)?.definition;
    const owner = indexName === undefined ? definition : definition?.indexes.find(({ name }) => name === indexName);
    return owner?.schema.partition.name;
  }

  snapshot(): unknown {
    return takeSnapshot(this.engine);
  }

  restore(snapshot: unknown): void {
    if (!isSnapshot(snapshot)) throw notModelled("restore", "this form of snapshot", "one that snapshot() has made");
    restoreSnapshot(this.engine, snapshot);
  }
}
