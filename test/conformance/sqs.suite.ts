/**
 * Goal: every SQS the platform is tested on behaves as SQS does: the model on both faces, and whatever emulator is present.
 * Method: small named checks through the SDK's commands, only of what SQS guarantees. A short poll of a real queue may miss
 * messages, so everything that must be found is received with a long poll. Each check has queues of its own.
 */
import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  type Message,
  type QueueAttributeName,
  type ReceiveMessageCommandInput,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AwsClients } from "../../runtime/aws/clients.js";
import { realRandom } from "../../sdk/clock.js";

export interface SqsTarget {
  client: AwsClients["sqs"];
  close(): Promise<void>;
}

const LONG_POLL_SECONDS = 5;
/** Longer than any message here takes. */
const TIMEOUT_MS = 20_000;

const uniqueName = (): string => `conformance-${Buffer.from(realRandom.bytes(8)).toString("hex")}`;
const named = (name: string) => expect.objectContaining({ name });

class Queue {
  readonly url: string;
  readonly client: AwsClients["sqs"];

  constructor(client: AwsClients["sqs"], url: string) {
    this.client = client;
    this.url = url;
  }

  send(body: string): Promise<unknown> {
    return this.client.send(new SendMessageCommand({ QueueUrl: this.url, MessageBody: body }));
  }

  /** What is there now; a real queue may keep something back. */
  async poll(more: Partial<ReceiveMessageCommandInput> = {}): Promise<Message[]> {
    const output = await this.client.send(new ReceiveMessageCommand({ QueueUrl: this.url, ...more }));
    return output.Messages ?? [];
  }

  /** One message, waited for. */
  async receive(more: Partial<ReceiveMessageCommandInput> = {}): Promise<Message> {
    const [message] = await this.poll({ WaitTimeSeconds: LONG_POLL_SECONDS, ...more });
    if (message === undefined) throw new Error("Expected a message within the long poll");
    return message;
  }

  /** As many messages as `count`, waited for. */
  async receiveAll(count: number): Promise<Message[]> {
    const messages: Message[] = [];
    while (messages.length < count) messages.push(await this.receive());
    return messages;
  }

  async attributes(...names: QueueAttributeName[]): Promise<Record<string, string>> {
    const command = new GetQueueAttributesCommand({ QueueUrl: this.url, AttributeNames: names });
    return (await this.client.send(command)).Attributes ?? {};
  }

  change(message: Message, seconds: number): Promise<unknown> {
    const { ReceiptHandle } = message;
    return this.client.send(
      new ChangeMessageVisibilityCommand({ QueueUrl: this.url, ReceiptHandle, VisibilityTimeout: seconds }),
    );
  }

  remove(message: Message): Promise<unknown> {
    const { ReceiptHandle } = message;
    return this.client.send(new DeleteMessageCommand({ QueueUrl: this.url, ReceiptHandle }));
  }
}

export function sqsConformance(setup: () => Promise<SqsTarget>): void {
  describe("SQS", { timeout: TIMEOUT_MS }, () => {
    let target: SqsTarget;
    beforeAll(async () => {
      target = await setup();
    });
    afterAll(() => target.close());

    async function newQueue(attributes: Record<string, string> = {}, name = uniqueName()): Promise<Queue> {
      const command = new CreateQueueCommand({ QueueName: name, Attributes: attributes });
      return new Queue(target.client, (await target.client.send(command)).QueueUrl ?? "");
    }

    const context: SuiteContext = { newQueue, client: () => target.client };
    queueChecks(context);
    messageChecks(context);
    attributeChecks(context);
    visibilityChecks(context);
    deadLetterChecks(context);
    refusalChecks(context);
    batchChecks(context);
  });
}

interface SuiteContext {
  newQueue(attributes?: Record<string, string>, name?: string): Promise<Queue>;
  client(): AwsClients["sqs"];
}

