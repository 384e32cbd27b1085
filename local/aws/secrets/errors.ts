/** Owns: the answers Secrets Manager gives to a request it refuses. */
import type { InputErrors } from "../input/parameters.js";
import { AwsServiceError } from "../model.js";

export const invalidParameter = (message: string): AwsServiceError =>
  new AwsServiceError("InvalidParameterException", message);

export const inputErrors: InputErrors = {
  missing: (name) => invalidParameter(`You must provide a value for the ${name} parameter.`),
  mistyped: (name, expected) => new AwsServiceError("SerializationException", `${name} is not ${expected}.`),
};

export const secretNotFound = (): AwsServiceError =>
  new AwsServiceError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");

export const stageNotFound = (stage: string): AwsServiceError =>
  new AwsServiceError(
    "ResourceNotFoundException",
    `Secrets Manager can't find the specified secret value for staging label: ${stage}`,
  );

export const secretExists = (name: string): AwsServiceError =>
  new AwsServiceError("ResourceExistsException", `The operation failed because the secret ${name} already exists.`);
