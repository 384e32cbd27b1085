/**
 * Goal: queues in the SQS model are made, found, described, purged and deleted as in SQS, and survive a snapshot.
 * Method: the model is driven directly with times given by hand; restored models are compared by what they answer.
 */
import { describe, expect, it } from "vitest";
import { NotModelledError, type Input, type Output } from "../../../local/aws/model.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import { SqsModel } from "../../../local/aws/sqs/sqs-model.js";

const QUEUE_URL = "http://sqs.test/000000000000/work";

function setup(model = new SqsModel({ endpoint: "http://sqs.test" })) {
  const random = seededRandom(1);
  const bench = {
    model,
    nowMs: 1_000_000,
    call: (operation: string, input: Input): Output =>
      model.execute(operation, input, { nowMs: bench.nowMs, random, meter: () => undefined }),
    create: (QueueName: string, Attributes?: Input): Output =>
      bench.call("CreateQueue", { QueueName, ...(Attributes && { Attributes }) }),
    attributes: (...names: string[]): unknown =>
      bench.call("GetQueueAttributes", { QueueUrl: QUEUE_URL, AttributeNames: names })["Attributes"],
  };
  return bench;
}

const named = (name: string) => expect.objectContaining({ name });

describe("creating", () => {
  it("CreateQueue answers the URL; the same again answers the same; different attributes are refused", () => {
    const sqs = setup();
    expect(sqs.create("work", { DelaySeconds: "5" })).toEqual({ QueueUrl: QUEUE_URL });
    expect(sqs.create("work", { DelaySeconds: "5" })).toEqual({ QueueUrl: QUEUE_URL });
    expect(sqs.create("work")).toEqual({ QueueUrl: QUEUE_URL });
    expect(() => sqs.create("work", { DelaySeconds: "6" })).toThrow(
      expect.objectContaining({
        name: "QueueNameExists",
        message: "A queue already exists with the same name and a different value for attribute DelaySeconds",
      }),
    );
  });

  it.each(["", "with space", "x".repeat(81), "a/b", "ü"])("refuses the name %j", (name) => {
    expect(() => setup().create(name)).toThrow(named("InvalidParameterValue"));
  });

  it("does not model FIFO queues, tags or policies", () => {
    expect(() => setup().create("work.fifo")).toThrow(NotModelledError);
    expect(() => setup().create("work", { FifoQueue: "true" })).toThrow(NotModelledError);
    expect(() => setup().create("work", { RedriveAllowPolicy: "{}" })).toThrow(NotModelledError);
    expect(() => setup().call("CreateQueue", { QueueName: "work", tags: { a: "b" } })).toThrow(NotModelledError);
  });

  it.each([
    ["DelaySeconds", "901"],
    ["DelaySeconds", "-1"],
    ["DelaySeconds", "1.5"],
    ["VisibilityTimeout", "43201"],
    ["MessageRetentionPeriod", "59"],
    ["MessageRetentionPeriod", "1209601"],
    ["MaximumMessageSize", "1023"],
    ["MaximumMessageSize", "1048577"],
    ["ReceiveMessageWaitTimeSeconds", "21"],
    ["ReceiveMessageWaitTimeSeconds", ""],
  ])("refuses %s = %s", (name, value) => {
    expect(() => setup().create("work", { [name]: value })).toThrow(named("InvalidAttributeValue"));
  });

  it("refuses an unknown attribute, and one that is not text", () => {
    expect(() => setup().create("work", { Colour: "red" })).toThrow(named("InvalidAttributeName"));
    expect(() => setup().create("work", { DelaySeconds: 5 })).toThrow(named("SerializationException"));
  });

  it.each([
    "nonsense",
    "[]",
    '{"maxReceiveCount":3}',
    '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}',
    '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":0}',
    '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1001}',
    '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:none","maxReceiveCount":3}',
    '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":3,"more":1}',
  ])("refuses the redrive policy %s", (policy) => {
    const sqs = setup();
    sqs.create("dead");
    expect(() => sqs.create("work", { RedrivePolicy: policy })).toThrow(named("InvalidParameterValue"));
  });
});

