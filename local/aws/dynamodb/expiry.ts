/**
 * Owns: which items a time to live makes removable, and when: filed by the hour, so that a write costs two map operations
 * and the next expiry is found without reading the items.
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html: a Number, seconds since 1970;
 * anything else, and a time more than five years ago, never expires.
 */
import type { StoredItem } from "./secondary-index.js";

const HOUR_SECONDS = 3600;
const FIVE_YEARS_SECONDS = 5 * 365 * 24 * 3600;

export class Expiry {
  readonly attributeName: string;
  private readonly hours = new Map<number, Set<StoredItem>>();

  constructor(attributeName: string) {
    this.attributeName = attributeName;
  }

  add(item: StoredItem): void {
    const hour = this.hourOf(item);
    if (hour === undefined) return;
    const items = this.hours.get(hour);
    if (items === undefined) this.hours.set(hour, new Set([item]));
    else items.add(item);
  }

  remove(item: StoredItem): void {
    const hour = this.hourOf(item);
    if (hour === undefined) return;
    const items = this.hours.get(hour);
    items?.delete(item);
    if (items?.size === 0) this.hours.delete(hour);
  }

  /** The items whose time is over at `nowMs`. */
  expired(nowMs: number): StoredItem[] {
    const nowSeconds = nowMs / 1000;
    const found: StoredItem[] = [];
    for (const [hour, items] of this.hours) {
      if (hour * HOUR_SECONDS > nowSeconds) continue;
      for (const item of items) if (this.isExpired(item, nowSeconds)) found.push(item);
    }
    return found;
  }

  /** The first moment at which an item is removable, past ones included; undefined when none ever will be. */
  nextAtMs(nowMs: number): number | undefined {
    const forgottenSeconds = nowMs / 1000 - FIVE_YEARS_SECONDS;
    for (const hour of [...this.hours.keys()].sort((a, b) => a - b)) {
      let earliest = Infinity;
      for (const item of this.hours.get(hour) ?? []) {
        const seconds = this.secondsOf(item) ?? Infinity;
        if (seconds > forgottenSeconds) earliest = Math.min(earliest, seconds);
      }
      // Strictly after: an item whose time is this very moment is not yet over.
      if (earliest < Infinity) return Math.floor(earliest * 1000) + 1;
    }
    return undefined;
  }

  private isExpired(item: StoredItem, nowSeconds: number): boolean {
    const seconds = this.secondsOf(item);
    return seconds !== undefined && seconds < nowSeconds && seconds > nowSeconds - FIVE_YEARS_SECONDS;
  }

  private hourOf(item: StoredItem): number | undefined {
    const seconds = this.secondsOf(item);
    return seconds === undefined ? undefined : Math.floor(seconds / HOUR_SECONDS);
  }

  private secondsOf(item: StoredItem): number | undefined {
    const value = item.attributes.get(this.attributeName);
    return value?.type === "N" ? Number(value.value) : undefined;
  }
}
