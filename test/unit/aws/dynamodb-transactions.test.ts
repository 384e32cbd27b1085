/**
 * Goal: a transaction has all of its effect or none, says why in order, and repeats harmlessly under its token.
 * Method: literal transactions on the model with a clock that the test moves.
 */
import { describe, expect, it } from "vitest";
import { AwsServiceError } from "../../../local/aws/model.js";
import { Fixture, ITEMS, key, refused, thrown } from "./dynamodb-fixture.js";

const put = (pk: string, rest = {}) => ({ Put: { TableName: ITEMS, Item: key(pk), ...rest } });
const check = (pk: string, rest = {}) => ({
  ConditionCheck: { TableName: ITEMS, Key: key(pk), ConditionExpression: "attribute_exists(pk)", ...rest },
});
const count = (pk: string) => ({
  Update: {
    TableName: ITEMS,
    Key: key(pk),
    UpdateExpression: "SET n = n + :one",
    ExpressionAttributeValues: { ":one": { N: "1" } },
  },
});
const remove = (pk: string) => ({ Delete: { TableName: ITEMS, Key: key(pk) } });

describe("TransactWriteItems", () => {
  it("applies every action", () => {
    const fixture = new Fixture();
    fixture.put({ ...key("n"), n: { N: "1" } });
    fixture.put(key("gone"));
    fixture.put(key("there"));
    expect(fixture.transact([put("new"), count("n"), remove("gone"), check("there")])).toEqual({});
    expect(fixture.get(key("new"))).toEqual(key("new"));
    expect(fixture.get(key("n"))).toEqual({ ...key("n"), n: { N: "2" } });
    expect(fixture.get(key("gone"))).toBeUndefined();
    expect(fixture.get(key("there"))).toEqual(key("there"));
  });

  it("is cancelled as a whole, with a reason for each action in order", () => {
    const fixture = new Fixture();
    fixture.put({ ...key("taken"), v: { S: "old" } });
    fixture.put({ ...key("text"), n: { S: "text" } });
    const isNew = { ConditionExpression: "attribute_not_exists(pk)" };
    const error = thrown(() =>
      fixture.transact([
        put("new"),
        put("taken", { ...isNew, ReturnValuesOnConditionCheckFailure: "ALL_OLD" }),
        check("missing"),
        count("text"),
      ]),
    );
    expect(error.message).toBe(
      "Transaction cancelled, please refer cancellation reasons for specific reasons " +
        "[None, ConditionalCheckFailed, ConditionalCheckFailed, ValidationError]",
    );
    expect(error instanceof AwsServiceError && error.members).toEqual({
      CancellationReasons: [
        { Code: "None" },
        {
          Code: "ConditionalCheckFailed",
          Message: "The conditional request failed",
          Item: { ...key("taken"), v: { S: "old" } },
        },
        { Code: "ConditionalCheckFailed", Message: "The conditional request failed" },
        { Code: "ValidationError", Message: "An operand in the update expression has an incorrect data type" },
      ],
    });
    expect(fixture.get(key("new"))).toBeUndefined();
  });

  it.each([
    [
      [],
      "1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [[{ ...put("a"), ...remove("a") }], "TransactItems can only contain one of Check, Put, Update or Delete"],
    [[{}], "TransactItems can only contain one of Check, Put, Update or Delete"],
    [[put("a"), check("a")], "Transaction request cannot include multiple operations on one item"],
    [
      [{ ConditionCheck: { TableName: ITEMS, Key: key("a") } }],
      "1 validation error detected: Value null at 'conditionExpression' failed to satisfy constraint: Member must not be null",
    ],
    [
      [put("")],
      "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk",
    ],
  ])("refuses %j", (items, message) => {
    expect(refused(() => new Fixture().transact(items))).toBe(`ValidationException: ${message}`);
  });

  it("takes 100 actions and refuses 101", () => {
    const items = Array.from({ length: 101 }, (_, index) => put(`k${index}`));
    const fixture = new Fixture();
    expect(fixture.transact(items.slice(0, 100))).toEqual({});
    expect(refused(() => fixture.transact(items))).toMatch(/Member must have length less than or equal to 100$/);
  });

  it("refuses more than 4 MB, of what it brings and of what it meets", () => {
    const fixture = new Fixture();
    const body = { S: "b".repeat(400_000) };
    const large = (index: number) => ({ Put: { TableName: ITEMS, Item: { ...key(`k${index}`), body } } });
    const ten = Array.from({ length: 10 }, (_, index) => large(index));
    expect(fixture.transact(ten)).toEqual({});
    expect(refused(() => fixture.transact([...ten, large(10)]))).toMatch(/^ValidationException: .*4MB/);
    fixture.put({ ...key("k10"), body });
    const eleven = Array.from({ length: 11 }, (_, index) => check(`k${index}`));
    expect(refused(() => fixture.transact(eleven))).toMatch(/^ValidationException: .*4MB/);
  });

  it("does not model legacy parameters inside of an action", () => {
    expect(refused(() => new Fixture().transact([put("a", { Expected: {} })]))).toMatch(
      /^NotModelledError: .*parameter "Expected"/,
    );
  });
});

describe("ClientRequestToken", () => {
  const once = { ClientRequestToken: "token-1" };
  const start = () => {
    const fixture = new Fixture();
    fixture.put({ ...key("n"), n: { N: "0" } });
    const counted = () => fixture.get(key("n"));
    return { fixture, counted };
  };
  const n = (value: string) => ({ ...key("n"), n: { N: value } });

  it("lets the same request succeed without effect for ten minutes", () => {
    const { fixture, counted } = start();
    fixture.transact([count("n")], once);
    fixture.nowMs += 599_999;
    expect(fixture.transact([count("n")], once)).toEqual({});
    expect(counted()).toEqual(n("1"));
    fixture.nowMs += 1;
    fixture.transact([count("n")], once);
    expect(counted()).toEqual(n("2"));
  });

  it("refuses another request", () => {
    const { fixture } = start();
    fixture.transact([count("n")], once);
    expect(refused(() => fixture.transact([put("other")], once))).toBe(
      "IdempotentParameterMismatchException: The request uses the same client token as a previous, but non-identical request.",
    );
    expect(fixture.get(key("other"))).toBeUndefined();
  });

  it("does not care for the order of members", () => {
    const { fixture, counted } = start();
    fixture.transact([count("n")], once);
    const { Update } = count("n");
    const reordered = { Update: Object.fromEntries(Object.entries(Update).reverse()) };
    fixture.transact([reordered], once);
    expect(counted()).toEqual(n("1"));
  });

  it("is free again after a cancelled transaction", () => {
    const { fixture, counted } = start();
    refused(() => fixture.transact([count("n"), check("missing")], once));
    fixture.put(key("missing"));
    fixture.transact([count("n"), check("missing")], once);
    expect(counted()).toEqual(n("1"));
  });

  it("survives a snapshot", () => {
    const { fixture, counted } = start();
    fixture.transact([count("n")], once);
    fixture.model.restore(JSON.parse(JSON.stringify(fixture.model.snapshot())));
    fixture.transact([count("n")], once);
    expect(counted()).toEqual(n("1"));
  });

  it.each(["", "t".repeat(37)])("has 1 to 36 characters, not %j", (ClientRequestToken) => {
    const { fixture } = start();
    expect(refused(() => fixture.transact([count("n")], { ClientRequestToken }))).toMatch(
      /^ValidationException: 1 validation error detected: .*at 'clientRequestToken'/,
    );
  });
});
