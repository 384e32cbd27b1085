/**
 * Goal: messages in the SQS model live by SQS's rules: visibility, delay, retention, dead letters, handles, limits, MD5s.
 * Method: the model is driven directly with times given by hand; digests were computed by an independent implementation.
 */
import { describe, expect, it } from "vitest";
import { NotModelledError, type Input, type Output } from "../../../local/aws/model.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import { SqsModel, type SqsModelOptions } from "../../../local/aws/sqs/sqs-model.js";

interface Received {
  MessageId: string;
  ReceiptHandle: string;
  Body: string;
  MD5OfBody: string;
  MD5OfMessageAttributes?: string;
  MessageAttributes?: Record<string, Record<string, unknown>>;
  Attributes?: Record<string, string>;
}

const QUEUE_URL = "http://sqs.test/000000000000/work";
const DEAD_URL = "http://sqs.test/000000000000/dead";

function setup(options: SqsModelOptions & { seed?: number } = {}) {
  const model = new SqsModel({ endpoint: "http://sqs.test", ...options });
  const random = seededRandom(options.seed ?? 1);
  const bench = {
    model,
    nowMs: 1_000_000,
    requests: 0,
    call(operation: string, input: Input): Output {
      return model.execute(operation, input, {
        nowMs: bench.nowMs,
        random,
        meter: (units) => (bench.requests += units.sqsRequests ?? 0),
      });
    },
    send: (body: string, more: Input = {}): Output =>
      bench.call("SendMessage", { QueueUrl: QUEUE_URL, MessageBody: body, ...more }),
    receive: (more: Input = {}): Received[] => {
      const output = bench.call("ReceiveMessage", { QueueUrl: QUEUE_URL, MaxNumberOfMessages: 10, ...more });
      return (output["Messages"] ?? []) as Received[];
    },
    receiveOne: (more: Input = {}): Received => {
      const [message, ...others] = bench.receive(more);
      if (message === undefined || others.length > 0) throw new Error("Expected exactly one message");
      return message;
    },
    remove: (handle: string, queueUrl = QUEUE_URL): Output =>
      bench.call("DeleteMessage", { QueueUrl: queueUrl, ReceiptHandle: handle }),
    hide: (handle: string, seconds: number): Output =>
      bench.call("ChangeMessageVisibility", {
        QueueUrl: QUEUE_URL,
        ReceiptHandle: handle,
        VisibilityTimeout: seconds,
      }),
    counts: (queueUrl = QUEUE_URL): string[] => {
      const names = ["", "Delayed", "NotVisible"].map((kind) => `ApproximateNumberOfMessages${kind}`);
      const output = bench.call("GetQueueAttributes", { QueueUrl: queueUrl, AttributeNames: names });
      const attributes = output["Attributes"] as Record<string, string>;
      return names.map((name) => attributes[name] ?? "");
    },
  };
  bench.call("CreateQueue", { QueueName: "work", Attributes: { VisibilityTimeout: "30" } });
  return bench;
}

const named = (name: string) => expect.objectContaining({ name });
const text = (value: string, type = "String"): Input => ({ DataType: type, StringValue: value });

