/**
 * Owns: the places of one distributed step under its function's limits of steps. It runs under no lease, so that its slot has an
 * end of its own, which its beats put off; its ticket carries the message that goes on with it.
 * Invariants
 * D1 The body runs only while the slot under each limit is this worker's and its end lies ahead.
 * D2 A second delivery of the same step takes a slot over only when its end has passed, and then stamps it anew.
 * D3 Who waits under one limit has nothing under those it takes afterwards: steps take them in one order, and none waits for a
 *    step that waits for it.
 */
import { limitsOf, type RunLimit } from "./limits-of-run.js";
import type { FunctionConfig } from "../../sdk/protocol.js";
import { appOfRun } from "../core/ids.js";
import { BRANCH_VISIBILITY_MS, CLOCK_SKEW_MS } from "../core/limits.js";
import type { RunHead } from "../core/run.js";
import { encodeMessage, type WakeMessage } from "../queue/messages.js";
import type { Services } from "../services.js";
import { SlotStore, type Slot } from "../state/slot-store.js";
import { Granter, slotWake } from "./grant.js";
import { takeOpenPlace } from "./open-place.js";
import { branchSeat, freeIndexes, isBeyond } from "./seats.js";

/** "queued": a ticket goes on with it. A number: another worker may be at it for so many ms. */
export type BranchAdmission = "held" | "queued" | number;

export interface BranchSlotsInput {
  head: RunHead;
  config: FunctionConfig;
  /** The message of this step. */
  wake: WakeMessage;
  opHash: string;
  stepQueueUrl: string;
  /** This message was delivered before, or comes from a granter: the step may have places already. */
  mayHave: boolean;
}

/** Of lost races for what was looked at. */
const MAX_LOOKS = 20;

export class BranchSlots {
  readonly #services: Services;
  readonly #input: BranchSlotsInput;
  readonly #limits: readonly RunLimit[];
  readonly #held = new Map<string, Slot>();
  readonly #lost = new AbortController();
  #foundLost = false;
  #extending: Promise<void> = Promise.resolve();
  #cancelEnd: () => void = () => undefined;

  constructor(services: Services, input: BranchSlotsInput) {
    this.#services = services;
    this.#input = input;
    // Under a limit of runs, the run has its one place.
    this.#limits = limitsOf(input.head, input.config).filter(({ hold }) => hold === "step");
  }

  /** The step needs places of its own. */
  get isLimited(): boolean {
    return this.#limits.length > 0;
  }

  /** A worker had taken a place and did not give it back: it died, or stood still, while the body ran. */
  get foundLost(): boolean {
    return this.#foundLost;
  }

  /** A place under each limit, or why not yet. */
  async take(): Promise<BranchAdmission> {
    for (const [at, limit] of this.#limits.entries()) {
      const admission = await this.#takeOne(limit);
      if (admission === "held") continue;
      // It keeps what it has, for whichever delivery goes on with it.
      await this.#stampHeld(null);
      // What it has of those it takes afterwards, since a worker died, would be in the way of who holds this one.
      if (this.#input.mayHave) await this.#leave(this.#limits.slice(at + 1));
      return admission;
    }
    this.#watchEnd();
    return "held";
  }

  /** Aborted once a slot is another's, or has come to its end: the beats did not get through, or the sandbox stood still. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Puts off the end of the slots. */
  extend(): Promise<void> {
    this.#extending = this.#extend();
    return this.#extending;
  }

  async #extend(): Promise<void> {
    if (await this.#stampHeld(this.#untilMs())) this.#watchEnd();
    else this.#lost.abort();
  }

  #watchEnd(): void {
    this.#cancelEnd();
    const ends = [...this.#held.values()].flatMap(({ untilMs }) => untilMs ?? []);
    if (ends.length === 0) return;
    const { clock } = this.#services;
    this.#cancelEnd = clock.after(Math.max(0, Math.min(...ends) - clock.now()), () => this.#lost.abort());
  }

  async giveBack(): Promise<void> {
    await this.#extending.catch(() => undefined);
    this.#cancelEnd();
    // The last one first: should its worker die in between, the step has what it takes first.
    for (const limit of this.#limits.toReversed()) {
      const slot = this.#held.get(limit.hash);
      if (!slot) continue;
      this.#held.delete(limit.hash);
      await this.#store(limit.hash).remove(slot);
      await this.#giveOn(limit);
    }
  }

  /**
   * The step is not to run any more: what it has, or waits for, goes to others. Answers in how many ms the rest may be given
   * back, of which its worker before may still be at work; null: all is.
   */
  leave(): Promise<number | null> {
    return this.#leave(this.#limits);
  }

  async #leave(limits: readonly RunLimit[]): Promise<number | null> {
    const { head } = this.#input;
    let laterMs: number | null = null;
    for (const limit of limits) {
      const store = this.#store(limit.hash);
      await store.removeTicket(head.createdAtMs, this.#seat());
      for (const slot of (await store.slots()).filter((each) => this.#isOwn(each))) {
        const nowMs = this.#services.clock.now();
        if (isInForce(slot, nowMs)) laterMs = Math.max(laterMs ?? 0, msInForce(slot, nowMs));
        else await store.remove(slot);
      }
      // Whoever came here before may have died between giving back and giving on.
      await this.#giveOn(limit);
    }
    return laterMs;
  }

  async #stampHeld(untilMs: number | null): Promise<boolean> {
    for (const [hash, slot] of this.#held) {
      const stamped = await this.#store(hash).stampAnew({ ...slot, untilMs });
      if (!stamped) return false;
      this.#held.set(hash, stamped);
    }
    return true;
  }

  async #takeOne(limit: RunLimit): Promise<BranchAdmission> {
    const store = this.#store(limit.hash);
    if (!this.#input.mayHave) {
      const slot = await takeOpenPlace(store, limit.limit, this.#seat(), this.#input.opHash);
      if (slot) return this.#hold(limit, slot);
    }
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const admission = await this.#look(store, limit);
      if (admission !== null) return admission;
    }
    return BRANCH_VISIBILITY_MS;
  }

