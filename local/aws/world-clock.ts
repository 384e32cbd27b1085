/**
 * Owns: what the embedded AWS asks of a clock beyond telling the time. A virtual clock can do it; on the machine's clock it
 * means nothing and is left out.
 */
import type { Clock } from "../../sdk/clock.js";

export interface WorldClock extends Clock {
  /** Something happened: the present instant is not at rest yet. */
  touch?(): void;
  /** A timer of the world itself: it suspends no hold, whoever's call made it. */
  afterUnheld?(delayMs: number, callback: () => void): () => void;
}

export function afterUnheld(clock: WorldClock, delayMs: number, callback: () => void): () => void {
  return clock.afterUnheld?.(delayMs, callback) ?? clock.after(delayMs, callback);
}
