/** Owns: the way of a limit that is not reached: nobody waits, and one of two places is free. One read, one write. */
import type { Patience } from "../aws/until-known.js";
import type { Seat, Slot, SlotStore } from "../state/slot-store.js";

/** A place where nobody waits for one; null sends the taker to look at all of them. `chance` picks the two that are tried. */
export async function takeOpenPlace(
  store: SlotStore,
  limit: number,
  seat: Seat & { fn: string; untilMs?: number | null },
  chance: string,
  patience?: Patience,
): Promise<Slot | null> {
  if (!(await store.isOpen(limit))) return null;
  for (const index of probesOf(chance, limit)) {
    const slot = await store.take(index, seat, patience);
    if (slot) return slot;
  }
  return null;
}

/** The last characters of a run's id, or of a step's hash, are chance: 50 bits of it. */
function probesOf(chance: string, limit: number): number[] {
  const number = Number.parseInt(chance.slice(-10), 36);
  const first = number % limit;
  return limit === 1 ? [0] : [first, (first + 1 + (Math.floor(number / limit) % (limit - 1))) % limit];
}