describe("sending", () => {
  it("SendMessage answers id and digest, and the message can be received at once", () => {
    const sqs = setup();
    const sent = sqs.send("hello");
    expect(sent["MD5OfMessageBody"]).toBe("5d41402abc4b2a76b9719d911017c592");
    expect(sent["MessageId"]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const message = sqs.receiveOne();
    expect(message).toMatchObject({ Body: "hello", MD5OfBody: "5d41402abc4b2a76b9719d911017c592" });
    expect(message.MessageId).toBe(sent["MessageId"]);
    expect(message.Attributes).toBeUndefined();
  });

  it("DelaySeconds hides a message for exactly that long, the queue's delay is the default", () => {
    const sqs = setup();
    sqs.send("late", { DelaySeconds: 900 });
    expect(sqs.counts()).toEqual(["0", "1", "0"]);
    sqs.nowMs += 899_999;
    expect(sqs.receive()).toEqual([]);
    sqs.nowMs += 1;
    expect(sqs.receiveOne().Body).toBe("late");
    sqs.call("SetQueueAttributes", { QueueUrl: QUEUE_URL, Attributes: { DelaySeconds: "5" } });
    sqs.send("by default");
    sqs.send("at once", { DelaySeconds: 0 });
    expect(sqs.receive().map((message) => message.Body)).toEqual(["at once"]);
    sqs.nowMs += 5_000;
    expect(sqs.receive().map((message) => message.Body)).toEqual(["by default"]);
  });

  it("refuses a delay outside 0 to 900 seconds", () => {
    const sqs = setup();
    expect(() => sqs.send("x", { DelaySeconds: 901 })).toThrow(
      expect.objectContaining({
        name: "InvalidParameterValue",
        message: "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
      }),
    );
    expect(() => sqs.send("x", { DelaySeconds: -1 })).toThrow(named("InvalidParameterValue"));
    expect(() => sqs.send("x", { DelaySeconds: 1.5 })).toThrow(named("SerializationException"));
  });

  it.each(["\u0000", "\u0008", "\u000b", "\u001f", "\ufffe", "\uffff", "\ud800", "a\udc00b"])(
    "refuses a body outside XML 1.0: %j",
    (body) => {
      expect(() => setup().send(body)).toThrow(named("InvalidMessageContents"));
    },
  );

  it("takes every character of XML 1.0", () => {
    const body = "\t\n\r \ud7ff\ue000\ufffd\u{10000}\u{10ffff}";
    const sqs = setup();
    sqs.send(body);
    expect(sqs.receiveOne().Body).toBe(body);
  });

  it("refuses an empty or missing body", () => {
    const sqs = setup();
    expect(() => sqs.send("")).toThrow(named("MissingParameter"));
    expect(() => sqs.call("SendMessage", { QueueUrl: QUEUE_URL })).toThrow(named("MissingParameter"));
  });

  it("takes exactly 1 MiB of body and attributes, and no byte more", () => {
    const sqs = setup();
    sqs.send("x".repeat(1_048_576));
    expect(() => sqs.send("x".repeat(1_048_577))).toThrow(
      expect.objectContaining({
        message: "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
      }),
    );
    // 4 bytes of name, 6 of type, 5 of value.
    const attributes = { MessageAttributes: { name: text("value") } };
    sqs.send("x".repeat(1_048_576 - 15), attributes);
    expect(() => sqs.send("x".repeat(1_048_576 - 14), attributes)).toThrow(named("InvalidParameterValue"));
    expect(() => sqs.send("ü".repeat(524_289))).toThrow(named("InvalidParameterValue"));
  });

  it("keeps to the queue's own MaximumMessageSize", () => {
    const sqs = setup();
    sqs.call("SetQueueAttributes", { QueueUrl: QUEUE_URL, Attributes: { MaximumMessageSize: "1024" } });
    sqs.send("x".repeat(1_024));
    expect(() => sqs.send("x".repeat(1_025))).toThrow(/shorter than 1024 bytes/);
  });

  it("counts one request for each 64 KiB", () => {
    const sqs = setup();
    sqs.requests = 0;
    sqs.send("x".repeat(65_536));
    expect(sqs.requests).toBe(1);
    sqs.send("x".repeat(65_537));
    expect(sqs.requests).toBe(3);
    sqs.receive();
    expect(sqs.requests).toBe(6);
    sqs.receive();
    expect(sqs.requests).toBe(7);
  });

  it("refuses FIFO parameters and anything else unknown as not modelled", () => {
    const sqs = setup();
    expect(() => sqs.send("x", { MessageDeduplicationId: "1" })).toThrow(NotModelledError);
    expect(() => sqs.call("StartMessageMoveTask", {})).toThrow(NotModelledError);
    expect(() => sqs.send("x", { MessageDeduplicationId: undefined })).not.toThrow();
  });

  it("keeps a MessageGroupId (fair queues) and shows it on request", () => {
    const sqs = setup();
    sqs.send("x", { MessageGroupId: "tenant-1" });
    expect(sqs.receiveOne({ MessageSystemAttributeNames: ["MessageGroupId"] }).Attributes).toEqual({
      MessageGroupId: "tenant-1",
    });
    expect(() => sqs.send("x", { MessageGroupId: "with space" })).toThrow(named("InvalidParameterValue"));
    expect(() => sqs.send("x", { MessageGroupId: "g".repeat(129) })).toThrow(named("InvalidParameterValue"));
  });
});

describe("message attributes", () => {
  const mixed: Input = {
    zeta: text("größer"),
    alpha: { DataType: "Binary", BinaryValue: Uint8Array.of(0, 1, 255) },
    n: text("3.14", "Number"),
  };

  it("digests attributes as every SDK expects", () => {
    const sqs = setup();
    const timestamp = { timestamp: text("1493147359900", "Number.java.lang.Long") };
    expect(sqs.send("hello", { MessageAttributes: timestamp })["MD5OfMessageAttributes"]).toBe(
      "2e2e4876d8e0bd6b8c2c8f556831c349",
    );
    expect(sqs.send("hello", { MessageAttributes: mixed })["MD5OfMessageAttributes"]).toBe(
      "1c24854573bb4ae1d74ceaf06649c1cc",
    );
  });

  it("returns what was asked for: nothing, by name, by prefix, all; the digest covers what is returned", () => {
    const sqs = setup();
    sqs.send("hello", { MessageAttributes: mixed });
    const receive = (names?: string[]): Received => {
      const message = sqs.receiveOne({ VisibilityTimeout: 0, ...(names && { MessageAttributeNames: names }) });
      return message;
    };
    expect(receive().MessageAttributes).toBeUndefined();
    expect(receive().MD5OfMessageAttributes).toBeUndefined();
    expect(receive(["zeta"]).MessageAttributes).toEqual({ zeta: { DataType: "String", StringValue: "größer" } });
    expect(receive(["al.*"]).MessageAttributes).toEqual({
      alpha: { DataType: "Binary", BinaryValue: Uint8Array.of(0, 1, 255) },
    });
    expect(Object.keys(receive(["All"]).MessageAttributes ?? {}).sort()).toEqual(["alpha", "n", "zeta"]);
    expect(receive([".*"]).MD5OfMessageAttributes).toBe("1c24854573bb4ae1d74ceaf06649c1cc");
    expect(receive(["n"]).MD5OfMessageAttributes).not.toBe("1c24854573bb4ae1d74ceaf06649c1cc");
  });

  it.each([
    ["a reserved prefix", { "AWS.x": text("v") }],
    ["a dot at the end", { "x.": text("v") }],
    ["two dots", { "x..y": text("v") }],
    ["a space", { "x y": text("v") }],
    ["no type", { x: { StringValue: "v" } }],
    ["an unknown type", { x: text("v", "Boolean") }],
    ["an empty value", { x: text("") }],
    ["a number that is none", { x: text("12a", "Number") }],
    ["binary without bytes", { x: { DataType: "Binary", StringValue: "v" } }],
  ])("refuses an attribute with %s", (_what, attributes) => {
    expect(() => setup().send("x", { MessageAttributes: attributes })).toThrow(named("InvalidParameterValue"));
  });

  it("refuses an eleventh attribute", () => {
    const attributes = (count: number): Input =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, text("v")]));
    const sqs = setup();
    sqs.send("x", { MessageAttributes: attributes(10) });
    expect(() => sqs.send("x", { MessageAttributes: attributes(11) })).toThrow(named("InvalidParameterValue"));
  });

  it("carries the trace header apart from the message's size", () => {
    const sqs = setup();
    const sent = sqs.send("x".repeat(1_048_576), { MessageSystemAttributes: { AWSTraceHeader: text("Root=1-2-3") } });
    expect(sent["MD5OfMessageSystemAttributes"]).toMatch(/^[0-9a-f]{32}$/);
    const message = sqs.receiveOne({ MessageSystemAttributeNames: ["AWSTraceHeader"] });
    expect(message.Attributes).toEqual({ AWSTraceHeader: "Root=1-2-3" });
    expect(() => sqs.send("x", { MessageSystemAttributes: { Other: text("v") } })).toThrow(
      named("InvalidParameterValue"),
    );
  });
});

