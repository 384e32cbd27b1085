/**
 * Owns: the errors a user throws to steer retries, the error a failed step rejects with, how any thrown value is written
 * down and read back, and the catalogue entries of the client, of functions, triggers and events.
 * Must not: decide when or whether to retry; the host reads what is here and decides.
 * E1 serializeError never throws and its result is bounded, whatever it is given.
 * E2 Errors are known by brand, not by class: an app may hold two copies of this package.
 */
import { defineError, shown } from "./error-catalogue.js";
import { durationMs, MAX_WAIT_MS, type TimeStr } from "./duration.js";
import type { SerializedError } from "./protocol.js";

const nonRetriableBrand = Symbol.for("perdure.NonRetriableError");
const retryAfterBrand = Symbol.for("perdure.RetryAfterError");
const stepErrorBrand = Symbol.for("perdure.StepError");

/** `value[key]`, or undefined where there is nothing to read or reading throws. */
function read(value: unknown, key: PropertyKey): unknown {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return undefined;
  try {
    return Reflect.get(value, key);
  } catch {
    // A throwing getter or a revoked proxy: an error that cannot be read must not hide the failure it stands for.
    return undefined;
  }
}

const isBranded = (value: unknown, brand: symbol): boolean => read(value, brand) === true;

/**
 * Ends the step at once: no further attempt is made. Thrown outside a step, it ends the run.
 *
 * @example
 * await step.run("charge", async () => {
 *   const card = await cards.find(event.data.cardId);
 *   if (!card) throw new NonRetriableError("The card does not exist");
 * });
 */
export class NonRetriableError extends Error {
  override readonly name: string = "NonRetriableError";
  readonly [nonRetriableBrand] = true;
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
  }
  /** Instances of another copy of this package count; subclasses keep JavaScript's own rule. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== NonRetriableError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return isNonRetriableError(value);
  }
}

/**
 * Fails this attempt and says when the next may start: after so many milliseconds, after a duration, or at a time.
 * The number of attempts stays what `retries` allows.
 *
 * @example
 * if (response.status === 429) throw new RetryAfterError("The API is busy", "30s");
 */
export class RetryAfterError extends Error {
  override readonly name: string = "RetryAfterError";
  readonly [retryAfterBrand] = true;
  /** Milliseconds from when it was thrown, or a point in time. */
  readonly retryAfter: number | Date;
  constructor(message: string, retryAfter: number | TimeStr | Date, options?: { cause?: unknown }) {
    super(message, options);
    this.retryAfter = readRetryAfter(retryAfter);
  }
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== RetryAfterError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return retryAfterOf(value) !== null;
  }
}

/** A time that has passed, as a date or as a negative number, means: at once. */
function readRetryAfter(retryAfter: number | TimeStr | Date): number | Date {
  if (typeof retryAfter === "number" && retryAfter < 0) return 0;
  if (retryAfter instanceof Date) {
    if (Number.isNaN(retryAfter.getTime())) throw retryAfterInvalid({ is: "its date is invalid" });
    return new Date(retryAfter);
  }
  try {
    return durationMs(retryAfter);
  } catch (cause) {
    throw retryAfterInvalid({ is: "its delay is not a duration" }, { cause });
  }
}

/**
 * What `step.run` rejects with once its attempts are used up. `name`, `message`, `stack` and `cause` are those of the
 * last attempt's error, as far as they can be written down; its class is not, since it may have been thrown in another
 * process long ago. Tell errors apart by `name`.
 *
 * @example
 * try {
 *   await step.run("primary", () => primary.call());
 * } catch (error) {
 *   if (!(error instanceof StepError)) throw error;
 *   await step.run("fallback", () => fallback.call());
 * }
 */
export class StepError extends Error {
  override readonly name: string;
  readonly [stepErrorBrand] = true;
  /** The id the step was given. */
  readonly stepId: string;
  /** The original error's code, such as "ECONNREFUSED". */
  readonly code: string | undefined;
  constructor(stepId: string, error: SerializedError) {
    super(error.message, error.cause && { cause: revive(error.cause) });
    this.name = error.name;
    this.stepId = stepId;
    this.code = error.code;
    this.stack = error.stack ?? `${error.name}: ${error.message}`;
  }
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== StepError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return isStepError(value);
  }
}

export function isNonRetriableError(value: unknown): value is NonRetriableError {
  return isBranded(value, nonRetriableBrand);
}

export function isRetryAfterError(value: unknown): value is RetryAfterError {
  return retryAfterOf(value) !== null;
}

export function isStepError(value: unknown): value is StepError {
  return isBranded(value, stepErrorBrand);
}

