/** Owns: knowing a step's final error again when the function lets it through: it is not the function's own failure. */
import { reviveStepError } from "../errors.js";
import type { SerializedError } from "../protocol.js";

const shownErrors = new WeakSet<object>();

export function reviveShownError(error: SerializedError, stepId: string): Error {
  const revived = reviveStepError(error, stepId);
  shownErrors.add(revived);
  return revived;
}

export function isShownError(error: unknown): boolean {
  return typeof error === "object" && error !== null && shownErrors.has(error);
}
