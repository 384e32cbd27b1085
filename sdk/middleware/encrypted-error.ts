/**
 * Owns: an error with everything in it encrypted but its name and code, which tell it apart: its message is a token of all
 * of it.
 * Must not: grow beyond what the platform keeps of a message (16 KB): a token that is cut does not open.
 */
import { serializeError } from "../errors.js";
import type { Json, SerializedError } from "../protocol.js";
import { isToken } from "./envelope.js";

/** A token is longer than what is in it by a third, the rest of the 16 KB is its header's. */
const MAX_PLAIN_BYTES = 11 * 1024;
/** Lengths texts are cut to, one after the other, when all of it does not fit. A character takes up to six bytes in JSON. */
const CUT_CHARACTERS = [4_096, 1_024, 256] as const;
/** Causes that are left then. */
const KEPT_CAUSES = 1;

/** The error with a token for its message. `hide` makes the token of what it is given. */
export function hiddenError(value: unknown, hide: (error: Json) => string): SerializedError {
  const { name, code, ...rest } = serializeError(value);
  if (isToken(rest.message)) return { name, message: rest.message, ...(code === undefined ? {} : { code }) };
  return { name, message: hide(asJson(fitting({ name, ...rest }))), ...(code === undefined ? {} : { code }) };
}

/** The opposite, for the error and its causes: an invoked function's error is the cause of another. */
export function shownError(value: unknown, open: (token: string) => unknown): SerializedError {
  const error = serializeError(value);
  const shown: SerializedError = isToken(error.message) ? { ...error, ...opened(open(error.message)) } : error;
  return shown.cause ? { ...shown, cause: shownError(shown.cause, open) } : shown;
}

function opened(value: unknown): Partial<SerializedError> {
  const { name: _name, code: _code, ...rest } = serializeError(value);
  return rest;
}

function fitting(error: SerializedError): SerializedError {
  let kept = error;
  for (const characters of CUT_CHARACTERS) {
    if (Buffer.byteLength(JSON.stringify(kept)) <= MAX_PLAIN_BYTES) break;
    kept = shortened(error, characters, KEPT_CAUSES);
  }
  return kept;
}

function shortened(
  { name, message, stack, code, cause }: SerializedError,
  characters: number,
  causes: number,
): SerializedError {
  return {
    name,
    message: cut(message, characters),
    ...(stack === undefined ? {} : { stack: cut(stack, characters) }),
    ...(code === undefined ? {} : { code }),
    ...(cause && causes > 0 ? { cause: shortened(cause, characters, causes - 1) } : {}),
  };
}

/** Well formed: half of a pair would not survive the way through UTF-8. */
function cut(text: string, maxCharacters: number): string {
  return text.length <= maxCharacters
    ? text
    : `${text.slice(0, maxCharacters).replace(/[\uD800-\uDBFF]$/, "")}… (truncated)`;
}

/** Text in named members, through and through. */
function asJson({ cause, ...error }: SerializedError): { [key: string]: Json } {
  return cause ? { ...error, cause: asJson(cause) } : { ...error };
}
