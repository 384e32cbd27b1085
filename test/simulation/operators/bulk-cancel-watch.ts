/** Owns: what becomes of bulk cancels in the table: when each was accepted and ended, and which rare things it met. */
import * as conditions from "../../../runtime/state/conditions.js";
import type { Item } from "../../../runtime/state/attributes.js";
import { cancellationKey } from "../../../runtime/state/keys.js";
import type { Marker } from "../markers.js";

export interface BulkCancelTimes {
  acceptedAtMs: number;
  endedAtMs: number | null;
}

const PREFIX = cancellationKey("").pk;

export class BulkCancelWatch {
  readonly times = new Map<string, BulkCancelTimes>();
  readonly #mark: (marker: Marker) => void;
  readonly #now: () => number;

  constructor(mark: (marker: Marker) => void, now: () => number) {
    this.#mark = mark;
    this.#now = now;
  }

  put(item: Item): void {
    const id = idOf(item);
    if (id !== null) this.times.set(id, { acceptedAtMs: this.#now(), endedAtMs: null });
  }

  updated(key: Item, values: Item): void {
    const times = this.times.get(idOf(key) ?? "");
    if (!times) return;
    if (values[":ended"] !== undefined) times.endedAtMs ??= this.#now();
    if (Number(values[":next"]?.N) > 1) this.#mark("bulk cancel in pages");
  }

  refused(key: Item, condition: string): void {
    if (idOf(key) === null) return;
    if (condition === conditions.ABSENT) this.#mark("bulk cancel asked twice");
    if (condition === conditions.PAGE_UNCOUNTED) this.#mark("bulk cancel page twice");
  }
}

function idOf(key: Item): string | null {
  const pk = key["pk"]?.S ?? "";
  return pk.startsWith(PREFIX) ? pk.slice(PREFIX.length) : null;
}
