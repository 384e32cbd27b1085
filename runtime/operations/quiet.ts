/** Owns: which runs are not told of, so that telling of runs has an end. */
import { INVOKED_EVENT, isEndEvent } from "../../sdk/system-events.js";
import type { RunHead } from "../core/run.js";

/**
 * Whether nobody is told of what becomes of a run, but its parent: it listens to what the platform tells of runs, or was
 * invoked on behalf of one that does. Telling of it too would never end.
 */
export function isQuiet(head: Pick<RunHead, "quiet" | "parent">, eventName: string): boolean {
  return head.quiet || isEndEvent(eventName) || (eventName === INVOKED_EVENT && head.parent === null);
}
