/**
 * Goal: tables, keys, items and calls that the service would refuse are refused, and what is not modelled says so.
 * Method: literal calls on a fresh model each.
 */
import { describe, expect, it } from "vitest";
import { DynamoDbModel } from "../../../local/aws/dynamodb/dynamodb-model.js";
import { Fixture, ITEMS, itemsTable, key, plainTable, refused, thrown } from "./dynamodb-fixture.js";

describe("CreateTable and DescribeTable", () => {
  it("describes what was created", () => {
    const fixture = new Fixture();
    fixture.put({ ...key("x"), v: { S: "123" } });
    const { Table } = fixture.call("DescribeTable", { TableName: "plain" });
    expect(Table).toEqual({
      TableName: "plain",
      AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
      TableStatus: "ACTIVE",
      CreationDateTime: new Date(1_000_000_000_000),
      TableSizeBytes: 0,
      ItemCount: 0,
      TableArn: "arn:aws:dynamodb:us-east-1:000000000000:table/plain",
      TableId: "00000000-0000-0000-0000-000000000000",
      BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
      ProvisionedThroughput: { NumberOfDecreasesToday: 0, ReadCapacityUnits: 0, WriteCapacityUnits: 0 },
    });
    expect(fixture.call("DescribeTable", { TableName: ITEMS })["Table"]).toMatchObject({
      ItemCount: 1,
      TableSizeBytes: 10,
      GlobalSecondaryIndexes: [
        { IndexName: "by-due", IndexStatus: "ACTIVE", Projection: { ProjectionType: "KEYS_ONLY" } },
        { IndexName: "all", KeySchema: [{ AttributeName: "owner", KeyType: "HASH" }] },
        { IndexName: "some", Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: ["title"] } },
      ],
    });
  });

  it("refuses a table that exists, and knows none that does not", () => {
    const fixture = new Fixture();
    expect(refused(() => fixture.call("CreateTable", plainTable))).toBe(
      "ResourceInUseException: Table already exists: plain",
    );
    expect(refused(() => fixture.call("DescribeTable", { TableName: "none" }))).toBe(
      "ResourceNotFoundException: Requested resource not found: Table: none not found",
    );
    expect(refused(() => fixture.call("GetItem", { TableName: "none", Key: key("x") }))).toBe(
      "ResourceNotFoundException: Requested resource not found",
    );
  });

  const element = (AttributeName: string, KeyType: string) => ({ AttributeName, KeyType });
  const definition = (AttributeName: string, AttributeType: string) => ({ AttributeName, AttributeType });
  const [firstIndex] = Array.isArray(itemsTable["GlobalSecondaryIndexes"]) ? itemsTable["GlobalSecondaryIndexes"] : [];

  it.each([
    [{ TableName: undefined }, "The parameter 'TableName' is required but was not present in the request"],
    [
      { TableName: "ab" },
      "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3",
    ],
    [
      { KeySchema: [element("pk", "KEY")] },
      "1 validation error detected: Value 'KEY' at 'keySchema.1.member.keyType' failed to satisfy constraint: Member must satisfy enum value set: [HASH, RANGE]",
    ],
    [
      { AttributeDefinitions: [definition("pk", "SS")] },
      "1 validation error detected: Value 'SS' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]",
    ],
    [
      { KeySchema: [element("pk", "RANGE")] },
      "One or more parameter values were invalid: Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
    ],
    [
      { KeySchema: [element("pk", "HASH"), element("pk", "RANGE")] },
      "Invalid KeySchema: Some index key attribute have no definition",
    ],
    [
      { KeySchema: [element("other", "HASH")] },
      "One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. Keys: [other], AttributeDefinitions: [pk]",
    ],
    [
      { AttributeDefinitions: [definition("pk", "S"), definition("unused", "S")] },
      "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
    ],
    [
      { ...itemsTable, GlobalSecondaryIndexes: [firstIndex, firstIndex] },
      "One or more parameter values were invalid: Duplicate index name: by-due",
    ],
  ])("refuses %j", (changes, message) => {
    const model = new Fixture();
    const input = { ...plainTable, TableName: "new-table", ...changes };
    expect(refused(() => model.call("CreateTable", input))).toBe(`ValidationException: ${message}`);
  });

  it.each([
    { BillingMode: "PROVISIONED" },
    { BillingMode: undefined },
    { LocalSecondaryIndexes: [] },
    { StreamSpecification: { StreamEnabled: true } },
    { TableName: "arn:aws:dynamodb:us-east-1:000000000000:table/x" },
  ])("does not model %j", (changes) => {
    const input = { ...plainTable, TableName: "new-table", ...changes };
    expect(thrown(() => new Fixture().call("CreateTable", input)).name).toBe("NotModelledError");
  });
});

