/**
 * Owns: ReceiveMessage: which messages are handed out, what becomes of them, and the move to the dead-letter queue of those
 * that were received too often. Answers at once; whoever owns the clock plays `WaitTimeSeconds`.
 * Must not: be needed to rebuild state. Receives are not in the durable log: after a restart messages in flight are visible.
 */
import { Parameters } from "../input/parameters.js";
import { type CallContext, type Input, type Output } from "../model.js";
import { checkedInteger, inputErrors, invalidAttributeName, overLimit } from "./errors.js";
import { attributesMd5, attributesOutput, selectAttributes } from "./message-attributes.js";
import type { Message, Queue } from "./queue.js";
import { receiptHandle } from "./receipt-handle.js";
import { requestsFor } from "./requests.js";
import { queueArnOf, queueByArn, requireQueue, type SqsState } from "./sqs-state.js";

const PARAMETERS = [
  "QueueUrl",
  "AttributeNames",
  "MessageSystemAttributeNames",
  "MessageAttributeNames",
  "MaxNumberOfMessages",
  "VisibilityTimeout",
  "WaitTimeSeconds",
];

/** Messages in flight in one standard queue. Source: SQS quotas, messages. */
const MAX_IN_FLIGHT = 120_000;
/** How far past the head an adversary's receive looks. */
const REORDER_WINDOW = 16;
const SENDER_ID = "AIDAPERDUREEMBEDDED00";

const SYSTEM_ATTRIBUTES: ReadonlyMap<string, (message: Message) => string | null> = new Map<
  string,
  (message: Message) => string | null
>([
  ["SenderId", () => SENDER_ID],
  ["SentTimestamp", (message) => String(message.sentAtMs)],
  ["ApproximateReceiveCount", (message) => String(message.receiveCount)],
  ["ApproximateFirstReceiveTimestamp", (message) => String(message.firstReceivedAtMs ?? "")],
  ["AWSTraceHeader", (message) => message.traceHeader],
  ["MessageGroupId", (message) => message.groupId],
  ["DeadLetterQueueSourceArn", (message) => message.deadLetterSourceArn],
  // Legal to ask for; only FIFO queues have them.
  ["SequenceNumber", () => null],
  ["MessageDeduplicationId", () => null],
]);

interface ReceiveRequest {
  queue: Queue;
  limit: number;
  visibilityMs: number;
  systemAttributes: readonly string[];
  attributes: readonly string[];
}

function askedSystemAttributes(parameters: Parameters): readonly string[] {
  const asked = parameters.texts("MessageSystemAttributeNames") ?? parameters.texts("AttributeNames") ?? [];
  if (asked.includes("All")) return [...SYSTEM_ATTRIBUTES.keys()];
  for (const name of asked) if (!SYSTEM_ATTRIBUTES.has(name)) throw invalidAttributeName(name);
  return asked;
}

function readRequest(state: SqsState, input: Input): ReceiveRequest {
  const parameters = new Parameters("sqs ReceiveMessage", input, PARAMETERS, inputErrors);
  const queue = requireQueue(state, parameters);
  const limit = checkedInteger("MaxNumberOfMessages", parameters.integer("MaxNumberOfMessages") ?? 1, 1, 10);
  const visibilitySeconds = parameters.integer("VisibilityTimeout") ?? queue.attributes.visibilityTimeoutSeconds;
  checkedInteger("VisibilityTimeout", visibilitySeconds, 0, 43_200);
  checkedInteger("WaitTimeSeconds", parameters.integer("WaitTimeSeconds") ?? 0, 0, 20);
  return {
    queue,
    limit,
    visibilityMs: visibilitySeconds * 1_000,
    systemAttributes: askedSystemAttributes(parameters),
    attributes: parameters.texts("MessageAttributeNames") ?? [],
  };
}

/** Moves a message that was received too often. True when it is gone from this queue. */
function redrive(state: SqsState, queue: Queue, message: Message, nowMs: number): boolean {
  const policy = queue.attributes.redrivePolicy;
  if (policy === null || message.receiveCount < policy.maxReceiveCount) return false;
  const target = queueByArn(state, policy.deadLetterTargetArn);
  if (target === undefined) return false;
  queue.remove(message);
  message.receipt = null;
  message.receivedAtMs = null;
  message.deadLetterSourceArn = queueArnOf(queue.name);
  target.place(message, { visibleAtMs: nowMs, until: "delayed" }, nowMs);
  state.touched.add(target.name);
  return true;
}

