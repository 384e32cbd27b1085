/**
 * Owns: the names of the rare things that a campaign must have met. One that is missed in all of its worlds means that the
 * worlds have become too kind, or that the code which it shows is never run: the campaign fails and names it.
 */
export const MARKERS = {
  steal: "a lease that ran out was taken over",
  "steal lost": "two wanted the same lease that had run out, or its holder beat first",
  "claim lost": "two wanted the same released run",
  "own write recognised": "a refused condition was the writer's own write, whose answer had been lost",
  "zombie refused": "a worker whose epoch was over wrote to the head and was refused",
  "seal shut out": "a log item was written outside the seal of its epoch, and never existed",
  "absorbed wake": "a wake that came during a turn was counted on the head",
  "release refused": "a turn that wanted to park saw that a wake had come, and looked again",
  yield: "a turn handed its run to a continuation",
  "lost wake healed": "a run went on by the sweeper's wake",
  "sweepers raced": "two sweepers wanted to move the same due time",
  "group commit": "results that came together shared a log item",
  "log item twice": "a log item's write arrived twice",
  "careful start": "after a crash a body's start was put on record first",
  "step retried": "a failed attempt was put on record with its retry",
  "function retried": "the function threw outside its steps and was begun anew",
  "long timer": "a wait was left to EventBridge Scheduler",
  "timer twice": "a schedule was created that was there already",
  "TTL push": "items were kept longer before a long wait",
  "payload in S3": "a result went to S3",
  "run created twice": "an event was dispatched again, and found its run",
  "duplicate skipped": "a sender's event id was used again",
  "delivered twice": "a message was delivered again before it was deleted",
  "delivered after delete": "a message came back after its delete",
  "dead letter": "a message was received too often and came back",
  "cancelled under way": "a run was cancelled during a turn",
  "cancelled at rest": "a run was cancelled while it waited",
  "invocation timed out": "Lambda killed an invocation at its timeout",
  "sandbox died": "a sandbox died during an invocation",
  "sandbox froze": "a sandbox stood still and went on",
  "index behind": "an index answered from before the latest write",
  "went on in other code": "a run was begun by one version of its code and continued by another",
  "race decided": "a race had a winner",
} as const satisfies Record<string, string>;

export type Marker = keyof typeof MARKERS;
