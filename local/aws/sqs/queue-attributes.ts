/**
 * Owns: the attributes of a queue: which there are, their bounds and defaults, and how they read back.
 * Source: SQS API reference, CreateQueue.
 * Must not: know messages. The live counts of GetQueueAttributes are the queue's.
 */
import { NotModelledError } from "../model.js";
import { invalidAttributeName, invalidAttributeValue, invalidValue } from "./errors.js";

export interface RedrivePolicy {
  deadLetterTargetArn: string;
  maxReceiveCount: number;
}

export interface QueueAttributes {
  delaySeconds: number;
  visibilityTimeoutSeconds: number;
  retentionSeconds: number;
  maximumMessageBytes: number;
  receiveWaitSeconds: number;
  redrivePolicy: RedrivePolicy | null;
}

export const MEBIBYTE = 1_048_576;

interface IntegerAttribute {
  field: Exclude<keyof QueueAttributes, "redrivePolicy">;
  least: number;
  most: number;
}

const INTEGER_ATTRIBUTES: ReadonlyMap<string, IntegerAttribute> = new Map([
  ["DelaySeconds", { field: "delaySeconds", least: 0, most: 900 }],
  ["VisibilityTimeout", { field: "visibilityTimeoutSeconds", least: 0, most: 43_200 }],
  ["MessageRetentionPeriod", { field: "retentionSeconds", least: 60, most: 1_209_600 }],
  ["MaximumMessageSize", { field: "maximumMessageBytes", least: 1_024, most: MEBIBYTE }],
  ["ReceiveMessageWaitTimeSeconds", { field: "receiveWaitSeconds", least: 0, most: 20 }],
]);

/** Attributes SQS has and the model has not. */
const NOT_MODELLED: ReadonlySet<string> = new Set([
  "Policy",
  "RedriveAllowPolicy",
  "KmsMasterKeyId",
  "KmsDataKeyReusePeriodSeconds",
  "SqsManagedSseEnabled",
  "FifoQueue",
  "ContentBasedDeduplication",
  "DeduplicationScope",
  "FifoThroughputLimit",
]);

export function defaultAttributes(): QueueAttributes {
  return {
    delaySeconds: 0,
    visibilityTimeoutSeconds: 30,
    retentionSeconds: 345_600,
    maximumMessageBytes: MEBIBYTE,
    receiveWaitSeconds: 0,
    redrivePolicy: null,
  };
}

const MAX_RECEIVE_COUNT = 1_000;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readRedrivePolicy(text: string, queueExists: (arn: string) => boolean): RedrivePolicy | null {
  if (text === "") return null;
  const refuse = (reason: string): never => {
    throw invalidValue(`Value ${text} for parameter RedrivePolicy is invalid. Reason: ${reason}`);
  };
  const policy = parseJson(text);
  if (typeof policy !== "object" || policy === null || Array.isArray(policy)) {
    return refuse("Redrive policy is not a valid JSON map.");
  }
  const { deadLetterTargetArn, maxReceiveCount, ...rest }: Record<string, unknown> = { ...policy };
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return refuse(`Unknown field ${unknown}.`);
  if (typeof deadLetterTargetArn !== "string" || maxReceiveCount === undefined) {
    return refuse("Redrive policy does not contain mandatory attribute: deadLetterTargetArn or maxReceiveCount.");
  }
  const count = Number(maxReceiveCount);
  if (!Number.isInteger(count) || count < 1 || count > MAX_RECEIVE_COUNT) {
    return refuse("Invalid value for maxReceiveCount.");
  }
  if (!queueExists(deadLetterTargetArn)) return refuse("Dead letter target does not exist.");
  return { deadLetterTargetArn, maxReceiveCount: count };
}

function readInteger(name: string, text: string, bounds: IntegerAttribute): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= bounds.least && value <= bounds.most)) throw invalidAttributeValue(name);
  return value;
}

/** Only what was given, checked. `queueExists` answers for the target of a redrive policy. */
export function readQueueAttributes(
  given: ReadonlyMap<string, string>,
  queueExists: (arn: string) => boolean,
): Partial<QueueAttributes> {
  const attributes: Partial<QueueAttributes> = {};
  for (const [name, text] of given) {
    const bounds = INTEGER_ATTRIBUTES.get(name);
    if (bounds !== undefined) attributes[bounds.field] = readInteger(name, text, bounds);
    else if (name === "RedrivePolicy") attributes.redrivePolicy = readRedrivePolicy(text, queueExists);
    else if (NOT_MODELLED.has(name)) {
      throw new NotModelledError(`Cannot answer sqs: queue attribute "${name}" is not modelled`);
    } else throw invalidAttributeName(name);
  }
  return attributes;
}

/** The attributes as GetQueueAttributes shows them. */
export function shownAttributes(attributes: QueueAttributes): Map<string, string> {
  const shown = new Map<string, string>();
  for (const [name, { field }] of INTEGER_ATTRIBUTES) shown.set(name, String(attributes[field]));
  const { redrivePolicy } = attributes;
  if (redrivePolicy !== null) shown.set("RedrivePolicy", JSON.stringify(redrivePolicy));
  return shown;
}

/** The first of the given attributes that differs from what the queue has. */
export function differingAttribute(have: QueueAttributes, given: Partial<QueueAttributes>): string | undefined {
  for (const [name, { field }] of INTEGER_ATTRIBUTES) {
    if (given[field] !== undefined && given[field] !== have[field]) return name;
  }
  const { redrivePolicy } = given;
  if (redrivePolicy === undefined) return undefined;
  const same =
    redrivePolicy?.deadLetterTargetArn === have.redrivePolicy?.deadLetterTargetArn &&
    redrivePolicy?.maxReceiveCount === have.redrivePolicy?.maxReceiveCount;
  return same ? undefined : "RedrivePolicy";
}

export function refuseUnknownAttribute(name: string): never {
  if (NOT_MODELLED.has(name))
    throw new NotModelledError(`Cannot answer sqs: queue attribute "${name}" is not modelled`);
  throw invalidAttributeName(name);
}