describe("what is not modelled", () => {
  it.each(["Scan", "DeleteTable", "TransactGetItems", "ExecuteStatement", "Nonsense"])("operation %s", (operation) => {
    expect(refused(() => new Fixture().call(operation, {}))).toMatch(
      new RegExp(`^NotModelledError: Cannot apply DynamoDB ${operation}: this operation is not modelled`),
    );
  });

  it.each([
    ["PutItem", { Item: key("x"), Expected: {} }, "Expected"],
    ["UpdateItem", { Key: key("x"), AttributeUpdates: {} }, "AttributeUpdates"],
    ["DeleteItem", { Key: key("x"), ConditionalOperator: "AND" }, "ConditionalOperator"],
    ["GetItem", { Key: key("x"), AttributesToGet: [] }, "AttributesToGet"],
    ["Query", { KeyConditions: {} }, "KeyConditions"],
    ["PutItem", { Item: key("x"), ReturnItemCollectionMetrics: "SIZE" }, "ReturnItemCollectionMetrics"],
  ])("%s with %j", (operation, input, parameter) => {
    const call = () => new Fixture().call(operation, { TableName: ITEMS, ...input });
    expect(refused(call)).toMatch(new RegExp(`^NotModelledError: .*parameter "${parameter}" is not modelled`));
  });

  it("a parameter that is undefined was not given", () => {
    expect(new Fixture().put(key("x"), { Expected: undefined, ReturnValues: undefined })).toEqual({});
  });
});

describe("requests", () => {
  it.each([
    [undefined, "Value null at 'tableName' failed to satisfy constraint: Member must not be null"],
    ["", "Value '' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 1"],
    [
      "a!",
      "Value 'a!' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
    ],
  ])("refuses the table name %j", (TableName, detail) => {
    const call = () => new Fixture().call("PutItem", { TableName, Item: key("x") });
    expect(refused(call)).toBe(`ValidationException: 1 validation error detected: ${detail}`);
  });

  it("gathers every broken constraint into one message", () => {
    const call = () =>
      new Fixture().call("PutItem", { TableName: ITEMS, ReturnValues: "ALL", ReturnConsumedCapacity: "SOME" });
    expect(refused(call)).toBe(
      "ValidationException: 3 validation errors detected: " +
        "Value 'SOME' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]; " +
        "Value 'ALL' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]; " +
        "Value null at 'item' failed to satisfy constraint: Member must not be null",
    );
  });

  it("refuses new values from a put and a delete", () => {
    const fixture = new Fixture();
    const message = "ValidationException: ReturnValues can only be ALL_OLD or NONE";
    expect(refused(() => fixture.put(key("x"), { ReturnValues: "ALL_NEW" }))).toBe(message);
    const remove = { TableName: ITEMS, Key: key("x"), ReturnValues: "UPDATED_OLD" };
    expect(refused(() => fixture.call("DeleteItem", remove))).toBe(message);
  });

  it("answers old values of a put and a delete", () => {
    const fixture = new Fixture();
    const old = { ReturnValues: "ALL_OLD" };
    expect(fixture.put({ ...key("x"), v: { S: "1" } }, old)).toEqual({});
    expect(fixture.put({ ...key("x"), v: { S: "2" } }, old)).toEqual({ Attributes: { ...key("x"), v: { S: "1" } } });
    expect(fixture.call("DeleteItem", { TableName: ITEMS, Key: key("x"), ...old })).toEqual({
      Attributes: { ...key("x"), v: { S: "2" } },
    });
    expect(fixture.call("DeleteItem", { TableName: ITEMS, Key: key("x"), ...old })).toEqual({});
  });
});