describe("receiving", () => {
  it("hides a received message until its visibility timeout is over, and counts its receives", () => {
    const sqs = setup();
    sqs.send("hello");
    const first = sqs.receiveOne({ MessageSystemAttributeNames: ["All"] });
    expect(first.Attributes).toEqual({
      SenderId: "AIDAPERDUREEMBEDDED00",
      SentTimestamp: "1000000",
      ApproximateReceiveCount: "1",
      ApproximateFirstReceiveTimestamp: "1000000",
    });
    sqs.nowMs += 29_999;
    expect(sqs.receive()).toEqual([]);
    expect(sqs.counts()).toEqual(["0", "0", "1"]);
    sqs.nowMs += 1;
    const again = sqs.receiveOne({ AttributeNames: ["ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"] });
    expect(again.Attributes).toEqual({
      ApproximateReceiveCount: "2",
      ApproximateFirstReceiveTimestamp: "1000000",
    });
    expect(again.MessageId).toBe(first.MessageId);
    expect(again.ReceiptHandle).not.toBe(first.ReceiptHandle);
  });

  it("VisibilityTimeout of the call goes before the queue's; 0 leaves the message visible but returns it once", () => {
    const sqs = setup();
    sqs.send("hello");
    expect(sqs.receive({ VisibilityTimeout: 0 })).toHaveLength(1);
    expect(sqs.receive({ VisibilityTimeout: 43_200 })).toHaveLength(1);
    sqs.nowMs += 43_199_999;
    expect(sqs.receive()).toHaveLength(0);
    sqs.nowMs += 1;
    expect(sqs.receive()).toHaveLength(1);
  });

  it("hands out the oldest first, at most MaxNumberOfMessages, one by default", () => {
    const sqs = setup();
    for (let index = 0; index < 15; index += 1) sqs.send(`m${index}`);
    const bodies = (messages: Received[]): string[] => messages.map((message) => message.Body);
    expect(bodies(sqs.receive({ MaxNumberOfMessages: 2 }))).toEqual(["m0", "m1"]);
    expect(bodies(sqs.receive({ MaxNumberOfMessages: undefined }))).toEqual(["m2"]);
    expect(sqs.receive()).toHaveLength(10);
    expect(bodies(sqs.receive())).toEqual(["m13", "m14"]);
  });

  it("answers without Messages when there is none", () => {
    expect(setup().call("ReceiveMessage", { QueueUrl: QUEUE_URL, WaitTimeSeconds: 20 })).toEqual({});
  });

  it.each([
    { MaxNumberOfMessages: 0 },
    { MaxNumberOfMessages: 11 },
    { VisibilityTimeout: -1 },
    { VisibilityTimeout: 43_201 },
    { WaitTimeSeconds: 21 },
  ])("refuses %j", (input) => {
    expect(() => setup().receive(input)).toThrow(named("InvalidParameterValue"));
  });

  it("refuses an unknown system attribute", () => {
    expect(() => setup().receive({ MessageSystemAttributeNames: ["Colour"] })).toThrow(named("InvalidAttributeName"));
  });

  it("drops a message when the queue's retention period is over", () => {
    const sqs = setup();
    sqs.call("SetQueueAttributes", { QueueUrl: QUEUE_URL, Attributes: { MessageRetentionPeriod: "60" } });
    sqs.send("old");
    sqs.nowMs += 59_999;
    expect(sqs.counts()).toEqual(["1", "0", "0"]);
    sqs.nowMs += 1;
    expect(sqs.receive()).toEqual([]);
    expect(sqs.counts()).toEqual(["0", "0", "0"]);
  });

  it("refuses to have more than 120,000 messages in flight", () => {
    const sqs = setup();
    sqs.send("hello");
    sqs.receiveOne();
    // 120,000 receives take seconds; a snapshot with that many messages in flight is the same state.
    const snapshot = sqs.model.snapshot() as { queues: { messages: { key: string }[] }[] };
    for (const queue of snapshot.queues) {
      const [message] = queue.messages;
      queue.messages = Array.from({ length: 120_000 }, (_, index) => ({ ...message, key: `copy ${index}` }));
    }
    sqs.model.restore(snapshot);
    sqs.send("one more");
    expect(sqs.counts()).toEqual(["1", "0", "120000"]);
    expect(() => sqs.receive()).toThrow(named("OverLimit"));
  });
});

