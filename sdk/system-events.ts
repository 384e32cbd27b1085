/**
 * Owns: the events Perdure itself makes: their names, and what they hold. They may be triggers and ends of waits; nobody
 * outside may send one.
 */
import type { ReceivedEvent, ScheduledEvent } from "./events.js";
import type { Json, SerializedError } from "./protocol.js";

/** An error as an event holds it: enough to show it and to tell it apart. */
export type EventError = Pick<SerializedError, "name" | "message" | "stack" | "code" | "cause">;

/** A run that has ended. `event` is what started it. */
interface EndedRun<Event> {
  appId: string;
  functionId: string;
  runId: string;
  event: Event;
}

/** Data of `perdure/function.failed`. */
export interface FailedRun<Event = ReceivedEvent> extends EndedRun<Event> {
  status: "Failed";
  error: EventError;
}

/** Data of `perdure/function.cancelled`. */
export interface CancelledRun<Event = ReceivedEvent> extends EndedRun<Event> {
  status: "Cancelled";
  /** Why, where whoever cancelled it has said so: its code is that of a timeout, an event, a request. */
  reason?: EventError;
}

/** Data of `perdure/function.finished`: every end there is. `result` is what the function returned. */
export interface FinishedRun<Event = ReceivedEvent> extends EndedRun<Event> {
  status: "Completed" | "Failed" | "Cancelled";
  result?: Json;
  error?: EventError;
  /** Of a run that was cancelled. */
  reason?: EventError;
}

/** Data of `perdure/function.invoked` as others than the invoked function see it. */
export interface InvokedRun {
  appId: string;
  functionId: string;
  runId: string;
  /** The run whose `step.invoke` it was. */
  parentRunId: string;
  /** What it was invoked with. */
  data: { [key: string]: Json };
}

/** Names of the platform's own events and the type of their data. */
export interface SystemEvents {
  "perdure/function.failed": FailedRun;
  "perdure/function.finished": FinishedRun;
  "perdure/function.cancelled": CancelledRun;
  "perdure/function.invoked": InvokedRun;
  "perdure/scheduled.timer": ScheduledEvent["data"];
}

/** What a function without triggers is given: it runs when another one invokes it. */
export type InvokedEvent = ReceivedEvent<"perdure/function.invoked">;

/** What a function whose run failed leaves to its `onFailure` handler. */
export type FunctionFailedEvent<Event = ReceivedEvent> = ReceivedEvent<"perdure/function.failed", FailedRun<Event>>;

export const FAILED_EVENT = "perdure/function.failed";
export const FINISHED_EVENT = "perdure/function.finished";
export const CANCELLED_EVENT = "perdure/function.cancelled";
/** Also the name of the event an invoked function itself is given; its data is then what it was invoked with. */
export const INVOKED_EVENT = "perdure/function.invoked";
export const SCHEDULED_EVENT = "perdure/scheduled.timer";

const NAMES = [FAILED_EVENT, FINISHED_EVENT, CANCELLED_EVENT, INVOKED_EVENT, SCHEDULED_EVENT] as const;

export function isSystemEvent(name: unknown): name is keyof SystemEvents {
  return NAMES.some((known) => known === name);
}

/** Names of the events that tell of an end: what they start is not told of in turn. */
export function isEndEvent(name: string): boolean {
  return name === FAILED_EVENT || name === FINISHED_EVENT || name === CANCELLED_EVENT;
}
