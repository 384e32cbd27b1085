/**
 * Owns: how long a failed attempt waits before the next one.
 * Must not: draw chance; the caller brings a number in [0, 1).
 */

const FIRST_DELAY_MS = 2_000;
/** 2 s, 8 s, 32 s, 128 s, 512 s, 2,048 s: the four retries of the default cover almost three minutes, ten cover hours. */
const GROWTH = 4;
const LONGEST_DELAY_MS = 3_600_000;
/** A quarter up or down, so that runs which failed together do not come back together. */
const JITTER = 0.25;

/**
 * Milliseconds to wait after attempt number `attempt` (1 first) failed. Before jitter 2 s, then four times as long each
 * time, at most 1 h; `unit` in [0, 1) spreads it evenly over ±25 %.
 */
export function retryDelayMs(attempt: number, unit: number): number {
  const baseMs = Math.min(FIRST_DELAY_MS * GROWTH ** Math.max(0, attempt - 1), LONGEST_DELAY_MS);
  return Math.round(baseMs * (1 - JITTER + 2 * JITTER * unit));
}