function queueChecks({ newQueue, client }: SuiteContext): void {
  it("CreateQueue answers a URL that ends in the name, and the same URL again", async () => {
    const name = uniqueName();
    const queue = await newQueue({ VisibilityTimeout: "40" }, name);
    expect(queue.url).toMatch(new RegExp(`/${name}$`));
    expect((await newQueue({ VisibilityTimeout: "40" }, name)).url).toBe(queue.url);
  });

  it("CreateQueue refuses other attributes for an existing name", async () => {
    const name = uniqueName();
    await newQueue({ VisibilityTimeout: "40" }, name);
    await expect(newQueue({ VisibilityTimeout: "41" }, name)).rejects.toThrow(named("QueueNameExists"));
  });

  it("CreateQueue refuses an attribute out of bounds", async () => {
    await expect(newQueue({ DelaySeconds: "901" })).rejects.toThrow(named("InvalidAttributeValue"));
  });

  it("GetQueueUrl finds a queue by name", async () => {
    const name = uniqueName();
    const queue = await newQueue({}, name);
    expect((await client().send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl).toBe(queue.url);
  });

  it("GetQueueUrl misses a queue that does not exist", async () => {
    const command = new GetQueueUrlCommand({ QueueName: uniqueName() });
    await expect(client().send(command)).rejects.toThrow(named("QueueDoesNotExist"));
  });

  it("ListQueues finds by prefix", async () => {
    const name = uniqueName();
    const queue = await newQueue({}, name);
    const listed = await client().send(new ListQueuesCommand({ QueueNamePrefix: name }));
    expect(listed.QueueUrls).toEqual([queue.url]);
  });

  it("GetQueueAttributes shows defaults and what was set", async () => {
    const queue = await newQueue({ VisibilityTimeout: "40" });
    const attributes = await queue.attributes("All");
    expect(attributes).toMatchObject({ VisibilityTimeout: "40", DelaySeconds: "0", MessageRetentionPeriod: "345600" });
    expect(attributes["QueueArn"]).toMatch(/^arn:aws:sqs:[a-z0-9-]+:\d{12}:conformance-/);
  });

  it("SetQueueAttributes changes only what it names", async () => {
    const queue = await newQueue({ VisibilityTimeout: "40" });
    const Attributes = { DelaySeconds: "7" };
    await client().send(new SetQueueAttributesCommand({ QueueUrl: queue.url, Attributes }));
    expect(await queue.attributes("DelaySeconds", "VisibilityTimeout")).toEqual({
      DelaySeconds: "7",
      VisibilityTimeout: "40",
    });
  });

  it("GetQueueAttributes refuses an unknown name", async () => {
    const queue = await newQueue();
    // The cast is the point of the check: the type allows known names only.
    const unknown = "Colour" as QueueAttributeName;
    await expect(queue.attributes(unknown)).rejects.toThrow(named("InvalidAttributeName"));
  });
}

function messageChecks({ newQueue, client }: SuiteContext): void {
  it("a message is sent, received and deleted", async () => {
    const queue = await newQueue();
    const sent = await client().send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: "größer" }));
    const message = await queue.receive();
    expect(message).toMatchObject({ Body: "größer", MessageId: sent.MessageId, MD5OfBody: sent.MD5OfMessageBody });
    await queue.remove(message);
    await queue.remove(message);
  });

  it("a message of exactly 1 MiB is taken", async () => {
    const queue = await newQueue();
    await queue.send("x".repeat(1_048_576));
    expect((await queue.receive()).Body).toHaveLength(1_048_576);
  });

  it("DelaySeconds keeps a message back, a long poll waits for it", async () => {
    const queue = await newQueue();
    await client().send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: "late", DelaySeconds: 1 }));
    expect(await queue.poll()).toEqual([]);
    expect((await queue.receive()).Body).toBe("late");
  });

  it("a long poll answers as soon as a message is sent", async () => {
    const queue = await newQueue();
    const waiting = queue.receive({ WaitTimeSeconds: 15 });
    await queue.send("now");
    expect((await waiting).Body).toBe("now");
  });

  it("an empty receive has no Messages", async () => {
    const queue = await newQueue();
    const output = await client().send(new ReceiveMessageCommand({ QueueUrl: queue.url, WaitTimeSeconds: 1 }));
    expect(output.Messages).toBeUndefined();
  });

  it("MessageGroupId is taken by a standard queue and comes back", async () => {
    const queue = await newQueue();
    const message = { QueueUrl: queue.url, MessageBody: "x", MessageGroupId: "tenant-1" };
    await client().send(new SendMessageCommand(message));
    const received = await queue.receive({ MessageSystemAttributeNames: ["MessageGroupId"] });
    expect(received.Attributes).toEqual({ MessageGroupId: "tenant-1" });
  });
}

