/**
 * Goal: messages in the SQS model are hidden, counted, handed out again, deleted and moved to dead letters by SQS's rules.
 * Method: the model is driven directly with times given by hand; the adversary's draws come from a fixed seed.
 */
import { describe, expect, it } from "vitest";
import { DEAD_URL, QUEUE_URL, setup, type Received } from "./sqs-bench.js";

const named = (name: string) => expect.objectContaining({ name });

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
