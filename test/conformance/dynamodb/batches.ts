/** Owns: checks of BatchWriteItem and BatchGetItem. */
import { BatchGetItemCommand, BatchWriteItemCommand } from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import { key, refusal, type DynamoDbUnderTest, type Item } from "./under-test.js";

/** 17 MB go over the wire, one item at a time. */
const LARGE_TIMEOUT_MS = 60_000;

export function batchChecks(db: DynamoDbUnderTest): void {
  const put = (item: Item) => ({ PutRequest: { Item: item } });
  const remove = (pk: string) => ({ DeleteRequest: { Key: key(pk) } });
  const write = (requests: ReturnType<typeof put | typeof remove>[]) =>
    db.client.send(new BatchWriteItemCommand({ RequestItems: { [db.items]: requests } }));
  const read = (Keys: Item[], rest: object = {}) =>
    db.client.send(new BatchGetItemCommand({ RequestItems: { [db.items]: { Keys, ConsistentRead: true, ...rest } } }));

  it("25 puts and deletes are written", async () => {
    await db.put(key("bat-gone"));
    const puts = Array.from({ length: 24 }, (_, index) => put(key(`bat-${index}`)));
    const { UnprocessedItems } = await write([...puts, remove("bat-gone")]);
    expect(UnprocessedItems ?? {}).toEqual({});
    expect(await db.get("bat-23")).toEqual(key("bat-23"));
    expect(await db.get("bat-gone")).toBeUndefined();
  });

  it("refuses 26 writes", async () => {
    const error = await refusal(write(Array.from({ length: 26 }, (_, index) => put(key(`bat-more-${index}`)))));
    expect(error.name).toBe("ValidationException");
  });

  it("refuses an item twice in one batch and writes none of it", async () => {
    const error = await refusal(write([put(key("bat-first")), put(key("bat-dup")), remove("bat-dup")]));
    expect([error.name, error.message]).toEqual([
      "ValidationException",
      "Provided list of item keys contains duplicates",
    ]);
    expect(await db.get("bat-first")).toBeUndefined();
  });

  it("a batch read answers what exists", async () => {
    await db.put({ ...key("bat-here"), v: { S: "v" }, w: { S: "w" } });
    const { Responses, UnprocessedKeys } = await read([key("bat-here"), key("bat-nowhere")], {
      ProjectionExpression: "v",
    });
    expect(Responses?.[db.items]).toEqual([{ v: { S: "v" } }]);
    expect(UnprocessedKeys ?? {}).toEqual({});
  });

  it("reads a hundred keys and refuses one more", async () => {
    const keys = Array.from({ length: 101 }, (_, index) => key(`bat-read-${index}`));
    expect((await read(keys.slice(0, 100))).Responses?.[db.items]).toEqual([]);
    expect((await refusal(read(keys))).name).toBe("ValidationException");
  });

  it("refuses a key twice in one read", async () => {
    const error = await refusal(read([key("bat-same"), key("bat-same")]));
    expect(error.name).toBe("ValidationException");
  });

  it(
    "leaves the keys that do not fit into 16 MB",
    async () => {
      const body = { S: "x".repeat(390_000) };
      const keys = Array.from({ length: 45 }, (_, index) => key(`bat-mb-${index}`));
      for (const each of keys) await db.put({ ...each, body });
      const { Responses, UnprocessedKeys } = await read(keys);
      const [found, left] = [Responses?.[db.items] ?? [], UnprocessedKeys?.[db.items]?.Keys ?? []];
      expect(left.length).toBeGreaterThan(0);
      expect([...found.map(({ pk }) => pk?.S), ...left.map(({ pk }) => pk?.S)].sort()).toEqual(
        keys.map(({ pk }) => pk?.S).sort(),
      );
    },
    LARGE_TIMEOUT_MS,
  );
}