function attributeChecks({ newQueue, client }: SuiteContext): void {
  const attributes = {
    text: { DataType: "String", StringValue: "größer" },
    number: { DataType: "Number.int", StringValue: "42" },
    bytes: { DataType: "Binary", BinaryValue: Uint8Array.of(0, 1, 255) },
  };

  it("message attributes of all types come back with the digest that was promised", async () => {
    const queue = await newQueue();
    const message = { QueueUrl: queue.url, MessageBody: "x", MessageAttributes: attributes };
    const sent = await client().send(new SendMessageCommand(message));
    const received = await queue.receive({ MessageAttributeNames: ["All"] });
    expect(received.MessageAttributes).toMatchObject({
      text: attributes.text,
      number: attributes.number,
      bytes: { DataType: "Binary" },
    });
    expect([...(received.MessageAttributes?.["bytes"]?.BinaryValue ?? [])]).toEqual([0, 1, 255]);
    expect(received.MD5OfMessageAttributes).toBe(sent.MD5OfMessageAttributes);
  });

  it("message attributes come only when asked for", async () => {
    const queue = await newQueue();
    const message = { QueueUrl: queue.url, MessageBody: "x", MessageAttributes: attributes };
    await client().send(new SendMessageCommand(message));
    const received = await queue.receive({ MessageAttributeNames: ["number"] });
    expect(received.MessageAttributes).toEqual({ number: attributes.number });
  });

  it("system attributes tell count and times of a message", async () => {
    const queue = await newQueue();
    await queue.send("x");
    const { Attributes } = await queue.receive({ MessageSystemAttributeNames: ["All"] });
    expect(Attributes).toMatchObject({ ApproximateReceiveCount: "1" });
    for (const name of ["SentTimestamp", "ApproximateFirstReceiveTimestamp"] as const) {
      expect(Attributes?.[name]).toMatch(/^\d{13}$/);
    }
    expect(Attributes?.SenderId).toMatch(/./);
  });

  it("AWSTraceHeader travels as a system attribute", async () => {
    const queue = await newQueue();
    const header = { DataType: "String", StringValue: "Root=1-5759e988-bd862e3fe1be46a994272793" };
    const message = { QueueUrl: queue.url, MessageBody: "x", MessageSystemAttributes: { AWSTraceHeader: header } };
    await client().send(new SendMessageCommand(message));
    const { Attributes } = await queue.receive({ MessageSystemAttributeNames: ["AWSTraceHeader"] });
    expect(Attributes).toEqual({ AWSTraceHeader: header.StringValue });
  });
}

function visibilityChecks({ newQueue }: SuiteContext): void {
  it("a received message is hidden from other receivers", async () => {
    const queue = await newQueue();
    await queue.send("x");
    await queue.receive();
    expect(await queue.poll({ WaitTimeSeconds: 1 })).toEqual([]);
  });

  it("a message is visible again when its visibility timeout is over, and counts its receives", async () => {
    const queue = await newQueue({ VisibilityTimeout: "1" });
    await queue.send("x");
    const first = await queue.receive();
    const again = await queue.receive({ MessageSystemAttributeNames: ["ApproximateReceiveCount"] });
    expect(again.MessageId).toBe(first.MessageId);
    expect(again.Attributes).toEqual({ ApproximateReceiveCount: "2" });
  });

  it("ChangeMessageVisibility to 0 gives a message back at once", async () => {
    const queue = await newQueue();
    await queue.send("x");
    const first = await queue.receive();
    await queue.change(first, 0);
    expect((await queue.receive()).MessageId).toBe(first.MessageId);
  });

  it("ChangeMessageVisibility extends a timeout", async () => {
    const queue = await newQueue({ VisibilityTimeout: "1" });
    await queue.send("x");
    await queue.change(await queue.receive(), 60);
    expect(await queue.poll({ WaitTimeSeconds: 2 })).toEqual([]);
  });

  it("ChangeMessageVisibility refuses more than 12 hours in all", async () => {
    const queue = await newQueue();
    await queue.send("x");
    const message = await queue.receive();
    await expect(queue.change(message, 43_201)).rejects.toThrow(named("InvalidParameterValue"));
  });

  it("a deleted message cannot be hidden", async () => {
    const queue = await newQueue();
    await queue.send("x");
    const message = await queue.receive();
    await queue.remove(message);
    await expect(queue.change(message, 10)).rejects.toThrow(named("InvalidParameterValue"));
  });

  it("what is no receipt handle is refused", async () => {
    const queue = await newQueue();
    await expect(queue.remove({ ReceiptHandle: "nonsense" })).rejects.toThrow(named("ReceiptHandleIsInvalid"));
  });
}

function deadLetterChecks({ newQueue }: SuiteContext): void {
  async function withDeadLetters(): Promise<{ queue: Queue; dead: Queue }> {
    const dead = await newQueue();
    const { QueueArn: deadLetterTargetArn } = await dead.attributes("QueueArn");
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 });
    return { dead, queue: await newQueue({ RedrivePolicy, VisibilityTimeout: "0" }) };
  }

  it("a message received more often than allowed is found in the dead-letter queue", async () => {
    const { queue, dead } = await withDeadLetters();
    await queue.send("poison");
    const first = await queue.receive();
    await queue.receive();
    expect(await queue.poll({ WaitTimeSeconds: 1 })).toEqual([]);
    expect(await dead.receive()).toMatchObject({ Body: "poison", MessageId: first.MessageId });
  });

  it("a redrive policy to a queue that does not exist is refused", async () => {
    const { dead } = await withDeadLetters();
    const { QueueArn } = await dead.attributes("QueueArn");
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: `${QueueArn}-none`, maxReceiveCount: 2 });
    await expect(newQueue({ RedrivePolicy })).rejects.toThrow(named("InvalidParameterValue"));
  });
}

