/**
 * Owns: the event Lambda hands to a function for a batch of SQS messages, its split at the payload limit, and what the
 * function's answer says about each message.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html · …/services-sqs-errorhandling.html
 * Must not: receive or delete; the mapping does.
 */
import type { Message, MessageAttributeValue } from "@aws-sdk/client-sqs";
import { INVOCATION_PAYLOAD_LIMIT_BYTES } from "./invocation.js";

export interface SqsRecordAttribute {
  stringValue?: string;
  binaryValue?: string;
  stringListValues: never[];
  binaryListValues: never[];
  dataType: string;
}

export interface SqsRecord {
  messageId: string;
  receiptHandle: string;
  body: string;
  attributes: Record<string, string>;
  messageAttributes: Record<string, SqsRecordAttribute>;
  md5OfMessageAttributes?: string;
  md5OfBody: string;
  eventSource: "aws:sqs";
  eventSourceARN: string;
  awsRegion: string;
}

export interface SqsEvent {
  Records: SqsRecord[];
}

function recordAttribute(attribute: MessageAttributeValue): SqsRecordAttribute {
  const { StringValue, BinaryValue, DataType = "String" } = attribute;
  return {
    ...(StringValue === undefined ? {} : { stringValue: StringValue }),
    ...(BinaryValue === undefined ? {} : { binaryValue: Buffer.from(BinaryValue).toString("base64") }),
    stringListValues: [],
    binaryListValues: [],
    dataType: DataType,
  };
}

export function sqsRecord(message: Message, queueArn: string): SqsRecord {
  const attributes = Object.entries(message.MessageAttributes ?? {});
  return {
    messageId: message.MessageId ?? "",
    receiptHandle: message.ReceiptHandle ?? "",
    body: message.Body ?? "",
    attributes: { ...message.Attributes },
    messageAttributes: Object.fromEntries(attributes.map(([name, value]) => [name, recordAttribute(value)])),
    ...(message.MD5OfMessageAttributes === undefined ? {} : { md5OfMessageAttributes: message.MD5OfMessageAttributes }),
    md5OfBody: message.MD5OfBody ?? "",
    eventSource: "aws:sqs",
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(":")[3] ?? "us-east-1",
  };
}

/** {"Records":[]} and the commas between records. */
const ENVELOPE_BYTES = 64;
/** JSON may write one UTF-16 unit of the body as six bytes; the rest of a record stays well under this. */
const RECORD_OVERHEAD_BYTES = 16_384;

/** Cuts a batch so that each part fits one invocation. A single message always does: SQS allows 1 MiB. */
export function splitByPayload(messages: readonly Message[], queueArn: string): Message[][] {
  const upperBound = messages.reduce(
    (sum, message) => sum + (message.Body?.length ?? 0) * 6 + RECORD_OVERHEAD_BYTES,
    0,
  );
  if (upperBound <= INVOCATION_PAYLOAD_LIMIT_BYTES) return messages.length > 0 ? [[...messages]] : [];
  const parts: Message[][] = [];
  let room = 0;
  for (const message of messages) {
    const recordBytes = Buffer.byteLength(JSON.stringify(sqsRecord(message, queueArn))) + 1;
    const last = parts.at(-1);
    if (last !== undefined && recordBytes <= room) last.push(message);
    else parts.push([message]);
    room = (last === parts.at(-1) ? room : INVOCATION_PAYLOAD_LIMIT_BYTES - ENVELOPE_BYTES) - recordBytes;
  }
  return parts;
}

/**
 * The ids of the messages that failed, or "all" when the answer names none that can be understood: Lambda treats an invalid
 * answer, an empty or unknown id as the failure of the whole batch, an empty or null answer as its success.
 */
export function failedMessageIds(answer: unknown, batchIds: ReadonlySet<string>): ReadonlySet<string> | "all" {
  if (answer === null || answer === undefined) return new Set();
  if (typeof answer !== "object" || Array.isArray(answer)) return "all";
  const failures = "batchItemFailures" in answer ? answer.batchItemFailures : undefined;
  if (failures === null || failures === undefined) return new Set();
  if (!Array.isArray(failures)) return "all";
  const failed = new Set<string>();
  for (const failure of failures as unknown[]) {
    const isEntry = typeof failure === "object" && failure !== null && "itemIdentifier" in failure;
    const id = isEntry ? failure.itemIdentifier : undefined;
    if (typeof id !== "string" || !batchIds.has(id)) return "all";
    failed.add(id);
  }
  return failed;
}
