/**
 * Owns: what every kind of waiting operation is given and must be able to do: to be armed, so that what ends it reaches the
 * run, and to be disarmed.
 */
import type { LogEntry, StoredEvent, WaitingOp } from "../../sdk/protocol.js";
import type { RunHead } from "../core/run.js";
import type { Services } from "../services.js";
import type { StoredArrival } from "../state/inbox-store.js";

/** The run an operation belongs to, as its turn sees it. */
export interface OperationContext {
  services: Services;
  head: RunHead;
  /** What started the run, the first event first. */
  events: readonly StoredEvent[];
  /** What has happened so far, in the order of the log. */
  entries: readonly LogEntry[];
  /** Where wakes of this run go. */
  stepQueueUrl: string;
  /** What is armed may be armed already: the turn before was lost, or the sweeper had to wake the run. */
  again: boolean;
  /** When items that belong to the run may expire, in seconds since 1970. */
  ttlSeconds: number;
}

/** An operation as it is armed. `hash` names it in keys (core/ids.ts, `stepHash`). */
export interface ArmedOperation<Op extends WaitingOp = WaitingOp> {
  id: string;
  i: number;
  hash: string;
  op: Op;
  /** When it was asked for, as the log says, ms since 1970: the same for every arming of it. */
  askedAtMs: number;
}

export type OperationKind = Exclude<WaitingOp["kind"], "sleep">;
export type OpOf<Kind extends WaitingOp["kind"]> = Extract<WaitingOp, { kind: Kind }>;

/** One kind of operation. Everything here may be done twice. */
export interface Arming<Kind extends OperationKind> {
  /** After it, whatever ends one of the operations reaches the run. What can never be waited for is answered in the inbox. */
  arm(context: OperationContext, operations: readonly ArmedOperation<OpOf<Kind>>[]): Promise<void>;
  /** Nobody waits any more. What is left behind must be harmless. */
  disarm(context: OperationContext, operations: readonly ArmedOperation<OpOf<Kind>>[]): Promise<void>;
  /** The time is up: the arrival to be put, should nothing stand in the inbox yet. Null for kinds that have no time. */
  timeout(context: OperationContext, operation: ArmedOperation<OpOf<Kind>>): Promise<StoredArrival | null>;
}