function refusalChecks({ newQueue, client }: SuiteContext): void {
  it("a queue that does not exist is missed by a send", async () => {
    const queue = await newQueue();
    const missing = new Queue(client(), `${queue.url}-none`);
    await expect(missing.send("x")).rejects.toThrow(named("QueueDoesNotExist"));
  });

  it("a delay of more than 900 seconds is refused", async () => {
    const { url } = await newQueue();
    const command = new SendMessageCommand({ QueueUrl: url, MessageBody: "x", DelaySeconds: 901 });
    await expect(client().send(command)).rejects.toThrow(named("InvalidParameterValue"));
  });

  it("a message of more than 1 MiB is refused", async () => {
    const queue = await newQueue();
    await expect(queue.send("x".repeat(1_048_577))).rejects.toThrow(named("InvalidParameterValue"));
  });

  it("a body outside XML 1.0 is refused", async () => {
    const queue = await newQueue();
    await expect(queue.send("a\u0000b")).rejects.toThrow(named("InvalidMessageContents"));
  });

  it("an empty body is refused", async () => {
    const queue = await newQueue();
    await expect(queue.send("")).rejects.toThrow(named("MissingParameter"));
  });

  it("a receive of more than ten messages is refused", async () => {
    const queue = await newQueue();
    await expect(queue.poll({ MaxNumberOfMessages: 11 })).rejects.toThrow(named("InvalidParameterValue"));
  });

  it("a wait of more than 20 seconds is refused", async () => {
    const queue = await newQueue();
    await expect(queue.poll({ WaitTimeSeconds: 21 })).rejects.toThrow(named("InvalidParameterValue"));
  });
}

function batchChecks({ newQueue, client }: SuiteContext): void {
  const send = (queue: Queue, ids: string[], body = "x") =>
    client().send(
      new SendMessageBatchCommand({
        QueueUrl: queue.url,
        Entries: ids.map((Id) => ({ Id, MessageBody: body })),
      }),
    );

  it("ten messages are sent, received and deleted in batches", async () => {
    const queue = await newQueue();
    const ids = Array.from({ length: 10 }, (_, index) => `m${index}`);
    const sent = await send(queue, ids);
    expect(sent.Successful?.map((entry) => entry.Id).sort()).toEqual(ids);
    const messages = await queue.receiveAll(10);
    const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
    const deleted = await client().send(new DeleteMessageBatchCommand({ QueueUrl: queue.url, Entries }));
    expect(deleted.Successful).toHaveLength(10);
    expect(deleted.Failed ?? []).toEqual([]);
  });

  it("ChangeMessageVisibilityBatch gives messages back", async () => {
    const queue = await newQueue();
    await send(queue, ["a", "b"]);
    const messages = await queue.receiveAll(2);
    const Entries = messages.map(({ ReceiptHandle }, index) => ({
      Id: `${index}`,
      ReceiptHandle,
      VisibilityTimeout: 0,
    }));
    const changed = await client().send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queue.url, Entries }));
    expect(changed.Successful).toHaveLength(2);
    await queue.receiveAll(2);
  });

  it("an entry that fails does not keep the others from succeeding", async () => {
    const queue = await newQueue();
    const Entries = [
      { Id: "late", MessageBody: "x", DelaySeconds: 901 },
      { Id: "good", MessageBody: "x" },
    ];
    const sent = await client().send(new SendMessageBatchCommand({ QueueUrl: queue.url, Entries }));
    expect(sent.Successful?.map((entry) => entry.Id)).toEqual(["good"]);
    expect(sent.Failed).toMatchObject([{ Id: "late", SenderFault: true, Code: "InvalidParameterValue" }]);
  });

  it("an empty batch is refused", async () => {
    await expect(send(await newQueue(), [])).rejects.toThrow(named("EmptyBatchRequest"));
  });

  it("a batch of eleven is refused", async () => {
    const ids = Array.from({ length: 11 }, (_, index) => `m${index}`);
    await expect(send(await newQueue(), ids)).rejects.toThrow(named("TooManyEntriesInBatchRequest"));
  });

  it("a batch with an id twice is refused", async () => {
    await expect(send(await newQueue(), ["a", "a"])).rejects.toThrow(named("BatchEntryIdsNotDistinct"));
  });

  it("a batch with a bad id is refused", async () => {
    await expect(send(await newQueue(), ["a b"])).rejects.toThrow(named("InvalidBatchEntryId"));
  });

  it("a batch of more than 1 MiB is refused", async () => {
    const queue = await newQueue();
    await expect(send(queue, ["a", "b"], "x".repeat(600_000))).rejects.toThrow(named("BatchRequestTooLong"));
  });
}
