/**
 * Owns: making rows fit one response. Nothing is cut in half: what is too large is left out and the row says so. Outputs go
 * first, the largest of them first; then, in a list that is still too large, the stacks and causes of errors; then all but the
 * beginning of their messages.
 */
import type { Json, SerializedError } from "../../sdk/protocol.js";
import { responseBytes } from "./respond.js";

export interface FittableRow {
  output: Json;
  outputOmitted?: true;
  error: SerializedError | null;
  /** Stacks and causes of errors are left out, and long messages cut. */
  errorsShortened?: true;
  attempts?: { error: SerializedError | null }[];
}

/** One below Lambda's 6 MB, as the body of a response counts. */
const MAX_ROWS_BYTES = 5 * 1024 * 1024;
const NULL_BYTES = responseBytes(null);
/** A thousand steps of five failed attempts each still fit with messages of this length. */
const MESSAGE_CHARACTERS = 256;

export function fitRows<Row extends FittableRow>(rows: readonly Row[], maxBytes = MAX_ROWS_BYTES): Row[] {
  let bytes = rows.reduce((sum, row) => sum + responseBytes(row), 0);
  if (bytes <= maxBytes) return [...rows];
  const fitted = [...rows];
  const outputs = rows.map((row, index) => ({ row, index, outputBytes: responseBytes(row.output) }));
  outputs.sort((a, b) => b.outputBytes - a.outputBytes);
  for (const { row, index, outputBytes } of outputs) {
    if (bytes <= maxBytes || outputBytes <= NULL_BYTES) break;
    fitted[index] = { ...row, output: null, outputOmitted: true };
    bytes -= outputBytes;
  }
  if (bytes <= maxBytes) return fitted;
  const withoutStacks = fitted.map((row) => withShortErrors(row, Number.POSITIVE_INFINITY));
  const stillFits = withoutStacks.reduce((sum, row) => sum + responseBytes(row), 0) <= maxBytes;
  return stillFits ? withoutStacks : withoutStacks.map((row) => withShortErrors(row, MESSAGE_CHARACTERS));
}

function withShortErrors<Row extends FittableRow>(row: Row, messageCharacters: number): Row {
  const shorten = (error: SerializedError | null): SerializedError | null => shortError(error, messageCharacters);
  const attempts = row.attempts?.map((attempt) => ({ ...attempt, error: shorten(attempt.error) }));
  return { ...row, error: shorten(row.error), errorsShortened: true, ...(attempts ? { attempts } : {}) };
}

function shortError(error: SerializedError | null, messageCharacters: number): SerializedError | null {
  if (!error) return null;
  const { name, code } = error;
  const isLong = error.message.length > messageCharacters;
  const message = isLong ? `${error.message.slice(0, messageCharacters)}…` : error.message;
  return { name, message, ...(code === undefined ? {} : { code }) };
}
