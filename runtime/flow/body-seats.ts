/**
 * Owns: the places for bodies that run side by side with the first one in a turn: each further one takes a place of its own under
 * every limit of steps. They are taken only where nobody waits in the queue, and given back when they are not needed any more,
 * at the latest with the turn's own.
 * Must not: wait in a queue: a body without a place waits inside the turn, which goes on anyway.
 */
import type { Services } from "../services.js";
import type { SlotStore } from "../state/slot-store.js";
import { bodySeat, freeIndexes } from "./seats.js";

/** Bodies that are quicker are not worth two writes each: they run one after the other. */
const ASK_AFTER_MS = 25;
/** Nothing was free: asked again after this time, should bodies still wait. */
const ASK_AGAIN_MS = 2_000;
/** A place that nobody needed for this long is given back while the turn goes on. */
const IDLE_MS = 1_000;

/** One limit of steps, and what to do when a place of it was given back. */
export interface SeatLimit {
  hash: string;
  limit: number;
  store: SlotStore;
  granted: () => Promise<void>;
}

/** The slots of one further body, by the limit's hash. */
type Place = ReadonlyMap<string, { index: number; stamp: string }>;

export class BodySeats {
  readonly #services: Services;
  readonly #limits: readonly SeatLimit[];
  readonly #seat: { run: string; fn: string };
  readonly #mayTake: () => boolean;
  #places: Place[] = [];
  #wanted = 1;
  #onRoom: () => void = () => undefined;
  /** Asking for places, or giving some back, one after the other. */
  #working: Promise<void> | null = null;
  #cancelTimer: () => void = () => undefined;
  #timer: "ask" | "idle" | null = null;
  #closed = true;
  #named = 0;

  constructor(
    services: Services,
    limits: readonly SeatLimit[],
    seat: { run: string; fn: string },
    mayTake: () => boolean,
  ) {
    this.#services = services;
    this.#limits = limits;
    this.#seat = seat;
    this.#mayTake = mayTake;
  }

  /** Bodies that may run side by side now. */
  get count(): number {
    return this.#limits.length === 0 ? Number.POSITIVE_INFINITY : 1 + this.#places.length;
  }

  /** The turn has its own place: further ones may be asked for. */
  open(): void {
    this.#closed = false;
    this.#wanted = 1;
  }

  /** So many bodies run or want to. `onRoom` is called when more may run. */
  want(count: number, onRoom: () => void): void {
    if (this.#closed || this.#limits.length === 0) return;
    this.#wanted = Math.max(1, count);
    this.#onRoom = onRoom;
    if (this.#lacking > 0) this.#later("ask", ASK_AFTER_MS);
    else if (this.#lacking < 0) this.#later("idle", IDLE_MS);
  }

  /** Takes no more. */
  stop(): void {
    this.#closed = true;
    this.#cancelTimer();
    this.#timer = null;
  }

  /** Gives back all of them. */
  async close(): Promise<void> {
    this.stop();
    await this.#working?.catch(() => undefined);
    await this.#giveBack(this.#places.splice(0));
  }

  /** Places that are wanted and not there; negative: there and not wanted. */
  get #lacking(): number {
    const most = Math.min(...this.#limits.map(({ limit }) => limit));
    return Math.min(this.#wanted, most) - this.count;
  }

  #later(what: "ask" | "idle", ms: number): void {
    if (this.#closed || this.#working || this.#timer === what) return;
    this.#cancelTimer();
    this.#timer = what;
    this.#cancelTimer = this.#services.clock.after(ms, () => {
      this.#timer = null;
      this.#working = this.#work(what).finally(() => {
        this.#working = null;
        if (this.#lacking > 0) this.#later("ask", ASK_AGAIN_MS);
      });
    });
  }

  async #work(what: "ask" | "idle"): Promise<void> {
    try {
      if (what === "ask") await this.#ask();
      else await this.#giveBack(this.#places.splice(this.#places.length - Math.max(0, -this.#lacking)));
    } catch (error) {
      this.#services.logger.warn(`Cannot take places for steps side by side in run "${this.#seat.run}" now`, error);
    }
  }

  async #ask(): Promise<void> {
    const free = await Promise.all(this.#limits.map((limit) => this.#freeOf(limit)));
    const count = Math.min(this.#lacking, ...free.map((indexes) => indexes.length));
    const tries = Array.from({ length: Math.max(0, count) }, (_, position) => position);
    await Promise.all(tries.map((position) => this.#takePlace(free.map((indexes) => indexes[position] ?? 0))));
  }

  async #freeOf({ store, limit }: SeatLimit): Promise<number[]> {
    if (!(await store.isOpen(limit))) return [];
    return freeIndexes(await store.slots(), limit);
  }

  /** A place under each limit, or none. */
  async #takePlace(indexes: readonly number[]): Promise<void> {
    const place = new Map<string, { index: number; stamp: string }>();
    this.#named += 1;
    const seat = { ...this.#seat, seat: bodySeat(this.#named) };
    for (const [at, { hash, store }] of this.#limits.entries()) {
      const slot = await store.take(indexes[at] ?? 0, seat, { giveUp: () => !this.#mayTake() });
      if (!slot) return this.#giveBack([place]);
      place.set(hash, slot);
    }
    this.#places.push(place);
    if (!this.#closed) this.#onRoom();
  }

  async #giveBack(places: readonly Place[]): Promise<void> {
    for (const { hash, store, granted } of this.#limits) {
      const own = places.flatMap((place) => place.get(hash) ?? []);
      await Promise.all(own.map((slot) => store.remove(slot)));
      if (own.length > 0 && (await store.isQueued())) await granted();
    }
  }
}
