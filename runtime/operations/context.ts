/**
 * Owns: what arming and disarming an operation is given. One file of this room for each kind of operation: it makes sure that
 * what ends the wait reaches the run, and takes that back when the run no longer waits.
 */
import type { LogEntry, StoredEvent, WaitingOp, WaitingStep } from "../../sdk/protocol.js";
import { stepHash } from "../core/ids.js";
import type { RunHead } from "../core/run.js";
import type { Services } from "../services.js";
import type { StoredArrival } from "../state/inbox-store.js";

export interface OperationContext {
  services: Services;
  /** The run as it was claimed. */
  head: RunHead;
  /** What started the run. */
  events: readonly StoredEvent[];
  /** The log so far: the operations that are armed are in it. */
  entries: readonly LogEntry[];
  stepQueueUrl: string;
}

/** An operation of one kind, by name. */
export type WaitingStepOf<Kind extends WaitingOp["kind"]> = WaitingStep & { op: Extract<WaitingOp, { kind: Kind }> };

/**
 * Arms one operation; doing it again changes nothing. Answers null, or the arrival that stands in the inbox when there is
 * nothing to wait for (an expression that cannot be read, a signal somebody else waits for).
 */
export type Arm<Kind extends WaitingOp["kind"]> = (
  context: OperationContext,
  step: WaitingStepOf<Kind>,
) => Promise<StoredArrival | null>;

/** Takes back what arming did. It may fail: whoever then answers meets a run that does not wait. */
export type Disarm<Kind extends WaitingOp["kind"]> = (
  context: OperationContext,
  step: WaitingStepOf<Kind>,
) => Promise<void>;

export function hashOf({ name }: Pick<WaitingStep, "name">): string {
  return stepHash(name.id, name.i);
}

/** When the operation was written down: the same for every arming of it. */
export function askedAtMs({ entries, services }: OperationContext, { name }: Pick<WaitingStep, "name">): number {
  const asked = entries.find((entry) => entry.k === "op" && entry.id === name.id && entry.i === name.i);
  return asked?.k === "op" ? asked.atMs : services.clock.now();
}