describe("finding and describing", () => {
  it("GetQueueUrl answers, or says that there is none", () => {
    const sqs = setup();
    sqs.create("work");
    expect(sqs.call("GetQueueUrl", { QueueName: "work" })).toEqual({ QueueUrl: QUEUE_URL });
    expect(() => sqs.call("GetQueueUrl", { QueueName: "none" })).toThrow(named("QueueDoesNotExist"));
    expect(() => sqs.call("GetQueueUrl", { QueueName: "work", QueueOwnerAWSAccountId: "1" })).toThrow(NotModelledError);
  });

  it("any URL that ends in the queue's name will do", () => {
    const sqs = setup();
    sqs.create("work");
    const send = (QueueUrl: string): Output => sqs.call("SendMessage", { QueueUrl, MessageBody: "x" });
    send("http://127.0.0.1:9999/000000000000/work");
    send("https://sqs.us-east-1.amazonaws.com/000000000000/work");
    expect(() => send("http://sqs.test/000000000000/none")).toThrow(named("QueueDoesNotExist"));
    expect(() => send("http://sqs.test/")).toThrow(named("InvalidAddress"));
    expect(() => sqs.call("SendMessage", { MessageBody: "x" })).toThrow(named("MissingParameter"));
  });

  it("GetQueueAttributes shows defaults, what was set, and the counts", () => {
    const sqs = setup();
    sqs.create("work", { VisibilityTimeout: "77" });
    expect(sqs.attributes("All")).toEqual({
      ApproximateNumberOfMessages: "0",
      ApproximateNumberOfMessagesDelayed: "0",
      ApproximateNumberOfMessagesNotVisible: "0",
      CreatedTimestamp: "1000",
      DelaySeconds: "0",
      LastModifiedTimestamp: "1000",
      MaximumMessageSize: "1048576",
      MessageRetentionPeriod: "345600",
      QueueArn: "arn:aws:sqs:us-east-1:000000000000:work",
      ReceiveMessageWaitTimeSeconds: "0",
      VisibilityTimeout: "77",
    });
    expect(sqs.attributes()).toBeUndefined();
    expect(sqs.attributes("RedrivePolicy")).toBeUndefined();
    expect(() => sqs.attributes("Colour")).toThrow(named("InvalidAttributeName"));
    expect(() => sqs.attributes("Policy")).toThrow(NotModelledError);
  });

  it("SetQueueAttributes changes what was named; an empty redrive policy removes it", () => {
    const sqs = setup();
    sqs.create("work", { VisibilityTimeout: "77" });
    sqs.create("dead");
    const set = (Attributes: Input): Output => sqs.call("SetQueueAttributes", { QueueUrl: QUEUE_URL, Attributes });
    const policy = '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"3"}';
    set({ RedrivePolicy: policy, DelaySeconds: "9" });
    expect(sqs.attributes("RedrivePolicy", "DelaySeconds", "VisibilityTimeout")).toEqual({
      RedrivePolicy: '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":3}',
      DelaySeconds: "9",
      VisibilityTimeout: "77",
    });
    set({ RedrivePolicy: "" });
    expect(sqs.attributes("RedrivePolicy")).toBeUndefined();
  });

  it("ListQueues answers by prefix and by page", () => {
    const sqs = setup();
    expect(sqs.call("ListQueues", {})).toEqual({});
    for (const name of ["b1", "a2", "a1", "a3"]) sqs.create(name);
    const url = (name: string): string => `http://sqs.test/000000000000/${name}`;
    expect(sqs.call("ListQueues", {})["QueueUrls"]).toEqual(["a1", "a2", "a3", "b1"].map(url));
    const page = sqs.call("ListQueues", { QueueNamePrefix: "a", MaxResults: 2 });
    expect(page["QueueUrls"]).toEqual(["a1", "a2"].map(url));
    const rest = sqs.call("ListQueues", { QueueNamePrefix: "a", MaxResults: 2, NextToken: page["NextToken"] });
    expect(rest).toEqual({ QueueUrls: [url("a3")] });
  });
});

describe("purging and deleting", () => {
  it("PurgeQueue empties the queue, once a minute", () => {
    const sqs = setup();
    sqs.create("work");
    sqs.call("SendMessage", { QueueUrl: QUEUE_URL, MessageBody: "x" });
    sqs.call("PurgeQueue", { QueueUrl: QUEUE_URL });
    expect(sqs.model.nextVisibleAtMs(QUEUE_URL)).toBeNull();
    sqs.nowMs += 59_999;
    expect(() => sqs.call("PurgeQueue", { QueueUrl: QUEUE_URL })).toThrow(named("PurgeQueueInProgress"));
    sqs.nowMs += 1;
    sqs.call("PurgeQueue", { QueueUrl: QUEUE_URL });
  });

  it("DeleteQueue takes the queue away and keeps its name for a minute", () => {
    const sqs = setup();
    sqs.create("work");
    sqs.call("DeleteQueue", { QueueUrl: QUEUE_URL });
    expect(() => sqs.call("DeleteQueue", { QueueUrl: QUEUE_URL })).toThrow(named("QueueDoesNotExist"));
    sqs.nowMs += 59_999;
    expect(() => sqs.create("work")).toThrow(named("QueueDeletedRecently"));
    sqs.nowMs += 1;
    sqs.create("work");
  });
});

