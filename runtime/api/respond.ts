/**
 * Owns: an answer as API Gateway takes it from a function (payload format 2.0), within the size Lambda can carry.
 * Must not: decide what is in it.
 */
import type { PerdureError } from "../../sdk/error-catalogue.js";
import { responseTooLarge } from "./errors.js";

export interface ApiAnswer {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

/**
 * A Lambda response has at most 6 MB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html), counted
 * after the body has become a JSON string: each quote in it takes two bytes. A little is left for headers.
 */
const MAX_BODY_BYTES = 6 * 1024 * 1024 - 64 * 1024;
/** No body with fewer characters can be too large: escaping makes at most six bytes of one. */
const SURELY_FITS_CHARACTERS = Math.floor(MAX_BODY_BYTES / 6);

/** Bytes a value takes inside a response: its JSON, written once more as a JSON string. */
export function responseBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(JSON.stringify(value)));
}

/** Throws RESPONSE_TOO_LARGE for a body Lambda could not carry. */
export function answer(statusCode: number, content: unknown, headers: Record<string, string> = {}): ApiAnswer {
  const body = JSON.stringify(content);
  if (body.length > SURELY_FITS_CHARACTERS) {
    const bytes = Buffer.byteLength(JSON.stringify(body));
    if (bytes > MAX_BODY_BYTES) throw responseTooLarge({ bytes, maxBytes: MAX_BODY_BYTES });
  }
  return {
    statusCode,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", ...headers },
    body,
  };
}

export function errorAnswer(error: PerdureError, headers?: Record<string, string>): ApiAnswer {
  const { status, code, message, remedy } = error;
  return answer(status, { error: { code, message, remedy } }, headers);
}
