/**
 * Owns: making rows fit one response. Nothing is cut in half: what is too large is left out and the row says so. Outputs go
 * first, the largest of them first; then, in a list that is still too large, the stacks and causes of errors.
 */
import type { Json, SerializedError } from "../../sdk/protocol.js";
import { responseBytes } from "./respond.js";

export interface FittableRow {
  output: Json;
  outputOmitted?: true;
  error: SerializedError | null;
  /** Stacks and causes of errors are left out. */
  errorsShortened?: true;
  attempts?: { error: SerializedError | null }[];
}

/** One below Lambda's 6 MB, as the body of a response counts. */
const MAX_ROWS_BYTES = 5 * 1024 * 1024;
const NULL_BYTES = responseBytes(null);

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
  return bytes <= maxBytes ? fitted : fitted.map(withShortErrors);
}

function withShortErrors<Row extends FittableRow>(row: Row): Row {
  const attempts = row.attempts?.map((attempt) => ({ ...attempt, error: shortError(attempt.error) }));
  const error = shortError(row.error);
  return { ...row, error, errorsShortened: true, ...(attempts ? { attempts } : {}) };
}

function shortError(error: SerializedError | null): SerializedError | null {
  if (!error) return null;
  const { name, message, code } = error;
  return { name, message, ...(code === undefined ? {} : { code }) };
}