describe("snapshot", () => {
  function restored(from: ReturnType<typeof setup>): ReturnType<typeof setup> {
    const copy = setup();
    copy.nowMs = from.nowMs;
    copy.model.restore(JSON.parse(JSON.stringify(from.model.snapshot())));
    return copy;
  }

  it("keeps queues, attributes and messages with their times", () => {
    const sqs = setup();
    sqs.create("work", { VisibilityTimeout: "77" });
    const binary = { b: { DataType: "Binary", BinaryValue: Uint8Array.of(1, 2) } };
    sqs.call("SendMessage", { QueueUrl: QUEUE_URL, MessageBody: "seen", MessageAttributes: binary });
    sqs.call("ReceiveMessage", { QueueUrl: QUEUE_URL });
    sqs.call("SendMessage", { QueueUrl: QUEUE_URL, MessageBody: "late", DelaySeconds: 10 });
    const copy = restored(sqs);
    expect(copy.attributes("All")).toEqual(sqs.attributes("All"));
    expect(copy.call("ReceiveMessage", { QueueUrl: QUEUE_URL })).toEqual({});
    copy.nowMs += 10_000;
    expect(copy.call("ReceiveMessage", { QueueUrl: QUEUE_URL })["Messages"]).toMatchObject([{ Body: "late" }]);
    copy.nowMs += 67_000;
    const input = { QueueUrl: QUEUE_URL, AttributeNames: ["All"], MessageAttributeNames: ["All"] };
    expect(copy.call("ReceiveMessage", input)["Messages"]).toMatchObject([
      { Body: "seen", MessageAttributes: binary, Attributes: { ApproximateReceiveCount: "2" } },
    ]);
  });

  it.each(["before", "after"])("honours the handle of a receive %s the snapshot", (when) => {
    const sqs = setup();
    sqs.create("work");
    sqs.call("SendMessage", { QueueUrl: QUEUE_URL, MessageBody: "x" });
    const receive = (): unknown => {
      const output = sqs.call("ReceiveMessage", { QueueUrl: QUEUE_URL });
      sqs.nowMs += 30_000;
      return (output["Messages"] as Input[])[0]?.["ReceiptHandle"];
    };
    const first = receive();
    const copy = restored(sqs);
    const second = receive();
    copy.call("DeleteMessage", { QueueUrl: QUEUE_URL, ReceiptHandle: when === "before" ? first : second });
    expect(copy.model.nextVisibleAtMs(QUEUE_URL)).toBeNull();
  });

  it("a repeated call with the same chance gives the same message id", () => {
    const send = (): unknown => {
      const sqs = setup();
      sqs.create("work");
      return sqs.call("SendMessage", { QueueUrl: QUEUE_URL, MessageBody: "x" })["MessageId"];
    };
    expect(send()).toBe(send());
  });

  it("shares nothing with the input or the state", () => {
    const sqs = setup();
    sqs.create("work");
    const bytes = Uint8Array.of(1, 2);
    const attributes = { b: { DataType: "Binary", BinaryValue: bytes } };
    sqs.call("SendMessage", { QueueUrl: QUEUE_URL, MessageBody: "x", MessageAttributes: attributes });
    bytes[0] = 9;
    const input = { QueueUrl: QUEUE_URL, VisibilityTimeout: 0, MessageAttributeNames: ["All"] };
    const receive = (): Uint8Array => {
      const [message] = sqs.call("ReceiveMessage", input)["Messages"] as {
        MessageAttributes: { b: { BinaryValue: Uint8Array } };
      }[];
      return message?.MessageAttributes.b.BinaryValue ?? new Uint8Array();
    };
    const first = receive();
    expect(first).toEqual(Uint8Array.of(1, 2));
    first[0] = 9;
    expect(receive()).toEqual(Uint8Array.of(1, 2));
  });
});
