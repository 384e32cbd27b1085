/**
 * Owns: how a user says how long a run may wait and take, and what that is to the platform.
 * Must not: know when a run is late; the runtime does.
 */
import { durationOrNull, type TimeStr } from "./duration.js";
import type { Fault } from "./errors.js";
import type { TimeoutsConfig } from "./protocol.js";

/** After which a run is cancelled. Durations are text, or milliseconds: 1 s to 366 days. */
export interface Timeouts {
  /** A run that nobody has begun to work on within this time of its event is cancelled instead of begun. */
  start?: number | TimeStr | undefined;
  /**
   * A run that has not ended within this time of its beginning is cancelled, whether it runs (its `signal` aborts), waits or
   * sleeps.
   */
  finish?: number | TimeStr | undefined;
}

/** A shorter one would cancel runs that are merely cold. */
export const TIMEOUT_MS = { min: 1_000, max: 366 * 86_400_000 } as const;
const FORM = '{ start: "10m", finish: "1h" }';

/** What was written, as the platform keeps it, or what is wrong with it. */
export function readTimeouts(timeouts: unknown): TimeoutsConfig | Fault {
  if (typeof timeouts !== "object" || timeouts === null) return { is: "its timeouts are no object", expected: FORM };
  const config: TimeoutsConfig = {};
  for (const [name, value] of Object.entries(timeouts)) {
    if (name !== "start" && name !== "finish") return { is: `its timeouts have the member "${name}"`, expected: FORM };
    if (value === undefined) continue;
    const ms = durationOrNull(value);
    if (!isTimeoutMs(ms)) return { is: `its timeout ${name} is no usable duration`, expected: "1 s to 366 days" };
    config[name === "start" ? "startMs" : "finishMs"] = ms;
  }
  return config;
}

/** Whether a timeout, in the form the platform keeps it, is within its bounds. */
export function isTimeoutMs(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= TIMEOUT_MS.min && value <= TIMEOUT_MS.max;
}
