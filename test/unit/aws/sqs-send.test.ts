/**
 * Goal: what SQS takes and refuses in SendMessage and in batches is what the model takes and refuses, with the same digests.
 * Method: the model is driven directly with times given by hand; digests were computed by an independent implementation.
 */
import { describe, expect, it } from "vitest";
import { NotModelledError, type Input, type Output } from "../../../local/aws/model.js";
import { QUEUE_URL, setup, type Received } from "./sqs-bench.js";

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
