/**
 * Owns: the places of concurrency limits as the table has them: who has each from when to when, who waits for one, who waits
 * beside a place that nobody has, and which rare things befell them (markers.ts).
 */
import { isLive, type RunHead } from "../../runtime/core/run.js";
import type { Item } from "../../runtime/state/attributes.js";
import { indexOfSlotKey, SLOT_PREFIX, TICKET_PREFIX } from "../../runtime/state/keys.js";
import type { Marker } from "./markers.js";

/** A place, from its taking until it was given back. */
export interface SlotRecord {
  /** Names what the limit counts. */
  hash: string;
  index: number;
  run: string;
  /** Of a run's turn, of a further body in it, or of a distributed step. */
  seat: string;
  takenAtMs: number;
  goneAtMs: number | null;
  /** Each writing of it. `untilMs`, of a distributed step, is by its worker's clock. */
  stamps: { atMs: number; untilMs: number | null }[];
}

interface StandingTicket {
  hash: string;
  run: string;
  sinceMs: number;
}

/** Whoever gives a place back gives it on within this time, where nothing dies. */
const ABOUT_TO_GIVE_MS = 10_000;

type HeadOf = (runId: string) => RunHead | null;

export class SlotWatch {
  readonly history: SlotRecord[] = [];
  /** By run, under which key its head says that it waits in a queue. */
  readonly #queued = new Map<string, string>();
  /** Woken there by the sweeper, with a place free that nobody was about to give on. */
  readonly #beside = new Map<string, string>();
  /** When a place under a key was last taken or given back. */
  readonly #changedAtMs = new Map<string, number>();
  /** Runs whose last claim took them from a lost worker. */
  readonly #stolen = new Set<string>();
  readonly #standing = new Map<string, SlotRecord>();
  readonly #tickets = new Map<string, StandingTicket>();
  readonly #mark: (marker: Marker) => void;
  readonly #now: () => number;
  readonly #headOf: HeadOf;

  constructor(mark: (marker: Marker) => void, now: () => number, headOf: HeadOf) {
    this.#mark = mark;
    this.#now = now;
    this.#headOf = headOf;
  }

  /** Who waits for a place now. */
  get tickets(): StandingTicket[] {
    return [...this.#tickets.values()];
  }

  /** Who has a place now. */
  get taken(): SlotRecord[] {
    return [...this.#standing.values()];
  }

  isQueued(runId: string): boolean {
    return this.#queued.has(runId);
  }

  stole(runId: string): void {
    this.#stolen.add(runId);
  }

  /** The sweeper wakes a run that waits. */
  swept(runId: string): void {
    const hash = this.#queued.get(runId) ?? "";
    const isGiven = this.taken.some((slot) => slot.hash === hash && slot.run === runId);
    const isQuiet = this.#now() - (this.#changedAtMs.get(hash) ?? 0) > ABOUT_TO_GIVE_MS;
    if (isQuiet && !isGiven) this.#beside.set(runId, hash);
  }

  noteHead({ runId, status, places, leaseUntilMs }: RunHead): void {
    if (leaseUntilMs === 0) this.#stolen.delete(runId);
    if (places.queued === null) this.#queued.delete(runId);
    else this.#queued.set(runId, places.queued);
    if (leaseUntilMs > 0) return;
    if (places.queued !== null) this.#mark("run queued for a place");
    const hash = this.#beside.get(runId);
    // It begins anew with what it takes first, and may be queued there. One whose time to begin is up is cancelled by whoever looks.
    const hasPlace = places.queued === null || Object.hasOwn(places.held, hash ?? "");
    const hasGoneOn = places.queued !== hash && hasPlace && status !== "Cancelled";
    if (hash !== undefined && hasGoneOn) this.#mark("free place found by the sweeper");
    this.#beside.delete(runId);
  }

  put(item: Item): void {
    const place = placeOf(item);
    if (!place) return;
    const [run, seat] = [item["run"]?.S ?? "", item["seat"]?.S ?? ""];
    if (place.index === null) return this.#putTicket(place, run, seat);
    this.#changedAtMs.set(place.hash, this.#now());
    const until = item["until"]?.N;
    const stamp = { atMs: this.#now(), untilMs: until === undefined ? null : Number(until) };
    const standing = this.#standing.get(place.key);
    if (standing?.run === run && standing.seat === seat) {
      standing.stamps.push(stamp);
      if (this.#stolen.has(run) && !seat.startsWith("b")) this.#mark("place stamped anew after a steal");
      return;
    }
    if (standing) standing.goneAtMs = this.#now();
    const { hash, index } = place;
    const record = { hash, index, run, seat, takenAtMs: this.#now(), goneAtMs: null, stamps: [stamp] };
    this.history.push(record);
    this.#standing.set(place.key, record);
    if (seat.startsWith("x")) this.#mark("step side by side had a place");
  }

  removed(key: Item): void {
    const place = placeOf(key);
    if (!place) return;
    this.#tickets.delete(place.key);
    const slot = this.#standing.get(place.key);
    if (!slot) return;
    slot.goneAtMs = this.#now();
    this.#changedAtMs.set(place.hash, this.#now());
    this.#standing.delete(place.key);
    const isWanted = this.tickets.some(({ hash }) => hash === slot.hash);
    const owner = this.#headOf(slot.run);
    if (owner && !isLive(owner.status) && (owner.endedAtMs ?? 0) <= slot.takenAtMs && isWanted) {
      this.#mark("place of an ended run went on");
    }
    const twin = this.taken.some(({ hash, run, seat }) => hash === slot.hash && run === slot.run && seat === slot.seat);
    if (twin) this.#mark("second place given back");
  }

  /** More are at work under a key than its limit says from now on. */
  lowered(hash: string, limit: number): void {
    if (this.taken.filter((slot) => slot.hash === hash).length > limit) this.#mark("limit lowered below those at work");
  }

  #putTicket({ key, hash }: Place, run: string, seat: string): void {
    const sinceMs = this.#tickets.get(key)?.sinceMs ?? this.#now();
    this.#tickets.set(key, { hash, run, sinceMs });
    if (seat.startsWith("b")) this.#mark("distributed step queued");
  }
}

interface Place {
  key: string;
  hash: string;
  /** Null: a ticket. */
  index: number | null;
}

function placeOf({ pk, sk }: Item): Place | null {
  const [, kind, hash] = (pk?.S ?? "").split("#");
  const sortKey = sk?.S ?? "";
  if (kind !== "SLOT" || hash === undefined) return null;
  const key = `${hash} ${sortKey}`;
  if (sortKey.startsWith(SLOT_PREFIX)) return { key, hash, index: indexOfSlotKey(sortKey) };
  return sortKey.startsWith(TICKET_PREFIX) ? { key, hash, index: null } : null;
}
