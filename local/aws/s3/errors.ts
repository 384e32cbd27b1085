/** Owns: the answers S3 gives to a request it refuses, with the SDK's names and S3's codes. */
import { AwsServiceError } from "../model.js";
import type { InputErrors } from "../input/parameters.js";

export const invalidRequest = (message: string): AwsServiceError => new AwsServiceError("InvalidRequest", message);

export const invalidArgument = (message: string): AwsServiceError => new AwsServiceError("InvalidArgument", message);

export const inputErrors: InputErrors = {
  missing: (name) => invalidRequest(`The request must contain ${name}.`),
  mistyped: (name, expected) => invalidRequest(`${name} is not ${expected}.`),
};

export const noSuchBucket = (bucket: string): AwsServiceError =>
  new AwsServiceError("NoSuchBucket", "The specified bucket does not exist", 404, { BucketName: bucket });

export const invalidBucketName = (bucket: string): AwsServiceError =>
  new AwsServiceError("InvalidBucketName", "The specified bucket is not valid.", 400, { BucketName: bucket });

export const noSuchKey = (key: string): AwsServiceError =>
  new AwsServiceError("NoSuchKey", "The specified key does not exist.", 404, { Key: key });

/** HEAD has no body to say more in. */
export const notFound = (): AwsServiceError => new AwsServiceError("NotFound", "NotFound", 404);

export const preconditionFailed = (condition: string): AwsServiceError =>
  new AwsServiceError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412, {
    Condition: condition,
  });

export const keyTooLong = (sizeBytes: number, limitBytes: number): AwsServiceError =>
  new AwsServiceError("KeyTooLongError", "Your key is too long", 400, {
    Size: String(sizeBytes),
    MaxSizeAllowed: String(limitBytes),
  });

export const metadataTooLarge = (sizeBytes: number, limitBytes: number): AwsServiceError =>
  new AwsServiceError("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", 400, {
    Size: String(sizeBytes),
    MaxSizeAllowed: String(limitBytes),
  });

export const invalidTag = (message: string): AwsServiceError => new AwsServiceError("InvalidTag", message);

export const malformedXml = (): AwsServiceError =>
  new AwsServiceError(
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
  );
