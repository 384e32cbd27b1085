/** Owns: checks of Query: key ranges, order, pages, filters and projections, on a table and on indexes. */
import { QueryCommand, UpdateItemCommand, type QueryCommandInput } from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import { key, refusal, type DynamoDbUnderTest, type Item } from "./under-test.js";

const sortKeys = (items: Item[]): (string | undefined)[] => items.map(({ sk }) => sk?.S ?? sk?.N);

export function queryChecks(db: DynamoDbUnderTest): void {
  const partition = (pk: string, condition = "", values: Item = {}): Partial<QueryCommandInput> => ({
    KeyConditionExpression: `pk = :pk${condition}`,
    ExpressionAttributeValues: { ":pk": { S: pk }, ...values },
  });
  const fill = async (pk: string, ...keys: string[]): Promise<void> => {
    for (const sk of keys) await db.put({ ...key(pk, sk), n: { N: String(keys.indexOf(sk)) } });
  };

  const letters = ["a", "b", "ba", "bb", "c"];
  it.each([
    ["=", " AND sk = :x", { ":x": { S: "b" } }, ["b"]],
    ["<", " AND sk < :x", { ":x": { S: "ba" } }, ["a", "b"]],
    ["<=", " AND sk <= :x", { ":x": { S: "ba" } }, ["a", "b", "ba"]],
    [">", " AND sk > :x", { ":x": { S: "ba" } }, ["bb", "c"]],
    [">=", " AND sk >= :x", { ":x": { S: "ba" } }, ["ba", "bb", "c"]],
    ["BETWEEN", " AND sk BETWEEN :x AND :y", { ":x": { S: "b" }, ":y": { S: "bb" } }, ["b", "ba", "bb"]],
    ["begins_with", " AND begins_with(sk, :x)", { ":x": { S: "b" } }, ["b", "ba", "bb"]],
    ["no sort condition", "", {}, ["a", "b", "ba", "bb", "c"]],
  ])("range: %s", async (_, condition, values, expected) => {
    await fill("query-range", ...letters);
    expect(sortKeys(await db.queryAll(partition("query-range", condition, values)))).toEqual(expected);
  });

  it("backwards is the exact reverse", async () => {
    await fill("query-back", ...letters);
    const items = await db.queryAll({ ...partition("query-back"), ScanIndexForward: false });
    expect(sortKeys(items)).toEqual(["c", "bb", "ba", "b", "a"]);
  });

  it.each([true, false])("pages of two join to the whole (forward: %s)", async (ScanIndexForward) => {
    await fill("query-pages", ...letters);
    const items = await db.queryAll({ ...partition("query-pages"), Limit: 2, ScanIndexForward });
    const expected = ["a", "b", "ba", "bb", "c"];
    expect(sortKeys(items)).toEqual(ScanIndexForward ? expected : expected.reverse());
  });

  it("limit counts before the filter", async () => {
    await fill("query-limit", ...letters);
    const query = new QueryCommand({
      TableName: db.items,
      ConsistentRead: true,
      KeyConditionExpression: "pk = :pk",
      FilterExpression: "n >= :n",
      ExpressionAttributeValues: { ":pk": { S: "query-limit" }, ":n": { N: "2" } },
      Limit: 3,
    });
    const page = await db.client.send(query);
    expect([page.Count, page.ScannedCount, page.LastEvaluatedKey]).toEqual([1, 3, key("query-limit", "ba")]);
  });

  it("a start key that is gone still marks its place", async () => {
    await fill("query-gone", "a", "c");
    const items = await db.client.send(
      new QueryCommand({ TableName: db.items, ...partition("query-gone"), ExclusiveStartKey: key("query-gone", "b") }),
    );
    expect(sortKeys(items.Items ?? [])).toEqual(["c"]);
  });

  it("strings sort by their UTF-8 bytes", async () => {
    // U+FF01 comes before U+1F600 in UTF-8 and after it in UTF-16.
    await fill("query-utf8", "\u{1f600}", "\uff01", "é", "z", "Z");
    expect(sortKeys(await db.queryAll(partition("query-utf8")))).toEqual(["Z", "z", "é", "\uff01", "\u{1f600}"]);
  });

  it("numbers sort as numbers under a binary partition key", async () => {
    const pk = { B: Uint8Array.of(0, 255) };
    for (const n of ["10", "9", "-1", "0", "-10", "0.5", "1e20", "-1e-20"])
      await db.put({ pk, sk: { N: n } }, db.numbered);
    const items = await db.queryAll({
      TableName: db.numbered,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": pk },
    });
    expect(items.map(({ sk }) => Number(sk?.N))).toEqual([-10, -1, -1e-20, 0, 0.5, 9, 10, 1e20]);
  });

  it("a projection answers only what it names", async () => {
    await db.put({
      ...key("query-proj"),
      m: { M: { a: { S: "1" }, b: { S: "2" } } },
      l: { L: [{ S: "0" }, { S: "1" }] },
    });
    const items = await db.queryAll({ ...partition("query-proj"), ProjectionExpression: "m.a, l[1]" });
    expect(items).toEqual([{ m: { M: { a: { S: "1" } } }, l: { L: [{ S: "1" }] } }]);
  });

  it("count answers no items", async () => {
    await fill("query-count", ...letters);
    const page = await db.client.send(
      new QueryCommand({ TableName: db.items, ...partition("query-count"), Select: "COUNT" }),
    );
    expect([page.Count, page.Items]).toEqual([5, undefined]);
  });

  it("a page ends by 1 MB", async () => {
    const body = { S: "x".repeat(300_000) };
    for (const sk of ["1", "2", "3", "4", "5"]) await db.put({ ...key("query-mb", sk), body });
    const first = await db.client.send(new QueryCommand({ TableName: db.items, ...partition("query-mb") }));
    expect(first.LastEvaluatedKey).toBeDefined();
    expect(sortKeys(await db.queryAll(partition("query-mb")))).toEqual(["1", "2", "3", "4", "5"]);
  });

  it.each([
    ["no partition key", { KeyConditionExpression: "sk = :pk" }],
    ["an inequality on the partition key", { KeyConditionExpression: "pk > :pk" }],
    ["OR in a key condition", { KeyConditionExpression: "pk = :pk OR pk = :pk" }],
    ["a filter on a key", { KeyConditionExpression: "pk = :pk", FilterExpression: "sk = :pk" }],
    ["limit 0", { KeyConditionExpression: "pk = :pk", Limit: 0 }],
    ["a start key elsewhere", { KeyConditionExpression: "pk = :pk", ExclusiveStartKey: key("query-other", "a") }],
    ["an unknown index", { KeyConditionExpression: "pk = :pk", IndexName: "no-such-index" }],
  ])("refuses %s", async (_, input) => {
    const query = new QueryCommand({
      TableName: db.items,
      ExpressionAttributeValues: { ":pk": { S: "query-refused" } },
      ...input,
    });
    expect((await refusal(db.client.send(query))).name).toBe("ValidationException");
  });
}

