/** Owns: a run as the table holds it, and its statuses. Pure. */
import type { SerializedError } from "../../sdk/protocol.js";

/** An operation of a run that waits for the end of another run. `detached`: that one outlives a parent that was cancelled. */
export interface ParentOp {
  run: string;
  fn: string;
  /** core/ids.ts, `stepHash`. */
  op: string;
  detached?: true;
}

export type RunStatus = "Queued" | "Running" | "Completed" | "Failed" | "Cancelled";

export const LIVE_STATUSES: readonly RunStatus[] = ["Queued", "Running"];

export function isLive(status: RunStatus): boolean {
  return LIVE_STATUSES.includes(status);
}

/** A step the log holds as one kind and the code asks for as another, and since when the run rests because of it. */
export interface Divergence {
  stepId: string;
  recorded: string;
  requested: string;
  sinceMs: number;
}

/** What is left to do after a run has ended. Each is named from the run, so that doing it twice is doing it once. */
export type Effect = "timer" | "waiters" | "cancel-waiters" | "slots" | "payloads" | "announce";

/**
 * Of its limits, by the hash of the limit's key: what a run holds though nobody holds its lease, which one it is queued for, and
 * since when it has been queued, for whichever.
 */
export interface Places {
  held: Readonly<Record<string, { index: number; stamp: string }>>;
  queued: string | null;
  sinceMs?: number;
}

export const NO_PLACES: Places = { held: {}, queued: null };

/** The head of a run. `null` means "not (yet)". Times in ms since 1970. */
export interface RunHead {
  runId: string;
  functionId: string;
  status: RunStatus;
  /** Fencing token: grows with every claim and with a cancel. 0 until the first claim. */
  epoch: number;
  /** Who holds the lease, and the message whose delivery made the claim. */
  holder: string | null;
  claimMessageId: string | null;
  /** 0 while released. */
  leaseUntilMs: number;
  /** Names the last write to the head, so that a writer whose answer was lost can tell its own. */
  token: string;
  /** Counts messages that came while a turn was under way. */
  wakes: number;
  /** For each epoch whose lease was stolen: how many log items of it exist. Later ones never existed. */
  seals: ReadonlyMap<number, number>;
  /** Log items known when last released: a load that finds fewer stops. */
  logged: number;
  /** Steals since something last got done. */
  crashes: number;
  effects: readonly Effect[];
  dueAtMs: number | null;
  /** How often the sweeper has woken this run since it was last released. */
  sweeps: number;
  ttlSeconds: number;
  eventId: string;
  /** The trace context of the request or the run that sent the event, a `traceparent`. */
  trace: string | null;
  createdAtMs: number;
  startedAtMs: number | null;
  endedAtMs: number | null;
  /** A run whose event lies in the future starts then. */
  notBeforeMs: number | null;
  /** The schedule that wakes this run from a long wait, and when it fires. */
  timer: { name: string; atMs: number } | null;
  /** Payloads of this run kept in S3. */
  objects: number;
  /** By its place in the function's `cancelOn`, where an event looks for this run to cancel it (state/keys.ts, `waiterHash`). */
  cancelOn: readonly string[];
  /** Which concurrency limits count this run: `<rule>.<hash of the key>` each (flow/limits-of-run.ts). */
  slots: readonly string[];
  places: Places;
  /** The operation that waits for this run's end; null unless it was invoked. */
  parent: ParentOp | null;
  /** Invokes between this run and one that nobody invoked. */
  depth: number;
  /** A system event is at the root of this run, or it was started by one's listener: its end is announced to nobody but its parent. */
  quiet: boolean;
  error: SerializedError | null;
  /** Why it was cancelled, where whoever did it has said; null for any other run. */
  reason: SerializedError | null;
  diverged: Divergence | null;
}
