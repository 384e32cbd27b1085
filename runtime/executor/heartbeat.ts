/**
 * Owns: keeping a long turn alive: its lease in the table and its message's visibility on the queue, every few seconds.
 * Invariants: B1 nothing is extended after `stop` has resolved. B2 a beat is sent only before the lease's own deadline.
 * A `Heart` may beat from another thread (lambda/heartbeat-thread.ts), so that synchronous user code cannot look like a
 * crash (PROTOCOL §2.5); this one beats on the turn's own event loop.
 */
import { ChangeMessageVisibilityCommand } from "@aws-sdk/client-sqs";
import { untilKnown } from "../aws/until-known.js";
import { BEAT_MS, CREATED_DUE_MS, FIRST_BEAT_MS, LEASE_MS, VISIBILITY_BEYOND_LEASE_MS } from "../core/limits.js";
import { isLive } from "../core/run.js";
import type { Services } from "../services.js";
import { RunStore } from "../state/run-store.js";
import type { Lease } from "./lease.js";

/** The delivery whose visibility follows the lease. */
export interface Receipt {
  queueUrl: string;
  receiptHandle: string;
}

export interface Heart {
  /** Begins to beat for a lease. `onWake` is called, with the head's count, when it has counted a wake since. */
  start(lease: Lease, receipt: Receipt, onWake: OnWake): { stop(): Promise<void> };
}

export type OnWake = (wakes: number) => void;

/** Asked before the first beat, which shortens the message's visibility: false when another thread has done it. */
export type FirstBeat = () => boolean;

export class EventLoopHeart implements Heart {
  readonly #services: Services;
  readonly #runs: RunStore;

  constructor(services: Services) {
    this.#services = services;
    this.#runs = new RunStore(services);
  }

  start(
    lease: Lease,
    receipt: Receipt,
    onWake: OnWake,
    mayBeatFirst: FirstBeat = () => true,
  ): { stop(): Promise<void> } {
    const { clock } = this.#services;
    let stopped = false;
    let beating: Promise<void> = Promise.resolve();
    let cancel = clock.after(FIRST_BEAT_MS, () => beat(true));
    const beat = (first: boolean): void => {
      if (stopped) return;
      const due = !first || mayBeatFirst();
      beating = (due ? this.#beat(lease, receipt, first, onWake, () => stopped) : Promise.resolve()).then(() => {
        if (!stopped) cancel = clock.after(first ? BEAT_MS - FIRST_BEAT_MS : BEAT_MS, () => beat(false));
      });
    };
    return {
      stop: async () => {
        stopped = true;
        cancel();
        await beating;
      },
    };
  }

  /** The first beat only shortens the message's visibility to the lease: the lease itself is still fresh. */
  async #beat(lease: Lease, receipt: Receipt, first: boolean, onWake: OnWake, isOver: () => boolean): Promise<void> {
    if (!lease.held) return lease.lose();
    try {
      if (!first && !(await this.#extendLease(lease, onWake))) return;
      await setVisibility(this.#services, receipt, LEASE_MS + VISIBILITY_BEYOND_LEASE_MS);
    } catch (error) {
      // The turn ended while this beat was on its way, and its message is deleted: there is nothing left to extend.
      if (isOver()) return;
      // The next beat tries again; if none gets through, the lease runs out and says so itself.
      this.#services.logger.warn(`Cannot extend the lease of run "${lease.runId}" now`, error);
    }
  }

  async #extendLease(lease: Lease, onWake: OnWake): Promise<boolean> {
    const { clock } = this.#services;
    const sentAtMonotonicMs = clock.monotonic();
    const patience = { giveUp: () => !lease.held, maxAttempts: 4 };
    const nowMs = clock.now();
    // A turn longer than its due time would be looked at by every sweep; moving it costs two index writes in ten minutes.
    const dueAtMs = lease.dueAtMs !== null && lease.dueAtMs <= nowMs ? nowMs + CREATED_DUE_MS : undefined;
    const beat = { leaseUntilMs: nowMs + LEASE_MS, dueAtMs };
    const write = await this.#runs.beat(lease.runId, lease.epoch, beat, patience);
    if (!write.done) {
      lease.lose();
      return false;
    }
    lease.extend(sentAtMonotonicMs);
    const { head } = write.run;
    lease.dueAtMs = head.dueAtMs;
    if (isLive(head.status) && head.wakes !== lease.noticedWakes) {
      lease.noticedWakes = head.wakes;
      onWake(head.wakes);
    }
    return true;
  }
}

/** Makes a received message visible again `visibleInMs` from now. A handle that is no longer valid changes nothing. */
export async function setVisibility(services: Services, receipt: Receipt, visibleInMs: number): Promise<void> {
  const command = new ChangeMessageVisibilityCommand({
    QueueUrl: receipt.queueUrl,
    ReceiptHandle: receipt.receiptHandle,
    VisibilityTimeout: Math.max(0, Math.min(43_200, Math.ceil(visibleInMs / 1_000))),
  });
  await untilKnown(services, "change a message's visibility", () => services.clients.sqs.send(command), {
    maxAttempts: 3,
  });
}