describe("deleting", () => {
  it("deletes with the latest handle, even after the visibility timeout, and is content to delete twice", () => {
    const sqs = setup();
    sqs.send("hello");
    const { ReceiptHandle: handle } = sqs.receiveOne();
    sqs.nowMs += 60_000;
    expect(sqs.remove(handle)).toEqual({});
    expect(sqs.remove(handle)).toEqual({});
    expect(sqs.counts()).toEqual(["0", "0", "0"]);
  });

  it("a handle of an earlier receive succeeds and deletes nothing", () => {
    const sqs = setup();
    sqs.send("hello");
    const { ReceiptHandle: old } = sqs.receiveOne();
    sqs.nowMs += 30_000;
    sqs.receiveOne();
    expect(sqs.remove(old)).toEqual({});
    expect(sqs.counts()).toEqual(["0", "0", "1"]);
  });

  it("a delete repeated on a model that never saw the receive still deletes", () => {
    const [live, replayed] = [setup({ seed: 7 }), setup({ seed: 7 })];
    live.send("hello");
    replayed.send("hello");
    const { ReceiptHandle: handle } = live.receiveOne();
    replayed.remove(handle);
    expect(replayed.receive()).toEqual([]);
  });

  it("refuses what is no handle, or a handle of another queue", () => {
    const sqs = setup();
    sqs.call("CreateQueue", { QueueName: "dead" });
    sqs.send("hello");
    const { ReceiptHandle: handle } = sqs.receiveOne();
    expect(() => sqs.remove("nonsense")).toThrow(named("ReceiptHandleIsInvalid"));
    expect(() => sqs.remove(handle, DEAD_URL)).toThrow(named("ReceiptHandleIsInvalid"));
    expect(() => sqs.call("DeleteMessage", { QueueUrl: QUEUE_URL })).toThrow(named("MissingParameter"));
  });
});

