/**
 * Owns: an SQS model with one queue, time set by hand, and short names for the calls the tests make.
 * Must not: assert anything.
 */
import type { Input, Output } from "../../../local/aws/model.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import { SqsModel, type SqsModelOptions } from "../../../local/aws/sqs/sqs-model.js";

export interface Received {
  MessageId: string;
  ReceiptHandle: string;
  Body: string;
  MD5OfBody: string;
  MD5OfMessageAttributes?: string;
  MessageAttributes?: Record<string, Record<string, unknown>>;
  Attributes?: Record<string, string>;
}

export const QUEUE_URL = "http://sqs.test/000000000000/work";
export const DEAD_URL = "http://sqs.test/000000000000/dead";

export function setup(options: SqsModelOptions & { seed?: number } = {}) {
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
