/**
 * Goal: every call is billed as AWS bills it: by the larger version of an item, each index for what changes in it, twice in a
 * transaction, failed conditions too.
 * Method: items of known size; the units reported to the ledger and those answered to the caller.
 */
import { describe, expect, it } from "vitest";
import { Fixture, ITEMS, key, refused, type Item } from "./dynamodb-fixture.js";

/** An item of this many bytes: pk, x, sk, -, body are 10. */
const sized = (bytes: number, more: Item = {}): Item => ({ ...key("x"), body: { S: "b".repeat(bytes - 10) }, ...more });
const writes = (writeUnits: number, indexWriteUnits = 0) => ({ writeUnits, indexWriteUnits, readUnits: 0 });
const reads = (readUnits: number) => ({ writeUnits: 0, indexWriteUnits: 0, readUnits });

describe("writes", () => {
  it.each([
    [10, 1],
    [1024, 1],
    [1025, 2],
    [409_600, 400],
  ])("a put of %i bytes is %i units", (bytes, units) => {
    const fixture = new Fixture();
    fixture.put(sized(bytes));
    expect(fixture.billed).toEqual(writes(units));
  });

  it("an overwrite, an update and a delete are billed by the larger version", () => {
    const fixture = new Fixture();
    fixture.put(sized(5000));
    fixture.put(sized(10));
    expect(fixture.billed).toEqual(writes(5));
    fixture.update(key("x"), "SET body = :b", { ":b": { S: "b".repeat(3000) } });
    expect(fixture.billed).toEqual(writes(3));
    fixture.update(key("x"), "SET tiny = :t", { ":t": { N: "1" } });
    expect(fixture.billed).toEqual(writes(3));
    fixture.call("DeleteItem", { TableName: ITEMS, Key: key("x") });
    expect(fixture.billed).toEqual(writes(3));
    fixture.call("DeleteItem", { TableName: ITEMS, Key: key("x") });
    expect(fixture.billed).toEqual(writes(1));
  });

  it("a failed condition is billed by the stored item, one unit at least", () => {
    const fixture = new Fixture();
    fixture.put(sized(3000));
    refused(() => fixture.put(sized(10), { ConditionExpression: "attribute_not_exists(pk)" }));
    expect(fixture.billed).toEqual(writes(3));
    refused(() => fixture.put({ ...sized(9000), pk: { S: "y" } }, { ConditionExpression: "attribute_exists(pk)" }));
    expect(fixture.billed).toEqual(writes(1));
  });

  it("a refused call is not billed", () => {
    const fixture = new Fixture();
    refused(() => fixture.put(key("")));
    expect(fixture.billed).toEqual({});
  });

  it("a batch adds up", () => {
    const fixture = new Fixture();
    const RequestItems = { [ITEMS]: [{ PutRequest: { Item: sized(2000) } }, { DeleteRequest: { Key: key("none") } }] };
    fixture.call("BatchWriteItem", { RequestItems });
    expect(fixture.billed).toEqual(writes(3));
  });
});

describe("indexes", () => {
  // by-due has owner and due (KEYS_ONLY), all has owner (ALL), some has due (INCLUDE title).
  const owner = { owner: { S: "ann" } };
  const due = (n: string) => ({ due: { N: n } });

  it("an item is billed in the indexes it enters", () => {
    const fixture = new Fixture();
    fixture.put(sized(2000, owner));
    expect(fixture.billed).toEqual(writes(2, 2));
    fixture.put({ ...sized(2000, owner), pk: { S: "y" }, ...due("1") });
    expect(fixture.billed).toEqual(writes(2, 4));
  });

  it("a change of what an index does not hold costs nothing there", () => {
    const fixture = new Fixture();
    fixture.put({ ...key("x"), ...due("1") });
    fixture.update(key("x"), "SET body = :b", { ":b": { S: "b" } });
    expect(fixture.billed).toEqual(writes(1, 0));
    fixture.update(key("x"), "SET title = :b", { ":b": { S: "b" } });
    expect(fixture.billed).toEqual(writes(1, 1));
    fixture.update(key("x"), "SET title = :b", { ":b": { S: "b" } });
    expect(fixture.billed).toEqual(writes(1, 0));
  });

  it("a changed index key is a delete and a put, a removed one a delete", () => {
    const fixture = new Fixture();
    fixture.put({ ...key("x"), ...due("1") });
    fixture.put({ ...key("x"), ...due("2") });
    expect(fixture.billed).toEqual(writes(1, 2));
    fixture.update(key("x"), "REMOVE due");
    expect(fixture.billed).toEqual(writes(1, 1));
  });
});

