/** Owns: a run as the table holds it, and its statuses. Pure. */
import type { SerializedError } from "../../sdk/protocol.js";

export type RunStatus = "Queued" | "Running" | "Completed" | "Failed" | "Cancelled";

export const LIVE_STATUSES: readonly RunStatus[] = ["Queued", "Running"];

export function isLive(status: RunStatus): boolean {
  return LIVE_STATUSES.includes(status);
}

/** What is left to do after a run has ended. Each is named from the run, so that doing it twice is doing it once. */
export type Effect = "timer" | "payloads";

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
  error: SerializedError | null;
}
