/**
 * Owns: what the AWS protocols have in common on the wire: a request as read from the socket, an answer as written to it,
 * and the errors a request earns before any service sees it.
 */
import type { IncomingHttpHeaders } from "node:http";
import { AwsServiceError, type Input, type Output } from "../model.js";

export interface WireRequest {
  method: string;
  /** Percent-encoded, without the query. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface WireAnswer {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array;
}

export interface WireCall {
  operation: string;
  input: Input;
}

/** One of AWS's protocols, as one service speaks it. */
export interface Protocol {
  readonly maxBodyBytes: number;
  /** What is asked. Throws AwsServiceError for what the service could not read. */
  read(request: WireRequest): WireCall;
  write(call: WireCall, output: Output, request: WireRequest): WireAnswer;
  writeError(error: AwsServiceError, request: WireRequest): WireAnswer;
}

/** The body is not what the protocol prescribes. */
export function unreadableBody(reason: string): AwsServiceError {
  return new AwsServiceError("SerializationException", reason);
}

export function unknownOperation(what: string): AwsServiceError {
  return new AwsServiceError("UnknownOperationException", `${what} is not an operation of this service`);
}

/** A JSON object from a body. An empty body is an empty object, as in the REST protocol. */
export function jsonObject(body: Buffer): Input {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    throw unreadableBody("The request body is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unreadableBody("The request body is not a JSON object");
  }
  return { ...value };
}
