/** Owns: the numbers that time the protocol, each with the reason it is what it is. docs/limits.md lists those a user meets. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** How long a claim is valid without a beat. With the margins below a killed worker's run goes on in about 25 s. */
export const LEASE_MS = 20 * SECOND_MS;
/** The holder stops this long before its lease ends, counted from before the claim was sent (PROTOCOL §2.4). */
export const LEASE_MARGIN_MS = 3 * SECOND_MS;
/** Clocks of two machines may differ by this much: a lease is stolen only when it ran out longer ago (PROTOCOL §2.4). */
export const CLOCK_SKEW_MS = 2 * SECOND_MS;
/** A cancel is noticed within this time (DESIGN §7). */
export const BEAT_MS = 5 * SECOND_MS;
/** A turn that lasts longer shortens its message's visibility, so that a crash is noticed by the lease (ADR 0004). */
export const FIRST_BEAT_MS = 250;
/** Visibility beyond the lease: the redelivered message finds a lease that ran out, skew included. */
export const VISIBILITY_BEYOND_LEASE_MS = 3 * SECOND_MS;

/** A branch's message is hidden this long at a time: a killed worker's branch goes on after it, and code may block for as long. */
export const BRANCH_VISIBILITY_MS = MINUTE_MS;

/** A branch that was asked for anew is not asked for again within this time: a queue may be that far behind. */
export const BRANCH_MISSED_AFTER_MS = 60 * MINUTE_MS;

/** A created run nobody has claimed is looked at again after this time. */
export const CREATED_DUE_MS = 10 * MINUTE_MS;
/** A wake that did not come is noticed this long after it should have (Scheduler is late by up to a minute). */
export const WAKE_GRACE_MS = 2 * MINUTE_MS;
/** The sweeper's own repetition: 1, 2, 4 … 30 minutes. */
export const SWEEP_FIRST_MS = MINUTE_MS;
export const SWEEP_LONGEST_MS = 30 * MINUTE_MS;

/** The first so many in the queue of a concurrency limit look again soon, should the wake be lost that tells of their place. */
export const QUEUED_NEAR = 10;
/** They look again after this part of the time they have waited so far, when that is longer. */
export const QUEUED_PART = 4;
/** The others look this seldom: the sweeper wakes 6,400 runs a minute, and so 384,000 may be queued before it is late. */
export const QUEUED_FAR_MS = 60 * MINUTE_MS;

/** SQS delays a message by at most 15 minutes (SendMessage, DelaySeconds ≤ 900). */
export const MAX_SQS_DELAY_MS = 15 * MINUTE_MS;
/** Scheduler is accurate to a minute: it fires this much early and SQS delays the exact rest (DESIGN §6). */
export const SCHEDULE_LEAD_MS = 2 * MINUTE_MS;
/** A schedule is never created for a time nearer than this. */
export const SCHEDULE_NEAREST_MS = MINUTE_MS;

/** Quiet after which a waiting function is parked. Doubles with the turns a run has had (ADR 0006). */
export const FIRST_GRACE_MS = 50;
export const LONGEST_GRACE_MS = 2 * SECOND_MS;
/** A shorter wait stays in the turn: a park, a hop and a claim cost more than half a second of Lambda (ADR 0006). */
export const IN_TURN_WAIT_MS = 500;
/** Bodies side by side in one turn. */
export const MAX_PARALLEL_BODIES = 100;

/** An item lives this much longer than its run needs it: covers waits of a week without touching it again (ADR 0007). */
export const RETENTION_SLACK_MS = 7 * DAY_MS;
/** A run that took longer writes its payloads again at its end; a shorter one loses at most this much of their retention. */
export const RENEW_PAYLOADS_AFTER_MS = DAY_MS;
/** A wait that ends later arms no timer yet: the run is looked at again before its items expire, and then arms one if it is near. */
export const FAR_WAIT_MS = 6 * DAY_MS;
/** The look before a far end comes this much earlier, so that the timer is armed though the sweeper is late. */
export const TIMER_LEAD_MS = DAY_MS;
/** A run's id for one event, by the sender's own event id (issue: 24 h). */
export const EVENT_DEDUP_MS = DAY_MS;

/** An event ends a wait that was written down this much after it was received: clocks differ, and an answer may be quick. */
export const EVENT_SKEW_MS = 2 * SECOND_MS;
/** Events a run has seen this long before a wait are old enough to be shut out by the wait's own time alone. */
export const SEEN_EXCLUDED_MS = 10 * SECOND_MS;
/** A wait that is armed this much later than it was written down is armed after a crash: what came between is looked for. */
export const LATE_ARMING_MS = 2 * SECOND_MS;
/** A run that is to be cancelled and is not there is made within this time, or never. */
export const CANCEL_ABSENT_MS = 10 * MINUTE_MS;
/** Indexes lag: who looks back at events looks again after this time (aws.md: usually below a second). */
export const SECOND_LOOK_MS = 10 * SECOND_MS;

/** A function this worker does not have: a deployment may be under way. Eleven receives in five minutes, below the queue's twelve. */
export const MISSING_RETRY_MS = 30 * SECOND_MS;
export const MISSING_PARK_MS = 5 * MINUTE_MS;
/** A run that is not there (yet). */
export const ABSENT_RETRY_MS = 5 * SECOND_MS;
export const ABSENT_RECEIVES = 5;

export const RETENTION_DAY_MS = DAY_MS;
