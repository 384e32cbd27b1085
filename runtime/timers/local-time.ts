/**
 * Owns: local time in an IANA zone ⇄ instants, through Intl alone.
 * Must not: read a clock. A local time is written as the milliseconds the same reading would have in UTC.
 */

/** A zone's name in Scheduler's limit, never an offset such as "+02:00", which Scheduler does not take. */
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+/-]{0,49}$/;
const DAY_MS = 86_400_000;

/** Building a formatter costs some 50 µs, using one about 1 µs; a process meets few zones, so the number is bounded. */
const formatters = new Map<string, Intl.DateTimeFormat>();
const MAX_FORMATTERS = 100;

function formatterOf(timezone: string): Intl.DateTimeFormat {
  const known = formatters.get(timezone);
  if (known !== undefined) return known;
  const formatter = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    calendar: "gregory",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  if (formatters.size >= MAX_FORMATTERS) formatters.clear();
  formatters.set(timezone, formatter);
  return formatter;
}

/** The zone's name in its official letters, or null when there is no such zone. */
export function timezoneNamed(name: string): string | null {
  if (!ZONE_NAME.test(name)) return null;
  const official = Intl.supportedValuesOf("timeZone").find((zone) => zone.toLowerCase() === name.toLowerCase());
  if (official !== undefined) return official;
  try {
    const resolved = new Intl.DateTimeFormat("en-US", { timeZone: name }).resolvedOptions().timeZone;
    // A link such as "Etc/UTC" stays as written: Scheduler knows links, and the name is what the author looks for.
    return resolved.toLowerCase() === name.toLowerCase() ? resolved : name;
  } catch {
    return null;
  }
}

/** What clocks in the zone show at an instant. */
export function localTimeAt(timezone: string, instantMs: number): number {
  const shown: Record<string, number> = {};
  for (const { type, value } of formatterOf(timezone).formatToParts(instantMs)) {
    if (type !== "literal") shown[type] = Number(value);
  }
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((instantMs % 1000) + 1000) % 1000);
}

/**
 * The first instant at which clocks in the zone show `localMs`, or null when they never do.
 *
 * The offsets on the days around it are those on both sides of a change, if there is one:
 *
 *   forward  02:00 → 03:00   02:30 with either offset reads back as 01:30 or 03:30: never shown
 *   back     03:00 → 02:00   02:30 reads back with both: the larger offset is the earlier instant
 */
export function firstInstantOf(timezone: string, localMs: number): number | null {
  // Zones are at most 14 h from UTC, so these two lie before and after the instant although the day is a local one.
  const dayMs = Math.floor(localMs / DAY_MS) * DAY_MS;
  const before = offsetAt(timezone, dayMs - DAY_MS);
  const after = offsetAt(timezone, dayMs + 2 * DAY_MS);
  if (before === after) return localMs - before;
  for (const offsetMs of [Math.max(before, after), Math.min(before, after)]) {
    const instantMs = localMs - offsetMs;
    if (localTimeAt(timezone, instantMs) === localMs) return instantMs;
  }
  return null;
}

/** The offsets last asked for: all times of a day ask for the same two. */
const offsets = new Map<string, number>();
const MAX_OFFSETS = 1_000;

function offsetAt(timezone: string, instantMs: number): number {
  const key = `${timezone} ${instantMs}`;
  const known = offsets.get(key);
  if (known !== undefined) return known;
  const offsetMs = localTimeAt(timezone, instantMs) - instantMs;
  if (offsets.size >= MAX_OFFSETS) offsets.clear();
  offsets.set(key, offsetMs);
  return offsetMs;
}
