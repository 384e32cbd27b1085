/**
 * Owns: what a receiver says about a message it holds: DeleteMessage, ChangeMessageVisibility and their batches.
 * Source: SQS API reference, one page for each operation.
 * Invariant I1: a handle acts on its message when it is of the latest receive, or when no receive of the message is known.
 * The second half is what a restart needs: receives are not logged, deletes are, and their handles name the message.
 */
import { Parameters } from "../input/parameters.js";
import { type CallContext, type Input, type Output } from "../model.js";
import { applyBatch, readBatch } from "./batch.js";
import {
  checkedInteger,
  inputErrors,
  messageNotInflight,
  missingParameter,
  receiptHandleIsInvalid,
  visibilityBeyondLimit,
  visibilityNotChangeable,
} from "./errors.js";
import type { Message, Queue } from "./queue.js";
import { readReceiptHandle, type Receipt } from "./receipt-handle.js";
import { queueArnOf, requireQueue, type SqsState } from "./sqs-state.js";

const MAX_VISIBILITY_SECONDS = 43_200;

interface Handle extends Receipt {
  text: string;
}

function readHandle(queue: Queue, parameters: Parameters): Handle {
  const text = parameters.text("ReceiptHandle");
  if (!text) throw missingParameter("ReceiptHandle");
  const receipt = readReceiptHandle(text);
  if (receipt.queueName !== queue.name) throw receiptHandleIsInvalid(text);
  return { ...receipt, text };
}

function isHeldBy(message: Message, handle: Handle): boolean {
  return message.receipt === null || message.receipt === handle.nonce;
}

/**
 * The message of a handle. Where a receive had moved the message here from another queue (its dead letters) and the model was
 * restored since, the move is forgotten and the message is still in that other queue.
 */
function findMessage(state: SqsState, queue: Queue, handle: Handle): { queue: Queue; message: Message } | undefined {
  const message = queue.get(handle.key);
  if (message !== undefined) return { queue, message };
  const arn = queueArnOf(queue.name);
  for (const source of state.queues.values()) {
    if (source.attributes.redrivePolicy?.deadLetterTargetArn !== arn) continue;
    const moved = source.get(handle.key);
    if (moved !== undefined && moved.receipt === null) return { queue: source, message: moved };
  }
  return undefined;
}

function comesBack(state: SqsState, context: CallContext): boolean {
  const { redeliveryAfterDeleteProbability } = state.behaviour;
  return redeliveryAfterDeleteProbability > 0 && context.random.unit() < redeliveryAfterDeleteProbability;
}

/** Succeeds whatever the handle still stands for: SQS deletes at most, and says nothing. */
function remove(state: SqsState, queue: Queue, handle: Handle, context: CallContext): Output {
  const found = findMessage(state, queue, handle);
  if (found === undefined || !isHeldBy(found.message, handle)) return {};
  if (!comesBack(state, context)) {
    found.queue.remove(found.message);
    return {};
  }
  const delayMs = Math.floor(context.random.unit() * state.behaviour.redeliveredWithinMs);
  found.message.receipt = null;
  found.queue.place(found.message, { visibleAtMs: context.nowMs + delayMs, until: "inFlight" }, context.nowMs);
  state.touched.add(found.queue.name);
  return {};
}

export function deleteMessage(state: SqsState, input: Input, context: CallContext): Output {
  const parameters = new Parameters("sqs DeleteMessage", input, ["QueueUrl", "ReceiptHandle"], inputErrors);
  const queue = requireQueue(state, parameters);
  const handle = readHandle(queue, parameters);
  context.meter({ sqsRequests: 1 });
  return remove(state, queue, handle, context);
}

export function deleteMessageBatch(state: SqsState, input: Input, context: CallContext): Output {
  const parameters = new Parameters("sqs DeleteMessageBatch", input, ["QueueUrl", "Entries"], inputErrors);
  const queue = requireQueue(state, parameters);
  const readings = readBatch(parameters, ["ReceiptHandle"], (entry) => readHandle(queue, entry));
  context.meter({ sqsRequests: 1 });
  return applyBatch(readings, (handle) => remove(state, queue, handle, context));
}

interface VisibilityChange {
  handle: Handle;
  seconds: number;
}

function readChange(queue: Queue, parameters: Parameters): VisibilityChange {
  const handle = readHandle(queue, parameters);
  const seconds = parameters.integer("VisibilityTimeout");
  if (seconds === undefined) throw missingParameter("VisibilityTimeout");
  return { handle, seconds: checkedInteger("VisibilityTimeout", seconds, 0, MAX_VISIBILITY_SECONDS) };
}

function changeVisibility(state: SqsState, queue: Queue, change: VisibilityChange, context: CallContext): Output {
  const { handle, seconds } = change;
  const { nowMs } = context;
  // Counting settles the queue: a message whose timeout is over is visible from here on.
  queue.count("inFlight", nowMs);
  const message = queue.get(handle.key);
  if (message === undefined || !isHeldBy(message, handle)) throw visibilityNotChangeable(handle.text);
  if (message.phase !== "inFlight") throw messageNotInflight(handle.text);
  const visibleAtMs = nowMs + seconds * 1_000;
  const limitAtMs = (message.receivedAtMs ?? nowMs) + MAX_VISIBILITY_SECONDS * 1_000;
  if (visibleAtMs > limitAtMs) throw visibilityBeyondLimit(seconds, MAX_VISIBILITY_SECONDS);
  if (visibleAtMs < message.visibleAtMs) state.touched.add(queue.name);
  queue.place(message, { visibleAtMs, until: "inFlight" }, nowMs);
  return {};
}

export function changeMessageVisibility(state: SqsState, input: Input, context: CallContext): Output {
  const known = ["QueueUrl", "ReceiptHandle", "VisibilityTimeout"];
  const parameters = new Parameters("sqs ChangeMessageVisibility", input, known, inputErrors);
  const queue = requireQueue(state, parameters);
  const change = readChange(queue, parameters);
  context.meter({ sqsRequests: 1 });
  return changeVisibility(state, queue, change, context);
}

export function changeMessageVisibilityBatch(state: SqsState, input: Input, context: CallContext): Output {
  const parameters = new Parameters("sqs ChangeMessageVisibilityBatch", input, ["QueueUrl", "Entries"], inputErrors);
  const queue = requireQueue(state, parameters);
  const readings = readBatch(parameters, ["ReceiptHandle", "VisibilityTimeout"], (entry) => readChange(queue, entry));
  context.meter({ sqsRequests: 1 });
  return applyBatch(readings, (change) => changeVisibility(state, queue, change, context));
}