describe("keys", () => {
  it.each([
    [{ sk: { S: "-" } }, "One or more parameter values were invalid: Missing the key pk in the item"],
    [{ pk: { S: "x" } }, "One or more parameter values were invalid: Missing the key sk in the item"],
    [
      { pk: { N: "1" }, sk: { S: "-" } },
      "One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N",
    ],
    [
      key(""),
      "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk",
    ],
    [
      key("x", ""),
      "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: sk",
    ],
    [
      key("x".repeat(2049)),
      "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
    ],
    [
      key("x", "é".repeat(513)),
      "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
    ],
    [
      { ...key("x"), due: { S: "soon" } },
      "One or more parameter values were invalid: Type mismatch for Index Key due Expected: N Actual: S IndexName: by-due",
    ],
    [
      { ...key("x"), owner: { S: "" } },
      "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: by-due, IndexKey: owner",
    ],
    [
      { ...key("x"), owner: { S: "o".repeat(2049) } },
      "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
    ],
  ])("PutItem refuses %#", (item, message) => {
    expect(refused(() => new Fixture().put(item))).toBe(`ValidationException: ${message}`);
  });

  it.each([[{ pk: { S: "x" } }], [{ ...key("x"), v: { S: "1" } }], [{ pk: { S: "x" }, sk: { N: "1" } }], [{}]])(
    "a call's key must be the schema's: %j",
    (Key) => {
      const call = () => new Fixture().call("GetItem", { TableName: ITEMS, Key });
      expect(refused(call)).toBe("ValidationException: The provided key element does not match the schema");
    },
  );

  it("keys that join to one text are two keys", () => {
    const fixture = new Fixture();
    fixture.transact([
      { Put: { TableName: ITEMS, Item: { ...key("a", "bc"), v: { N: "1" } } } },
      { Put: { TableName: ITEMS, Item: { ...key("ab", "c"), v: { N: "2" } } } },
    ]);
    expect(fixture.get(key("a", "bc"))).toEqual({ ...key("a", "bc"), v: { N: "1" } });
    expect(fixture.get(key("ab", "c"))).toEqual({ ...key("ab", "c"), v: { N: "2" } });
  });

  it("numbers that are equal are one key", () => {
    const model = new Fixture();
    const numbers = {
      ...plainTable,
      TableName: "numbers",
      AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "N" }],
    };
    model.call("CreateTable", numbers);
    model.call("PutItem", { TableName: "numbers", Item: { pk: { N: "1.0" }, v: { S: "1" } } });
    const answer = model.call("GetItem", { TableName: "numbers", Key: { pk: { N: "01" } } });
    expect(answer).toEqual({ Item: { pk: { N: "1" }, v: { S: "1" } } });
  });
});

describe("sizes", () => {
  const body = (bytes: number) => ({ ...key("x"), body: { S: "b".repeat(bytes) } });
  // pk + x + sk + - + body = 10 bytes of names and keys.
  it("takes 409,600 bytes and refuses one more", () => {
    const fixture = new Fixture();
    expect(fixture.put(body(409_590))).toEqual({});
    expect(refused(() => fixture.put(body(409_591)))).toBe(
      "ValidationException: Item size has exceeded the maximum allowed size",
    );
  });

  it("refuses an update beyond it", () => {
    const fixture = new Fixture();
    fixture.put(body(409_589));
    expect(refused(() => fixture.update(key("x"), "SET a = :v", { ":v": { S: "1" } }))).toBe(
      "ValidationException: Item size to update has exceeded the maximum allowed size",
    );
    fixture.update(key("x"), "SET a = :v", { ":v": { S: "" } });
  });
});

