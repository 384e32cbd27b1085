/**
 * Goal: what a failed call means: an answer, nothing done, or not known.
 * Method: errors as the AWS clients throw them.
 */
import { describe, expect, it } from "vitest";
import { failureOf } from "../../../runtime/aws/failures.js";

const named = (name: string, more: object = {}): Error => Object.assign(new Error(name), { name, ...more });
const status = (httpStatusCode: number): object => ({ $metadata: { httpStatusCode } });
const cancelled = (...codes: readonly unknown[]): Error =>
  named("TransactionCanceledException", { ...status(400), CancellationReasons: codes.map((Code) => ({ Code })) });

describe("failureOf()", () => {
  it.each([
    ["a failed condition is an answer", named("ConditionalCheckFailedException", status(400)), "condition"],
    ["throttling, by name", named("ThrottlingException", status(400)), "throttled"],
    ["throttling, by status", named("Unheard", status(429)), "throttled"],
    ["one transaction in another's way", named("TransactionConflictException", status(400)), "throttled"],
    ["a transaction given up for another", cancelled("None", "TransactionConflict"), "throttled"],
    [
      "a transaction whose condition failed, conflict or not",
      cancelled("TransactionConflict", "ConditionalCheckFailed"),
      "condition",
    ],
    ["a transaction that never can be", cancelled("ValidationError", "None"), "refused"],
    ["a transaction cancelled without a reason", named("TransactionCanceledException", status(400)), "refused"],
    ["a reason that is none", cancelled(undefined, "None"), "refused"],
    ["a mistake of the caller's", named("ValidationException", status(400)), "refused"],
    ["a bug of ours", new TypeError("x is not a function"), "refused"],
    ["a server's own failure", named("InternalServerError", status(500)), "unknown"],
    ["a request that took too long", named("RequestTimeout", status(408)), "unknown"],
    ["a broken connection", named("TimeoutError", { code: "ECONNRESET" }), "unknown"],
    ["what is no error at all", "text", "unknown"],
    ["metadata that is none", named("X", { $metadata: { httpStatusCode: "400" } }), "unknown"],
  ])("%s", (_name, error, failure) => {
    expect(failureOf(error)).toBe(failure);
  });
});
