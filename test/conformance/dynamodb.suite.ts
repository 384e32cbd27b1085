/**
 * Goal: every DynamoDB the platform is developed against behaves alike: the embedded model in process, the same model over
 * the wire, independent emulators, and the real service.
 * Method: real SDK commands against two tables of the suite's own. Only what AWS guarantees is asserted: table reads are
 * consistent, index reads are repeated until they show what they must. Every check has its own item partition, so checks
 * are independent, and a name that stays, so that a known deviation of a weaker emulator can be listed by it.
 */
import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClientResolvedConfig,
  type CreateTableCommandInput,
} from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe } from "vitest";
import type { Sender } from "../../runtime/aws/clients.js";
import { realRandom } from "../../sdk/clock.js";
import { batchChecks } from "./dynamodb/batches.js";
import { conditionChecks } from "./dynamodb/conditions.js";
import { limitChecks } from "./dynamodb/limits.js";
import { indexChecks, queryChecks } from "./dynamodb/queries.js";
import { transactionChecks } from "./dynamodb/transactions.js";
import { updateChecks } from "./dynamodb/updates.js";
import { DynamoDbUnderTest } from "./dynamodb/under-test.js";

/** A real table takes some seconds to become active. */
const SETUP_TIMEOUT_MS = 60_000;

export interface DynamoDbTarget {
  client: Sender<DynamoDBClientResolvedConfig>;
  close(): Promise<void>;
}

/** Declares the checks. `setup` is called once, before the first. */
export function dynamodbConformance(setup: () => Promise<DynamoDbTarget>): void {
  describe("dynamodb", () => {
    let target: DynamoDbTarget | undefined;
    const underTest = new DynamoDbUnderTest();

    beforeAll(async () => {
      target = await setup();
      // A name of its own, because an emulator that outlives the run keeps its tables.
      const suffix = Buffer.from(realRandom.bytes(6)).toString("hex");
      underTest.start(target.client, `conformance-${suffix}`);
      await createTables(underTest);
    }, SETUP_TIMEOUT_MS);

    afterAll(async () => {
      await target?.close();
    });

    describe("conditions", () => conditionChecks(underTest));
    describe("updates", () => updateChecks(underTest));
    describe("queries", () => queryChecks(underTest));
    describe("indexes", () => indexChecks(underTest));
    describe("transactions", () => transactionChecks(underTest));
    describe("batches", () => batchChecks(underTest));
    describe("limits", () => limitChecks(underTest));
  });
}

async function createTables({ client, items, numbered }: DynamoDbUnderTest): Promise<void> {
  await client.send(new CreateTableCommand(itemsTable(items)));
  await client.send(new CreateTableCommand(numberedTable(numbered)));
  for (const TableName of [items, numbered]) {
    let status: string | undefined;
    while (status !== "ACTIVE") {
      const { Table } = await client.send(new DescribeTableCommand({ TableName }));
      status = Table?.TableStatus;
    }
  }
}

function itemsTable(TableName: string): CreateTableCommandInput {
  return {
    TableName,
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
        IndexName: "by-owner",
        KeySchema: [{ AttributeName: "owner", KeyType: "HASH" }],
        Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: ["title"] },
      },
    ],
  };
}

function numberedTable(TableName: string): CreateTableCommandInput {
  return {
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [
      { AttributeName: "pk", AttributeType: "B" },
      { AttributeName: "sk", AttributeType: "N" },
    ],
    KeySchema: [
      { AttributeName: "pk", KeyType: "HASH" },
      { AttributeName: "sk", KeyType: "RANGE" },
    ],
  };
}
