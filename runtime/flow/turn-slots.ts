/**
 * Owns: the places a run's turn has under the concurrency limits of its function (PROTOCOL §5): taken before anything of the
 * function runs, given back after it, or waited for in the queue.
 * Invariants
 * T1 Nothing of the function runs unless the turn holds a slot of each limit and the run's lease. A slot is the run's own until
 *    the holder of its lease gives it back, or the run has ended: no clock but the lease's decides.
 * T2 A slot that is found, not put by the turn itself, is stamped anew before the turn goes on: a zombie's late give-back, and the
 *    late copy of any, misses.
 * T3 Whoever gives back, or queues, looks afterwards who can be served (flow/grant.ts).
 */
import type { FunctionConfig } from "../../sdk/protocol.js";
import { appOfRun } from "../core/ids.js";
import type { Places, RunHead } from "../core/run.js";
import type { Lease } from "../executor/lease.js";
import { traceMember } from "../observe/trace.js";
import { encodeMessage } from "../queue/messages.js";
import type { Services } from "../services.js";
import { SlotStore, type Slot } from "../state/slot-store.js";
import { BodySeats } from "./body-seats.js";
import { CheckHolders } from "./check-holders.js";
import { freeSlotsUnder } from "./free-slots.js";
import { Granter, slotWake } from "./grant.js";
import { hashesOf, limitsOf, type RunLimit } from "./limits-of-run.js";
import { takeOpenPlace } from "./open-place.js";
import { freeIndexes, isBeyond, isTurnSeat, TURN_SEAT } from "./seats.js";

export interface TurnSlotsInput {
  head: RunHead;
  config: FunctionConfig;
  lease: Lease;
  stepQueueUrl: string;
  /** The turn before was lost: it may have taken what no head names. */
  stolen: boolean;
  /** The sweeper woke the run. */
  swept: boolean;
  /** The limit's key under which a place was given to the run: its wake says so. */
  slot: string | null;
  /** Something of the function has run. */
  hasBegun: () => boolean;
}

type Held = Pick<Slot, "index" | "stamp">;

/** Of lost races for what was looked at. The turn's message comes again. */
const MAX_LOOKS = 20;

export class TurnSlots {
  readonly #services: Services;
  readonly #input: TurnSlotsInput;
  readonly #limits: readonly RunLimit[];
  readonly #held = new Map<string, Held>();
  /** Keys under which the run may have a slot or a ticket that it does not know of. */
  readonly #unsure = new Set<string>();
  /** The places of bodies side by side with the first. */
  readonly bodies: BodySeats;
  #queued: string | null;
  #queuedSinceMs: number | null;
  /** Keys under which it was asked who has the places. */
  readonly #checked = new Set<string>();
  #wakesSeen: number;

