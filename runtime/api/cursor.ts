/**
 * Owns: the form of a cursor: a place in the list of runs, opaque to who holds it.
 * It carries no rights and no filter: a forged one only begins a list elsewhere, so it is checked but not signed.
 */
import { parseRunId } from "../core/ids.js";
import { functionSort, parseFunctionSort } from "../state/keys.js";
import { invalidQuery } from "./errors.js";

/** The next page holds what sorts before `before` (state/keys.ts, functionSort). */
export function encodeCursor(before: string): string {
  return Buffer.from(JSON.stringify({ v: 1, before })).toString("base64url");
}

/** The place a cursor names. Throws INVALID_QUERY for any text that `encodeCursor` could not have made. */
export function readCursor(cursor: string): string {
  const before = beforeOf(cursor);
  if (before === null || encodeCursor(before) !== cursor || !isPosition(before)) {
    throw invalidQuery({ name: "cursor", is: "it is none of this API", expected: "the cursor of the page before" });
  }
  return before;
}

function beforeOf(cursor: string): string | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (typeof value !== "object" || value === null || !("before" in value)) return null;
    return typeof value.before === "string" ? value.before : null;
  } catch {
    // Not JSON: as wrong as any other text that is no cursor.
    return null;
  }
}

/** A run's own place, or one between two times, which has no run. */
function isPosition(text: string): boolean {
  if (!/^\d{14}#/.test(text)) return false;
  const { createdAtMs, runId } = parseFunctionSort(text);
  return functionSort(createdAtMs, runId) === text && (runId === "" || parseRunId(runId) !== null);
}
