/**
 * Owns: handing free places to those who wait for one, oldest run first. Whoever puts a ticket, or gives a place back, does so
 * afterwards: each writes first and reads then, so that of a ticket and a free place that meet, one of the two sees the other.
 * A granter may die between any two writes: the slot is put first, the ticket removed last, and whoever comes next finds the
 * seat that has both, and sends its wake again.
 */
import { readWake, type WakeMessage } from "../queue/messages.js";
import { sendMessage } from "../queue/send.js";
import type { Services } from "../services.js";
import type { SlotStore, Seat, Slot, Ticket } from "../state/slot-store.js";
import { freeIndexes } from "./seats.js";

/** What a limit is, for who grants its places. */
export interface Granting {
  hash: string;
  limit: number;
  /** Whose limit that is. Tickets of other functions say their own. */
  fn: string;
  stepQueueUrl: string;
}

/** Lost for a place. Whoever wins them grants. */
const MAX_RACES = 5;

export class Granter {
  readonly #services: Services;
  readonly #store: SlotStore;
  readonly #granting: Granting;

  constructor(services: Services, store: SlotStore, granting: Granting) {
    this.#services = services;
    this.#store = store;
    this.#granting = granting;
  }

  /** Grants what is free. Answers the slot that `self` has now, to whom no wake is sent. */
  async grant(self: Seat | null): Promise<Slot | null> {
    for (let races = 0; races < MAX_RACES;) {
      const slots = await this.#store.slots();
      // One more than can be granted, so that tickets left behind by a granter do not hide those behind them.
      const tickets = await this.#store.tickets(Math.max(1, this.#granting.limit - slots.length) + 1);
      const outcome = await this.#round(slots, tickets, self);
      if (outcome === "lost") races += 1;
      else if (outcome !== "cleared") return outcome;
    }
    return null;
  }

  async #round(
    slots: Slot[],
    tickets: readonly Ticket[],
    self: Seat | null,
  ): Promise<Slot | null | "lost" | "cleared"> {
    let own: Slot | null = slots.find((slot) => self !== null && isOf(slot, self)) ?? null;
    let cleared = false;
    let isFull = false;
    for (const ticket of tickets) {
      const isSelf = self !== null && isOf(ticket, self);
      const given = slots.find((taken) => isOf(taken, ticket)) ?? null;
      let slot = given;
      if (!slot) {
        const index: number | undefined = isFull ? undefined : freeIndexes(slots, this.#limitFor(ticket))[0];
        isFull = index === undefined;
        // Nobody passes the first. One behind him may have been given a place by a granter that died before it told him.
        if (index === undefined) continue;
        slot = await this.#store.take(index, ticket);
        if (!slot) return "lost";
        slots.push(slot);
      }
      if (isSelf) own = slot;
      else await this.#wake(ticket);
      if ((await this.#store.removeRead(ticket)) && given) cleared = true;
    }
    return cleared ? "cleared" : own;
  }

  #limitFor(ticket: Ticket): number {
    return ticket.fn === this.#granting.fn ? this.#granting.limit : ticket.limit;
  }

  async #wake(ticket: Ticket): Promise<void> {
    const wake = readWake(ticket.wake);
    // Written by a worker of a later version, or by other hands: its run is looked at when it is due.
    if ("unreadable" in wake) return;
    await sendMessage(this.#services, this.#granting.stepQueueUrl, wake);
  }
}

function isOf(a: Seat, b: Seat): boolean {
  return a.run === b.run && a.seat === b.seat;
}

/** The message that tells a run of a place it was given. */
export function slotWake(run: string, fn: string, slot: string, rest: Partial<WakeMessage> = {}): WakeMessage {
  return { ...rest, v: 1, run, fn, why: "slot", slot };
}
