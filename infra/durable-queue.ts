/** Owns: a queue of the platform and its dead letters: kept for a fortnight, encrypted, TLS only. */
import { Duration, type RemovalPolicy } from "aws-cdk-lib";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { acknowledge } from "./acknowledgements.js";
import {
  DEAD_LETTER_VISIBILITY_SECONDS,
  MAX_RECEIVE_COUNT,
  MESSAGE_RETENTION_DAYS,
  visibilitySeconds,
} from "./sizes.js";

export interface DurableQueueProps {
  /** Of the function that takes from it. */
  timeoutSeconds: number;
  removalPolicy: RemovalPolicy;
}

/** The queue `id` and the queue of its dead letters, `id`Dead. */
export function durableQueue(
  scope: Construct,
  id: string,
  { timeoutSeconds, removalPolicy }: DurableQueueProps,
): { queue: Queue; deadLetters: Queue } {
  const common = {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(MESSAGE_RETENTION_DAYS),
    removalPolicy,
  };
  const deadLetters = new Queue(scope, `${id}Dead`, {
    ...common,
    visibilityTimeout: Duration.seconds(DEAD_LETTER_VISIBILITY_SECONDS),
  });
  acknowledge(deadLetters, "Serverless::Serverless-SQSRedrivePolicy");
  const queue = new Queue(scope, id, {
    ...common,
    visibilityTimeout: Duration.seconds(visibilitySeconds(timeoutSeconds)),
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: MAX_RECEIVE_COUNT },
  });
  return { queue, deadLetters };
}
