/** Owns: checks of TransactWriteItems: all or nothing, reasons in order, and what a client token promises. */
import { TransactWriteItemsCommand, type TransactWriteItem } from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import { realRandom } from "../../../sdk/clock.js";
import { key, refusal, type DynamoDbUnderTest } from "./under-test.js";

export function transactionChecks(db: DynamoDbUnderTest): void {
  const transact = (items: TransactWriteItem[], ClientRequestToken?: string) =>
    db.client.send(
      new TransactWriteItemsCommand({
        TransactItems: items,
        ...(ClientRequestToken === undefined ? {} : { ClientRequestToken }),
      }),
    );
  const put = (pk: string, v: string): TransactWriteItem => ({
    Put: { TableName: db.items, Item: { ...key(pk), v: { S: v } } },
  });
  const create = (pk: string): TransactWriteItem => ({
    Put: {
      TableName: db.items,
      Item: key(pk),
      ConditionExpression: "attribute_not_exists(pk)",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    },
  });
  const count = (pk: string): TransactWriteItem => ({
    Update: {
      TableName: db.items,
      Key: key(pk),
      UpdateExpression: "ADD n :one",
      ExpressionAttributeValues: { ":one": { N: "1" } },
    },
  });
  const exists = (pk: string): TransactWriteItem => ({
    ConditionCheck: { TableName: db.items, Key: key(pk), ConditionExpression: "attribute_exists(pk)" },
  });
  const token = (): string => Buffer.from(realRandom.bytes(16)).toString("hex");

  it("put, update, delete and check happen together", async () => {
    await db.put(key("tx-gone"));
    await db.put(key("tx-there"));
    const remove = { Delete: { TableName: db.items, Key: key("tx-gone") } };
    await transact([put("tx-put", "v"), count("tx-count"), remove, exists("tx-there")]);
    expect(await db.get("tx-put")).toEqual({ ...key("tx-put"), v: { S: "v" } });
    expect(await db.get("tx-count")).toEqual({ ...key("tx-count"), n: { N: "1" } });
    expect(await db.get("tx-gone")).toBeUndefined();
  });

  it("a failed check cancels everything", async () => {
    const error = await refusal(transact([put("tx-none", "v"), exists("tx-missing"), count("tx-none-count")]));
    expect(error.name).toBe("TransactionCanceledException");
    expect(await db.get("tx-none")).toBeUndefined();
    expect(await db.get("tx-none-count")).toBeUndefined();
  });

  it("reasons come in the order of the actions", async () => {
    await db.put({ ...key("tx-taken"), v: { S: "old" } });
    const error = await refusal(transact([put("tx-fine", "v"), create("tx-taken"), exists("tx-missing")]));
    expect(error.reasons).toMatchObject([
      { Code: "None" },
      { Code: "ConditionalCheckFailed", Item: { ...key("tx-taken"), v: { S: "old" } } },
      { Code: "ConditionalCheckFailed" },
    ]);
    expect(error.message).toBe(
      "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, ConditionalCheckFailed]",
    );
  });

  it("the same token and request has its effect once", async () => {
    const once = token();
    await transact([count("tx-token")], once);
    await transact([count("tx-token")], once);
    expect((await db.get("tx-token"))?.["n"]).toEqual({ N: "1" });
  });

  it("a replayed token succeeds though its condition no longer holds", async () => {
    const once = token();
    await transact([create("tx-replay")], once);
    await transact([create("tx-replay")], once);
    expect(await db.get("tx-replay")).toEqual(key("tx-replay"));
  });

  it("a token with another request is refused", async () => {
    const once = token();
    await transact([count("tx-other")], once);
    const error = await refusal(transact([count("tx-other-two")], once));
    expect(error.name).toBe("IdempotentParameterMismatchException");
    expect(await db.get("tx-other-two")).toBeUndefined();
  });

  it("of eight racing transactions on one lock one wins", async () => {
    const lock = (holder: number) => transact([create("tx-lock"), put(`tx-holder-${holder}`, "held")]);
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, (_, holder) => lock(holder)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const holders = await Promise.all(Array.from({ length: 8 }, (_, holder) => db.get(`tx-holder-${holder}`)));
    expect(holders.filter((item) => item !== undefined)).toHaveLength(1);
  });

  it("refuses two actions on one item", async () => {
    const error = await refusal(transact([count("tx-twice"), exists("tx-twice")]));
    expect([error.name, error.message]).toEqual([
      "ValidationException",
      "Transaction request cannot include multiple operations on one item",
    ]);
  });

  it("takes a hundred actions and refuses one more", async () => {
    const actions = Array.from({ length: 101 }, (_, index) => put(`tx-many-${index}`, "v"));
    await transact(actions.slice(0, 100));
    expect(await db.get("tx-many-99")).toBeDefined();
    expect((await refusal(transact(actions))).name).toBe("ValidationException");
  });

  it("refuses more than 4 MB together", async () => {
    const body = { S: "x".repeat(390_000) };
    const large = (index: number) => ({ Put: { TableName: db.items, Item: { ...key(`tx-mb-${index}`), body } } });
    const error = await refusal(transact(Array.from({ length: 11 }, (_, index) => large(index))));
    expect(error.name).toBe("ValidationException");
    expect(await db.get("tx-mb-0")).toBeUndefined();
  });
}
