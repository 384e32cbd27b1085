/** Owns: checks of conditional writes: what each operator and function means, ALL_OLD, compare-and-set among racers. */
import { DeleteItemCommand, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import { key, refusal, type DynamoDbUnderTest, type Item } from "./under-test.js";

export function conditionChecks(db: DynamoDbUnderTest): void {
  const putIf = (item: Item, condition: string, rest: object = {}) =>
    db.client.send(new PutItemCommand({ TableName: db.items, Item: item, ConditionExpression: condition, ...rest }));

  it("put if not exists succeeds once", async () => {
    const item = { ...key("cond-once"), v: { S: "first" } };
    await putIf(item, "attribute_not_exists(pk)");
    const error = await refusal(putIf({ ...item, v: { S: "second" } }, "attribute_not_exists(pk)"));
    expect(error.name).toBe("ConditionalCheckFailedException");
    expect(error.message).toBe("The conditional request failed");
    expect(await db.get("cond-once")).toEqual({ pk: { S: "cond-once" }, sk: { S: "-" }, v: { S: "first" } });
  });

  it("a failed put answers the stored item when asked for ALL_OLD", async () => {
    await db.put({ ...key("cond-old"), token: { S: "mine" } });
    const asked = { ReturnValuesOnConditionCheckFailure: "ALL_OLD" };
    const error = await refusal(putIf(key("cond-old"), "attribute_not_exists(pk)", asked));
    expect(error.item).toEqual({ pk: { S: "cond-old" }, sk: { S: "-" }, token: { S: "mine" } });
  });

  it("a failed put answers no item when not asked", async () => {
    await db.put(key("cond-none"));
    const error = await refusal(putIf(key("cond-none"), "attribute_not_exists(pk)"));
    expect(error.item).toBeUndefined();
  });

  it("a failed update of a missing item answers no item", async () => {
    const update = new UpdateItemCommand({
      TableName: db.items,
      Key: key("cond-missing"),
      UpdateExpression: "SET v = :v",
      ConditionExpression: "attribute_exists(pk)",
      ExpressionAttributeValues: { ":v": { S: "x" } },
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    const error = await refusal(db.client.send(update));
    expect([error.name, error.item]).toEqual(["ConditionalCheckFailedException", undefined]);
    expect(await db.get("cond-missing")).toBeUndefined();
  });

  it("a failed delete answers the stored item and keeps it", async () => {
    await db.put({ ...key("cond-del"), n: { N: "1" } });
    const remove = new DeleteItemCommand({
      TableName: db.items,
      Key: key("cond-del"),
      ConditionExpression: "n = :two",
      ExpressionAttributeValues: { ":two": { N: "2" } },
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    const error = await refusal(db.client.send(remove));
    expect(error.item).toEqual({ pk: { S: "cond-del" }, sk: { S: "-" }, n: { N: "1" } });
    expect(await db.get("cond-del")).toBeDefined();
  });

  it("of sixteen racing compare-and-sets one wins", async () => {
    await db.put({ ...key("cond-race"), epoch: { N: "0" } });
    const claim = (holder: number) =>
      db.client.send(
        new UpdateItemCommand({
          TableName: db.items,
          Key: key("cond-race"),
          UpdateExpression: "SET epoch = epoch + :one, holder = :holder",
          ConditionExpression: "epoch = :zero",
          ExpressionAttributeValues: { ":one": { N: "1" }, ":zero": { N: "0" }, ":holder": { N: String(holder) } },
        }),
      );
    const outcomes = await Promise.allSettled(Array.from({ length: 16 }, (_, holder) => claim(holder)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await db.get("cond-race"))?.["epoch"]).toEqual({ N: "1" });
  });

  const subject: Item = {
    s: { S: "banana" },
    n: { N: "10" },
    b: { B: Uint8Array.of(1, 2, 255) },
    yes: { BOOL: true },
    nil: { NULL: true },
    list: { L: [{ S: "a" }, { N: "1" }] },
    map: { M: { inner: { S: "deep" }, more: { L: [{ N: "7" }] } } },
    tags: { SS: ["x", "y"] },
    numbers: { NS: ["1", "2"] },
  };
  const values: Item = {
    ":s": { S: "banana" },
    ":ban": { S: "ban" },
    ":nan": { S: "nan" },
    ":low": { S: "a" },
    ":high": { S: "c" },
    ":ten": { N: "10.0" },
    ":nine": { N: "9" },
    ":hundred": { N: "100" },
    ":bytes": { B: Uint8Array.of(1, 2) },
    ":yes": { BOOL: true },
    ":x": { S: "x" },
    ":one": { N: "1" },
    ":two": { N: "2" },
    ":a": { S: "a" },
    ":deep": { S: "deep" },
    ":seven": { N: "7" },
    ":S": { S: "S" },
    ":N": { S: "N" },
    ":six": { N: "6" },
    ":tags": { SS: ["y", "x"] },
    ":list": { L: [{ S: "a" }, { N: "1.0" }] },
  };

  const holding = [
    "s = :s",
    "n = :ten",
    "n > :nine",
    "n < :hundred",
    "n BETWEEN :nine AND :hundred",
    "s BETWEEN :low AND :high",
    "s IN (:x, :s)",
    "begins_with(s, :ban)",
    "begins_with(b, :bytes)",
    "contains(s, :nan)",
    "contains(tags, :x)",
    "contains(numbers, :two)",
    "contains(#list, :a)",
    "tags = :tags",
    "#list = :list",
    "yes = :yes",
    "#map.#inner = :deep",
    "#map.more[0] = :seven",
    "attribute_exists(#map.#inner)",
    "attribute_not_exists(#map.absent)",
    "attribute_not_exists(#list[2])",
    "attribute_type(s, :S)",
    "attribute_type(n, :N)",
    "size(s) = :six",
    "size(#list) = :two",
    "size(#map) = :two",
    "absent <> :s",
    "s <> :nine",
    "NOT s = :x AND n = :ten",
    "s = :x OR s = :s AND n = :ten",
    "(s = :x OR s = :s) AND (n = :ten)",
  ];
  const failing = [
    "s = :x",
    "s = :ten",
    "n > :hundred",
    "n > :s",
    "absent = :s",
    "absent < :nine",
    "absent IN (:s, :x)",
    "NOT s = :s",
    "contains(nil, :x)",
    "attribute_exists(absent)",
    "attribute_not_exists(s)",
    "attribute_type(s, :N)",
    "size(n) = :six",
    "(s = :s OR n = :ten) AND s = :x",
  ];

  /** The condition with the values and names it uses: one too many is refused. */
  const using = (condition: string): { ConditionExpression: string } & object => {
    const used = Object.entries(values).filter(([name]) => new RegExp(`${name}\\b`).test(condition));
    const names = { "#map": "map", "#inner": "inner", "#list": "list" };
    const usedNames = Object.entries(names).filter(([name]) => condition.includes(name));
    return {
      ConditionExpression: condition,
      ...(used.length === 0 ? {} : { ExpressionAttributeValues: Object.fromEntries(used) }),
      ...(usedNames.length === 0 ? {} : { ExpressionAttributeNames: Object.fromEntries(usedNames) }),
    };
  };
  const attempt = async (pk: string, condition: string): Promise<string> => {
    const item = { ...key(pk), ...subject };
    await db.put(item);
    const put = new PutItemCommand({ TableName: db.items, Item: item, ...using(condition) });
    return db.client.send(put).then(
      () => "holds",
      (error: unknown) => (error instanceof Error ? error.name : "unknown"),
    );
  };

  it.each(holding)("holds: %s", async (condition) => {
    expect(await attempt("cond-subject", condition)).toBe("holds");
  });

  it.each(failing)("fails: %s", async (condition) => {
    expect(await attempt("cond-subject", condition)).toBe("ConditionalCheckFailedException");
  });
}
