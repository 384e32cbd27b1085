/**
 * Owns: who takes a place of a concurrency limit (a run's turn, a further body of the same turn side by side with the first, or
 * a distributed step), and which places are free. Pure.
 */

/**
 * The one seat of a run's turn. In a queue it stands before the distributed steps of its run (`b…`): what it decides, such as a
 * race, may make them needless.
 */
export const TURN_SEAT = "a";

/** Bodies side by side in one turn have a seat each, the first one the turn's own. */
export function bodySeat(position: number): string {
  return `x${position}`;
}

export function branchSeat(opHash: string): string {
  return `b${opHash}`;
}

/** A seat that goes with the run's lease. */
export function isTurnSeat(seat: string): boolean {
  return seat === TURN_SEAT || seat.startsWith("x");
}

/**
 * More places are taken for a function than its limit has now: a worker of an older version still gives by the one it knows.
 * Other functions with which it shares them may go further.
 */
export function isBeyond(slots: readonly { fn: string }[], fn: string, limit: number): boolean {
  return slots.filter((slot) => slot.fn === fn).length > limit;
}

/** The free places, lowest first. Places beyond a limit that was lowered count until they are given back. */
export function freeIndexes(slots: readonly { index: number }[], limit: number): number[] {
  const taken = new Set(slots.map(({ index }) => index));
  const indexes = Array.from({ length: limit }, (_, index) => index).filter((index) => !taken.has(index));
  return indexes.slice(0, Math.max(0, limit - slots.length));
}
