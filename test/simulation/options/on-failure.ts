/**
 * Owns: the `onFailure` handler of a function: a program of its own whose runs are started by failed runs, the mark by which
 * such a run is known, and what it was told.
 */
import { FAILED_EVENT, type FunctionFailedEvent } from "../../../sdk/system-events.js";
import type { Draft } from "../operation.js";
import { functionIdOf } from "../operations/send-event.js";

/** What a handler was told of the run that failed. */
export interface FailureNews {
  runId: string;
  functionId: string;
  /** The mark of the event that had started the failed run. */
  canary: string;
  error: { name: string; message: string };
}

const HANDLER_SHARE = 0.5;
const MAX_OPERATIONS = 4;

/** How many operations the handler of a function has; 0: there is none. */
export function drawHandlerLength(draft: Draft): number {
  return draft.chance(HANDLER_SHARE) ? draft.between(1, MAX_OPERATIONS) : 0;
}

/** The id of the function that the platform makes of a handler. */
export function handlerIdOf(functionIndex: number): string {
  return `${functionIdOf(functionIndex)}-failure`;
}

/** The mark of a handler's run: nobody gave its event one. */
export function failureCanary(failedRunId: string): string {
  return `${failedRunId}:failed`;
}

/** The mark of an event, whatever it started. */
export function canaryOf({ name, data }: { name: string; data: unknown }): string {
  if (typeof data !== "object" || data === null) return "";
  if (name === FAILED_EVENT) return failureCanary(String(Reflect.get(data, "runId")));
  return String(Reflect.get(data, "canary"));
}

export function newsOf({ data }: FunctionFailedEvent, error: Error): FailureNews {
  const { runId, functionId, event } = data;
  return { runId, functionId, canary: canaryOf(event), error: { name: error.name, message: error.message } };
}
