/**
 * Owns: the answers SQS gives to a request it refuses, with the SDK's names and SQS's own words as far as they are public.
 * Must not: hold errors of the model itself: what is not modelled is a `NotModelledError`.
 */
import { AwsServiceError } from "../model.js";
import type { InputErrors } from "../input/parameters.js";

export const missingParameter = (name: string): AwsServiceError =>
  new AwsServiceError("MissingParameter", `The request must contain the parameter ${name}.`);

export const invalidValue = (reason: string): AwsServiceError => new AwsServiceError("InvalidParameterValue", reason);

export const inputErrors: InputErrors = {
  missing: missingParameter,
  mistyped: (name, expected) => new AwsServiceError("SerializationException", `${name} is not ${expected}.`),
};

/** An integer parameter outside its bounds. */
export function checkedInteger(name: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  const reason =
    name === "DelaySeconds"
      ? `DelaySeconds must be >= ${least} and <= ${most}.`
      : `Must be between ${least} and ${most}, if provided.`;
  throw invalidValue(`Value ${value} for parameter ${name} is invalid. Reason: ${reason}`);
}

export const queueDoesNotExist = (): AwsServiceError =>
  new AwsServiceError("QueueDoesNotExist", "The specified queue does not exist.");

export const invalidAddress = (queueUrl: string): AwsServiceError =>
  new AwsServiceError("InvalidAddress", `The address ${queueUrl} is not valid for this endpoint.`, 404);

export const queueNameExists = (attribute: string): AwsServiceError =>
  new AwsServiceError(
    "QueueNameExists",
    `A queue already exists with the same name and a different value for attribute ${attribute}`,
  );

export const queueDeletedRecently = (): AwsServiceError =>
  new AwsServiceError(
    "QueueDeletedRecently",
    "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
  );

export const purgeQueueInProgress = (name: string): AwsServiceError =>
  new AwsServiceError(
    "PurgeQueueInProgress",
    `Only one PurgeQueue operation on ${name} is allowed every 60 seconds.`,
    403,
  );

export const invalidAttributeName = (name: string): AwsServiceError =>
  new AwsServiceError("InvalidAttributeName", `Unknown Attribute ${name}.`);

export const invalidAttributeValue = (name: string): AwsServiceError =>
  new AwsServiceError("InvalidAttributeValue", `Invalid value for the parameter ${name}.`);

export const invalidMessageContents = (): AwsServiceError =>
  new AwsServiceError(
    "InvalidMessageContents",
    "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
  );

export const messageTooLong = (limitBytes: number): AwsServiceError =>
  invalidValue(`One or more parameters are invalid. Reason: Message must be shorter than ${limitBytes} bytes.`);

export const receiptHandleIsInvalid = (handle: string): AwsServiceError =>
  new AwsServiceError("ReceiptHandleIsInvalid", `The input receipt handle "${handle}" is not a valid receipt handle.`);

export const visibilityNotChangeable = (handle: string): AwsServiceError =>
  invalidValue(
    `Value ${handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.`,
  );

export const messageNotInflight = (handle: string): AwsServiceError =>
  new AwsServiceError("MessageNotInflight", `The message referred to by "${handle}" is not in flight.`);

export const visibilityBeyondLimit = (seconds: number, limitSeconds: number): AwsServiceError =>
  invalidValue(
    `Value ${seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [${limitSeconds} seconds].`,
  );

export const overLimit = (): AwsServiceError =>
  new AwsServiceError("OverLimit", "Too many messages are in flight: the limit is 120000.", 403);