  constructor(services: Services, input: TurnSlotsInput) {
    this.#services = services;
    this.#input = input;
    const { head, config, stolen, swept, slot } = input;
    this.#limits = limitsOf(head, config);
    this.#wakesSeen = input.lease.wakes;
    this.#queued = head.places.queued;
    this.#queuedSinceMs = head.places.sinceMs ?? null;
    if (this.#queued !== null) this.#unsure.add(this.#queued);
    for (const [hash, held] of Object.entries(head.places.held)) {
      // The turn that was lost may be about to give it back: it is looked for, and stamped anew.
      if (stolen) this.#unsure.add(hash);
      else this.#held.set(hash, held);
    }
    if (stolen || swept || slot !== null) this.#lookAtAll();
    this.bodies = this.#bodySeats();
  }

  /** What the run keeps, or waits for, when it is released now. */
  get places(): Places | null {
    if (this.#held.size === 0 && this.#queued === null) return null;
    const held = Object.fromEntries(this.#held);
    if (this.#queued === null || this.#queuedSinceMs === null) return { held, queued: this.#queued };
    return { held, queued: this.#queued, sinceMs: this.#queuedSinceMs };
  }

  /** True when the run has a place under each of its limits; false when it waits in the queue of one. */
  async take(): Promise<boolean> {
    this.#lookAtNews();
    await this.#letGoOfRemoved();
    if (this.#input.swept && this.#queued !== null) await this.#startAnew();
    for (const limit of this.#limits) {
      if (this.#held.has(limit.hash) && !this.#unsure.has(limit.hash)) continue;
      const slot = await this.#takeOne(limit);
      // Past the lease a turn has no place, whatever it has read: its thief goes on.
      if (!slot || !this.#input.lease.held) {
        this.#queued = limit.hash;
        this.#queuedSinceMs ??= this.#services.clock.now();
        this.#unsure.add(limit.hash);
        await this.#leaveLater(limit);
        return false;
      }
      this.#held.set(limit.hash, slot);
      this.#unsure.delete(limit.hash);
      if (this.#queued === limit.hash) this.#queued = null;
    }
    this.#queuedSinceMs = null;
    this.bodies.open();
    return true;
  }

  /** It is queued for a limit: what it was given meanwhile under those it takes afterwards goes to others. */
  async #leaveLater({ hash }: RunLimit): Promise<void> {
    const from = this.#limits.findIndex((limit) => limit.hash === hash) + 1;
    for (const limit of this.#limits.slice(from)) {
      if (!this.#unsure.has(limit.hash)) continue;
      await this.#removeOthers(limit, await this.#ownSlots(limit), this.#held.get(limit.hash)?.stamp);
      this.#unsure.delete(limit.hash);
    }
  }

  /** The run has a place, or a ticket, or may have without knowing. */
  get holdsAny(): boolean {
    return this.#held.size > 0 || this.#queued !== null || this.#unsure.size > 0;
  }

  /** Nothing is to run before some later time: what a lost turn may have taken, or was given meanwhile, goes to others. */
  async leaveUntilNeeded(): Promise<void> {
    this.#lookAtNews();
    if (this.#unsure.size === 0) return;
    await this.take();
    await this.giveBack();
  }

  /** Gives back what is not kept to the run's end, and what was given meanwhile. */
  async giveBack(): Promise<void> {
    await this.bodies.close();
    for (const limit of this.#limits) if (limit.hold === "step") await this.#giveBackOne(limit);
    if (!this.#lookAtNews()) return;
    await this.#letGoOfRemoved();
    for (const limit of this.#limits) {
      const held = this.#held.get(limit.hash);
      await this.#removeOthers(limit, await this.#ownSlots(limit), held?.stamp);
    }
    this.#unsure.clear();
  }

  /** The count of wakes up to which the run knows what it has; null when it has no limits. */
  get wakesSeen(): number | null {
    return this.#input.head.slots.length === 0 ? null : this.#wakesSeen;
  }

  /** A wake that a turn absorbs may have told of a place: true when there was one since it last looked. */
  #lookAtNews(): boolean {
    const { wakes } = this.#input.lease;
    const isNews = wakes !== this.#wakesSeen && this.#input.head.slots.length > 0;
    if (isNews) this.#lookAtAll();
    this.#wakesSeen = wakes;
    return isNews;
  }

  #lookAtAll(): void {
    for (const hash of hashesOf(this.#input.head)) this.#unsure.add(hash);
  }

  /** For how long the run has waited, under whichever limits, since it last had what it needs. */
  get queuedForMs(): number {
    return this.#queuedSinceMs === null ? 0 : this.#services.clock.now() - this.#queuedSinceMs;
  }

  /** Whether the queue of a limit is nearly served: then the run looks again soon, should its wake be lost. */
  async isNearFront(tickets: number): Promise<boolean> {
    if (this.#queued === null) return false;
    const { runId } = this.#input.head;
    return (await this.#store(this.#queued).tickets(tickets)).some(({ run }) => run === runId);
  }

  async #takeOne(limit: RunLimit): Promise<Held | null> {
    const store = this.#store(limit.hash);
    if (!this.#unsure.has(limit.hash)) {
      const slot = await takeOpenPlace(store, limit.limit, this.#seat(), this.#input.head.runId, this.#patience());
      if (slot) return slot;
    }
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const own = (await this.#findOwn(store, limit)) ?? (await this.#queue(store, limit));
      if (own !== "again") return own;
    }
    return null;
  }

  /** A slot the run has already, or a free one when nobody waits. Of several that granters gave it side by side it keeps one. */
  async #findOwn(store: SlotStore, limit: RunLimit): Promise<Held | null | "again"> {
    const slots = await store.slots();
    const own = slots.filter((slot) => this.#isOwn(slot));
    const held = this.#held.get(limit.hash);
    const kept = own.find(({ stamp }) => stamp === held?.stamp) ?? own[0];
    await this.#removeOthers(limit, own, kept?.stamp);
    if (kept && this.#isGivenBeyond(slots, limit, kept)) {
      if (!(await store.remove(kept))) return "again";
      this.#held.delete(limit.hash);
      return null;
    }
    if (kept) return this.#keep(store, limit, kept);
    const [free] = freeIndexes(slots, limit.limit);
    if (free === undefined || (await store.isQueued())) return null;
    return (await store.take(free, this.#seat(), this.#patience())) ?? "again";
  }

  /** A place that was given beyond a limit which a deployment has lowered is none, unless the run counts on it already. */
  #isGivenBeyond(slots: readonly Slot[], { hash, limit, hold }: RunLimit, { stamp }: Slot): boolean {
    const isInHand = this.#held.get(hash)?.stamp === stamp;
    const isPromised = hold === "run" && this.#mayHaveBegun;
    return !isInHand && !isPromised && isBeyond(slots, this.#input.config.id, limit);
  }

  async #ownSlots({ hash }: RunLimit): Promise<Slot[]> {
    return (await this.#store(hash).slots()).filter((slot) => this.#isOwn(slot));
  }

  #isOwn({ run, seat }: Slot): boolean {
    return run === this.#input.head.runId && isTurnSeat(seat);
  }

  async #removeOthers(limit: RunLimit, own: readonly Slot[], keptStamp: string | undefined): Promise<void> {
    const others = own.filter(({ stamp }) => stamp !== keptStamp);
    for (const other of others) await this.#store(limit.hash).remove(other);
    if (others.length > 0) await this.#granter(limit).grant(null);
  }

  async #keep(store: SlotStore, { hash }: RunLimit, slot: Slot): Promise<Held | "again"> {
    const { head, slot: given } = this.#input;
    // Whoever gave it sends the wake first and removes the ticket then. Woken otherwise, he may have died in between.
    if (this.#queued === hash && given !== hash) await store.removeTicket(head.createdAtMs, this.#seat());
    if (this.#held.get(hash)?.stamp === slot.stamp) return slot;
    // A late copy of an earlier removal may still name the stamp that was found.
    return (await store.stampAnew(slot, this.#patience())) ?? "again";
  }

  async #queue(store: SlotStore, limit: RunLimit): Promise<Held | null | "again"> {
    const { head, config } = this.#input;
    const { runId, createdAtMs, trace } = head;
    const wake = encodeMessage(slotWake(runId, config.id, limit.hash, traceMember(trace)));
    const ticket = { ...this.#seat(), limit: limit.limit, wake, createdAtMs };
    await store.putTicket(ticket, this.#patience());
    const granter = this.#granter(limit);
    const granted = await granter.grant(this.#seat());
    // Another granter may have given it: it counts as found.
    if (granted) return this.#keep(store, limit, granted);
    if (!this.#input.swept || !(await this.#checkHolders(limit))) return null;
    // The ticket that was just put stands: whoever takes it gives a place for it.
    const freed = await granter.grant(this.#seat());
    return freed ? this.#keep(store, limit, freed) : null;
  }

  /**
   * The sweeper woke a run whose distributed steps are not done: they may wait, under any of its limits, for places whose holders
   * are gone. Nobody asks for them: they have no turn that a sweeper wakes.
   */
  async checkForBranches(): Promise<void> {
    for (const limit of this.#limits) {
      if (limit.hold !== "step" || !(await this.#store(limit.hash).isQueued())) continue;
      if (await this.#checkHolders(limit)) await this.#granter(limit).grant(null);
    }
  }

  /** False when this turn has done so before. */
  async #checkHolders({ hash }: RunLimit): Promise<boolean> {
    if (this.#checked.has(hash)) return false;
    this.#checked.add(hash);
    const { stepQueueUrl } = this.#input;
    await new CheckHolders(this.#services, this.#store(hash), { hash, stepQueueUrl }).check();
    return true;
  }

  /**
   * Woken by the sweeper and still queued: it lets go of what it holds besides, unless it has promised to keep it to the end. Two
   * functions that take the same two places in different order would wait for one another.
   */
  async #startAnew(): Promise<void> {
    for (const limit of this.#limits) {
      if (limit.hold === "step" || !this.#mayHaveBegun) await this.#giveBackOne(limit);
    }
  }

  /** A turn that was lost may have begun a body, and left nothing of it. */
  get #mayHaveBegun(): boolean {
    return this.#input.stolen || this.#input.hasBegun();
  }

  async #giveBackOne(limit: RunLimit): Promise<void> {
    const held = this.#held.get(limit.hash);
    if (!held) return;
    const store = this.#store(limit.hash);
    await store.remove(held);
    this.#held.delete(limit.hash);
    if (await store.isQueued()) await this.#granter(limit).grant(null);
  }

  /** What the run has, or waits for, under rules that a deployment has removed: others may share those places. */
  async #letGoOfRemoved(): Promise<void> {
    const { head, config, stepQueueUrl } = this.#input;
    const known = new Set(this.#limits.map(({ hash }) => hash));
    for (const hash of new Set([...this.#held.keys(), ...this.#unsure])) {
      if (known.has(hash)) continue;
      await freeSlotsUnder(this.#services, head, hash, { config, stepQueueUrl });
      this.#held.delete(hash);
      this.#unsure.delete(hash);
      if (this.#queued === hash) this.#queued = null;
    }
  }

  /** A place that a run keeps to its end is one for all that it does. */
  #bodySeats(): BodySeats {
    const { head, config, lease } = this.#input;
    const limits = this.#limits.filter(({ hold }) => hold === "step");
    const seatLimits = limits.map((limit) => ({
      ...limit,
      store: this.#store(limit.hash),
      granted: async () => void (await this.#granter(limit).grant(null)),
    }));
    return new BodySeats(this.#services, seatLimits, { run: head.runId, fn: config.id }, () => lease.held);
  }

  #store(hash: string): SlotStore {
    const { head, lease } = this.#input;
    return new SlotStore(this.#services, appOfRun(head.runId), hash, () => lease.held);
  }

  #granter({ hash, limit }: RunLimit): Granter {
    const { config, stepQueueUrl } = this.#input;
    return new Granter(this.#services, this.#store(hash), { hash, limit, fn: config.id, stepQueueUrl });
  }

  #seat(): { run: string; seat: string; fn: string } {
    return { run: this.#input.head.runId, seat: TURN_SEAT, fn: this.#input.config.id };
  }

  /** A place taken after the lease is gone would be nobody's. */
  #patience(): { giveUp: () => boolean } {
    return { giveUp: () => !this.#input.lease.held };
  }
}
