/** Owns: an error on its way into the history through `toHistory`: what it says changes, what it asks for does not. */
import {
  isNonRetriableError,
  isStepError,
  NonRetriableError,
  RetryAfterError,
  retryAfterOf,
  serializeError,
} from "../errors.js";
import { isPerdureError } from "../error-catalogue.js";
import { isShownError, reviveShownError } from "../host/shown-error.js";
import type { SerializedError } from "../protocol.js";
import type { Chain } from "./chain.js";

/** The error to throw in place of one that a body, or the function, has thrown. */
export function storedError(chain: Chain, error: unknown, stepId: string | null): unknown {
  if (!chain.hasStoredForm) return error;
  const stored = serializeError(chain.toHistory({ of: "error", name: stepId, value: serializeError(error) }));
  if (isShownError(error)) return reviveShownError(stored, isStepError(error) ? error.stepId : "");
  return withText(sameWish(error), stored);
}

/** An error that asks for the same: no further attempt, one at a certain time, or one when it suits. */
function sameWish(error: unknown): Error {
  if (isNonRetriableError(error) || (isPerdureError(error) && !error.retryable)) return new NonRetriableError("");
  const retryAfter = retryAfterOf(error);
  return retryAfter === null ? new Error("") : new RetryAfterError("", retryAfter);
}

function withText(error: Error, { name, message, stack, code, cause }: SerializedError): Error {
  const text = { name, message, stack, code, cause };
  // Defined, since a class's own name is not to be assigned. Its own stack tells where the hooks are.
  for (const [member, value] of Object.entries(text)) {
    Object.defineProperty(error, member, { value, configurable: true, writable: true });
  }
  return error;
}