describe("changing visibility", () => {
  it("counts from the call, longer and shorter; 0 gives the message back", () => {
    const sqs = setup();
    sqs.send("hello");
    const { ReceiptHandle: handle } = sqs.receiveOne();
    sqs.nowMs += 10_000;
    sqs.hide(handle, 60);
    sqs.nowMs += 59_999;
    expect(sqs.receive()).toEqual([]);
    sqs.hide(handle, 0);
    expect(sqs.receive()).toHaveLength(1);
  });

  it("refuses a message that is not in flight, a stale handle and a deleted message", () => {
    const sqs = setup();
    sqs.send("hello");
    const { ReceiptHandle: first } = sqs.receiveOne();
    sqs.nowMs += 30_000;
    expect(() => sqs.hide(first, 10)).toThrow(named("MessageNotInflight"));
    const { ReceiptHandle: second } = sqs.receiveOne();
    expect(() => sqs.hide(first, 10)).toThrow(named("InvalidParameterValue"));
    sqs.remove(second);
    expect(() => sqs.hide(second, 10)).toThrow(/Message does not exist or is not available/);
  });

  it("refuses more than 12 hours since the receive", () => {
    const sqs = setup();
    sqs.send("hello");
    const { ReceiptHandle: handle } = sqs.receiveOne();
    sqs.nowMs += 10_000;
    expect(() => sqs.hide(handle, 43_201)).toThrow(/Must be between 0 and 43200/);
    expect(() => sqs.hide(handle, 43_191)).toThrow(/Total VisibilityTimeout for the message is beyond the limit/);
    sqs.hide(handle, 43_190);
  });
});

