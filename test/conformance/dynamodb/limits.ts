/** Owns: checks of limits and values: sizes at their exact boundary, empty values, numbers, keys, unknown tables. */
import {
  DescribeTimeToLiveCommand,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import { key, refusal, type DynamoDbUnderTest, type Item } from "./under-test.js";

const MAX_ITEM_BYTES = 409_600;

/** An item of exactly this size: names and values of pk and sk, and a body. */
function itemOf(pk: string, bytes: number): Item {
  const rest = "pk".length + pk.length + "sk".length + "-".length + "body".length;
  return { ...key(pk), body: { S: "x".repeat(bytes - rest) } };
}

export function limitChecks(db: DynamoDbUnderTest): void {
  it("takes an item of exactly 400 KB", async () => {
    await db.put(itemOf("lim-exact", MAX_ITEM_BYTES));
    expect((await db.get("lim-exact"))?.["body"]?.S).toHaveLength(409_582);
  });

  it("refuses an item of 400 KB and a byte", async () => {
    const error = await refusal(db.put(itemOf("lim-over", MAX_ITEM_BYTES + 1)));
    expect(error.name).toBe("ValidationException");
    expect(await db.get("lim-over")).toBeUndefined();
  });

  it("refuses an update that grows an item beyond 400 KB", async () => {
    await db.put(itemOf("lim-grow", MAX_ITEM_BYTES - 2));
    const grow = new UpdateItemCommand({
      TableName: db.items,
      Key: key("lim-grow"),
      UpdateExpression: "SET more = :v",
      ExpressionAttributeValues: { ":v": { S: "x" } },
    });
    expect((await refusal(db.client.send(grow))).name).toBe("ValidationException");
    expect((await db.get("lim-grow"))?.["more"]).toBeUndefined();
  });

  it("sizes count UTF-8 bytes", async () => {
    const item = (characters: number) => ({ ...key("lim-utf8"), body: { S: "é".repeat(characters) } });
    await db.put(item(204_700));
    expect((await refusal(db.put(item(204_800)))).name).toBe("ValidationException");
  });

  it("takes keys of 2048 and 1024 bytes and refuses longer ones", async () => {
    await db.put(key("p".repeat(2048), "s".repeat(1024)));
    expect((await refusal(db.put(key("p".repeat(2049))))).name).toBe("ValidationException");
    expect((await refusal(db.put(key("p", "s".repeat(1025))))).name).toBe("ValidationException");
  });

  it("refuses empty key strings", async () => {
    expect((await refusal(db.put(key("", "s")))).name).toBe("ValidationException");
    expect((await refusal(db.put(key("lim-empty-sk", "")))).name).toBe("ValidationException");
  });

  it("takes empty strings and bytes elsewhere", async () => {
    const item = { ...key("lim-empty"), s: { S: "" }, b: { B: new Uint8Array() }, l: { L: [] }, m: { M: {} } };
    await db.put(item);
    expect(await db.get("lim-empty")).toEqual({
      pk: { S: "lim-empty" },
      sk: { S: "-" },
      s: { S: "" },
      b: { B: new Uint8Array() },
      l: { L: [] },
      m: { M: {} },
    });
  });

  it("refuses empty sets and repeated members", async () => {
    for (const tags of [{ SS: [] }, { NS: [] }, { SS: ["a", "a"] }]) {
      expect((await refusal(db.put({ ...key("lim-sets"), tags }))).name).toBe("ValidationException");
    }
  });

  it("numbers come back in one normal form", async () => {
    await db.put({ ...key("lim-numbers"), a: { N: "007" }, b: { N: "1.50" }, c: { N: "-0" }, d: { N: "1.5e2" } });
    const { a, b, c, d } = (await db.get("lim-numbers")) ?? {};
    expect([a?.N, b?.N, c?.N, d?.N]).toEqual(["7", "1.5", "0", "150"]);
  });

  it("numbers keep 38 digits and no more", async () => {
    const digits = "12345678901234567890123456789012345678";
    await db.put({ ...key("lim-digits"), n: { N: digits } });
    expect((await db.get("lim-digits"))?.["n"]).toEqual({ N: "12345678901234567890123456789012345678" });
    expect((await refusal(db.put({ ...key("lim-digits"), n: { N: `${digits}9` } }))).name).toBe("ValidationException");
  });

  it("refuses numbers out of range and texts that are none", async () => {
    for (const n of ["1e126", "-1e126", "1e-131", "ten", ""]) {
      expect((await refusal(db.put({ ...key("lim-range"), n: { N: n } }))).name).toBe("ValidationException");
    }
  });

  it("takes 32 levels of nesting and refuses 33", async () => {
    const nested = (levels: number): Item[string] => (levels === 0 ? { S: "x" } : { M: { m: nested(levels - 1) } });
    await db.put({ ...key("lim-nested"), m: nested(32) });
    expect((await refusal(db.put({ ...key("lim-nested"), m: nested(33) }))).name).toBe("ValidationException");
  });

  it("binary values come back byte for byte", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await db.put({ ...key("lim-bytes"), b: { B: bytes }, bs: { BS: [Uint8Array.of(0), Uint8Array.of(0, 0)] } });
    const item = await db.get("lim-bytes");
    expect(Buffer.compare(item?.["b"]?.B ?? new Uint8Array(), bytes)).toBe(0);
    expect(item?.["bs"]?.BS?.map(({ length }) => length).sort()).toEqual([1, 2]);
  });

  it("refuses an expression over 4 KB", async () => {
    const put = new PutItemCommand({
      TableName: db.items,
      Item: key("lim-expression"),
      ConditionExpression: `attribute_not_exists(${"a".repeat(4100)})`,
    });
    expect((await refusal(db.client.send(put))).name).toBe("ValidationException");
  });

  it("refuses a key that does not fit the schema", async () => {
    for (const Key of [{ pk: { S: "x" } }, { pk: { S: "x" }, sk: { N: "1" } }, { ...key("x"), more: { S: "x" } }]) {
      const get = new GetItemCommand({ TableName: db.items, Key });
      expect((await refusal(db.client.send(get))).name).toBe("ValidationException");
    }
  });

  it("knows no table that was not created", async () => {
    const get = new GetItemCommand({ TableName: "no-such-table", Key: key("x") });
    expect((await refusal(db.client.send(get))).name).toBe("ResourceNotFoundException");
  });

  it("time to live is enabled and described", async () => {
    const TimeToLiveSpecification = { Enabled: true, AttributeName: "ttl" };
    await db.client.send(new UpdateTimeToLiveCommand({ TableName: db.items, TimeToLiveSpecification }));
    const { TimeToLiveDescription } = await db.client.send(new DescribeTimeToLiveCommand({ TableName: db.items }));
    expect(TimeToLiveDescription?.AttributeName).toBe("ttl");
    expect(["ENABLING", "ENABLED"]).toContain(TimeToLiveDescription?.TimeToLiveStatus);
  });
}