export function indexChecks(db: DynamoDbUnderTest): void {
  const byDue = (owner: string): Partial<QueryCommandInput> => ({
    IndexName: "by-due",
    KeyConditionExpression: "#owner = :owner",
    ExpressionAttributeNames: { "#owner": "owner" },
    ExpressionAttributeValues: { ":owner": { S: owner } },
  });
  const put = (pk: string, owner: string, due?: string) =>
    db.put({
      ...key(pk),
      owner: { S: owner },
      title: { S: `title of ${pk}` },
      body: { S: "body" },
      ...(due === undefined ? {} : { due: { N: due } }),
    });

  it("an index holds only items with all its keys", async () => {
    await put("idx-with", "sparse", "1");
    await put("idx-without", "sparse");
    const items = await db.indexOnce(byDue("sparse"), (found) => found.length > 0);
    expect(items.map(({ pk }) => pk?.S)).toEqual(["idx-with"]);
  });

  it("KEYS_ONLY answers the keys of table and index", async () => {
    await put("idx-keys", "keys-only", "7");
    const items = await db.indexOnce(byDue("keys-only"), (found) => found.length > 0);
    expect(items).toEqual([{ ...key("idx-keys"), owner: { S: "keys-only" }, due: { N: "7" } }]);
  });

  it("INCLUDE answers the named attributes too", async () => {
    await put("idx-incl", "include", "7");
    const query = { ...byDue("include"), IndexName: "by-owner" };
    const items = await db.indexOnce(query, (found) => found.length > 0);
    expect(items).toEqual([{ ...key("idx-incl"), owner: { S: "include" }, title: { S: "title of idx-incl" } }]);
  });

  it("entries sort by a number", async () => {
    for (const due of ["100", "20", "3"]) await put(`idx-sort-${due}`, "sorted", due);
    const items = await db.indexOnce(byDue("sorted"), (found) => found.length === 3);
    expect(items.map(({ due }) => due?.N)).toEqual(["3", "20", "100"]);
  });

  it("a range and a limit page through equal sort keys without loss", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) await put(`idx-same-${name}`, "equal", "5");
    const query = {
      ...byDue("equal"),
      KeyConditionExpression: "#owner = :owner AND due <= :now",
      ExpressionAttributeValues: { ":owner": { S: "equal" }, ":now": { N: "5" } },
      Limit: 2,
    };
    const items = await db.indexOnce(query, (found) => found.length === 5);
    expect(items.map(({ pk }) => pk?.S).sort()).toEqual(["a", "b", "c", "d", "e"].map((name) => `idx-same-${name}`));
  });

  it("an item leaves the index with its key attribute", async () => {
    await put("idx-leave", "leaving", "1");
    await db.indexOnce(byDue("leaving"), (found) => found.length === 1);
    const remove = { TableName: db.items, Key: key("idx-leave"), UpdateExpression: "REMOVE due" };
    await db.client.send(new UpdateItemCommand(remove));
    expect(await db.indexOnce(byDue("leaving"), (found) => found.length === 0)).toEqual([]);
    expect(await db.get("idx-leave")).toBeDefined();
  });

  it("an item moves with its key", async () => {
    await put("idx-move", "moving", "1");
    await put("idx-move", "moving", "2");
    const items = await db.indexOnce(byDue("moving"), (found) => found[0]?.["due"]?.N === "2");
    expect(items.map(({ due }) => due?.N)).toEqual(["2"]);
  });

  it("refuses a consistent read of an index", async () => {
    const query = new QueryCommand({ TableName: db.items, ...byDue("consistent"), ConsistentRead: true });
    expect((await refusal(db.client.send(query))).name).toBe("ValidationException");
  });

  it("refuses an item whose index key has another type", async () => {
    const error = await refusal(db.put({ ...key("idx-type"), owner: { S: "typed" }, due: { S: "soon" } }));
    expect(error.name).toBe("ValidationException");
  });

  it("refuses an item whose index key is empty", async () => {
    const error = await refusal(db.put({ ...key("idx-empty"), owner: { S: "" }, due: { N: "1" } }));
    expect(error.name).toBe("ValidationException");
  });
}
