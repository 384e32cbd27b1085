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
  if (name === "TransactionCanceledException") return cancelledBy(error);
  const status = statusOf(error);
  if (status === 429) return "throttled";
  if (status !== null && status >= 400 && status < 500 && status !== 408) return "refused";
  // A bug of ours is not a lost answer: repeating it would only hide it.
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) return "refused";
  if (name === "NotModelledError") return "refused";
  return "unknown";
}

/** Reasons for which nothing was done and the same transaction may succeed (TransactWriteItems, "Cancellation Reasons"). */
const PASSING_REASONS: readonly unknown[] = [
  "None",
  "TransactionConflict",
  "ThrottlingError",
  "ProvisionedThroughputExceeded",
];

/** A condition that failed is the answer, whatever else there was; else what passes is tried again. */
function cancelledBy(error: unknown): Failure {
  const reasons: unknown =
    typeof error === "object" && error !== null ? Reflect.get(error, "CancellationReasons") : null;
  if (!Array.isArray(reasons)) return "refused";
  const codes = reasons.map((reason: unknown) =>
    typeof reason === "object" && reason !== null ? (Reflect.get(reason, "Code") as unknown) : undefined,
  );
  if (codes.includes("ConditionalCheckFailed")) return "condition";
  return codes.every((code) => PASSING_REASONS.includes(code)) ? "throttled" : "refused";
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
