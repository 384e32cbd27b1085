/** Owns: checks of UpdateItem: what SET, REMOVE, ADD and DELETE do, and which values it answers. */
import { UpdateItemCommand, type AttributeValue, type UpdateItemCommandInput } from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import { key, refusal, type DynamoDbUnderTest, type Item } from "./under-test.js";

interface Case {
  name: string;
  before: Item;
  update: string;
  names?: Record<string, string>;
  values?: Record<string, AttributeValue>;
  after: Item;
}

const cases: Case[] = [
  {
    name: "set replaces and adds attributes",
    before: { a: { S: "old" } },
    update: "SET a = :a, b = :b",
    values: { ":a": { S: "new" }, ":b": { N: "1" } },
    after: { a: { S: "new" }, b: { N: "1" } },
  },
  {
    name: "set computes from the item as it was",
    before: { a: { N: "1" }, b: { N: "2" } },
    update: "SET a = b, b = a",
    after: { a: { N: "2" }, b: { N: "1" } },
  },
  {
    name: "set adds and subtracts",
    before: { a: { N: "5" }, b: { N: "5" } },
    update: "SET a = a + :d, b = b - :d",
    values: { ":d": { N: "7" } },
    after: { a: { N: "12" }, b: { N: "-2" } },
  },
  {
    name: "arithmetic is exact",
    before: { a: { N: "0.1" } },
    update: "SET a = a + :d",
    values: { ":d": { N: "0.2" } },
    after: { a: { N: "0.3" } },
  },
  {
    name: "if_not_exists takes the stored value or the other",
    before: { a: { N: "5" } },
    update: "SET a = if_not_exists(a, :z), b = if_not_exists(b, :z), c = if_not_exists(c, :z) + :one",
    values: { ":z": { N: "0" }, ":one": { N: "1" } },
    after: { a: { N: "5" }, b: { N: "0" }, c: { N: "1" } },
  },
  {
    name: "list_append joins lists in both orders",
    before: { a: { L: [{ S: "x" }] }, b: { L: [{ S: "x" }] } },
    update: "SET a = list_append(a, :l), b = list_append(:l, b), c = list_append(if_not_exists(c, :none), :l)",
    values: { ":l": { L: [{ S: "y" }] }, ":none": { L: [] } },
    after: {
      a: { L: [{ S: "x" }, { S: "y" }] },
      b: { L: [{ S: "y" }, { S: "x" }] },
      c: { L: [{ S: "y" }] },
    },
  },
  {
    name: "set writes into maps and lists",
    before: { m: { M: { k: { S: "1" } } }, l: { L: [{ S: "0" }, { S: "1" }] } },
    update: "SET m.k = :v, m.n = :v, l[1] = :v, l[9] = :v",
    values: { ":v": { S: "v" } },
    after: { m: { M: { k: { S: "v" }, n: { S: "v" } } }, l: { L: [{ S: "0" }, { S: "v" }, { S: "v" }] } },
  },
  {
    name: "names stand for attributes with dots and reserved words",
    before: { "a.b": { S: "old" } },
    update: "SET #dotted = :v, #status = :v",
    names: { "#dotted": "a.b", "#status": "status" },
    values: { ":v": { S: "new" } },
    after: { "a.b": { S: "new" }, status: { S: "new" } },
  },
  {
    name: "remove takes attributes, members and elements by their original index",
    before: {
      a: { S: "1" },
      m: { M: { x: { S: "1" }, y: { S: "2" } } },
      l: { L: [{ S: "0" }, { S: "1" }, { S: "2" }] },
    },
    update: "REMOVE a, absent, m.x, l[0], l[1]",
    after: { m: { M: { y: { S: "2" } } }, l: { L: [{ S: "2" }] } },
  },
  {
    name: "add counts from nothing and joins sets",
    before: { n: { N: "1" }, s: { SS: ["a"] } },
    update: "ADD n :n, fresh :n, s :s, born :s",
    values: { ":n": { N: "5" }, ":s": { SS: ["a", "b"] } },
    after: { n: { N: "6" }, fresh: { N: "5" }, s: { SS: ["a", "b"] }, born: { SS: ["a", "b"] } },
  },
  {
    name: "delete takes members and an emptied set with them",
    before: { s: { NS: ["1", "2", "3"] }, whole: { NS: ["1"] } },
    update: "DELETE s :gone, whole :gone, absent :gone",
    values: { ":gone": { NS: ["1", "9"] } },
    after: { s: { NS: ["2", "3"] } },
  },
  {
    name: "all four sections work together",
    before: { a: { N: "1" }, b: { S: "x" }, c: { N: "1" }, d: { SS: ["x", "y"] } },
    update: "SET a = :n REMOVE b ADD c :n DELETE d :x",
    values: { ":n": { N: "2" }, ":x": { SS: ["x"] } },
    after: { a: { N: "2" }, c: { N: "3" }, d: { SS: ["y"] } },
  },
];

