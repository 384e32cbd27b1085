/**
 * Owns: from the world's time to a zone's wall clock and back, for IANA zones, out of the data the JavaScript engine brings.
 * A wall-clock time is a number too: the milliseconds since 1970 if the same reading stood on a clock in UTC (`localMs`).
 * Must not: know schedules, or read a clock.
 */

/** Zones change their offset at most once in such a stretch, and seldom: most lookups are answered from the cache. */
const BLOCK_MS = 6 * 3_600_000;
const MAX_CACHED_BLOCKS = 20_000;
/** Offsets reach from −12 to +14 hours; a day and more looks past any of them. */
const WINDOW_MS = 26 * 3_600_000;

const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/;

function formatterOf(name: string): Intl.DateTimeFormat | undefined {
  if (!ZONE_NAME.test(name)) return undefined;
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
  } catch {
    // RangeError: there is no such zone. That is the answer, not a failure.
    return undefined;
  }
}

export class TimeZone {
  readonly name: string;
  readonly #formatter: Intl.DateTimeFormat;
  readonly #isUtc: boolean;
  /** Offset by block; null where it changes within the block. */
  readonly #blocks = new Map<number, number | null>();

  constructor(name: string, formatter: Intl.DateTimeFormat) {
    this.name = name;
    this.#formatter = formatter;
    this.#isUtc = name === "UTC";
  }

  /** What the wall clock shows at an instant. */
  localMsAt(utcMs: number): number {
    return utcMs + this.#offsetMsAt(utcMs);
  }

  /** The first instant at which the wall clock shows `localMs`; null if it never does (the clock was set forward over it). */
  firstInstantOf(localMs: number): number | null {
    if (this.#isUtc) return localMs;
    const offsets = [this.#offsetMsAt(localMs - WINDOW_MS), this.#offsetMsAt(localMs + WINDOW_MS)];
    let firstMs: number | null = null;
    for (const offsetMs of offsets) {
      const instantMs = localMs - offsetMs;
      if (this.#offsetMsAt(instantMs) === offsetMs && (firstMs === null || instantMs < firstMs)) firstMs = instantMs;
    }
    return firstMs;
  }

  #offsetMsAt(utcMs: number): number {
    if (this.#isUtc) return 0;
    const block = Math.floor(utcMs / BLOCK_MS);
    let offsetMs = this.#blocks.get(block);
    if (offsetMs === undefined) {
      const atStart = this.#readOffsetMs(block * BLOCK_MS);
      offsetMs = atStart === this.#readOffsetMs((block + 1) * BLOCK_MS - 1_000) ? atStart : null;
      if (this.#blocks.size >= MAX_CACHED_BLOCKS) this.#blocks.clear();
      this.#blocks.set(block, offsetMs);
    }
    return offsetMs ?? this.#readOffsetMs(utcMs);
  }

  #readOffsetMs(utcMs: number): number {
    const wholeMs = Math.floor(utcMs / 1_000) * 1_000;
    const read: Record<string, number> = {};
    for (const { type, value } of this.#formatter.formatToParts(wholeMs)) read[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = read;
    return Date.UTC(year, month - 1, day, hour, minute, second) - wholeMs;
  }
}

const zones = new Map<string, TimeZone>();

/** The zone of that IANA name, or undefined. Zones are kept: making a formatter takes a thousand times as long as using it. */
export function timeZone(name: string): TimeZone | undefined {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const formatter = formatterOf(name);
  if (formatter === undefined) return undefined;
  const zone = new TimeZone(name, formatter);
  zones.set(name, zone);
  return zone;
}
