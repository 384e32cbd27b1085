/**
 * Owns: SendMessage and SendMessageBatch: what a message may hold, and how it enters its queue.
 * Source: SQS API reference, SendMessage and SendMessageBatch; quotas page for sizes.
 */
import { createHash } from "node:crypto";
import { Parameters } from "../input/parameters.js";
import { AwsServiceError, type CallContext, type Input, type Output } from "../model.js";
import { applyBatch, readBatch } from "./batch.js";
import { checkedInteger, inputErrors, invalidValue, messageTooLong, missingParameter } from "./errors.js";
import {
  ATTRIBUTE_MEMBERS,
  attributesBytes,
  attributesMd5,
  readAttributes,
  requireXmlCharacters,
  type MessageAttribute,
} from "./message-attributes.js";
import type { Message, Queue } from "./queue.js";
import { MEBIBYTE } from "./queue-attributes.js";
import { requestsFor } from "./requests.js";
import { requireQueue, type SqsState } from "./sqs-state.js";

const MESSAGE_PARAMETERS = [
  "MessageBody",
  "DelaySeconds",
  "MessageAttributes",
  "MessageSystemAttributes",
  "MessageGroupId",
];
const GROUP_ID = /^[\x21-\x7e]{1,128}$/;

interface Draft {
  body: string;
  attributes: MessageAttribute[];
  traceHeader: string | null;
  groupId: string | null;
  delaySeconds: number;
  sizeBytes: number;
}

function readTraceHeader(parameters: Parameters): string | null {
  const attributes = parameters.structureMap("MessageSystemAttributes", ATTRIBUTE_MEMBERS);
  if (attributes === undefined) return null;
  for (const [name, attribute] of attributes) {
    const value = attribute.text("StringValue");
    if (name !== "AWSTraceHeader" || attribute.text("DataType") !== "String" || !value) {
      throw invalidValue(`Message system attribute name '${name}' is invalid.`);
    }
    return value;
  }
  return null;
}

function readGroupId(parameters: Parameters): string | null {
  const groupId = parameters.text("MessageGroupId");
  if (groupId === undefined) return null;
  if (GROUP_ID.test(groupId)) return groupId;
  throw invalidValue(
    `Value ${groupId} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
  );
}

function readDraft(queue: Queue, parameters: Parameters): Draft {
  const body = parameters.text("MessageBody");
  if (!body) throw missingParameter("MessageBody");
  const delaySeconds = parameters.integer("DelaySeconds") ?? queue.attributes.delaySeconds;
  checkedInteger("DelaySeconds", delaySeconds, 0, 900);
  requireXmlCharacters(body);
  const attributes = readAttributes(parameters.structureMap("MessageAttributes", ATTRIBUTE_MEMBERS));
  const sizeBytes = Buffer.byteLength(body) + attributesBytes(attributes);
  const limitBytes = queue.attributes.maximumMessageBytes;
  if (sizeBytes > limitBytes) throw messageTooLong(limitBytes);
  const traceHeader = readTraceHeader(parameters);
  return { body, attributes, traceHeader, groupId: readGroupId(parameters), delaySeconds, sizeBytes };
}

const UUID_VERSION = 6;
const UUID_VARIANT = 8;

/** A random UUID (version 4), as SQS names its messages. */
function messageId(context: CallContext): string {
  const bytes = Buffer.from(context.random.bytes(16));
  bytes[UUID_VERSION] = ((bytes[UUID_VERSION] ?? 0) & 0x0f) | 0x40;
  bytes[UUID_VARIANT] = ((bytes[UUID_VARIANT] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function lateMs(state: SqsState, context: CallContext): number {
  const { lateProbability, lateByMs } = state.behaviour;
  if (lateProbability === 0 || context.random.unit() >= lateProbability) return 0;
  return Math.floor(context.random.unit() * lateByMs);
}

function traceHeaderMd5(traceHeader: string | null): string | undefined {
  if (traceHeader === null) return undefined;
  return attributesMd5([{ name: "AWSTraceHeader", dataType: "String", value: traceHeader, isBinary: false }]);
}

function enqueue(state: SqsState, queue: Queue, draft: Draft, context: CallContext): Output {
  const id = messageId(context);
  const { delaySeconds, ...content } = draft;
  const message: Message = {
    ...content,
    id,
    key: id,
    bodyMd5: createHash("md5").update(draft.body).digest("hex"),
    sequence: state.nextSequence,
    sentAtMs: context.nowMs,
    phase: "delayed",
    visibleAtMs: context.nowMs,
    receiveCount: 0,
    firstReceivedAtMs: null,
    receivedAtMs: null,
    receipt: null,
    deadLetterSourceArn: null,
  };
  state.nextSequence += 1;
  const visibleAtMs = context.nowMs + delaySeconds * 1_000 + lateMs(state, context);
  queue.place(message, { visibleAtMs, until: "delayed" }, context.nowMs);
  state.touched.add(queue.name);
  return sentOutput(message);
}

function sentOutput(message: Message): Output {
  const attributes = attributesMd5(message.attributes);
  const systemAttributes = traceHeaderMd5(message.traceHeader);
  return {
    MessageId: message.id,
    MD5OfMessageBody: message.bodyMd5,
    ...(attributes !== undefined && { MD5OfMessageAttributes: attributes }),
    ...(systemAttributes !== undefined && { MD5OfMessageSystemAttributes: systemAttributes }),
  };
}

export function sendMessage(state: SqsState, input: Input, context: CallContext): Output {
  const parameters = new Parameters("sqs SendMessage", input, ["QueueUrl", ...MESSAGE_PARAMETERS], inputErrors);
  const queue = requireQueue(state, parameters);
  const draft = readDraft(queue, parameters);
  context.meter({ sqsRequests: requestsFor(draft.sizeBytes) });
  return enqueue(state, queue, draft, context);
}

/** What an entry weighs in its batch, whether or not it is acceptable on its own. */
function entryBytes(entry: Parameters): number {
  let bytes = Buffer.byteLength(entry.text("MessageBody") ?? "");
  for (const [name, attribute] of entry.structureMap("MessageAttributes", ATTRIBUTE_MEMBERS) ?? []) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(attribute.text("DataType") ?? "");
    bytes += Buffer.byteLength(attribute.text("StringValue") ?? "");
    bytes += attribute.bytes("BinaryValue")?.byteLength ?? 0;
  }
  return bytes;
}

export function sendMessageBatch(state: SqsState, input: Input, context: CallContext): Output {
  const parameters = new Parameters("sqs SendMessageBatch", input, ["QueueUrl", "Entries"], inputErrors);
  const queue = requireQueue(state, parameters);
  let batchBytes = 0;
  const readings = readBatch(parameters, MESSAGE_PARAMETERS, (entry) => {
    batchBytes += entryBytes(entry);
    return readDraft(queue, entry);
  });
  if (batchBytes > MEBIBYTE) {
    throw new AwsServiceError(
      "BatchRequestTooLong",
      `Batch requests cannot be longer than ${MEBIBYTE} bytes. You have sent ${batchBytes} bytes.`,
    );
  }
  context.meter({ sqsRequests: requestsFor(batchBytes) });
  return applyBatch(readings, (draft) => enqueue(state, queue, draft, context));
}
