/** Owns: what an invoke rejects with when it brings no result. */
import { defineError, shown } from "../../sdk/error-catalogue.js";
import type { SerializedError } from "../../sdk/protocol.js";

/** `function` is `<app>/<function>`. */
interface Invoked {
  function: string;
}

export const invokedFunctionFailed = defineError<Invoked & { runId: string; reason: string }>({
  code: "INVOKED_FUNCTION_FAILED",
  status: 500,
  retryable: false,
  message: ({ function: name, runId, reason }) =>
    `Cannot answer invoke of function "${name}": its run "${runId}" failed with ${shown(reason)}; expected it to complete`,
  remedy: "The error's cause is what the function failed with. Catch it, or mend the function and invoke it anew.",
});

export const invokedFunctionCancelled = defineError<Invoked & { runId: string }>({
  code: "INVOKED_FUNCTION_CANCELLED",
  status: 409,
  retryable: false,
  message: ({ function: name, runId }) =>
    `Cannot answer invoke of function "${name}": its run "${runId}" was cancelled; expected it to complete`,
  remedy: "Catch the error where a cancelled function is no failure, or find out who cancelled the run.",
});

export const invokeTimedOut = defineError<Invoked>({
  code: "INVOKE_TIMED_OUT",
  status: 504,
  retryable: false,
  message: ({ function: name }) =>
    `Cannot answer invoke of function "${name}": it has not ended within the timeout; expected it to end earlier`,
  remedy: "Raise the timeout, or make the function faster. The function goes on; what it returns goes nowhere.",
});

export const invokeUnknownFunction = defineError<Invoked & { known: string }>({
  code: "INVOKE_UNKNOWN_FUNCTION",
  status: 404,
  retryable: false,
  message: ({ function: name, known }) =>
    `Cannot invoke function "${name}": ${known}; expected the ids of an app and a function that are registered`,
  remedy: "Deploy the function first, or correct the ids given to referenceFunction().",
});

export const invokeTooDeep = defineError<Invoked & { depth: number; limit: number }>({
  code: "INVOKE_TOO_DEEP",
  status: 400,
  retryable: false,
  message: ({ function: name, depth, limit }) =>
    `Cannot invoke function "${name}": it would be the invoke number ${depth} in a chain; expected at most ${limit}`,
  remedy: "End the recursion, or send an event instead, which starts a chain of its own.",
});

export const invokeSkipped = defineError<Invoked & { why: string; runId: string; status: string }>({
  code: "INVOKE_SKIPPED",
  status: 409,
  retryable: true,
  message: ({ function: name, why, runId, status }) =>
    `Cannot invoke function "${name}": it starts once for its ${why} key, and run "${runId}" of that key is ${status}; expected that run to have ended`,
  remedy: "Wait for the earlier run and invoke again, or invoke with data that gives another key.",
});

/** The run no longer waits: another branch of its race has won. Seen by nobody; it keeps a late start from going on. */
export const invokeLetGo = defineError<Invoked>({
  code: "INVOKE_LET_GO",
  status: 409,
  retryable: false,
  message: ({ function: name }) =>
    `Cannot answer invoke of function "${name}": nobody waits for it any more; expected the run to wait`,
  remedy: "Nothing is to be done: another branch of the race was first.",
});

/** A catalogue error as an outcome: without the platform's own stack, and with what was behind it. */
export function outcomeError(
  error: { name: string; message: string; code: string },
  cause?: SerializedError,
): SerializedError {
  return { name: error.name, message: error.message, code: error.code, ...(cause ? { cause } : {}) };
}