describe("transactions", () => {
  const put = (pk: string, bytes: number) => ({ Put: { TableName: ITEMS, Item: { ...sized(bytes), pk: { S: pk } } } });
  const check = (pk: string) => ({
    ConditionCheck: { TableName: ITEMS, Key: key(pk), ConditionExpression: "attribute_exists(pk)" },
  });

  it("are billed twice, checks by the item they look at", () => {
    const fixture = new Fixture();
    fixture.put({ ...sized(3000), pk: { S: "c" } });
    fixture.transact([put("a", 10), put("b", 2000), check("c")]);
    expect(fixture.billed).toEqual(writes(12));
  });

  it("are billed for preparing when cancelled, and as a read when replayed", () => {
    const fixture = new Fixture();
    refused(() => fixture.transact([put("a", 2000), check("none")]));
    expect(fixture.billed).toEqual(writes(3));
    fixture.transact([put("a", 5000)], { ClientRequestToken: "t" });
    fixture.transact([put("a", 5000)], { ClientRequestToken: "t" });
    expect(fixture.billed).toEqual(reads(4));
  });
});

describe("reads", () => {
  it.each([
    [10, true, 1],
    [4096, true, 1],
    [4097, true, 2],
    [10, false, 0.5],
    [4097, false, 1],
  ])("a get of %i bytes (consistent: %s) is %d units", (bytes, ConsistentRead, units) => {
    const fixture = new Fixture();
    fixture.put(sized(bytes));
    fixture.call("GetItem", { TableName: ITEMS, Key: key("x"), ConsistentRead });
    expect(fixture.billed).toEqual(reads(units));
  });

  it("what is not there costs the least", () => {
    const fixture = new Fixture();
    fixture.get(key("none"));
    expect(fixture.billed).toEqual(reads(1));
    fixture.query({ KeyConditionExpression: "pk = :p", ExpressionAttributeValues: { ":p": { S: "none" } } });
    expect(fixture.billed).toEqual(reads(0.5));
  });

  it("a query adds sizes up before it rounds, filtered items too; a batch rounds each", () => {
    const fixture = new Fixture();
    for (const sk of ["1", "2", "3"]) fixture.put({ ...sized(3000), sk: { S: sk } });
    const query = {
      KeyConditionExpression: "pk = :p",
      FilterExpression: "attribute_not_exists(body)",
      ExpressionAttributeValues: { ":p": { S: "x" } },
      ConsistentRead: true,
    };
    fixture.query(query);
    expect(fixture.billed).toEqual(reads(3));
    const Keys = ["1", "2", "3"].map((sk) => key("x", sk));
    fixture.call("BatchGetItem", { RequestItems: { [ITEMS]: { Keys } } });
    expect(fixture.billed).toEqual(reads(1.5));
  });
});

describe("ConsumedCapacity", () => {
  it("is answered in total or by index", () => {
    const fixture = new Fixture();
    const item = { ...sized(2000), owner: { S: "ann" }, due: { N: "1" } };
    expect(fixture.put(item, { ReturnConsumedCapacity: "TOTAL" })).toEqual({
      ConsumedCapacity: { TableName: ITEMS, CapacityUnits: 6 },
    });
    const changed = { ...item, due: { N: "2" } };
    expect(fixture.put(changed, { ReturnConsumedCapacity: "INDEXES" })).toEqual({
      ConsumedCapacity: {
        TableName: ITEMS,
        CapacityUnits: 8,
        Table: { CapacityUnits: 2 },
        GlobalSecondaryIndexes: {
          "by-due": { CapacityUnits: 2 },
          all: { CapacityUnits: 2 },
          some: { CapacityUnits: 2 },
        },
      },
    });
    expect(fixture.put(changed, { ReturnConsumedCapacity: "NONE" })).toEqual({});
  });

  it("is answered by table for batches and transactions", () => {
    const fixture = new Fixture();
    const Item = { pk: { S: "p" } };
    const RequestItems = { [ITEMS]: [{ PutRequest: { Item: key("a") } }], plain: [{ PutRequest: { Item } }] };
    const total = { ReturnConsumedCapacity: "TOTAL" };
    expect(fixture.call("BatchWriteItem", { RequestItems, ...total })["ConsumedCapacity"]).toEqual([
      { TableName: ITEMS, CapacityUnits: 1 },
      { TableName: "plain", CapacityUnits: 1 },
    ]);
    expect(fixture.transact([{ Put: { TableName: "plain", Item } }], total)).toEqual({
      ConsumedCapacity: [{ TableName: "plain", CapacityUnits: 2 }],
    });
  });
});