  /** Null: something has changed since it was looked at. */
  async #look(store: SlotStore, limit: RunLimit): Promise<BranchAdmission | null> {
    const slots = await store.slots();
    const own = slots.find((slot) => this.#isOwn(slot));
    const isGivenBeyond = own && isBeyond(slots, own.fn, limit.limit) && !isInForce(own, this.#services.clock.now());
    if (own && !isGivenBeyond) return this.#takeOver(store, limit, own);
    if (own && !(await store.remove(own))) return null;
    const [free] = freeIndexes(slots, limit.limit);
    if (free !== undefined && !(await store.isQueued())) {
      const slot = await store.take(free, this.#seat());
      return slot ? this.#hold(limit, slot) : null;
    }
    const { head, config, wake } = this.#input;
    const message = encodeMessage(slotWake(head.runId, config.id, limit.hash, wake));
    await store.putTicket({ ...this.#seat(), limit: limit.limit, wake: message, createdAtMs: head.createdAtMs });
    const granted = await this.#granter(limit).grant(this.#seat());
    return granted ? this.#takeOver(store, limit, granted) : "queued";
  }

  /** A slot without an end was given and not taken up. */
  async #takeOver(store: SlotStore, limit: RunLimit, slot: Slot): Promise<BranchAdmission | null> {
    const nowMs = this.#services.clock.now();
    if (isInForce(slot, nowMs)) return msInForce(slot, nowMs);
    const stamped = await store.stampAnew({ ...slot, untilMs: this.#untilMs() });
    if (!stamped) return null;
    if (slot.untilMs !== null) this.#foundLost = true;
    return this.#hold(limit, stamped);
  }

  #hold({ hash }: RunLimit, slot: Slot): "held" {
    this.#held.set(hash, slot);
    return "held";
  }

  async #giveOn(limit: RunLimit): Promise<void> {
    if (await this.#store(limit.hash).isQueued()) await this.#granter(limit).grant(null);
  }

  #isOwn({ run, seat }: Slot): boolean {
    return run === this.#input.head.runId && seat === branchSeat(this.#input.opHash);
  }

  #store(hash: string): SlotStore {
    return new SlotStore(this.#services, appOfRun(this.#input.head.runId), hash);
  }

  #granter({ hash, limit }: RunLimit): Granter {
    const { config, stepQueueUrl } = this.#input;
    return new Granter(this.#services, this.#store(hash), { hash, limit, fn: config.id, stepQueueUrl });
  }

  #seat(): { run: string; seat: string; fn: string; untilMs: number } {
    const { head, config, opHash } = this.#input;
    return { run: head.runId, seat: branchSeat(opHash), fn: config.id, untilMs: this.#untilMs() };
  }

  #untilMs(): number {
    return this.#services.clock.now() + BRANCH_VISIBILITY_MS;
  }
}

/** In how many ms nobody can be at the step any more. */
function msInForce({ untilMs }: Slot, nowMs: number): number {
  return (untilMs ?? 0) + CLOCK_SKEW_MS - nowMs + 1_000;
}

/** A worker may be at the step. */
export function isInForce({ untilMs }: Pick<Slot, "untilMs">, nowMs: number): boolean {
  return untilMs !== null && untilMs + CLOCK_SKEW_MS >= nowMs;
}
