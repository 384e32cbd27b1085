/**
 * Owns: what becomes of a place whose holder is gone. A run gives its places back by itself, whatever happens to its workers,
 * since it is brought back itself. What is left are slots of runs that are no more, slots that landed late, and those of a run
 * whose worker was lost together with its message, and which is due only in days. Asked by a run that waits and was woken by the
 * sweeper, for nobody else is hurt by them.
 * Must not: take a place from a run that lives. It is woken, and gives back what it did not know of.
 */
import { parseRunId } from "../core/ids.js";
import { CLOCK_SKEW_MS, LEASE_MS } from "../core/limits.js";
import { isLive, type RunHead } from "../core/run.js";
import { sendMessage } from "../queue/send.js";
import type { Services } from "../services.js";
import { RunStore } from "../state/run-store.js";
import type { Slot, SlotStore } from "../state/slot-store.js";
import { slotWake } from "./grant.js";
import { isTurnSeat } from "./seats.js";

/** A place taken later is not asked about: its wake is on its way, or its turn has just begun. */
const ASKED_AFTER_MS = 60_000;
/** Heads read in one check. Whoever is woken next goes on with the rest: those of ended runs are gone by then. */
const MOST_ASKED = 100;

export class CheckHolders {
  readonly #services: Services;
  readonly #store: SlotStore;
  readonly #about: { hash: string; stepQueueUrl: string };

  constructor(services: Services, store: SlotStore, about: { hash: string; stepQueueUrl: string }) {
    this.#services = services;
    this.#store = store;
    this.#about = about;
  }

  /** Frees what no run can give back any more, and wakes the runs that may not know what they hold. */
  async check(): Promise<void> {
    const nowMs = this.#services.clock.now();
    const old = (await this.#store.slots()).filter(({ stampedAtMs }) => nowMs - stampedAtMs > ASKED_AFTER_MS);
    old.sort((a, b) => a.stampedAtMs - b.stampedAtMs);
    for (const slot of old.slice(0, MOST_ASKED)) await this.#ask(slot, nowMs);
  }

  async #ask(slot: Slot, nowMs: number): Promise<void> {
    const isRun = parseRunId(slot.run) !== null;
    const owner = isRun ? ((await new RunStore(this.#services).get(slot.run))?.head ?? null) : null;
    if (owner === null || isOver(owner, nowMs) || isOverdue(slot, nowMs)) {
      if (await this.#store.remove(slot)) this.#count(slot);
      return;
    }
    if (!isTurnSeat(slot.seat) || !(isForgotten(owner, this.#about.hash, slot) || isLost(owner, nowMs))) return;
    await sendMessage(this.#services, this.#about.stepQueueUrl, slotWake(slot.run, slot.fn, this.#about.hash));
  }

  #count({ run, fn }: Slot): void {
    this.#services.metrics.count("SlotsReclaimed", {
      message: `A place of a concurrency limit is free again that run "${run}" had not given back`,
      app: parseRunId(run)?.appId ?? "",
      functionId: fn,
      about: { runId: run },
    });
  }
}

/** The run has ended, and no turn of it can still be at work. */
export function isOver(head: RunHead, nowMs: number): boolean {
  return !isLive(head.status) && (head.endedAtMs ?? 0) + LEASE_MS + CLOCK_SKEW_MS < nowMs;
}

/** Of a distributed step: nobody is at it any more. */
function isOverdue({ untilMs }: Slot, nowMs: number): boolean {
  return untilMs !== null && untilMs + CLOCK_SKEW_MS < nowMs;
}

/** The run lives, nobody is at work on it, and it does not count this place among its own. */
function isForgotten(head: RunHead, hash: string, { stamp }: Slot): boolean {
  return isLive(head.status) && head.leaseUntilMs === 0 && head.places.held[hash]?.stamp !== stamp;
}

/** The run's worker has vanished, and perhaps its message too: what it was woken for may not be due again for days. */
function isLost({ status, leaseUntilMs }: RunHead, nowMs: number): boolean {
  return isLive(status) && leaseUntilMs > 0 && leaseUntilMs + CLOCK_SKEW_MS < nowMs;
}