describe("dead letters", () => {
  function withDeadLetters() {
    const sqs = setup();
    sqs.call("CreateQueue", { QueueName: "dead" });
    const policy = { deadLetterTargetArn: "arn:aws:sqs:us-east-1:000000000000:dead", maxReceiveCount: 2 };
    sqs.call("SetQueueAttributes", {
      QueueUrl: QUEUE_URL,
      Attributes: { RedrivePolicy: JSON.stringify(policy) },
    });
    const failTwice = (): void => {
      for (let receive = 0; receive < 2; receive += 1) {
        expect(sqs.receive()).toHaveLength(1);
        sqs.nowMs += 30_000;
      }
    };
    return { ...sqs, sqs, failTwice };
  }

  it("a message received maxReceiveCount times moves at the next receive, with its id, body and origin", () => {
    const { sqs, failTwice } = withDeadLetters();
    const sent = sqs.send("poison");
    failTwice();
    expect(sqs.counts()).toEqual(["1", "0", "0"]);
    expect(sqs.receive()).toEqual([]);
    expect(sqs.counts()).toEqual(["0", "0", "0"]);
    const dead = sqs.receiveOne({ QueueUrl: DEAD_URL, MessageSystemAttributeNames: ["All"] });
    expect(dead).toMatchObject({ Body: "poison", MessageId: sent["MessageId"] });
    expect(dead.Attributes).toMatchObject({
      DeadLetterQueueSourceArn: "arn:aws:sqs:us-east-1:000000000000:work",
      SentTimestamp: "1000000",
    });
  });

  it("a poisoned message does not keep a receive from returning the healthy one behind it", () => {
    const { sqs, failTwice } = withDeadLetters();
    sqs.send("poison");
    failTwice();
    sqs.send("healthy");
    expect(sqs.receiveOne({ MaxNumberOfMessages: 1 }).Body).toBe("healthy");
  });

  it("the delete of a dead letter, repeated on a model that saw no receive, deletes it where it still is", () => {
    const { sqs, failTwice } = withDeadLetters();
    sqs.send("poison");
    const before: unknown = JSON.parse(JSON.stringify(sqs.model.snapshot()));
    failTwice();
    sqs.receive();
    const { ReceiptHandle: handle } = sqs.receiveOne({ QueueUrl: DEAD_URL });
    sqs.model.restore(before);
    sqs.remove(handle, DEAD_URL);
    expect(sqs.receive()).toEqual([]);
  });

  it("stays where it is when the dead-letter queue is gone", () => {
    const { sqs, failTwice } = withDeadLetters();
    sqs.send("poison");
    failTwice();
    sqs.call("DeleteQueue", { QueueUrl: DEAD_URL });
    expect(sqs.receive()).toHaveLength(1);
  });
});