function shuffle(messages: Message[], context: CallContext): void {
  for (let index = messages.length - 1; index > 0; index -= 1) {
    const other = Math.floor(context.random.unit() * (index + 1));
    const [one, two] = [messages[index], messages[other]];
    if (one === undefined || two === undefined) return;
    messages[index] = two;
    messages[other] = one;
  }
}

/** The messages this receive hands out, taken from the queue's heaps. */
function take(state: SqsState, request: ReceiveRequest, context: CallContext): Message[] {
  const { queue, limit } = request;
  const { reorderProbability } = state.behaviour;
  const isReordered = reorderProbability > 0 && context.random.unit() < reorderProbability;
  const window = isReordered ? limit + REORDER_WINDOW : limit;
  const taken: Message[] = [];
  while (taken.length < window) {
    const message = queue.takeReceivable(context.nowMs);
    if (message === undefined) break;
    if (!redrive(state, queue, message, context.nowMs)) taken.push(message);
  }
  if (!isReordered) return taken;
  shuffle(taken, context);
  for (const message of taken.splice(limit)) {
    queue.place(message, { visibleAtMs: message.visibleAtMs, until: "delayed" }, context.nowMs);
  }
  return taken;
}

/** An adversary's second copy of a message in flight: delivered under a handle of its own, untouched by the first's delete. */
function addDuplicate(state: SqsState, request: ReceiveRequest, message: Message, context: CallContext): void {
  const { duplicateProbability } = state.behaviour;
  const isCopy = message.key !== message.id;
  if (isCopy || duplicateProbability === 0 || context.random.unit() >= duplicateProbability) return;
  const copy: Message = {
    ...message,
    key: `${message.id}~${Buffer.from(context.random.bytes(4)).toString("hex")}`,
    receipt: null,
  };
  const visibleAtMs = context.nowMs + Math.floor(context.random.unit() * request.visibilityMs);
  request.queue.place(copy, { visibleAtMs, until: "inFlight" }, context.nowMs);
  state.touched.add(request.queue.name);
}

function messageOutput(request: ReceiveRequest, message: Message, nonce: string): Output {
  const system: Record<string, string> = {};
  for (const name of request.systemAttributes) {
    const value = SYSTEM_ATTRIBUTES.get(name)?.(message) ?? null;
    if (value !== null) system[name] = value;
  }
  const attributes = selectAttributes(message.attributes, request.attributes);
  const attributesDigest = attributesMd5(attributes);
  return {
    MessageId: message.id,
    ReceiptHandle: receiptHandle({ queueName: request.queue.name, key: message.key, nonce }),
    MD5OfBody: message.bodyMd5,
    Body: message.body,
    ...(Object.keys(system).length > 0 && { Attributes: system }),
    ...(attributesDigest !== undefined && {
      MD5OfMessageAttributes: attributesDigest,
      MessageAttributes: attributesOutput(attributes),
    }),
  };
}

function deliver(state: SqsState, request: ReceiveRequest, message: Message, context: CallContext): Output {
  const nonce = Buffer.from(context.random.bytes(8)).toString("hex");
  message.receiveCount += 1;
  message.firstReceivedAtMs ??= context.nowMs;
  message.receivedAtMs = context.nowMs;
  message.receipt = nonce;
  const visibleAtMs = context.nowMs + request.visibilityMs;
  request.queue.place(message, { visibleAtMs, until: "inFlight" }, context.nowMs);
  addDuplicate(state, request, message, context);
  return messageOutput(request, message, nonce);
}

export function receiveMessage(state: SqsState, input: Input, context: CallContext): Output {
  const request = readRequest(state, input);
  const inFlight = request.queue.count("inFlight", context.nowMs);
  if (inFlight >= MAX_IN_FLIGHT) throw overLimit();
  const taken = take(state, { ...request, limit: Math.min(request.limit, MAX_IN_FLIGHT - inFlight) }, context);
  const payloadBytes = taken.reduce((bytes, message) => bytes + message.sizeBytes, 0);
  context.meter({ sqsRequests: requestsFor(payloadBytes) });
  if (taken.length === 0) return {};
  return { Messages: taken.map((message) => deliver(state, request, message, context)) };
}
