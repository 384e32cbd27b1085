/**
 * Goal: a query answers exactly the entries in its range, in order, page after page, on tables and indexes, now or one write
 * behind.
 * Method: literal examples; for ranges, pages and indexes random writes and queries against a plain list that is filtered and
 * sorted.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fixture, ITEMS, key, refused, thrown, type Item } from "./dynamodb-fixture.js";
import "../seeded-properties.js";

const byOwner = { KeyConditionExpression: "#o = :o", ExpressionAttributeNames: { "#o": "owner" } };
const ownedBy = (owner: string, IndexName = "by-due") => ({
  IndexName,
  ...byOwner,
  ExpressionAttributeValues: { ":o": { S: owner } },
});

function owned(pk: string, due?: string, more: Item = {}): Item {
  return { ...key(pk), owner: { S: "ann" }, ...(due === undefined ? {} : { due: { N: due } }), ...more };
}

describe("key conditions", () => {
  const refusedQuery = (input: Item): string => refused(() => new Fixture().query(input));
  const P = { ":p": { S: "x" } };

  it.each([
    ["sk = :p", P, "Query condition missed key schema element: pk"],
    ["pk = :p AND elsewhere = :p", P, "Query condition missed key schema element: sk"],
    ["pk > :p", P, "Query key condition not supported"],
    ["begins_with(pk, :p)", P, "Query key condition not supported"],
    ["pk = :p OR sk = :p", P, "Invalid operator used in KeyConditionExpression: OR"],
    ["NOT pk = :p", P, "Invalid operator used in KeyConditionExpression: NOT"],
    ["pk <> :p", P, "Invalid operator used in KeyConditionExpression: <>"],
    ["pk = :p AND attribute_exists(sk)", P, "Invalid operator used in KeyConditionExpression: attribute_exists"],
    ["pk = :p AND contains(sk, :p)", P, "Invalid operator used in KeyConditionExpression: contains"],
    ["pk = :p AND pk = :p", P, "KeyConditionExpressions must only contain one condition per key"],
    ["pk.a = :p", P, "KeyConditionExpressions cannot have conditions on nested attributes"],
    [
      "pk = sk",
      undefined,
      "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
    ],
    [
      "pk = :p",
      { ":p": { N: "1" } },
      "One or more parameter values were invalid: Condition parameter type does not match schema type",
    ],
    [
      "pk = :p",
      { ":p": { S: "" } },
      "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk",
    ],
    ["", undefined, "Invalid KeyConditionExpression: The expression can not be empty;"],
  ])("refuses %j", (KeyConditionExpression, values, message) => {
    const given = values === undefined ? {} : { ExpressionAttributeValues: values };
    expect(refusedQuery({ KeyConditionExpression, ...given })).toBe(`ValidationException: ${message}`);
  });

  it("refuses a query without a key condition, and begins_with on a number", () => {
    expect(refusedQuery({})).toBe(
      "ValidationException: Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
    );
    const values = { ":o": { S: "ann" }, ":d": { N: "1" } };
    const numbers = { ...ownedBy("ann"), KeyConditionExpression: "#o = :o AND begins_with(due, :d)" };
    expect(refusedQuery({ ...numbers, ExpressionAttributeValues: values })).toMatch(
      /operator or function: begins_with, operand type: N$/,
    );
  });
});

describe("filters, selections and pages", () => {
  const query = (rest: Item) => {
    const fixture = new Fixture();
    for (const sk of ["1", "2", "3"]) fixture.put({ ...key("x", sk), n: { N: sk } });
    return fixture.query({
      KeyConditionExpression: "pk = :p",
      ExpressionAttributeValues: { ":p": { S: "x" } },
      ...rest,
    });
  };

  it.each([
    [
      { FilterExpression: "sk = :p" },
      "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
    ],
    [
      { FilterExpression: "n = n" },
      "Invalid FilterExpression: The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [n]",
    ],
    [
      { Limit: 0 },
      "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ],
    [
      { Select: "SPECIFIC_ATTRIBUTES" },
      "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
    ],
    [
      { Select: "COUNT", ProjectionExpression: "n" },
      "Cannot specify the ProjectionExpression when choosing to get only the Count",
    ],
    [
      { Select: "ALL_PROJECTED_ATTRIBUTES" },
      "One or more parameter values were invalid: ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
    ],
    [{ IndexName: "none" }, "The table does not have the specified index: none"],
    [
      { ExclusiveStartKey: key("y", "1") },
      "The provided starting key is outside query boundaries based on provided conditions",
    ],
    [{ ExclusiveStartKey: { pk: { S: "x" } } }, "The provided starting key is invalid"],
    [{ ExclusiveStartKey: { pk: { S: "x" }, sk: { N: "1" } } }, "The provided starting key is invalid"],
  ])("refuses %j", (rest, message) => {
    expect(refused(() => query(rest))).toBe(`ValidationException: ${message}`);
  });

  it("refuses a start key outside of the range", () => {
    const range = {
      KeyConditionExpression: "pk = :p AND sk > :s",
      ExpressionAttributeValues: { ":p": { S: "x" }, ":s": { S: "1" } },
    };
    expect(refused(() => query({ ...range, ExclusiveStartKey: key("x", "1") }))).toBe(
      "ValidationException: The provided starting key does not match the range key predicate",
    );
  });

  it("answers items, counts, and a key to go on from exactly at the limit", () => {
    expect(query({ Limit: 3, ProjectionExpression: "n" })).toEqual({
      Items: [{ n: { N: "1" } }, { n: { N: "2" } }, { n: { N: "3" } }],
      Count: 3,
      ScannedCount: 3,
      LastEvaluatedKey: key("x", "3"),
    });
    expect(query({ Select: "COUNT" })).toEqual({ Count: 3, ScannedCount: 3 });
  });

  it("a page ends before the item with which it would pass 1 MB", () => {
    const fixture = new Fixture();
    for (const sk of ["1", "2", "3"]) fixture.put({ ...key("x", sk), body: { S: "b".repeat(350_000) } });
    const input = { KeyConditionExpression: "pk = :p", ExpressionAttributeValues: { ":p": { S: "x" } } };
    expect(fixture.query({ ...input, Select: "COUNT" })).toEqual({
      Count: 2,
      ScannedCount: 2,
      LastEvaluatedKey: key("x", "2"),
    });
  });
});

describe("indexes", () => {
  it("project what they declare", () => {
    const fixture = new Fixture();
    fixture.put(owned("a", "5", { title: { S: "t" }, body: { S: "b" } }));
    const keys = { ...key("a"), owner: { S: "ann" }, due: { N: "5" } };
    expect(fixture.query(ownedBy("ann"))["Items"]).toEqual([keys]);
    expect(fixture.query(ownedBy("ann", "all"))["Items"]).toEqual([{ ...keys, title: { S: "t" }, body: { S: "b" } }]);
    const byDue = {
      IndexName: "some",
      KeyConditionExpression: "due = :d",
      ExpressionAttributeValues: { ":d": { N: "5.0" } },
    };
    expect(fixture.query(byDue)["Items"]).toEqual([{ ...key("a"), due: { N: "5" }, title: { S: "t" } }]);
  });

  it("refuse what they cannot answer", () => {
    const fixture = new Fixture();
    const refusal = (rest: Item) => refused(() => fixture.query({ ...ownedBy("ann"), ...rest }));
    expect(refusal({ ConsistentRead: true })).toBe(
      "ValidationException: Consistent reads are not supported on global secondary indexes",
    );
    expect(refusal({ Select: "ALL_ATTRIBUTES" })).toBe(
      "ValidationException: One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for " +
        "global secondary index by-due because its projection type is not ALL",
    );
    expect(refusal({ ProjectionExpression: "due, title" })).toBe(
      "ValidationException: One or more parameter values were invalid: Global secondary index by-due does not project [title]",
    );
  });

  it("name the keys of table and index to go on from", () => {
    const fixture = new Fixture();
    fixture.put(owned("a", "1"));
    fixture.put(owned("b", "1"));
    const page = fixture.query({ ...ownedBy("ann"), Limit: 1 });
    expect(page["LastEvaluatedKey"]).toEqual({ ...key("a"), owner: { S: "ann" }, due: { N: "1" } });
    const next = fixture.query({ ...ownedBy("ann"), ExclusiveStartKey: page["LastEvaluatedKey"] });
    expect(next["Items"]).toEqual([{ ...key("b"), owner: { S: "ann" }, due: { N: "1" } }]);
    expect(refused(() => fixture.query({ ...ownedBy("ann"), ExclusiveStartKey: key("a") }))).toBe(
      "ValidationException: The provided starting key is invalid",
    );
  });
});

describe("stale index reads", () => {
  const setup = () => {
    let isStale = false;
    const fixture = new Fixture({ staleIndexReads: () => isStale });
    const dues = (stale: boolean): unknown => {
      isStale = stale;
      const items = fixture.query(ownedBy("ann"))["Items"];
      return Array.isArray(items) ? items.map((item: Record<string, Item>) => item["due"]?.["N"]) : [];
    };
    return { fixture, dues };
  };

  it("answer as of before the latest write to each item", () => {
    const { fixture, dues } = setup();
    fixture.put(owned("a", "1"));
    expect([dues(true), dues(false)]).toEqual([[], ["1"]]);
    fixture.put(owned("a", "2"));
    fixture.put(owned("b", "9"));
    expect([dues(true), dues(false)]).toEqual([["1"], ["2", "9"]]);
    fixture.put(owned("a", "3"));
    expect([dues(true), dues(false)]).toEqual([["2"], ["3", "9"]]);
  });

  it("still answer a deleted item, and not one that was written again", () => {
    const { fixture, dues } = setup();
    fixture.put(owned("a", "1"));
    fixture.call("DeleteItem", { TableName: ITEMS, Key: key("a") });
    expect([dues(true), dues(false)]).toEqual([["1"], []]);
    fixture.put(owned("a", "5"));
    expect([dues(true), dues(false)]).toEqual([[], ["5"]]);
  });

  it("have caught up after a restore", () => {
    const { fixture, dues } = setup();
    fixture.put(owned("a", "1"));
    fixture.put(owned("a", "2"));
    fixture.model.restore(fixture.model.snapshot());
    expect([dues(true), dues(false)]).toEqual([["2"], ["2"]]);
  });

  it("never touch a read of the table", () => {
    const fixture = new Fixture({ staleIndexReads: () => true });
    fixture.put(owned("a", "1"));
    fixture.put(owned("a", "2"));
    expect(fixture.get(key("a"))).toEqual(owned("a", "2"));
  });
});

describe("against a plain list", () => {
  const letter = fc.constantFrom("a", "b", "ab", "ba", "é", "\uff01", "\u{1f600}", "z");
  const due = fc.option(fc.constantFrom("-1", "0", "0.5", "2", "10"), { nil: undefined });
  const write = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("put" as const), pk: letter, sk: letter, due }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), pk: letter, sk: letter, due }) },
  );
  type Write = { kind: "put" | "delete"; pk: string; sk: string; due: string | undefined };

  const pagesOf = (fixture: Fixture, input: Item): unknown[] => {
    const items: unknown[] = [];
    let from: unknown;
    do {
      const page = fixture.query({ ...input, ...(from === undefined ? {} : { ExclusiveStartKey: from }) });
      items.push(...(Array.isArray(page["Items"]) ? page["Items"] : []));
      from = page["LastEvaluatedKey"];
    } while (from !== undefined);
    return items;
  };
  const apply = (writes: readonly Write[]): { fixture: Fixture; list: Map<string, Write> } => {
    const fixture = new Fixture();
    const list = new Map<string, Write>();
    for (const each of writes) {
      if (each.kind === "put") {
        fixture.put({ ...owned(each.pk, each.due), sk: { S: each.sk } });
        list.set(`${each.pk} ${each.sk}`, each);
      } else {
        fixture.call("DeleteItem", { TableName: ITEMS, Key: key(each.pk, each.sk) });
        list.delete(`${each.pk} ${each.sk}`);
      }
    }
    return { fixture, list };
  };
  const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

  it("a table's partition pages in order, both ways", () => {
    fc.assert(
      fc.property(
        fc.array(write, { maxLength: 60 }),
        letter,
        letter,
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        (writes, pk, from, Limit, forward) => {
          const { fixture, list } = apply(writes);
          const found = pagesOf(fixture, {
            KeyConditionExpression: "pk = :p AND sk >= :s",
            ExpressionAttributeValues: { ":p": { S: pk }, ":s": { S: from } },
            ProjectionExpression: "sk",
            Limit,
            ScanIndexForward: forward,
          });
          const expected = [...list.values()].filter((each) => each.pk === pk && byBytes(each.sk, from) >= 0);
          expected.sort((a, b) => (forward ? byBytes(a.sk, b.sk) : byBytes(b.sk, a.sk)));
          expect(found).toEqual(expected.map(({ sk }) => ({ sk: { S: sk } })));
        },
      ),
      { numRuns: 150 },
    );
  });

  it("an index holds what it should, in order, before and after a restore", () => {
    fc.assert(
      fc.property(fc.array(write, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (writes, Limit) => {
        const { fixture, list } = apply(writes);
        const read = () => pagesOf(fixture, { ...ownedBy("ann"), ProjectionExpression: "due", Limit });
        const dues = [...list.values()].flatMap((each) => (each.due === undefined ? [] : [each.due]));
        const expected = dues.sort((a, b) => Number(a) - Number(b)).map((each) => ({ due: { N: each } }));
        expect(read()).toEqual(expected);
        fixture.model.restore(JSON.parse(JSON.stringify(fixture.model.snapshot())));
        expect(read()).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  it("does not model a value on the left of a key condition", () => {
    const turned = { KeyConditionExpression: ":p = pk", ExpressionAttributeValues: { ":p": { S: "x" } } };
    expect(thrown(() => new Fixture().query(turned)).name).toBe("NotModelledError");
  });
});
