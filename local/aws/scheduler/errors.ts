/** Owns: the answers EventBridge Scheduler gives to a request it refuses, with the SDK's names. */
import { shown } from "../../../sdk/error-catalogue.js";
import { AwsServiceError } from "../model.js";
import type { InputErrors } from "../input/parameters.js";

export const validationError = (message: string): AwsServiceError =>
  new AwsServiceError("ValidationException", message);

/** The form in which Scheduler reports a member that breaks its declared constraint. */
export const constraintError = (member: string, value: unknown, constraint: string): AwsServiceError =>
  validationError(
    `1 validation error detected: Value ${shown(value)} at '${member}' failed to satisfy constraint: ${constraint}`,
  );

export const inputErrors: InputErrors = {
  missing: (name) =>
    validationError(
      `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
    ),
  mistyped: (name, expected) => new AwsServiceError("SerializationException", `${name} is not ${expected}.`),
};

export const notFound = (what: string, name: string): AwsServiceError =>
  new AwsServiceError("ResourceNotFoundException", `${what} ${name} does not exist.`, 404);

export const conflict = (what: string, name: string): AwsServiceError =>
  new AwsServiceError("ConflictException", `${what} ${name} already exists.`, 409);

export const invalidExpression = (expression: string): AwsServiceError =>
  validationError(`Invalid Schedule Expression ${expression}.`);
