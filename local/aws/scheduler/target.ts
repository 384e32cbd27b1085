/**
 * Owns: what a schedule may be aimed at, and what is handed to it: an SQS queue (Input is the body), the universal target
 * `aws-sdk:sqs:sendMessage` (Input is the request), a Lambda function (Input is the payload).
 * Source: EventBridge Scheduler user guide, "Managing targets" and "Adding context attributes".
 * Must not: deliver.
 */
import type { Parameters } from "../input/parameters.js";
import { NotModelledError, type Output } from "../model.js";
import { constraintError, inputErrors, validationError } from "./errors.js";

export interface Target {
  arn: string;
  roleArn: string;
  /** Null: Scheduler's own notification is sent. */
  input: string | null;
  maximumEventAgeSeconds: number;
  maximumRetryAttempts: number;
  deadLetterArn: string | null;
}

const TARGET_MEMBERS = ["Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig"];
const ROLE_ARN = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/;
const QUEUE_ARN = /^arn:aws:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}$/;
const FUNCTION_ARN = /^arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9$_-]+)?$/;
const SEND_MESSAGE_ARN = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage";
/** Source: EventBridge Scheduler quotas, "Target payload size". */
const MAX_INPUT_BYTES = 262_144;

function requireModelledTarget(arn: string): void {
  if (arn === SEND_MESSAGE_ARN || QUEUE_ARN.test(arn) || FUNCTION_ARN.test(arn)) return;
  if (!arn.startsWith("arn:aws:")) throw validationError(`Provided Arn is not in correct format: ${arn}`);
  throw new NotModelledError(
    `Cannot aim a schedule at "${arn}": the target is not modelled; expected a standard SQS queue, ${SEND_MESSAGE_ARN}, or a Lambda function`,
  );
}

function parseRequest(input: string): Record<string, unknown> {
  const refuse = (reason: string): never => {
    throw validationError(`Invalid RequestJson provided. Reason ${reason}`);
  };
  let request: unknown;
  try {
    request = JSON.parse(input);
  } catch {
    return refuse("The request is not valid JSON.");
  }
  if (typeof request !== "object" || request === null || Array.isArray(request)) return refuse("It is not an object.");
  return { ...request };
}

/** The Input of the universal target: a SendMessage request. Context attributes may stand in any of its strings. */
function checkSendMessage(input: string | null): void {
  const { QueueUrl, MessageBody, DelaySeconds, ...rest } = parseRequest(input ?? "{}");
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw new NotModelledError(`Cannot aim a schedule at ${SEND_MESSAGE_ARN}: parameter "${unknown}" is not modelled`);
  }
  const refuse = (name: string): never => {
    throw validationError(`Invalid RequestJson provided. Reason The field ${name} is missing or of the wrong type.`);
  };
  if (typeof QueueUrl !== "string" || QueueUrl === "") refuse("QueueUrl");
  if (typeof MessageBody !== "string" || MessageBody === "") refuse("MessageBody");
  if (DelaySeconds !== undefined && !Number.isInteger(DelaySeconds)) refuse("DelaySeconds");
}

function bounded(parameters: Parameters | undefined, name: string, least: number, most: number): number {
  const value = parameters?.integer(name) ?? most;
  if (value < least) throw constraintError(name, value, `Member must have value greater than or equal to ${least}`);
  if (value > most) throw constraintError(name, value, `Member must have value less than or equal to ${most}`);
  return value;
}

export function readTarget(parameters: Parameters): Target {
  const target = parameters.requireStructure("Target", TARGET_MEMBERS);
  const arn = target.requireText("Arn");
  const roleArn = target.requireText("RoleArn");
  if (!ROLE_ARN.test(roleArn)) {
    throw constraintError("target.roleArn", roleArn, "Member must satisfy regular expression pattern of a role's ARN");
  }
  requireModelledTarget(arn);
  const input = target.text("Input") ?? null;
  if (input === "") throw constraintError("target.input", input, "Member must have length greater than or equal to 1");
  if (Buffer.byteLength(input ?? "") > MAX_INPUT_BYTES) {
    throw validationError(`The target's Input is longer than ${MAX_INPUT_BYTES} bytes.`);
  }
  if (arn === SEND_MESSAGE_ARN) checkSendMessage(input);
  const retry = target.structure("RetryPolicy", ["MaximumEventAgeInSeconds", "MaximumRetryAttempts"]);
  const deadLetterArn = target.structure("DeadLetterConfig", ["Arn"])?.text("Arn") ?? null;
  if (deadLetterArn !== null && !QUEUE_ARN.test(deadLetterArn)) throw inputErrors.mistyped("Arn", "the ARN of a queue");
  return {
    arn,
    roleArn,
    input,
    maximumEventAgeSeconds: bounded(retry, "MaximumEventAgeInSeconds", 60, 86_400),
    maximumRetryAttempts: bounded(retry, "MaximumRetryAttempts", 0, 185),
    deadLetterArn,
  };
}

export function targetOutput(target: Target): Output {
  return {
    Arn: target.arn,
    RoleArn: target.roleArn,
    ...(target.input !== null && { Input: target.input }),
    ...(target.deadLetterArn !== null && { DeadLetterConfig: { Arn: target.deadLetterArn } }),
    RetryPolicy: {
      MaximumEventAgeInSeconds: target.maximumEventAgeSeconds,
      MaximumRetryAttempts: target.maximumRetryAttempts,
    },
  };
}

/** What a delivery can say about itself. */
export interface DeliveryFacts {
  scheduleArn: string;
  scheduledAtMs: number;
  executionId: string;
  attemptNumber: number;
}

function isoSeconds(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

/** The notification Scheduler sends for a schedule without Input. */
function notification(facts: DeliveryFacts): string {
  const [, , , region, account] = facts.scheduleArn.split(":");
  return JSON.stringify({
    version: "0",
    id: facts.executionId,
    "detail-type": "Scheduled Event",
    source: "aws.scheduler",
    account,
    time: isoSeconds(facts.scheduledAtMs),
    region,
    resources: [facts.scheduleArn],
    detail: "{}",
  });
}

/** The Input as it is delivered: context attributes are replaced wherever they stand. */
export function deliveredInput(target: Target, facts: DeliveryFacts): string {
  if (target.input === null) return notification(facts);
  if (!target.input.includes("<aws.scheduler.")) return target.input;
  return target.input
    .replaceAll("<aws.scheduler.schedule-arn>", facts.scheduleArn)
    .replaceAll("<aws.scheduler.scheduled-time>", isoSeconds(facts.scheduledAtMs))
    .replaceAll("<aws.scheduler.execution-id>", facts.executionId)
    .replaceAll("<aws.scheduler.attempt-number>", String(facts.attemptNumber));
}
