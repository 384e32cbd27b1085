/** Owns: CreateTable, DescribeTable and the two operations on a table's time to live. */
import { AwsServiceError, type CallContext, type Input, type Output } from "../model.js";
import type { Engine } from "./engine.js";
import { resourceNotFound, unreadable, validation } from "./errors.js";
import { Request } from "./request.js";
import { Table } from "./table.js";
import { describeDefinition, describeIndex, readTableDefinition } from "./table-definition.js";

const TABLE_NAME = new Set(["TableName"]);
const TIME_TO_LIVE = new Set(["TableName", "TimeToLiveSpecification"]);
const MAX_ATTRIBUTE_NAME = 255;

export function createTable(engine: Engine, input: Input, context: CallContext): Output {
  const definition = readTableDefinition(input);
  if (engine.tables.has(definition.name)) {
    throw new AwsServiceError("ResourceInUseException", `Table already exists: ${definition.name}`);
  }
  const identity = { id: uuid(context), createdAtMs: context.nowMs };
  const table = new Table(definition, identity);
  engine.tables.set(definition.name, table);
  // The real service takes some seconds from CREATING to ACTIVE; here the next DescribeTable says ACTIVE.
  return { TableDescription: describe(engine, table, "CREATING") };
}

export function describeTable(engine: Engine, input: Input): Output {
  const name = new Request("DescribeTable", input, TABLE_NAME).tableName();
  return { Table: describe(engine, existing(engine, name), "ACTIVE") };
}

/** Table operations name the table they miss; item operations do not. */
function existing(engine: Engine, name: string): Table {
  const table = engine.tables.get(name);
  if (table === undefined) throw resourceNotFound(`Requested resource not found: Table: ${name} not found`);
  return table;
}

function uuid({ random }: CallContext): string {
  const hex = Buffer.from(random.bytes(16)).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function describe(engine: Engine, table: Table, status: "CREATING" | "ACTIVE"): Output {
  const { region = "us-east-1", accountId = "000000000000" } = engine.options;
  const arn = `arn:aws:dynamodb:${region}:${accountId}:table/${table.definition.name}`;
  const indexes = table.indexes.map(({ definition }) => ({
    ...describeIndex(definition),
    IndexStatus: status,
    IndexArn: `${arn}/index/${definition.name}`,
  }));
  return {
    ...describeDefinition(table.definition),
    TableStatus: status,
    CreationDateTime: new Date(table.identity.createdAtMs),
    TableSizeBytes: table.sizeBytes,
    ItemCount: table.itemCount,
    TableArn: arn,
    TableId: table.identity.id,
    BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
    ProvisionedThroughput: { NumberOfDecreasesToday: 0, ReadCapacityUnits: 0, WriteCapacityUnits: 0 },
    ...(indexes.length === 0 ? {} : { GlobalSecondaryIndexes: indexes }),
  };
}

export function updateTimeToLive(engine: Engine, input: Input): Output {
  const request = new Request("UpdateTimeToLive", input, TIME_TO_LIVE);
  const table = existing(engine, request.tableName());
  request.require("TimeToLiveSpecification");
  request.refuseViolations();
  const { Enabled: enabled, AttributeName: name } = request.record("TimeToLiveSpecification") ?? {};
  if (typeof enabled !== "boolean" || typeof name !== "string") {
    throw unreadable("TimeToLiveSpecification", "Enabled and AttributeName");
  }
  if (name.length < 1 || name.length > MAX_ATTRIBUTE_NAME) {
    throw validation(`Cannot set time to live on an attribute name of ${name.length} characters; expected 1 to 255`);
  }
  const current = table.expiry?.attributeName;
  if (enabled && current !== undefined) throw validation("TimeToLive is already enabled");
  if (!enabled && current === undefined) throw validation("TimeToLive is already disabled");
  if (!enabled && current !== name) {
    throw validation(`TimeToLive is active on a different AttributeName: current AttributeName is ${current ?? ""}`);
  }
  table.setExpiry(enabled ? name : undefined);
  return { TimeToLiveSpecification: { Enabled: enabled, AttributeName: name } };
}

export function describeTimeToLive(engine: Engine, input: Input): Output {
  const table = existing(engine, new Request("DescribeTimeToLive", input, TABLE_NAME).tableName());
  if (table.expiry === undefined) return { TimeToLiveDescription: { TimeToLiveStatus: "DISABLED" } };
  return { TimeToLiveDescription: { TimeToLiveStatus: "ENABLED", AttributeName: table.expiry.attributeName } };
}
