/** Owns: why a run was cancelled, as its head keeps it and the API shows it. */
import { defineError, shown, type PerdureError } from "../../sdk/error-catalogue.js";
import type { SerializedError } from "../../sdk/protocol.js";

export const startTimedOut = defineError<{ runId: string; waitedMs: number; limitMs: number }>({
  code: "START_TIMED_OUT",
  status: 504,
  retryable: false,
  message: ({ runId, waitedMs, limitMs }) =>
    `Cannot start run "${runId}": it has waited ${waitedMs} ms for a worker; expected at most ${limitMs} ms`,
  remedy: "Raise timeouts.start, or find out why the function's runs wait.",
});

export const finishTimedOut = defineError<{ runId: string; limitMs: number }>({
  code: "FINISH_TIMED_OUT",
  status: 504,
  retryable: false,
  message: ({ runId, limitMs }) =>
    `Cannot go on with run "${runId}": it has not ended within ${limitMs} ms of its start; expected it to end earlier`,
  remedy: "Raise timeouts.finish, or find out what the run has waited for.",
});

export const cancelledInBulk = defineError<{ runId: string; cancellation: string }>({
  code: "CANCELLED_IN_BULK",
  status: 409,
  retryable: false,
  message: ({ runId, cancellation }) =>
    `Cannot go on with run "${runId}": bulk cancel "${cancellation}" has cancelled it; expected a run that nobody cancels`,
  remedy: "Nothing is to be done. Read the bulk cancel to see what it was asked for.",
});

export const cancelledByRequest = defineError<{ runId: string }>({
  code: "CANCELLED_BY_REQUEST",
  status: 409,
  retryable: false,
  message: ({ runId }) =>
    `Cannot go on with run "${runId}": it was cancelled through the API; expected a run that nobody cancels`,
  remedy: "Nothing is to be done: somebody has asked for it.",
});

export const cancelledByEvent = defineError<{ runId: string; eventName: string; eventId: string }>({
  code: "CANCELLED_BY_EVENT",
  status: 409,
  retryable: false,
  message: ({ runId, eventName, eventId }) =>
    `Cannot go on with run "${runId}": event "${eventId}" (${shown(eventName)}) has cancelled it; expected no event of its cancelOn`,
  remedy: "Nothing is to be done: the function's cancelOn asks for it.",
});

export const cancelledByParent = defineError<{ runId: string; parentRunId: string }>({
  code: "CANCELLED_BY_PARENT",
  status: 409,
  retryable: false,
  message: ({ runId, parentRunId }) =>
    `Cannot go on with run "${runId}": run "${parentRunId}", which has invoked it, waits for it no longer; expected it to wait`,
  remedy:
    'Nothing is to be done, or invoke it with onCancel: "detach": then it goes on when the run that waits for it does not.',
});

/** Without a stack: it would be the platform's own. */
export function reasonOf({ name, message, code }: PerdureError): SerializedError {
  return { name, message, code };
}
