/**
 * Owns: the refusals of the DynamoDB model: the real service's error names and texts, and our own "not modelled".
 * Must not: decide when to refuse; the file that knows the rule does that.
 * The texts follow answers of the real service where those are known, double spaces and missing blanks included.
 */
import { AwsServiceError, NotModelledError } from "../model.js";

/** Where every refusal that is the caller's mistake goes, as AWS names it. */
export function validation(message: string): AwsServiceError {
  return new AwsServiceError("ValidationException", message);
}

/** A value of a wrong JSON type: the service cannot even read the request. */
export function unreadable(name: string, expected: string): AwsServiceError {
  return new AwsServiceError("SerializationException", `Cannot read parameter "${name}"; expected ${expected}`);
}

export function invalidParameter(detail: string): AwsServiceError {
  return validation(`One or more parameter values were invalid: ${detail}`);
}

export function invalidKeyValue(detail: string): AwsServiceError {
  return validation(`One or more parameter values are not valid. ${detail}`);
}

export function resourceNotFound(message = "Requested resource not found"): AwsServiceError {
  return new AwsServiceError("ResourceNotFoundException", message);
}

export function conditionFailed(item: Record<string, unknown> | undefined): AwsServiceError {
  const members = item === undefined ? {} : { Item: item };
  return new AwsServiceError("ConditionalCheckFailedException", "The conditional request failed", 400, members);
}

/** Our own limit, never an answer of AWS: `what` is what the caller used, `instead` what the model has. */
export function notModelled(operation: string, what: string, instead: string): NotModelledError {
  return new NotModelledError(`Cannot apply DynamoDB ${operation}: ${what} is not modelled; expected ${instead}`);
}
