/**
 * Owns: the SQS operations on queues themselves: create, find, list, look at, change, purge, delete.
 * Source: SQS API reference, one page for each operation.
 */
import { Parameters } from "../input/parameters.js";
import { NotModelledError, type CallContext, type Input, type Output } from "../model.js";
import {
  checkedInteger,
  inputErrors,
  invalidValue,
  purgeQueueInProgress,
  queueDeletedRecently,
  queueDoesNotExist,
  queueNameExists,
} from "./errors.js";
import { Queue } from "./queue.js";
import {
  defaultAttributes,
  differingAttribute,
  readQueueAttributes,
  refuseUnknownAttribute,
  shownAttributes,
  type QueueAttributes,
} from "./queue-attributes.js";
import { QUEUE_NAME, queueArnOf, queueByArn, queueUrlOf, requireQueue, type SqsState } from "./sqs-state.js";

/** How long a deleted name stays blocked, and how long SQS waits between two purges. */
const COOL_DOWN_MS = 60_000;
const MAX_LISTED = 1_000;

function parametersOf(operation: string, input: Input, known: readonly string[]): Parameters {
  return new Parameters(`sqs ${operation}`, input, known, inputErrors);
}

function requireQueueName(parameters: Parameters): string {
  const name = parameters.requireText("QueueName");
  if (name.endsWith(".fifo")) throw new NotModelledError(`Cannot create queue "${name}": FIFO queues are not modelled`);
  if (!QUEUE_NAME.test(name)) {
    throw invalidValue("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
  }
  return name;
}

function givenAttributes(state: SqsState, parameters: Parameters): Partial<QueueAttributes> {
  const given = parameters.textMap("Attributes") ?? new Map<string, string>();
  return readQueueAttributes(given, (arn) => queueByArn(state, arn) !== undefined);
}

export function createQueue(state: SqsState, input: Input, context: CallContext): Output {
  const parameters = parametersOf("CreateQueue", input, ["QueueName", "Attributes"]);
  const name = requireQueueName(parameters);
  const given = givenAttributes(state, parameters);
  const existing = state.queues.get(name);
  if (existing !== undefined) {
    const different = differingAttribute(existing.attributes, given);
    if (different !== undefined) throw queueNameExists(different);
    return { QueueUrl: queueUrlOf(state, name) };
  }
  const deletedAtMs = state.deletedAtMs.get(name);
  if (deletedAtMs !== undefined && context.nowMs < deletedAtMs + COOL_DOWN_MS) throw queueDeletedRecently();
  state.deletedAtMs.delete(name);
  state.queues.set(name, new Queue(name, { ...defaultAttributes(), ...given }, context.nowMs));
  return { QueueUrl: queueUrlOf(state, name) };
}

export function getQueueUrl(state: SqsState, input: Input): Output {
  const name = requireQueueName(parametersOf("GetQueueUrl", input, ["QueueName"]));
  if (!state.queues.has(name)) throw queueDoesNotExist();
  return { QueueUrl: queueUrlOf(state, name) };
}

export function listQueues(state: SqsState, input: Input): Output {
  const parameters = parametersOf("ListQueues", input, ["QueueNamePrefix", "MaxResults", "NextToken"]);
  const prefix = parameters.text("QueueNamePrefix") ?? "";
  const limit = parameters.integer("MaxResults");
  if (limit !== undefined) checkedInteger("MaxResults", limit, 1, MAX_LISTED);
  const after = Buffer.from(parameters.text("NextToken") ?? "", "base64").toString("utf8");
  const names = [...state.queues.keys()].filter((name) => name.startsWith(prefix) && name > after).sort();
  const page = names.slice(0, limit ?? MAX_LISTED);
  if (page.length === 0) return {};
  const last = page.at(-1) ?? "";
  const isCut = limit !== undefined && page.length < names.length;
  return {
    QueueUrls: page.map((name) => queueUrlOf(state, name)),
    ...(isCut && { NextToken: Buffer.from(last).toString("base64") }),
  };
}

function allAttributes(queue: Queue, nowMs: number): Map<string, string> {
  const all = shownAttributes(queue.attributes);
  all.set("ApproximateNumberOfMessages", String(queue.count("visible", nowMs)));
  all.set("ApproximateNumberOfMessagesDelayed", String(queue.count("delayed", nowMs)));
  all.set("ApproximateNumberOfMessagesNotVisible", String(queue.count("inFlight", nowMs)));
  all.set("CreatedTimestamp", String(Math.floor(queue.createdAtMs / 1_000)));
  all.set("LastModifiedTimestamp", String(Math.floor(queue.modifiedAtMs / 1_000)));
  all.set("QueueArn", queueArnOf(queue.name));
  return all;
}

export function getQueueAttributes(state: SqsState, input: Input, context: CallContext): Output {
  const parameters = parametersOf("GetQueueAttributes", input, ["QueueUrl", "AttributeNames"]);
  const queue = requireQueue(state, parameters);
  const asked = parameters.texts("AttributeNames") ?? [];
  if (asked.length === 0) return {};
  queue.dropExpired(context.nowMs);
  const all = allAttributes(queue, context.nowMs);
  if (asked.includes("All")) return { Attributes: Object.fromEntries(all) };
  const attributes: Record<string, string> = {};
  for (const name of asked) {
    const value = all.get(name);
    if (value !== undefined) attributes[name] = value;
    // A queue without a redrive policy has nothing to show for it.
    else if (name !== "RedrivePolicy") refuseUnknownAttribute(name);
  }
  return Object.keys(attributes).length === 0 ? {} : { Attributes: attributes };
}

export function setQueueAttributes(state: SqsState, input: Input, context: CallContext): Output {
  const parameters = parametersOf("SetQueueAttributes", input, ["QueueUrl", "Attributes"]);
  const queue = requireQueue(state, parameters);
  if (!parameters.has("Attributes")) throw inputErrors.missing("Attributes");
  queue.attributes = { ...queue.attributes, ...givenAttributes(state, parameters) };
  queue.modifiedAtMs = context.nowMs;
  return {};
}

export function purgeQueue(state: SqsState, input: Input, context: CallContext): Output {
  const queue = requireQueue(state, parametersOf("PurgeQueue", input, ["QueueUrl"]));
  if (queue.purgedAtMs !== null && context.nowMs < queue.purgedAtMs + COOL_DOWN_MS) {
    throw purgeQueueInProgress(queue.name);
  }
  queue.clear();
  queue.purgedAtMs = context.nowMs;
  return {};
}

export function deleteQueue(state: SqsState, input: Input, context: CallContext): Output {
  const queue = requireQueue(state, parametersOf("DeleteQueue", input, ["QueueUrl"]));
  state.queues.delete(queue.name);
  state.deletedAtMs.set(queue.name, context.nowMs);
  return {};
}
