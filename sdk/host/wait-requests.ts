/**
 * Owns: reading what a function writes for a wait (an event, a signal, another function) into what the log keeps of it.
 * Must not: read an expression; the platform does when the wait is armed, and answers with an error that rejects it.
 */
import { durationMs, MAX_WAIT_MS, type TimeStr } from "../duration.js";
import { eventMatch } from "../event-match.js";
import type { Json, EventMatch, WaitingOp } from "../protocol.js";
import { isFunctionReference } from "../reference.js";
import { isPerdureFunction } from "../function.js";
import type {
  InvokeOptions,
  WaitForAnyOptions,
  WaitForEventOptions,
  WaitForSignalOptions,
  WaitTimeout,
} from "../steps.js";
import { toJson } from "./attempt.js";
import { waitInvalid } from "./errors.js";

/** An invoked function is waited for this long when nothing is said: as long as anything can be waited for. */
const LONGEST_INVOKE: TimeStr = "366d";
const MAX_EVENTS = 10;
const MAX_SIGNAL_CHARACTERS = 256;

/** Says what is wrong with which step. */
export type Refuse = (is: string, expected: string) => never;

export function refuseWait(stepId: string): Refuse {
  return (is, expected) => {
    throw waitInvalid({ stepId, is, expected });
  };
}

export function eventWait(options: WaitForEventOptions, nowMs: number, refuse: Refuse): WaitingOp {
  requireObject(options, refuse);
  return waitOn([eventMatch(options, refuse)], options, nowMs, refuse);
}

export function anyWait(options: WaitForAnyOptions, nowMs: number, refuse: Refuse): WaitingOp {
  requireObject(options, refuse);
  const { events } = options;
  if (!Array.isArray(events) || events.length === 0 || events.length > MAX_EVENTS) {
    refuse("its events are not usable", `a list of 1 to ${MAX_EVENTS}`);
  }
  const on = events.map((event) => {
    requireObject(event, refuse);
    return eventMatch(event, refuse);
  });
  return waitOn(on, options, nowMs, refuse);
}

function waitOn(
  on: readonly EventMatch[],
  { timeout, lookback }: Pick<WaitForEventOptions, "timeout" | "lookback">,
  nowMs: number,
  refuse: Refuse,
): WaitingOp {
  const op = { kind: "event", untilMs: timeoutAt(timeout, nowMs, refuse), on } as const;
  if (lookback === undefined) return op;
  return { ...op, lookback: lookback === "run" ? "run" : durationMs(lookback, MAX_WAIT_MS) };
}

export function signalWait(options: WaitForSignalOptions, nowMs: number, refuse: Refuse): WaitingOp {
  requireObject(options, refuse);
  const { signal, timeout, onConflict = "fail" } = options;
  if (typeof signal !== "string" || signal === "" || signal.length > MAX_SIGNAL_CHARACTERS) {
    return refuse("its signal is not usable", `a name of 1 to ${MAX_SIGNAL_CHARACTERS} characters`);
  }
  if (onConflict !== "fail" && onConflict !== "replace") {
    return refuse(`its onConflict is ${JSON.stringify(onConflict)}`, '"fail" or "replace"');
  }
  return { kind: "signal", untilMs: timeoutAt(timeout, nowMs, refuse), signal, onConflict };
}

export function invokeWait(
  options: InvokeOptions,
  { stepId, appId }: { stepId: string; appId: string },
  nowMs: number,
  refuse: Refuse,
): WaitingOp {
  requireObject(options, refuse);
  const { function: target, data, timeout = LONGEST_INVOKE, onCancel = "cancel" } = options;
  if (onCancel !== "cancel" && onCancel !== "detach") {
    return refuse(`its onCancel is ${JSON.stringify(onCancel)}`, '"cancel" or "detach"');
  }
  const json = toJson(stepId, data ?? {}).value;
  if (!isMembers(json)) return refuse("its data is not an object", "an object with named members");
  const rest = { untilMs: timeoutAt(timeout, nowMs, refuse), data: json, onCancel };
  if (isPerdureFunction(target)) return { kind: "invoke", appId: target.client.id, functionId: target.id, ...rest };
  if (isFunctionReference(target)) {
    return { kind: "invoke", appId: target.appId ?? appId, functionId: target.functionId, ...rest };
  }
  return refuse("its function is none", "a function made by createFunction, or referenceFunction({ functionId })");
}

function timeoutAt(timeout: WaitTimeout, nowMs: number, refuse: Refuse): number {
  if (timeout === undefined) refuse("it has no timeout", 'one such as "30m", "7d" or a Date');
  const atMs = timeout instanceof Date ? timeout.getTime() : nowMs + durationMs(timeout, MAX_WAIT_MS);
  if (Number.isNaN(atMs) || atMs - nowMs > MAX_WAIT_MS)
    refuse("its timeout is no usable time", "at most 366 days away");
  return atMs;
}

function requireObject(options: unknown, refuse: Refuse): void {
  if (typeof options !== "object" || options === null) refuse("its options are not an object", "{ …, timeout }");
}

function isMembers(value: Json): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