/** When an error wants the next attempt: milliseconds from now, or a point in time. Null: it has no wish. */
export function retryAfterOf(value: unknown): number | Date | null {
  if (!isBranded(value, retryAfterBrand)) return null;
  const retryAfter = read(value, "retryAfter");
  return isWait(retryAfter) ? retryAfter : null;
}

/** Its constructor lets in nothing else, but members can be set: a wish that is no time is none. */
function isWait(value: unknown): value is number | Date {
  try {
    if (value instanceof Date) return !Number.isNaN(value.getTime());
  } catch {
    return false;
  }
  return typeof value === "number" && value >= 0 && value <= MAX_WAIT_MS;
}

/** The error a step left in the log, as the function meets it. The same log gives the same error. */
export function reviveStepError(error: SerializedError, stepId: string): StepError {
  return new StepError(stepId, error);
}

/** An error as it was written down, as an Error again. Its class is not kept. */
export function reviveError(error: SerializedError): Error {
  return revive(error);
}

function revive(serialized: SerializedError): Error {
  const error = new Error(serialized.message, serialized.cause && { cause: revive(serialized.cause) });
  error.name = serialized.name;
  error.stack = serialized.stack ?? `${serialized.name}: ${serialized.message}`;
  return serialized.code === undefined ? error : Object.assign(error, { code: serialized.code });
}

// Bounds of one written error. With a cause chain of 5 the worst case stays near 150 KB, well under DynamoDB's 400 KB.
const MAX_MESSAGE_BYTES = 16 * 1024;
const MAX_STACK_BYTES = 8 * 1024;
const MAX_NAME_BYTES = 256;
/** Errors below the first one. */
const MAX_CAUSE_DEPTH = 5;
const TRUNCATED = "… (truncated)";

/**
 * Any thrown value as JSON: at most 16 KB of message, 8 KB of stack and five causes; cycles end the chain. Reads nothing
 * but name, message, stack, code, cause and the first of `errors`, changes nothing, and never throws.
 */
export function serializeError(value: unknown): SerializedError {
  return serializeAt(value, 0, new Set());
}

function serializeAt(value: unknown, depth: number, seen: Set<unknown>): SerializedError {
  seen.add(value);
  const message = read(value, "message");
  if (typeof message !== "string") return { name: "Error", message: bounded(thrownText(value), MAX_MESSAGE_BYTES) };
  const serialized: SerializedError = {
    name: bounded(textOf(read(value, "name")) || "Error", MAX_NAME_BYTES),
    message: bounded(message, MAX_MESSAGE_BYTES),
  };
  const stack = read(value, "stack");
  if (typeof stack === "string") serialized.stack = bounded(stack, MAX_STACK_BYTES);
  const code = textOf(read(value, "code"));
  if (code !== "") serialized.code = bounded(code, MAX_NAME_BYTES);
  const cause = causeOf(value);
  if (cause !== undefined && cause !== null && depth < MAX_CAUSE_DEPTH && !seen.has(cause)) {
    serialized.cause = serializeAt(cause, depth + 1, seen);
  }
  return serialized;
}

/** An AggregateError (`Promise.any`) says nothing by itself: its first error stands in for the cause it does not have. */
function causeOf(value: unknown): unknown {
  return read(value, "cause") ?? read(read(value, "errors"), 0);
}

/** Names and codes: text as it is, numbers (gRPC, HTTP) as text, everything else as nothing. */
function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function thrownText(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    const json: unknown = typeof value === "object" ? JSON.stringify(value) : undefined;
    return typeof json === "string" ? json : String(value);
  } catch {
    // Cyclic, or built to throw when it is shown. What kind of value it is can still be said.
    return `a thrown ${typeof value} that cannot be shown`;
  }
}

/** At most `limitBytes` of JSON in UTF-8, well formed: a lone surrogate would not survive the way through the table. */
function bounded(text: string, limitBytes: number): string {
  if (fitting(text, limitBytes) === text.length) return wellFormed(text);
  return `${wellFormed(text.slice(0, fitting(text, limitBytes - new TextEncoder().encode(TRUNCATED).byteLength)))}${TRUNCATED}`;
}

/** How much of a text fits, in UTF-16 units, between characters. */
function fitting(text: string, limitBytes: number): number {
  let bytes = 0;
  for (let at = 0; at < text.length;) {
    const point = text.codePointAt(at) ?? 0;
    bytes += jsonBytes(point);
    if (bytes > limitBytes) return at;
    at += point > 0xffff ? 2 : 1;
  }
  return text.length;
}

/** What a character takes where errors are kept: JSON writes some with six, and six times the limit fits no item. */
function jsonBytes(point: number): number {
  if (point < 0x20) return [0x08, 0x09, 0x0a, 0x0c, 0x0d].includes(point) ? 2 : 6;
  if (point < 0x80) return point === 0x22 || point === 0x5c ? 2 : 1;
  if (point < 0x800) return 2;
  return point > 0xffff ? 4 : 3;
}

