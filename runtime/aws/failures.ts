/**
 * Owns: what a failed AWS call means. A condition that failed is an answer; throttling means nothing was done; no answer
 * means *unknown*, never "failed" (PROTOCOL §3).
 */

export type Failure = "condition" | "throttled" | "unknown" | "refused";

const THROTTLES = new Set([
  "ThrottlingException",
  "ThrottledException",
  "Throttling",
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "TooManyRequestsException",
  "SlowDown",
  "TransactionConflictException",
]);

/** Sorts an error of an AWS client. Whatever it does not know and AWS did not sign with a 4xx status is *unknown*. */
export function failureOf(error: unknown): Failure {
  const name = nameOf(error);
  if (name === "ConditionalCheckFailedException") return "condition";
  if (THROTTLES.has(name)) return "throttled";
  const status = statusOf(error);
  if (status === 429) return "throttled";
  if (status !== null && status >= 400 && status < 500 && status !== 408) return "refused";
  // A bug of ours is not a lost answer: repeating it would only hide it.
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) return "refused";
  if (name === "NotModelledError") return "refused";
  return "unknown";
}

export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

function statusOf(error: unknown): number | null {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return null;
  const metadata = error.$metadata;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return null;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : null;
}
