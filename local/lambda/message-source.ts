/**
 * Owns: the port through which a mapping takes messages from a queue, and its two forms: long polling, for any SQS
 * endpoint, and waiting without a timer, for the embedded AWS.
 * Must not: decide what happens to a message; the mapping does.
 */
import { DeleteMessageBatchCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import type { Message } from "@aws-sdk/client-sqs";
import type { AwsClients } from "../../runtime/aws/clients.js";
import type { Clock } from "../../sdk/clock.js";

export interface ReceiveOptions {
  maxMessages: number;
  /** Give back nothing after this long; null: wait as long as the source likes, unbounded where it costs nothing. */
  waitMs: number | null;
  /** Aborted when the mapping stops: give back nothing, soon. */
  abort: AbortSignal;
}

export interface MessageSource {
  readonly queueArn: string;
  receive(options: ReceiveOptions): Promise<Message[]>;
  /** Resolves with the receipt handles that could not be deleted. */
  remove(receiptHandles: readonly string[]): Promise<string[]>;
}

/** SQS's limit for one receive and one delete batch. */
export const SQS_BATCH_LIMIT = 10;
const LONG_POLL_SECONDS = 20;

export interface QueueAddress {
  queueUrl: string;
  queueArn: string;
}

/** Takes from any SQS endpoint by long polling, as Lambda's own pollers do. */
export function pollingSource(sqs: AwsClients["sqs"], { queueUrl, queueArn }: QueueAddress): MessageSource {
  return {
    queueArn,
    receive: async ({ maxMessages, waitMs, abort }) => {
      const waitSeconds = Math.min(LONG_POLL_SECONDS, Math.ceil((waitMs ?? Infinity) / 1000));
      const command = new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: Math.min(maxMessages, SQS_BATCH_LIMIT),
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ["All"],
        MessageAttributeNames: ["All"],
      });
      try {
        return (await sqs.send(command, { abortSignal: abort })).Messages ?? [];
      } catch (error) {
        if (abort.aborted) return [];
        throw error;
      }
    },
    remove: (receiptHandles) => removeBatch(sqs, queueUrl, receiptHandles),
  };
}

export interface WaitingSourceOptions extends QueueAddress {
  sqs: AwsClients["sqs"];
  clock: Clock;
  /** Resolves when something can be received, with at least one message, or with nothing once aborted. */
  receiveWhenAvailable(maxMessages: number, abort: AbortSignal): Promise<Message[]>;
}

/** Takes from the embedded AWS. An idle mapping keeps no timer, so a virtual clock can leap over a year of silence. */
export function waitingSource(options: WaitingSourceOptions): MessageSource {
  const { sqs, clock, queueUrl, queueArn } = options;
  return {
    queueArn,
    receive: async ({ maxMessages, waitMs, abort }) => {
      const count = Math.min(maxMessages, SQS_BATCH_LIMIT);
      if (waitMs === null) return options.receiveWhenAvailable(count, abort);
      const waited = new AbortController();
      const cancel = clock.after(waitMs, () => waited.abort());
      try {
        return await options.receiveWhenAvailable(count, AbortSignal.any([abort, waited.signal]));
      } finally {
        cancel();
      }
    },
    remove: (receiptHandles) => removeBatch(sqs, queueUrl, receiptHandles),
  };
}

/** One DeleteMessageBatch, at most ten handles. */
async function removeBatch(
  sqs: AwsClients["sqs"],
  queueUrl: string,
  receiptHandles: readonly string[],
): Promise<string[]> {
  const entries = receiptHandles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
  const answer = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }));
  return (answer.Failed ?? []).flatMap((failure) => receiptHandles[Number(failure.Id)] ?? []);
}
