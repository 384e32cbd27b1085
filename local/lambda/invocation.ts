/**
 * Owns: what one Lambda invocation is given and how it can end, in Lambda's own words: the handler's shape, its context,
 * the error an invocation is answered with, and the size limits of a synchronous call.
 * Must not: know where the code runs (a sandbox does) or who asked for it (a mapping, the HTTP API, a schedule).
 */
import type { Random } from "../../sdk/clock.js";

/** A synchronous invocation carries at most 6 MB each way: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
export const INVOCATION_PAYLOAD_LIMIT_BYTES = 6_291_556;

export interface FunctionSettings {
  name: string;
  timeoutMs: number;
  memoryMb: number;
  /** Sandboxes at one time; one invocation each. An invocation beyond is throttled. */
  maxConcurrency: number;
}

/** Lambda's context object, as far as it means something here. */
export interface LambdaContext {
  functionName: string;
  functionVersion: string;
  invokedFunctionArn: string;
  memoryLimitInMB: string;
  awsRequestId: string;
  logGroupName: string;
  logStreamName: string;
  callbackWaitsForEmptyEventLoop: boolean;
  getRemainingTimeInMillis(): number;
  /**
   * Ours, absent on AWS: asks that this sandbox be ended after the response, because code still runs in it that must not
   * wake inside another invocation. On AWS the runtime ends the process itself.
   */
  retire?(): void;
}

export type LambdaHandler = (event: unknown, context: LambdaContext) => unknown;

/** One invocation as a sandbox is given it. */
export interface Invocation {
  requestId: string;
  settings: FunctionSettings;
}

/**
 * Why an invocation gave no result.
 * - `handler`: the handler threw. - `init`: the sandbox could not load its code. - `exit`: the sandbox died.
 * - `timeout`: killed at the function's timeout. - `throttled`: no sandbox was free; nothing ran. - `size`: over 6 MB.
 */
export type InvocationFailure = "handler" | "init" | "exit" | "timeout" | "throttled" | "size";

/** An invocation's error as Lambda answers it. A modelled AWS answer, so not an entry of the platform's own catalogue. */
export class InvocationError extends Error {
  override readonly name = "InvocationError";
  readonly failure: InvocationFailure;
  /** Lambda's `errorType`: "Runtime.ExitError", "Sandbox.Timedout", or the name of the handler's error. */
  readonly errorType: string;
  /** The handler's own stack, where there is one. */
  readonly trace: string | undefined;
  constructor(failure: InvocationFailure, errorType: string, message: string, trace?: string) {
    super(message);
    this.failure = failure;
    this.errorType = errorType;
    this.trace = trace;
  }
}

export const throttled = (functionName: string, maxConcurrency: number): InvocationError =>
  new InvocationError(
    "throttled",
    "TooManyRequestsException",
    `Rate Exceeded: function "${functionName}" has ${maxConcurrency} of ${maxConcurrency} sandboxes busy`,
  );

export const timedOut = (requestId: string, timeoutMs: number): InvocationError =>
  new InvocationError(
    "timeout",
    "Sandbox.Timedout",
    `RequestId: ${requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`,
  );

export const exited = (requestId: string, how: string): InvocationError =>
  new InvocationError("exit", "Runtime.ExitError", `RequestId: ${requestId} Error: Runtime exited with error: ${how}`);

export const requestTooLarge = (payloadBytes: number): InvocationError =>
  new InvocationError(
    "size",
    "RequestEntityTooLargeException",
    `${payloadBytes} byte payload is too large for the RequestResponse invocation type (limit ${INVOCATION_PAYLOAD_LIMIT_BYTES} bytes)`,
  );

export const responseTooLarge = (): InvocationError =>
  new InvocationError(
    "size",
    "Function.ResponseSizeTooLarge",
    `Response payload size exceeded maximum allowed payload size (${INVOCATION_PAYLOAD_LIMIT_BYTES} bytes).`,
  );

/** The error of a handler that threw `value`, which may be anything. */
export function handlerError(value: unknown): InvocationError {
  if (value instanceof InvocationError) return value;
  if (value instanceof Error) return new InvocationError("handler", value.name, value.message, value.stack);
  return new InvocationError("handler", typeof value, String(value));
}

/** The error of a sandbox that could not load its code. */
export function initError(value: unknown): InvocationError {
  if (value instanceof InvocationError) return value;
  const { errorType, message, trace } = handlerError(value);
  return new InvocationError("init", errorType, message, trace);
}

/** The handler's result as JSON text, as Lambda writes it: undefined becomes null, what JSON cannot hold is an error. */
export function resultToJson(result: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(result);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvocationError(
      "handler",
      "Runtime.MarshalError",
      `Unable to stringify response body as json: ${reason}`,
    );
  }
  const json = text ?? "null";
  if (exceedsPayloadLimit(json)) throw responseTooLarge();
  return json;
}

/** A UTF-16 unit is at most three bytes of UTF-8, so most texts are cleared without counting. */
export function exceedsPayloadLimit(text: string): boolean {
  if (text.length * 3 <= INVOCATION_PAYLOAD_LIMIT_BYTES) return false;
  return Buffer.byteLength(text) > INVOCATION_PAYLOAD_LIMIT_BYTES;
}

export const functionArn = (name: string): string => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;

export function makeContext(
  invocation: Invocation,
  sandboxId: string,
  remainingMs: () => number,
  retire: () => void,
): LambdaContext {
  const { settings, requestId } = invocation;
  return {
    functionName: settings.name,
    functionVersion: "$LATEST",
    invokedFunctionArn: functionArn(settings.name),
    memoryLimitInMB: String(settings.memoryMb),
    awsRequestId: requestId,
    logGroupName: `/aws/lambda/${settings.name}`,
    logStreamName: sandboxId,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(remainingMs())),
    retire,
  };
}

/** A version 4 UUID, which is what Lambda and API Gateway give as request ids. */
export function requestIdFrom(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