describe("batches", () => {
  const put = (pk: string) => ({ PutRequest: { Item: key(pk) } });

  it("writes to several tables and names what it cannot take", () => {
    const fixture = new Fixture();
    fixture.put(key("gone"));
    const RequestItems = {
      [ITEMS]: [put("a"), { DeleteRequest: { Key: key("gone") } }],
      plain: [{ PutRequest: { Item: { pk: { S: "p" } } } }],
    };
    expect(fixture.call("BatchWriteItem", { RequestItems })).toEqual({ UnprocessedItems: {} });
    expect([fixture.get(key("a")), fixture.get(key("gone"))]).toEqual([key("a"), undefined]);
    const Keys = [key("a"), key("none")];
    const read = { RequestItems: { [ITEMS]: { Keys }, plain: { Keys: [{ pk: { S: "p" } }] } } };
    expect(fixture.call("BatchGetItem", read)).toEqual({
      Responses: { [ITEMS]: [key("a")], plain: [{ pk: { S: "p" } }] },
      UnprocessedKeys: {},
    });
  });

  it.each([
    [{}, "The requestItems parameter is required for BatchWriteItem"],
    [{ [ITEMS]: [put("a"), { DeleteRequest: { Key: key("a") } }] }, "Provided list of item keys contains duplicates"],
    [{ [ITEMS]: [put("a"), put("a")] }, "Provided list of item keys contains duplicates"],
    [
      { [ITEMS]: [put("a"), put("")] },
      "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk",
    ],
  ])("BatchWriteItem refuses %j and has written nothing", (RequestItems, message) => {
    const fixture = new Fixture();
    expect(refused(() => fixture.call("BatchWriteItem", { RequestItems }))).toBe(`ValidationException: ${message}`);
    expect(fixture.get(key("a"))).toBeUndefined();
  });

  it("BatchWriteItem takes 1 to 25 requests a call", () => {
    const fixture = new Fixture();
    const many = (count: number) => Array.from({ length: count }, (_, index) => put(`k${index}`));
    expect(fixture.call("BatchWriteItem", { RequestItems: { [ITEMS]: many(25) } })).toEqual({ UnprocessedItems: {} });
    for (const RequestItems of [{ [ITEMS]: many(26) }, { [ITEMS]: [] }]) {
      expect(refused(() => fixture.call("BatchWriteItem", { RequestItems }))).toMatch(
        /^ValidationException: 1 validation error detected: .*Member must have length less than or equal to 25/,
      );
    }
  });

  it("BatchGetItem takes 1 to 100 keys a call, each once", () => {
    const fixture = new Fixture();
    const many = (count: number) => Array.from({ length: count }, (_, index) => key(`k${index}`));
    const read = (Keys: unknown[]) => fixture.call("BatchGetItem", { RequestItems: { [ITEMS]: { Keys } } });
    expect(read(many(100))).toEqual({ Responses: { [ITEMS]: [] }, UnprocessedKeys: {} });
    expect(refused(() => read(many(101)))).toMatch(/Member must have length less than or equal to 100$/);
    expect(refused(() => read([]))).toMatch(/Member must have length greater than or equal to 1$/);
    expect(refused(() => read([key("a"), key("a")]))).toMatch(/contains duplicates$/);
  });

  it("BatchGetItem leaves what does not fit into 16 MB", () => {
    const fixture = new Fixture();
    const keys = Array.from({ length: 50 }, (_, index) => key(`k${index}`));
    for (const each of keys) fixture.put({ ...each, body: { S: "x".repeat(400_000) } });
    const request = { [ITEMS]: { Keys: keys, ConsistentRead: true } };
    const { Responses, UnprocessedKeys } = fixture.call("BatchGetItem", { RequestItems: request });
    // 16 MB hold 41 items of 400,011 to 400,012 bytes.
    expect(Responses).toMatchObject({ [ITEMS]: { length: 41 } });
    expect(UnprocessedKeys).toEqual({ [ITEMS]: { Keys: keys.slice(41), ConsistentRead: true } });
  });
});

describe("logged", () => {
  it("names every operation that changes state and no other", () => {
    expect([...new DynamoDbModel().logged].sort()).toEqual([
      "BatchWriteItem",
      "CreateTable",
      "DeleteItem",
      "PutItem",
      "TransactWriteItems",
      "UpdateItem",
      "UpdateTimeToLive",
    ]);
  });
});
