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
  "cancelled by event": "an event ended the run that its mark named",
  "invocation timed out": "Lambda killed an invocation at its timeout",
  "sandbox died": "a sandbox died during an invocation",
  "sandbox froze": "a sandbox stood still and went on",
  "index behind": "an index answered from before the latest write",
  "went on in other code": "a run was begun by one version of its code and continued by another",
  "race decided": "a race had a winner",
  "arrival refused": "a second outcome of one operation arrived, and the first one stood",
  "losers let go": "a race's losers were let go, on record",
  "once interrupted": "the worker of a body that may begin once died in it, and the step failed",
  "wait missed": "an event came before its wait was there, and the wait's time went by",
  "failure handler ran": "a run failed for good, and its function's handler came to its end",
  "failure handler failed": "a handler failed, and nobody was told",
  "cancelled by finish timeout": "a run had not ended in time",
  "cancelled by start timeout": "a run was not begun in time",
  "bulk cancel met a run under way": "a bulk cancel ended a turn",
  "bulk cancel met a run at rest": "a bulk cancel ended a run that waited",
  "bulk cancel spared a run": "a bulk cancel looked at a live run that its expression does not mean",
  "bulk cancel asked twice": "a request was repeated, and found the bulk cancel it had made",
  "bulk cancel page twice": "a page of a bulk cancel was done again, and counted once",
  "bulk cancel in pages": "a bulk cancel took more than one message",
  "distributed body": "a body ran in a Lambda of its own",
  "run queued for a place": "a concurrency limit was reached, and a run was released to wait in its queue",
  "place handed on": "a place was given to who waited, and its wake came",
  "place of an ended run went on": "a place was given to a run that had ended, and went on to the next",
  "place stamped anew after a steal": "who took over a run found its place, and stamped it anew",
  "second place given back": "a run had two places under one limit, and gave one back",
  "free place found by the sweeper":
    "a place was free, nobody had given it on, and who waited was woken by the sweeper",
  "place reclaimed": "a place that no run would have given back was freed by a run that waited",
  "limit lowered below those at work": "new code has a lower limit than there were places taken",
  "step side by side had a place": "a body beside another one in its turn took a place of its own",
  "distributed step queued": "a distributed step waited for a place",
} as const satisfies Record<string, string>;

export type Marker = keyof typeof MARKERS;

/** The rare things a world has met; each is told once. */
export class MetMarkers extends Set<Marker> {
  readonly #tell: (marker: Marker) => void;

  constructor(tell: (marker: Marker) => void) {
    super();
    this.#tell = tell;
  }

  override add(marker: Marker): this {
    if (!this.has(marker)) this.#tell(marker);
    return super.add(marker);
  }
}