/** Sets have no order. */
function sorted(item: Item): Item {
  const entries = Object.entries(item).map(([name, value]): [string, AttributeValue] => {
    if (value.SS !== undefined) return [name, { SS: [...value.SS].sort() }];
    return value.NS === undefined ? [name, value] : [name, { NS: [...value.NS].sort() }];
  });
  return Object.fromEntries(entries);
}

export function updateChecks(db: DynamoDbUnderTest): void {
  const update = (pk: string, rest: Omit<UpdateItemCommandInput, "TableName" | "Key">) =>
    db.client.send(new UpdateItemCommand({ TableName: db.items, Key: key(pk), ...rest }));

  it.each(cases.map((each) => [each.name, each] as const))(
    "%s",
    async (name, { before, update: text, names, values, after }) => {
      const pk = `upd ${name}`;
      await db.put({ ...key(pk), ...before });
      const { Attributes } = await update(pk, {
        UpdateExpression: text,
        ReturnValues: "ALL_NEW",
        ...(names === undefined ? {} : { ExpressionAttributeNames: names }),
        ...(values === undefined ? {} : { ExpressionAttributeValues: values }),
      });
      expect(sorted(Attributes ?? {})).toEqual({ ...key(pk), ...after });
      expect(sorted((await db.get(pk)) ?? {})).toEqual({ ...key(pk), ...after });
    },
  );

  it("an update creates a missing item", async () => {
    await update("upd-new", { UpdateExpression: "ADD n :n", ExpressionAttributeValues: { ":n": { N: "1" } } });
    expect(await db.get("upd-new")).toEqual({ ...key("upd-new"), n: { N: "1" } });
  });

  it("an update without expression creates the key alone", async () => {
    await update("upd-bare", {});
    expect(await db.get("upd-bare")).toEqual(key("upd-bare"));
  });

  it("a hundred concurrent adds lose none", async () => {
    const add = () =>
      update("upd-sum", { UpdateExpression: "ADD n :n", ExpressionAttributeValues: { ":n": { N: "1" } } });
    await Promise.all(Array.from({ length: 100 }, add));
    expect((await db.get("upd-sum"))?.["n"]).toEqual({ N: "100" });
  });

  it.each([
    ["ALL_OLD", { a: { N: "1" }, b: { S: "b" } }],
    ["ALL_NEW", { a: { N: "2" }, b: { S: "b" } }],
  ] as const)("%s answers the whole item", async (ReturnValues, expected) => {
    const pk = `upd-${ReturnValues}`;
    await db.put({ ...key(pk), a: { N: "1" }, b: { S: "b" } });
    const { Attributes } = await update(pk, {
      UpdateExpression: "SET a = :a",
      ExpressionAttributeValues: { ":a": { N: "2" } },
      ReturnValues,
    });
    expect(Attributes).toEqual({ ...key(pk), ...expected });
  });

  it.each([
    ["UPDATED_OLD", { a: { N: "1" } }],
    ["UPDATED_NEW", { a: { N: "2" } }],
  ] as const)("%s answers what the update names", async (ReturnValues, expected) => {
    const pk = `upd-${ReturnValues}`;
    await db.put({ ...key(pk), a: { N: "1" }, b: { S: "b" } });
    const { Attributes } = await update(pk, {
      UpdateExpression: "SET a = :a",
      ExpressionAttributeValues: { ":a": { N: "2" } },
      ReturnValues,
    });
    expect(Attributes).toEqual(expected);
  });

  it.each([
    ["a key attribute", "SET sk = :v"],
    ["a reserved word", "SET status = :v"],
    ["a broken expression", "SET a == :v"],
    ["overlapping paths", "SET a = :v, a.b = :v"],
    ["a section twice", "SET a = :v SET b = :v"],
    ["a missing operand", "SET a = absent + :v"],
    ["a path into nothing", "SET nowhere.a = :v"],
    ["an undefined value", "SET a = :v, b = :undefined"],
    ["an undefined name", "SET a = :v, #undefined = :v"],
    ["an unused value", "REMOVE a"],
    ["a sum with text", "SET a = txt + :v"],
  ])("refuses %s", async (_, UpdateExpression) => {
    await db.put({ ...key("upd-refused"), txt: { S: "text" } });
    const error = await refusal(
      update("upd-refused", { UpdateExpression, ExpressionAttributeValues: { ":v": { N: "1" } } }),
    );
    expect(error.name).toBe("ValidationException");
    expect(await db.get("upd-refused")).toEqual({ ...key("upd-refused"), txt: { S: "text" } });
  });
}
