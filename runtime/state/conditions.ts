/**
 * Owns: every condition under which the table is written, each with the timeline that justifies it. The only file that
 * spells condition expressions.
 *
 * Names used in all of them: `#status` is the run's status; `:queued` and `:running` are the live ones.
 */

/** Creates only what is not there. For log items a failure means: my own earlier write arrived (only I write this key). */
export const ABSENT = "attribute_not_exists(pk)";

/** The item is still there: what TTL removed must not be written into being again. */
export const PRESENT = "attribute_exists(pk)";

const LIVE = "#status IN (:queued, :running)";

/**
 *  claim ──── turn ──── release    read ── load log ── claim
 *    │  leaseUntil > 0     │ leaseUntil = 0 · epoch e    │
 * ───┴─────────────────────┴─────────────────────────────┴──▶
 * Only a released run is claimed: every write of the epoch before has settled, its log is complete. And only in the epoch
 * that was read: a copy of this write that lands late, after its own turn, must not begin an epoch nobody holds
 * (test/model, "claim without the epoch").
 */
export const CLAIMABLE = `${LIVE} AND epoch = :epoch AND leaseUntil = :zero`;

/**
 *  claim … beat … (worker dies) … leaseUntil ── skew ──▶ load (strongly) ── steal
 *                                                        reads epoch e, lease l
 * Nobody beat, released, stole or cancelled since the load: then what was read of epoch e is what the seal says of it,
 * and whatever the old holder still writes lands outside the seal.
 */
export const STEALABLE = `${LIVE} AND epoch = :epoch AND leaseUntil = :read AND leaseUntil > :zero`;

/** A turn of this epoch is under way: it will see `wakes` grow before it releases. */
export const ABSORBING = `${LIVE} AND epoch = :epoch AND leaseUntil > :zero`;

/**
 *  claim ── beat ── beat ── release      a beat that arrives after the release must not bring the lease back,
 *                              │ leaseUntil = 0      and a late copy of an earlier beat must not shorten it
 */
export const BEATING = `${LIVE} AND epoch = :epoch AND leaseUntil > :zero AND leaseUntil < :until`;

/** Nothing came since this turn last looked: else load again and go on. */
export const RELEASABLE = `${LIVE} AND epoch = :epoch AND wakes = :wakes`;

/** Whatever came meanwhile, the continuation sent next will see it. */
export const YIELDABLE = `${LIVE} AND epoch = :epoch`;

/** The holder ends its run; a cancel, which raises the epoch, came first or not at all. */
export const ENDABLE = `${LIVE} AND epoch = :epoch`;

/** The same for a run that wakes may have told of a place: one that came since this turn last looked is not lost with the end. */
export const ENDABLE_UNWOKEN = `${ENDABLE} AND wakes = :wakes`;

/** Anyone may cancel what still lives. */
export const CANCELLABLE = LIVE;

/** Nobody holds the run: its log is complete, and needs no seal. */
export const CANCELLABLE_RELEASED = `${LIVE} AND leaseUntil = :zero`;

/**
 *  claim e ── put 1 ── put 2 ──────────── put 3 ── beat: lost
 *                       count: 2 ── cancel, seal e → 2
 * The same turn is still under way, so what it writes from here on is the seal's to shut out. Had it released meanwhile,
 * its head would count items that a seal made of the earlier look must not take away.
 */
export const CANCELLABLE_HELD = `${LIVE} AND epoch = :epoch AND leaseUntil > :zero`;

/** The effects that were read are the ones done; they are removed once. */
export const EFFECTS_PENDING = "attribute_exists(effects)";

/** A due entry is moved by the sweeper only if nobody moved it since it was read. */
export const DUE_UNCHANGED = "due = :read";

/** No event went through the gate in the last 24 hours: TTL removes late, so the time is looked at (aws.md §3.4). */
export const GATE_FREE = "attribute_not_exists(pk) OR #ttl <= :nowSeconds";

/** Nobody waits for the signal, or nobody any more: TTL removes late, so the time is looked at. */
export const SIGNAL_FREE = "attribute_not_exists(pk) OR waitsUntil <= :now";

/**
 *  wait A ── looked at: A is over ── A's item goes ── wait B is written
 *                                                         │ taking over, or removing, what was A's must not touch B's
 */
export const SIGNAL_HELD_BY = "runId = :run AND opHash = :op";

/**
 *  send t: aim at A ── A is over already ── aim at B ── …        B takes the signal
 *  send t again:              aim at A ─────────────────── aim at B, or C?
 *                                                           │ t stands aimed at B: only from A, and only once
 */
export const SIGNAL_AIMED_AT = SIGNAL_HELD_BY;

/**
 *  zombie: take, stamp s ─── frozen ──────────────────── give back
 *  thief:                     steal ── stamp anew, s' ─── body … │ not with stamp s any more: the thief's slot stays
 * Whoever gives a slot back, or stamps it anew, names the stamp that was read; so does who removes a ticket, which its run may
 * have put anew since.
 */
export const SLOT_STAMPED = "stamp = :stamp";

/** This page of a bulk cancel was not counted before: its message may come twice. */
export const PAGE_UNCOUNTED = "pageNumber = :page";

export const LIVE_VALUES = {
  ":queued": { S: "Queued" },
  ":running": { S: "Running" },
} as const;

export const ZERO_VALUE = { ":zero": { N: "0" } } as const;

/** An item still there that would expire sooner than it is needed. */
export const EXPIRES_SOONER = `${PRESENT} AND #ttl < :ttl`;
