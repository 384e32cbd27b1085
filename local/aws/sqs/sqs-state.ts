/**
 * Owns: what all SQS operations share: the queues, how they are named from outside, and which of them have news for a
 * waiting receiver.
 * Must not: apply an operation.
 */
import type { Parameters } from "../input/parameters.js";
import type { SqsBehaviour } from "./behaviour.js";
import { invalidAddress, queueDoesNotExist } from "./errors.js";
import type { Queue } from "./queue.js";

export interface SqsState {
  readonly endpoint: string;
  readonly behaviour: SqsBehaviour;
  readonly queues: Map<string, Queue>;
  /** When queues were deleted: SQS keeps a name blocked for a minute. */
  readonly deletedAtMs: Map<string, number>;
  /** Queues in which a message was added or made visible earlier by the call in progress. */
  readonly touched: Set<string>;
  /** Order of arrival over all queues. */
  nextSequence: number;
}

const ACCOUNT = "000000000000";
const ARN_PREFIX = `arn:aws:sqs:us-east-1:${ACCOUNT}:`;
export const QUEUE_NAME = /^[A-Za-z0-9_-]{1,80}$/;

export function queueUrlOf(state: SqsState, name: string): string {
  return `${state.endpoint}/${ACCOUNT}/${name}`;
}

export function queueArnOf(name: string): string {
  return ARN_PREFIX + name;
}

export function queueByArn(state: SqsState, arn: string): Queue | undefined {
  return arn.startsWith(ARN_PREFIX) ? state.queues.get(arn.slice(ARN_PREFIX.length)) : undefined;
}

/** The queue an URL ends in. Any host will do: the URL may have been made for another endpoint of the same model. */
export function queueByUrl(state: SqsState, queueUrl: string): Queue {
  const name = queueUrl.slice(queueUrl.lastIndexOf("/") + 1);
  if (!QUEUE_NAME.test(name)) throw invalidAddress(queueUrl);
  const queue = state.queues.get(name);
  if (queue === undefined) throw queueDoesNotExist();
  return queue;
}

export function requireQueue(state: SqsState, parameters: Parameters): Queue {
  return queueByUrl(state, parameters.requireText("QueueUrl"));
}
