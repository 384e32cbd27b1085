/**
 * Owns: one attempt of one body: running it for as long as it has, turning what it returns into JSON, and what it throws into
 * a verdict.
 * Must not: write the log or know about other steps.
 */
import type { Clock } from "../clock.js";
import { durationMs } from "../duration.js";
import { isNonRetriableError, retryAfterOf, serializeError } from "../errors.js";
import { isPerdureError } from "../error-catalogue.js";
import type { Json, SerializedError, StepName } from "../protocol.js";
import { resultNotJson, resultTooLarge, stepAttemptTimedOut } from "./errors.js";
import { MAX_STEP_RESULT_BYTES } from "./limits.js";
import { bodyContext, operationKey, type BodyContext } from "./step-context.js";

export type AttemptOutcome =
  | { kind: "ok"; value: Json; bytes: number }
  /** `retryAtMs` null: no wish of the error's own. */
  | { kind: "error"; error: SerializedError; final: boolean; retryAtMs: number | null };

export interface Attempt {
  runId: string;
  name: StepName;
  /** 0 for the first. */
  index: number;
  maxAttempts: number;
  /** Null: no time of its own. */
  timeoutMs: number | null;
  /** Tells the body to stop. Aborted here when its time is up. */
  abort: AbortController;
  body: () => unknown;
  /** The time was up and the body still runs. It resolves when the body has ended after all. */
  overran(ended: Promise<void>): void;
}

/** Runs a body once. Never rejects. */
export async function runAttempt(attempt: Attempt, clock: Clock): Promise<AttemptOutcome> {
  const hold = clock.hold();
  hold.resume();
  const stepId = attempt.name.id;
  try {
    const running = hold.run(() => bodyContext.run(contextOf(attempt), async () => attempt.body()));
    const value: unknown = await (attempt.timeoutMs === null
      ? running
      : inTime(attempt, attempt.timeoutMs, running, clock));
    return { kind: "ok", ...toJson(stepId, value) };
  } catch (error) {
    return { kind: "error", ...judge(error, clock.now()) };
  } finally {
    hold.pause();
  }
}

function contextOf({ runId, name, index, maxAttempts, abort }: Attempt): BodyContext {
  return {
    stepId: name.id,
    attempt: index,
    maxAttempts,
    signal: abort.signal,
    get idempotencyKey() {
      return operationKey(runId, name);
    },
  };
}

/** What the body comes to within its time. What it does afterwards is nobody's. */
function inTime(attempt: Attempt, timeoutMs: number, running: Promise<unknown>, clock: Clock): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stopTimer = clock.after(timeoutMs, () => {
      const error = stepAttemptTimedOut({ stepId: attempt.name.id, timeoutMs });
      // Rejected first: a body that stops at once when it is told to has not ended in time either.
      reject(error);
      attempt.overran(
        running.then(
          () => undefined,
          () => undefined,
        ),
      );
      attempt.abort.abort(error);
    });
    const settle = <T>(end: (value: T) => void) => {
      return (value: T): void => {
        stopTimer();
        end(value);
      };
    };
    running.then(settle(resolve), settle(reject));
  });
}

/** The value as JSON returns it: dates are strings, undefined is null. Throws what makes it impossible, as a final error. */
export function toJson(stepId: string, value: unknown): { value: Json; bytes: number } {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw resultNotJson({
      stepId,
      reason: serializeError(error).message.split("\n")[0] ?? "",
    });
  }
  if (text === undefined) return { value: null, bytes: 4 };
  const bytes = text.length > MAX_STEP_RESULT_BYTES / 4 ? utf8Bytes(text) : text.length;
  if (bytes > MAX_STEP_RESULT_BYTES) throw resultTooLarge({ stepId, bytes, limit: MAX_STEP_RESULT_BYTES });
  // JSON.parse returns any; what JSON.stringify wrote is JSON.
  return { value: JSON.parse(text) as Json, bytes };
}

const encoder = new TextEncoder();
const utf8Bytes = (text: string): number => encoder.encode(text).byteLength;

/** What an error asks for: whether another attempt makes sense, and when. */
export function judge(
  error: unknown,
  nowMs: number,
): { error: SerializedError; final: boolean; retryAtMs: number | null } {
  const serialized = serializeError(error);
  if (isNonRetriableError(error) || (isPerdureError(error) && !error.retryable)) {
    return { error: serialized, final: true, retryAtMs: null };
  }
  const retryAfter = retryAfterOf(error);
  return { error: serialized, final: false, retryAtMs: retryAfter === null ? null : retryAtMs(retryAfter, nowMs) };
}

function retryAtMs(retryAfter: number | string | Date, nowMs: number): number {
  const atMs = retryAfter instanceof Date ? retryAfter.getTime() : nowMs + durationMs(retryAfter);
  return Math.max(nowMs, atMs);
}
