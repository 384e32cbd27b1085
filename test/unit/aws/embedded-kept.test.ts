/**
 * Goal: what the embedded AWS keeps and forgets: expiry on the clock, and the durable log.
 * Method: real models, in-process, on a virtual clock; literal times and counts.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DurableLog } from "../../../local/aws/durable-log.js";
import {
  cleanups,
  TESTER,
  QUEUE_URL,
  createWorld,
  createTable,
  put,
  has,
  bodiesOf,
  handlesOf,
  outcomeOf,
} from "./embedded-fixture.js";

describe("EmbeddedAws expiry", () => {
  it("items go some time after their TTL, and no timer runs while nothing will expire", async () => {
    const world = await createWorld();
    await createTable(world);
    const specification = { AttributeName: "ttl", Enabled: true };
    await world.call("UpdateTimeToLive", { TableName: "runs", TimeToLiveSpecification: specification });
    await world.call("PutItem", put("stays"));
    expect(world.clock.pendingTimers).toBe(0);
    const dueSeconds = Date.UTC(2026, 0, 15) / 1_000;
    await world.call("PutItem", put("goes", { ttl: { N: String(dueSeconds) } }));
    await world.clock.advanceTo(Date.UTC(2026, 0, 15));
    expect(await has(world, "goes")).toBe(true);
    await world.clock.advance(26 * 3_600_000);
    expect([await has(world, "goes"), await has(world, "stays")]).toEqual([false, true]);
    expect(world.clock.pendingTimers).toBe(0);
  });

  it("expireItems() removes on demand and says how many", async () => {
    const world = await createWorld();
    await createTable(world);
    const specification = { AttributeName: "ttl", Enabled: true };
    await world.call("UpdateTimeToLive", { TableName: "runs", TimeToLiveSpecification: specification });
    await world.call("PutItem", put("gone", { ttl: { N: "1767225600" } }));
    await world.clock.advance(2_000);
    expect(world.aws.expireItems()).toBe(1);
    expect(world.aws.expireItems()).toBe(0);
  });
});

describe("EmbeddedAws with a durable log", () => {
  it("comes back with everything that was acknowledged: items, expiry, messages, schedules, objects", async () => {
    const directory = mkdtempSync(join(tmpdir(), "perdure-embedded-"));
    cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
    const first = await createWorld(new DurableLog({ directory }));
    await createTable(first);
    const specification = { AttributeName: "ttl", Enabled: true };
    await first.call("UpdateTimeToLive", { TableName: "runs", TimeToLiveSpecification: specification });
    await first.call("PutItem", put("kept", { bytes: { B: new Uint8Array([1, 2, 255]) } }));
    await first.call("PutItem", put("expired", { ttl: { N: "1767225600" } }));
    await first.clock.advance(2_000);
    first.aws.expireItems();
    await first.call("PutItem", put("expired"));
    await first.call("CreateQueue", { QueueName: "work" });
    for (const body of ["deleted", "in flight", "waiting"]) {
      await first.call("SendMessage", { QueueUrl: QUEUE_URL, MessageBody: body });
    }
    const received = await first.call("ReceiveMessage", { QueueUrl: QUEUE_URL, MaxNumberOfMessages: 2 });
    const [handle] = handlesOf(received);
    await first.call("DeleteMessage", { QueueUrl: QUEUE_URL, ReceiptHandle: handle });
    await first.call("CreateSchedule", {
      Name: "later",
      ScheduleExpression: "at(2026-02-01T00:00:00)",
      FlexibleTimeWindow: { Mode: "OFF" },
      Target: {
        Arn: "arn:aws:sqs:us-east-1:000000000000:work",
        RoleArn: "arn:aws:iam::000000000000:role/r",
        Input: "timer",
      },
    });
    await first.aws.call("s3", "CreateBucket", { Bucket: "blobs" }, TESTER);
    await first.aws.call("s3", "PutObject", { Bucket: "blobs", Key: "k", Body: new Uint8Array([9, 8, 7]) }, TESTER);
    first.aws.close();

    const second = await createWorld(new DurableLog({ directory }), Date.UTC(2026, 0, 2));
    const item = await second.call("GetItem", { TableName: "runs", Key: { pk: { S: "kept" } } });
    expect(item["Item"]).toEqual({ pk: { S: "kept" }, bytes: { B: new Uint8Array([1, 2, 255]) } });
    expect(await has(second, "expired")).toBe(true);
    const back = await second.call("ReceiveMessage", { QueueUrl: QUEUE_URL, MaxNumberOfMessages: 10 });
    expect(bodiesOf(back).toSorted()).toEqual(["in flight", "waiting"]);
    expect((await second.aws.call("s3", "GetObject", { Bucket: "blobs", Key: "k" }, TESTER))["Body"]).toEqual(
      new Uint8Array([9, 8, 7]),
    );
    await second.clock.advanceTo(Date.UTC(2026, 1, 1));
    const timer = await second.call("ReceiveMessage", { QueueUrl: QUEUE_URL, MaxNumberOfMessages: 10 });
    expect(bodiesOf(timer)).toContain("timer");
    second.aws.close();

    const third = await createWorld(new DurableLog({ directory, compactBytes: 100 }), Date.UTC(2026, 1, 2));
    third.aws.close();
    const fourth = await createWorld(new DurableLog({ directory }), Date.UTC(2026, 1, 3));
    expect(await has(fourth, "kept")).toBe(true);
    expect(await outcomeOf(fourth.clock, fourth.call("GetQueueUrl", { QueueName: "work" }))).toBe("answered");
  });

  it("after a failed write nothing more is acknowledged", async () => {
    const directory = mkdtempSync(join(tmpdir(), "perdure-embedded-"));
    cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
    const log = new DurableLog({ directory });
    const world = await createWorld(log);
    await createTable(world);
    log.close();
    await expect(world.call("PutItem", put("a"))).rejects.toMatchObject({ code: "DURABLE_LOG_BROKEN" });
  });
});
