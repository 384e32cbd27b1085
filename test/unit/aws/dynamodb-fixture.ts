/** Owns: a DynamoDB model with one table, called without any face, and what its calls were billed. */
import { DynamoDbModel, type DynamoDbOptions } from "../../../local/aws/dynamodb/dynamodb-model.js";
import type { CallContext, Input, Output, Units } from "../../../local/aws/model.js";
import type { Random } from "../../../sdk/clock.js";

export type Item = Record<string, unknown>;

const zeros: Random = { unit: () => 0, bytes: (count) => new Uint8Array(count) };

export const ITEMS = "items";

/** Table "items": pk and sk strings; index by-due (owner S, due N; KEYS_ONLY), all (owner S; ALL), some (due N; INCLUDE title). */
export const itemsTable: Input = {
  TableName: ITEMS,
  BillingMode: "PAY_PER_REQUEST",
  AttributeDefinitions: [
    { AttributeName: "pk", AttributeType: "S" },
    { AttributeName: "sk", AttributeType: "S" },
    { AttributeName: "owner", AttributeType: "S" },
    { AttributeName: "due", AttributeType: "N" },
  ],
  KeySchema: [
    { AttributeName: "pk", KeyType: "HASH" },
    { AttributeName: "sk", KeyType: "RANGE" },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: "by-due",
      KeySchema: [
        { AttributeName: "owner", KeyType: "HASH" },
        { AttributeName: "due", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "KEYS_ONLY" },
    },
    {
      IndexName: "all",
      KeySchema: [{ AttributeName: "owner", KeyType: "HASH" }],
      Projection: { ProjectionType: "ALL" },
    },
    {
      IndexName: "some",
      KeySchema: [{ AttributeName: "due", KeyType: "HASH" }],
      Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: ["title"] },
    },
  ],
};

/** Table "plain": pk string, no sort key, no index. */
export const plainTable: Input = {
  TableName: "plain",
  BillingMode: "PAY_PER_REQUEST",
  AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
  KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
};

export class Fixture {
  readonly model: DynamoDbModel;
  nowMs = 1_000_000_000_000;
  /** What the latest call was billed, added up. */
  billed: Units = {};

  constructor(options: DynamoDbOptions = {}) {
    this.model = new DynamoDbModel(options);
    this.call("CreateTable", itemsTable);
    this.call("CreateTable", plainTable);
  }

  call(operation: string, input: Input): Output {
    this.billed = {};
    const context: CallContext = {
      nowMs: this.nowMs,
      random: zeros,
      meter: ({ writeUnits = 0, indexWriteUnits = 0, readUnits = 0 }) => {
        const { writeUnits: writes = 0, indexWriteUnits: indexWrites = 0, readUnits: reads = 0 } = this.billed;
        this.billed = {
          writeUnits: writes + writeUnits,
          indexWriteUnits: indexWrites + indexWriteUnits,
          readUnits: reads + readUnits,
        };
      },
    };
    return this.model.execute(operation, input, context);
  }

  put(item: Item, rest: Input = {}): Output {
    return this.call("PutItem", { TableName: ITEMS, Item: item, ...rest });
  }

  get(key: Item): unknown {
    return this.call("GetItem", { TableName: ITEMS, Key: key, ConsistentRead: true })["Item"];
  }

  update(key: Item, UpdateExpression: string, values: Item = {}, rest: Input = {}): Output {
    const given = Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values };
    return this.call("UpdateItem", { TableName: ITEMS, Key: key, UpdateExpression, ...given, ...rest });
  }

  query(input: Input): Output {
    return this.call("Query", { TableName: ITEMS, ...input });
  }

  transact(items: Input[], rest: Input = {}): Output {
    return this.call("TransactWriteItems", { TransactItems: items, ...rest });
  }
}

export function key(pk: string, sk = "-"): Item {
  return { pk: { S: pk }, sk: { S: sk } };
}

/** The error's name and message, as one line; fails when there is none. */
export function refused(call: () => unknown): string {
  const error = thrown(call);
  return `${error.name}: ${error.message}`;
}

export function thrown(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("Cannot find a refusal: the call succeeded");
}
