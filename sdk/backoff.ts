/**
 * Owns: how a user says how long failed attempts wait for the next one, and what that is to the platform.
 * Must not: compute a delay; the runtime does, and draws its jitter.
 */
import { durationOrNull, type TimeStr } from "./duration.js";
import type { Fault } from "./errors.js";
import { shown } from "./error-catalogue.js";
import type { BackoffConfig } from "./protocol.js";

/**
 * The pause after a failed attempt: `first` after the first one, then `factor` times as long each time, at most `longest`.
 * Each is spread by a quarter up or down. Numbers are milliseconds. What is left out is 2 s, 4 and 1 h; `longest` is never
 * less than `first`. `factor: 1` waits equally long each time.
 */
export interface Backoff {
  /** 0 to 366 days. */
  first?: number | TimeStr;
  /** 1 to 100. */
  factor?: number;
  /** At least `first`, at most 366 days. */
  longest?: number | TimeStr;
}

/** What the platform does when nothing is said; runtime/core/backoff.ts has the reasons. */
const DEFAULTS: BackoffConfig = { firstMs: 2_000, factor: 4, longestMs: 3_600_000 };
const MAX_FACTOR = 100;
const MEMBERS: readonly string[] = ["first", "factor", "longest"];
const FORM = '{ first: "2s", factor: 4, longest: "1h" }';

/** What was written, as the platform keeps it, or what is wrong with it. */
export function readBackoff(backoff: unknown): BackoffConfig | Fault {
  if (typeof backoff !== "object" || backoff === null) return { is: "its backoff is no object", expected: FORM };
  const unknownMember = Object.keys(backoff).find((member) => !MEMBERS.includes(member));
  if (unknownMember !== undefined) {
    return { is: `its backoff has the unknown member "${unknownMember}"`, expected: FORM };
  }
  const {
    first,
    factor = DEFAULTS.factor,
    longest,
  }: { first?: unknown; factor?: unknown; longest?: unknown } = backoff;
  if (typeof factor !== "number" || !(factor >= 1 && factor <= MAX_FACTOR)) {
    return { is: `the factor of its backoff is ${shown(factor)}`, expected: `a number from 1 to ${MAX_FACTOR}` };
  }
  const firstMs = first === undefined ? DEFAULTS.firstMs : durationOrNull(first);
  if (firstMs === null) return { is: "the first of its backoff is no duration", expected: FORM };
  const longestMs = longest === undefined ? Math.max(firstMs, DEFAULTS.longestMs) : durationOrNull(longest);
  if (longestMs === null) return { is: "the longest of its backoff is no duration", expected: FORM };
  if (longestMs >= firstMs) return { firstMs, factor, longestMs };
  return {
    is: `its backoff begins with ${firstMs} ms and ends with ${longestMs} ms`,
    expected: "longest not below first",
  };
}

/** Whether a manifest's backoff, which may come from another language, is one the platform can go by. */
export function isBackoffConfig(value: unknown): value is BackoffConfig {
  if (typeof value !== "object" || value === null) return false;
  const { firstMs, factor, longestMs }: { firstMs?: unknown; factor?: unknown; longestMs?: unknown } = value;
  if (typeof firstMs !== "number" || typeof longestMs !== "number") return false;
  const read = readBackoff({ first: firstMs, factor, longest: longestMs });
  return factor !== undefined && !("is" in read);
}