describe("batches", () => {
  const batch = (ids: string[]): Input => ({
    QueueUrl: QUEUE_URL,
    Entries: ids.map((id) => ({ Id: id, MessageBody: `body ${id}` })),
  });

  it("SendMessageBatch answers each entry by its id", () => {
    const sqs = setup();
    const output = sqs.call("SendMessageBatch", batch(["a", "b"]));
    expect(output["Failed"]).toEqual([]);
    expect(output["Successful"]).toMatchObject([{ Id: "a" }, { Id: "b" }]);
    expect(sqs.receive().map((message) => message.Body)).toEqual(["body a", "body b"]);
  });

  it.each([
    ["EmptyBatchRequest", []],
    ["TooManyEntriesInBatchRequest", ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]],
    ["BatchEntryIdsNotDistinct", ["a", "a"]],
    ["InvalidBatchEntryId", ["a b"]],
    ["InvalidBatchEntryId", ["x".repeat(81)]],
  ])("refuses the whole request with %s", (name, ids) => {
    const sqs = setup();
    expect(() => sqs.call("SendMessageBatch", batch(ids))).toThrow(named(name));
    expect(sqs.receive()).toEqual([]);
  });

  it("refuses a batch over 1 MiB even when every message is shorter, and sends none", () => {
    const sqs = setup();
    const entry = (id: string, length: number): Input => ({ Id: id, MessageBody: "x".repeat(length) });
    const send = (lastLength: number): Output =>
      sqs.call("SendMessageBatch", { QueueUrl: QUEUE_URL, Entries: [entry("a", 1_000_000), entry("b", lastLength)] });
    expect(() => send(48_577)).toThrow(
      expect.objectContaining({
        name: "BatchRequestTooLong",
        message: "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
      }),
    );
    expect(sqs.receive()).toEqual([]);
    sqs.requests = 0;
    expect(send(48_576)["Failed"]).toEqual([]);
    expect(sqs.requests).toBe(16);
  });

  it("an entry that fails does not keep the others from succeeding", () => {
    const sqs = setup();
    const output = sqs.call("SendMessageBatch", {
      QueueUrl: QUEUE_URL,
      Entries: [
        { Id: "bad", MessageBody: "\u0000" },
        { Id: "late", MessageBody: "x", DelaySeconds: 901 },
        { Id: "good", MessageBody: "x" },
      ],
    });
    expect(output["Failed"]).toMatchObject([
      { Id: "bad", SenderFault: true, Code: "InvalidMessageContents" },
      { Id: "late", SenderFault: true, Code: "InvalidParameterValue" },
    ]);
    expect(output["Successful"]).toMatchObject([{ Id: "good" }]);
  });

  it("DeleteMessageBatch and ChangeMessageVisibilityBatch act on each handle", () => {
    const sqs = setup();
    sqs.call("SendMessageBatch", batch(["a", "b"]));
    const [a, b] = sqs.receive();
    const entries = [
      { Id: "a", ReceiptHandle: a?.ReceiptHandle, VisibilityTimeout: 0 },
      { Id: "no", ReceiptHandle: "nonsense", VisibilityTimeout: 0 },
    ];
    const changed = sqs.call("ChangeMessageVisibilityBatch", { QueueUrl: QUEUE_URL, Entries: entries });
    expect(changed).toMatchObject({
      Successful: [{ Id: "a" }],
      Failed: [{ Id: "no", Code: "ReceiptHandleIsInvalid" }],
    });
    const deleted = sqs.call("DeleteMessageBatch", {
      QueueUrl: QUEUE_URL,
      Entries: [{ Id: "b", ReceiptHandle: b?.ReceiptHandle }],
    });
    expect(deleted).toEqual({ Successful: [{ Id: "b" }], Failed: [] });
    expect(sqs.receive().map((message) => message.Body)).toEqual(["body a"]);
  });

  it("a request without a receipt handle changes nothing", () => {
    const sqs = setup();
    sqs.send("hello");
    const { ReceiptHandle: handle } = sqs.receiveOne();
    const entries = [{ Id: "a", ReceiptHandle: handle }, { Id: "b" }];
    expect(() => sqs.call("DeleteMessageBatch", { QueueUrl: QUEUE_URL, Entries: entries })).toThrow(
      named("MissingParameter"),
    );
    expect(sqs.counts()).toEqual(["0", "0", "1"]);
  });
});