function wellFormed(text: string): string {
  return decode(new TextEncoder().encode(text));
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

// ---- Catalogue of this room ----

/** What is wrong with one thing, in the two halves every message has. */
export interface Fault {
  is: string;
  expected: string;
}

/** What was given as an id or a name, which may be anything, a bigint or a cycle included. */
function named(value: unknown): string {
  const hasNoJson = typeof value === "bigint" || (typeof value === "object" && value !== null);
  return shown(hasNoJson ? Object.prototype.toString.call(value) : value);
}

/** Retryable: it stands for a failure that was meant to be retried, with a wrong idea of when. */
export const retryAfterInvalid = defineError<{ is: string }>({
  code: "RETRY_AFTER_INVALID",
  status: 400,
  retryable: true,
  message: ({ is }) => `Cannot create RetryAfterError: ${is}; expected a valid Date, milliseconds or a duration`,
  remedy: 'Pass milliseconds, a duration such as "30s", or a Date that is a point in time.',
});

export const clientInvalid = defineError<Fault & { id: unknown }>({
  code: "CLIENT_INVALID",
  status: 400,
  retryable: false,
  message: ({ id, is, expected }) => `Cannot create client ${named(id)}: ${is}; expected ${expected}`,
  remedy: "Correct the options given to new Perdure().",
});

export const functionInvalid = defineError<Fault & { id: unknown }>({
  code: "FUNCTION_INVALID",
  status: 400,
  retryable: false,
  message: ({ id, is, expected }) => `Cannot create function ${named(id)}: ${is}; expected ${expected}`,
  remedy: "Correct the options given to createFunction().",
});

export const triggerInvalid = defineError<Fault & { id: unknown }>({
  code: "FUNCTION_TRIGGER_INVALID",
  status: 400,
  retryable: false,
  message: ({ id, is, expected }) => `Cannot create function ${named(id)}: ${is}; expected ${expected}`,
  remedy: 'Give the function triggers such as { event: "app/user.created" } or { cron: "0 9 * * 1" }.',
});

export const eventTypeInvalid = defineError<Fault & { name: unknown }>({
  code: "EVENT_TYPE_INVALID",
  status: 400,
  retryable: false,
  message: ({ name, is, expected }) => `Cannot create event type ${named(name)}: ${is}; expected ${expected}`,
  remedy: "Correct the arguments given to eventType().",
});

export const eventNotSendable = defineError<Fault & { name: unknown }>({
  code: "EVENT_NOT_SENDABLE",
  status: 400,
  retryable: false,
  message: ({ name, is, expected }) => `Cannot send event ${named(name)}: ${is}; expected ${expected}`,
  remedy: "Correct the event; nothing was sent.",
});

export const eventDataInvalid = defineError<{ name: string; verb: "send" | "receive"; issues: string }>({
  code: "EVENT_DATA_INVALID",
  status: 400,
  retryable: false,
  message: ({ name, verb, issues }) =>
    `Cannot ${verb} event ${shown(name)}: its data has ${issues}; expected data that fits the schema of its event type`,
  remedy: "Send data that fits the schema, or change the schema so that events already sent still fit it.",
});

export const sendNotConfigured = defineError<{ is: string }>({
  code: "SEND_NOT_CONFIGURED",
  status: 400,
  retryable: false,
  message: ({ is }) => `Cannot send events: ${is}; expected both a base URL and an event key`,
  remedy: "Set PERDURE_URL and PERDURE_EVENT_KEY, or pass baseUrl and eventKey to new Perdure().",
});

export const sendRefused = defineError<{ status: number; answer: string }>({
  code: "SEND_REFUSED",
  status: 502,
  retryable: false,
  message: ({ status, answer }) =>
    `Cannot send events: the answer is HTTP ${status} ${shown(answer)}; expected { ids } from Perdure's event API`,
  remedy: "Check that PERDURE_URL (or baseUrl) is the address of Perdure's API, without a path.",
});

export const sendUnreachable = defineError<{ attempts: number; reason: string }>({
  code: "SEND_UNREACHABLE",
  status: 503,
  retryable: true,
  message: ({ attempts, reason }) =>
    `Cannot send events: ${attempts} attempts failed, the last one with ${shown(reason)}; expected an answer`,
  remedy: "Check that Perdure is running and PERDURE_URL is right; for a laptop, start it with: npx perdure dev.",
});

export const stepInterrupted = defineError<{ stepId: string }>({
  code: "STEP_INTERRUPTED",
  status: 500,
  retryable: true,
  message: ({ stepId }) =>
    `Cannot finish step ${shown(stepId)}: the worker died while its body ran; expected it to return or throw`,
  remedy: "Look at the worker's log for a crash, running out of memory, or a timeout.",
});
