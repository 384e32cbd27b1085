/**
 * Goal: a call is counted for the run it was made for, and for no other.
 * Method: calls as the runtime makes them, literals for the runs.
 */
import { describe, expect, it } from "vitest";
import type { AwsCall } from "../../local/aws/call.js";
import { Ledger } from "../../local/aws/ledger.js";
import { headWrittenBy, RunAttribution } from "../../local/dev/run-attribution.js";
import { RunCosts } from "../../local/dev/run-costs.js";
import { runIdOf } from "../../runtime/core/ids.js";
import { headKey, logKey, waiterKey, waiterPartition } from "../../runtime/state/keys.js";

const RUN = runIdOf("shop", "checkout", "01JXXXXXXXXXXXXXXXXXXXXXXX");
const OTHER = runIdOf("shop", "checkout", "01JYYYYYYYYYYYYYYYYYYYYYYY");

function call(service: AwsCall["service"], operation: string, input: AwsCall["input"]): AwsCall {
  return { service, operation, input, caller: { name: "worker" }, index: 1, callerIndex: 1 };
}

const item = ({ pk, sk }: { pk: string; sk: string }) => ({ pk: { S: pk }, sk: { S: sk } });

describe("RunAttribution", () => {
  it("reads the run from the partition of an item, a key, a key condition and a transaction", () => {
    const { attribute } = new RunAttribution();
    const calls = [
      call("dynamodb", "PutItem", { TableName: "t", Item: item(logKey(RUN, 1, 1)) }),
      call("dynamodb", "UpdateItem", { TableName: "t", Key: item(headKey(RUN)) }),
      call("dynamodb", "Query", { TableName: "t", ExpressionAttributeValues: { ":pk": { S: headKey(RUN).pk } } }),
      call("dynamodb", "TransactWriteItems", { TransactItems: [{ Put: { Item: item(headKey(RUN)) } }] }),
      call("dynamodb", "BatchWriteItem", { RequestItems: { t: [{ DeleteRequest: { Key: item(headKey(RUN)) } }] } }),
      call("dynamodb", "BatchGetItem", { RequestItems: { t: { Keys: [item(headKey(RUN))] } } }),
      call("dynamodb", "DeleteItem", { Key: item(waiterKey(waiterPartition("shop", "paid", [], []), RUN, "op")) }),
      call("s3", "PutObject", { Bucket: "b", Key: `${RUN}/step` }),
      call("scheduler", "CreateSchedule", { Target: { Input: JSON.stringify({ v: 1, run: RUN }) } }),
    ];
    for (const each of calls) expect(attribute(each, {})).toEqual([RUN]);
  });

  it("follows a message from its send to its delete", () => {
    const { attribute } = new RunAttribution();
    const body = JSON.stringify({ v: 1, run: RUN });
    expect(attribute(call("sqs", "SendMessage", { MessageBody: body }), {})).toEqual([RUN]);
    const received = {
      Messages: [
        { Body: body, ReceiptHandle: "h1" },
        { Body: JSON.stringify({ run: OTHER }), ReceiptHandle: "h2" },
      ],
    };
    expect(attribute(call("sqs", "ReceiveMessage", {}), received)).toEqual([RUN, OTHER]);
    expect(attribute(call("sqs", "DeleteMessageBatch", { Entries: [{ Id: "0", ReceiptHandle: "h2" }] }), {})).toEqual([
      OTHER,
    ]);
    expect(attribute(call("sqs", "ChangeMessageVisibility", { ReceiptHandle: "h1" }), {})).toEqual([RUN]);
  });

  it("leaves to nobody what is for no run, and survives what is no message of ours", () => {
    const { attribute } = new RunAttribution();
    const calls = [
      call("dynamodb", "PutItem", { Item: item({ pk: "EVENT#1", sk: "EVENT" }) }),
      call("sqs", "SendMessage", { MessageBody: '{"run":' }),
      call("sqs", "SendMessage", { MessageBody: '{"run":"no run id"}' }),
      call("sqs", "DeleteMessage", { ReceiptHandle: "never seen" }),
      call("s3", "PutObject", { Key: "events/1" }),
    ];
    for (const each of calls) expect(attribute(each, {})).toBeUndefined();
  });

  it("knows a write to a head from any other write", () => {
    expect(headWrittenBy(call("dynamodb", "UpdateItem", { Key: item(headKey(RUN)) }))).toBe(true);
    expect(headWrittenBy(call("dynamodb", "PutItem", { Item: item(headKey(RUN)) }))).toBe(true);
    expect(headWrittenBy(call("dynamodb", "PutItem", { Item: item(logKey(RUN, 1, 1)) }))).toBe(false);
    expect(headWrittenBy(call("dynamodb", "GetItem", { Key: item(headKey(RUN)) }))).toBe(false);
  });
});

describe("RunCosts", () => {
  it("adds up the calls of a run and its share of invocations at list price", () => {
    const ledger = new Ledger();
    ledger.attributeBy(new RunAttribution().attribute);
    const costs = new RunCosts(ledger);
    ledger.record(call("dynamodb", "PutItem", { Item: item(headKey(RUN)) }), { writeUnits: 2, indexWriteUnits: 1 }, {});
    ledger.record(call("sqs", "SendMessage", { MessageBody: JSON.stringify({ run: RUN }) }), { sqsRequests: 1 }, {});
    const report = { functionName: "worker", memoryMb: 512, requestId: "r", sandboxId: "s", coldStart: false };
    const records = [{ body: JSON.stringify({ run: RUN }) }, { body: JSON.stringify({ run: OTHER }) }];
    costs.record({ ...report, durationMs: 1_000, event: { Records: records }, error: undefined });
    const cost = costs.of(RUN);
    expect(cost).toMatchObject({ writes: 3, reads: 0, messages: 1, invocations: 0.5 });
    // 3 × 0.625 + 0.4 + 0.5 × 0.2 + 0.25 GB-s × 13.3334, in millionths of a dollar.
    expect(cost.usd).toBeCloseTo(5.70835e-6, 11);
    expect(costs.of("unknown").usd).toBe(0);
  });
});
