/** Owns: `timeouts` of a function: how long its runs may wait for their beginning and take for their end, drawn with it. */
import type { Draft } from "../operation.js";

/** As in the function's configuration, in milliseconds. A member that is missing says: as long as it likes. */
export interface DrawnTimeouts {
  start?: number;
  finish?: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Some that a run meets while it works, some while it sleeps, and one for which EventBridge Scheduler has to wake it. */
const FINISH_MS = [2 * SECOND, 15 * SECOND, 2 * MINUTE, 16 * MINUTE, 5 * HOUR, 50 * HOUR];
/** A queue that is late, an outage or a busy worker holds a run up for as long. */
const START_MS = [SECOND, 5 * SECOND, 30 * SECOND, 3 * MINUTE];

export function drawTimeouts(draft: Draft): DrawnTimeouts {
  const timeouts: DrawnTimeouts = {};
  if (draft.chance(0.25)) timeouts.finish = draft.pick(FINISH_MS);
  if (draft.chance(0.2)) timeouts.start = draft.pick(START_MS);
  return timeouts;
}

export function showTimeouts({ start, finish }: DrawnTimeouts): string {
  const parts = [start === undefined ? [] : [`start ${start} ms`], finish === undefined ? [] : [`finish ${finish} ms`]];
  return parts.flat().join(", ");
}