describe("waiting receivers", () => {
  it("nextVisibleAtMs tells when a receive may find something", () => {
    const sqs = setup();
    const next = (): number | null => sqs.model.nextVisibleAtMs(QUEUE_URL);
    expect(next()).toBeNull();
    sqs.send("later", { DelaySeconds: 60 });
    expect(next()).toBe(1_060_000);
    sqs.send("now");
    expect(next()).toBe(1_000_000);
    const { ReceiptHandle: handle } = sqs.receiveOne();
    expect(next()).toBe(1_030_000);
    sqs.hide(handle, 5);
    expect(next()).toBe(1_005_000);
    sqs.remove(handle);
    expect(next()).toBe(1_060_000);
    expect(() => sqs.model.nextVisibleAtMs("http://sqs.test/000000000000/none")).toThrow(named("QueueDoesNotExist"));
  });

  it("onSend hears of sends, of messages given back, and of dead letters, until it is taken off", () => {
    const sqs = setup();
    const heard: string[] = [];
    const off = sqs.model.onSend((queueUrl) => heard.push(queueUrl));
    sqs.send("hello", { DelaySeconds: 1 });
    expect(heard).toEqual([QUEUE_URL]);
    sqs.nowMs += 1_000;
    const { ReceiptHandle: handle } = sqs.receiveOne();
    sqs.hide(handle, 60);
    expect(heard).toHaveLength(1);
    sqs.hide(handle, 1);
    expect(heard).toHaveLength(2);
    sqs.remove(handle);
    off();
    sqs.send("unheard");
    expect(heard).toHaveLength(2);
  });
});

describe("behaviour of an adversary", () => {
  const SEED = 20_261_120;

  it("duplicates: every message is delivered a second time in flight, and the first delete does not stop it", () => {
    const sqs = setup({ seed: SEED, behaviour: { duplicateProbability: 1 } });
    sqs.send("hello");
    const first = sqs.receiveOne();
    sqs.remove(first.ReceiptHandle);
    sqs.nowMs += 30_000;
    const second = sqs.receiveOne();
    expect(second.MessageId).toBe(first.MessageId);
    sqs.remove(second.ReceiptHandle);
    expect(sqs.counts()).toEqual(["0", "0", "0"]);
  });

  it("reordering: ten messages come in another order, none is lost", () => {
    const sqs = setup({ seed: SEED, behaviour: { reorderProbability: 1 } });
    const sent = Array.from({ length: 30 }, (_, index) => `m${index}`);
    for (const body of sent) sqs.send(body);
    const received = [1, 2, 3].flatMap(() => sqs.receive().map((message) => message.Body));
    expect(received).not.toEqual(sent);
    expect([...received].sort()).toEqual([...sent].sort());
  });

  it("lateness: a message arrives after its delay, within the bound", () => {
    const sqs = setup({ seed: SEED, behaviour: { lateProbability: 1, lateByMs: 10_000 } });
    for (let index = 0; index < 10; index += 1) sqs.send("hello", { DelaySeconds: 1 });
    sqs.nowMs += 1_000;
    expect(sqs.receive().length).toBeLessThan(10);
    sqs.nowMs += 10_000;
    sqs.receive();
    expect(sqs.counts()).toEqual(["0", "0", "10"]);
  });

  it("redelivery after delete: the message comes back within the bound and goes when the behaviour is off", () => {
    const sqs = setup({ seed: SEED, behaviour: { redeliveryAfterDeleteProbability: 1, redeliveredWithinMs: 1_000 } });
    sqs.send("hello");
    sqs.remove(sqs.receiveOne().ReceiptHandle);
    sqs.nowMs += 1_000;
    const again = sqs.receiveOne();
    sqs.model.behaviour.redeliveryAfterDeleteProbability = 0;
    sqs.remove(again.ReceiptHandle);
    expect(sqs.counts()).toEqual(["0", "0", "0"]);
  });
});
