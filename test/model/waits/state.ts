/**
 * Owns: the state of the waits model: one run that waits for an event, then for another, each at the latest until a time; the
 * events a and b, which fit both waits; the workers, and dispatch's deliveries.
 * Must not: change anything but by the small edits below; worker.ts and dispatch.ts say what happens.
 *
 * What other models have shown is one step here: a release acknowledges and leaves a timer (acknowledgement, timers), an end
 * has its effects (effects). A log entry that a frozen worker writes after the thief has read is outside its seal (run log):
 * the claim cuts the log to what was read. New here is what has no seal: waiters, arrivals, timeouts, wakes.
 */
export const WAITS = [0, 1] as const;

/** By wait. */
export type PerWait<T> = readonly [T, T];

export type Outcome = "" | "a" | "b" | "timeout";

export type Fault =
  | "park before arming is done"
  | "yield before arming is done"
  | "do not arm again after a steal"
  | "arm again what is asked for again, not what the log holds"
  | "put the arrival over the one that is there"
  | "put the timeout over what arrived"
  | "show the timeout without asking what counts"
  | "wake before the arrival"
  | "delete the waiter before the wake"
  | "acknowledge the event before its waiters are answered"
  | "do not wake for an arrival that is there"
  | "release without the wakes condition"
  | "read the inbox before the head"
  | "a waiter excludes nothing"
  | "disarm before the entry is durable"
  | "bodies do not wait for the arming"
  | "do not look back"
  | "look back before the waiter is put"
  | "read the waiters before the event is stored";

export interface Turn {
  phase: "turn";
  /** No other epoch has begun. */
  current: boolean;
  /** Its deadline has not passed: it may show, release and end. */
  held: boolean;
  /** No wake has been absorbed since it read the head. */
  fresh: boolean;
  /** The log as it knows it. */
  knows: readonly string[];
  /** The inbox as it was last loaded. */
  inbox: PerWait<Outcome>;
  /**
   * The wait that was asked for has its waiter, as far as this turn must see to it; "half" with one of two calls made. "again":
   * the turn before was lost, and it is not known.
   */
  armed: "again" | "no" | "half" | "yes";
  /** Halfway through loading again. */
  loading: "" | "inbox" | "head";
  /** A wait it has let go and not yet written down, where a fault tells the outside first. */
  letsGo: boolean;
}

export type Worker =
  | { phase: "idle" }
  | { phase: "head"; steal: boolean; current: boolean }
  | { phase: "read"; steal: boolean; current: boolean; knows: readonly string[]; inbox: PerWait<Outcome> }
  | Turn;

export interface Delivery {
  event: "a" | "b";
  /** It has recorded the event; only then does it read waiters. */
  stored: boolean;
  /** The waits whose waiters were found and are still to be answered; null before they were read. */
  waits: readonly number[] | null;
  todo: "put" | "wake" | "delete";
}

export interface State {
  live: boolean;
  lease: "released" | "valid" | "ran out";
  /** "op0", "seen0=a", "gone0", … */
  log: readonly string[];
  inbox: PerWait<Outcome>;
  /** By wait: the events its waiter leaves out, null when there is no waiter. */
  waiters: PerWait<string | null>;
  timeUp: PerWait<boolean>;
  /** A timer message under way, by wait. */
  timers: PerWait<boolean>;
  /** Wakes on the queue. Two stand for any number: they are alike, and each is received after all that it tells of. */
  wakes: number;
  workers: readonly Worker[];
  /** The dispatch message of each event. */
  messages: { a: MessageState; b: MessageState };
  deliveries: readonly Delivery[];
  /** The events on record, where a lookback finds them. */
  stored: string;
  /** What the function was shown, by wait. */
  shown: PerWait<Outcome>;
  broken: string | null;
  budget: Budget;
}

type MessageState = "unsent" | "visible" | "held" | "gone";

export interface Budget {
  kills: number;
  /** A holder is so slow that its lease runs out under it; it goes on as a zombie. */
  stalls: number;
  yields: number;
  redeliveries: number;
  /** Another branch of a race wins, and the wait is let go. */
  letGo: number;
}

export interface Setup {
  workers: number;
  /** 1: the first wait is behind it. */
  waits: 1 | 2;
  /**
   * "any time": the time of each wait comes, events come whenever they like. "when parked": no time comes; somebody answers
   * once the run is parked. "by a body": the event is an answer to what the run itself does beside its wait. "once asked":
   * somebody answers as soon as the log says that the run waits, and the wait looks back to then.
   */
  events: "any time" | "when parked" | "by a body" | "once asked";
  budget: Budget;
  faults: ReadonlySet<Fault>;
}

/** The wait the function is at by this log, or -1 when all have had their outcome. */
export function waitOf(log: readonly string[]): number {
  return WAITS.findIndex((wait) => !log.some((entry) => entry.startsWith(`seen${wait}`) || entry === `gone${wait}`));
}

/** What the function has seen by this log: the events that no later wait of it may be given. */
export function seenBy(log: readonly string[]): string {
  const seen = log.filter((entry) => entry.startsWith("seen")).map((entry) => entry.slice(6));
  return seen.filter((outcome) => outcome !== "timeout").join("");
}

export function withAt<T>(values: PerWait<T>, at: number, value: T): PerWait<T> {
  return at === 0 ? [value, values[1]] : [values[0], value];
}

export function withWorker(state: State, index: number, worker: Worker): State {
  return { ...state, workers: state.workers.with(index, worker) };
}

export const woken = (state: State): State => ({ ...state, wakes: Math.min(2, state.wakes + 1) });

/** Another epoch: what the others know of the head is no longer true. */
export function epochRaised(state: State): State {
  const workers = state.workers.map((worker): Worker =>
    worker.phase === "idle" ? worker : { ...worker, current: false },
  );
  return { ...state, workers };
}

/** One text for states that differ only in who is who. */
export function canonical(state: State): string {
  const { workers, deliveries, ...rest } = state;
  const sorted = (values: readonly unknown[]): string =>
    values
      .map((value) => JSON.stringify(value))
      .sort()
      .join();
  return `${JSON.stringify(Object.values(rest))}|${sorted(workers)}|${sorted(deliveries)}`;
}
