/**
 * Owns: what a standard queue may do to its consumers and seldom does: deliver twice, late, out of order, or again after a
 * delete. Everything is off by default; a simulation turns it up. All draws come from the call's random source.
 * Must not: break a promise SQS makes. No message is lost and no limit is widened here.
 */

/** Probabilities are in [0, 1] and drawn for each message. The fields may be changed at any time. */
export interface SqsBehaviour {
  /** A received message has a copy that is delivered too, within its visibility timeout, under a handle of its own. */
  duplicateProbability: number;
  /** A receive takes its messages in random order, from a window wider than it returns. Drawn for each receive. */
  reorderProbability: number;
  /** A sent message becomes visible up to `lateByMs` after its delay. */
  lateProbability: number;
  lateByMs: number;
  /** A deleted message comes back up to `redeliveredWithinMs` later. */
  redeliveryAfterDeleteProbability: number;
  redeliveredWithinMs: number;
}

export function fairBehaviour(): SqsBehaviour {
  return {
    duplicateProbability: 0,
    reorderProbability: 0,
    lateProbability: 0,
    lateByMs: 5_000,
    redeliveryAfterDeleteProbability: 0,
    redeliveredWithinMs: 60_000,
  };
}
