/**
 * Owns: how long a failed attempt waits before the next one.
 * Must not: draw chance; the caller brings a number in [0, 1).
 */
import type { BackoffConfig } from "../../sdk/protocol.js";

const FIRST_DELAY_MS = 2_000;
/** 2 s, 8 s, 32 s, 128 s, 512 s, 2,048 s: the four retries of the default cover almost three minutes, ten cover hours. */
const GROWTH = 4;
const LONGEST_DELAY_MS = 3_600_000;
/** A quarter up or down, so that runs which failed together do not come back together. */
const JITTER = 0.25;

const DEFAULT: BackoffConfig = { firstMs: FIRST_DELAY_MS, factor: GROWTH, longestMs: LONGEST_DELAY_MS };

/**
 * Milliseconds to wait after attempt number `attempt` (1 first) failed. Before jitter `firstMs`, then `factor` times as long
 * each time, at most `longestMs`; `unit` in [0, 1) spreads it evenly over ±25 %.
 */
export function retryDelayMs(attempt: number, unit: number, backoff: BackoffConfig = DEFAULT): number {
  const { firstMs, factor, longestMs } = backoff;
  // A power may grow past all numbers, and nothing times that is no number.
  const grownBy = Math.min(factor ** Math.max(0, attempt - 1), Number.MAX_VALUE);
  const baseMs = Math.min(firstMs * grownBy, longestMs);
  return Math.round(baseMs * (1 - JITTER + 2 * JITTER * unit));
}
