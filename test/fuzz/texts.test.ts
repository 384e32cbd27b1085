/**
 * Goal: every short text the platform reads (durations, crons, cursors, ids, trace contexts, request ids, keys) is read as
 * what it says, or refused by a code of the catalogue; nothing in between, and nothing else is ever thrown.
 * Method: random text, hostile text, and sound text bent in one place; what was read is written again and compared.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { encodeCursor, readCursor } from "../../runtime/api/cursor.js";
import { readInteger, readQuery, readTime } from "../../runtime/api/read-query.js";
import { isUlid, parseRunId, runIdOf, ulid, ulidTime } from "../../runtime/core/ids.js";
import { matchesAnyKey } from "../../runtime/core/keys-equal.js";
import { idSource } from "../../runtime/ingest/id-source.js";
import { SecretKeys } from "../../runtime/lambda/keys.js";
import { readTraceparent } from "../../runtime/observe/trace.js";
import { functionSort, headKey, shapeKey, signalKey, timeIndex } from "../../runtime/state/keys.js";
import { nextTicks, parseCron, toSchedules } from "../../runtime/timers/cron.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { VirtualClock } from "../../local/aws/virtual-clock.js";
import { durationMs, MAX_WAIT_MS } from "../../sdk/duration.js";
import { always, outcome } from "./fuzz.js";
import { bent, bentText, hostileText } from "./hostile.js";
import { NOW_MS } from "./sound-messages.js";

const DAY_MS = 86_400_000;

const anyOr = (sound: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.oneof(hostileText, sound, bentText(sound));

it("a duration is whole milliseconds within a leap year, or INVALID_DURATION", async () => {
  const unit = fc.constantFrom("w", "d", "h", "m", "s", "ms", " minutes", " day", "µs", "M");
  const segment = fc
    .tuple(fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e6, noNaN: true })), unit)
    .map((part) => part.join(""));
  const sound = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join(" "));
  await always(fc.oneof(anyOr(sound), fc.double()), 1_500, (value) => {
    const read = outcome(() => durationMs(value));
    if ("code" in read) return expect(read.code).toBe("INVALID_DURATION");
    expect(Number.isInteger(read.value) && read.value >= 0 && read.value <= MAX_WAIT_MS).toBe(true);
  });
});

it("a cron has schedules that fit and times that ascend, or is refused", async () => {
  const field = (min: number, max: number): fc.Arbitrary<string> => {
    const number = fc.integer({ min, max: max + 1 }).map(String);
    const range = fc.tuple(number, number).map((ends) => ends.join("-"));
    const part = fc
      .tuple(fc.oneof(number, range, fc.constant("*")), fc.constantFrom("", "/2", "/7", "/0", "/99"))
      .map((two) => two.join(""));
    return fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(","));
  };
  const zone = fc.constantFrom("", "TZ=Europe/Paris ", "TZ=America/New_York ", "CRON_TZ=UTC ", "TZ= ", "TZ=../x ");
  const sound = fc
    .tuple(zone, field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
    .map(([tz, ...fields]) => tz + fields.join(" "));
  await always(anyOr(sound), 800, (text) => {
    const read = outcome(() => parseCron(text));
    if ("code" in read) return expect(read.code).toMatch(/^CRON_/);
    for (const { expression } of toSchedules(read.value)) expect(expression.length).toBeLessThanOrEqual(256);
    const ticks = nextTicks(read.value, NOW_MS, 3);
    expect(ticks.every((tick, index) => tick > (ticks[index - 1] ?? NOW_MS))).toBe(true);
  });
});

it("a cursor is one that was given out, character by character, or INVALID_QUERY", async () => {
  const place = fc
    .tuple(fc.nat({ max: 2 ** 31 }), fc.option(hostileText, { nil: null }))
    .map(([ms, cause]) => functionSort(ms, cause === null ? "" : runIdOf("shop", "good", cause)));
  const forged = hostileText.map((before) => Buffer.from(JSON.stringify({ v: 1, before })).toString("base64url"));
  await always(fc.oneof(anyOr(place.map(encodeCursor)), forged, bentText(forged)), 1_000, (cursor) => {
    const read = outcome(() => readCursor(cursor));
    if ("code" in read) return expect(read.code).toBe("INVALID_QUERY");
    expect(encodeCursor(read.value)).toBe(cursor);
    expect(read.value).toMatch(/^\d{14}#([a-z0-9-]{1,40}_[0-9a-z]{26})?$/);
  });
});

it("a run's id spells its own key and no other; an event's id carries a time", async () => {
  const sound = hostileText.map((cause) => runIdOf("my-shop", "good", cause));
  await always(anyOr(sound), 1_000, (text) => {
    if (parseRunId(text) === null) return expect(() => headKey(text)).toThrow(RangeError);
    const [app, ...rest] = headKey(text).pk.split("#");
    expect([`${app}_`, rest]).toEqual([text.slice(0, -26), ["RUN", text]]);
  });
  const ids = fc.tuple(fc.nat(), fc.uint8Array({ minLength: 10, maxLength: 10 })).map(([ms, bytes]) => ulid(ms, bytes));
  await always(anyOr(ids), 1_000, (text) => {
    const ms = ulidTime(text);
    expect(ms !== null).toBe(isUlid(text));
    if (ms !== null) expect(ulid(ms, new Uint8Array(10)).slice(0, 10)).toBe(text.slice(0, 10));
  });
});

it("names make keys that are apart where they are, and within what DynamoDB takes", async () => {
  await always(fc.tuple(hostileText, hostileText), 1_000, ([a, b]) => {
    expect(signalKey(a).pk === signalKey(b).pk).toBe(a === b);
    expect(signalKey(a).pk).toMatch(/^SIGNAL#[\w-]{43}$/);
  });
  const name = hostileText.filter((text) => text.length > 0 && text.length <= 256 && !/[\p{Cc}\p{Cs}]/u.test(text));
  await always(fc.tuple(name, name, hostileText), 500, ([a, b, field]) => {
    const [first, second] = [a, b].map((event) => [shapeKey(event, "shop", [field]), timeIndex(event, "id", NOW_MS)]);
    expect(JSON.stringify(first) === JSON.stringify(second)).toBe(a === b);
    const { pk, sk } = shapeKey(a, "shop", [field]);
    expect(Buffer.byteLength(pk)).toBeLessThanOrEqual(2_048);
    expect(sk).toMatch(/^shop#[\w-]{43}$/);
  });
});

it("a trace context is passed on in version 00, or not at all", async () => {
  const hex = (length: number): fc.Arbitrary<string> =>
    fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
  const sound = fc.tuple(fc.constantFrom("00", "01", "ff"), hex(32), hex(16), hex(2)).map((parts) => parts.join("-"));
  await always(anyOr(sound), 1_000, (text) => {
    const read = readTraceparent(text);
    if (read !== undefined) expect(read).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/);
  });
});

it("a request id is taken near its time, and gives ids near it; any other is as good as none", async () => {
  const clock = new VirtualClock({ startMs: NOW_MS });
  const sound = fc
    .tuple(fc.integer({ min: NOW_MS - DAY_MS, max: NOW_MS + DAY_MS }), fc.integer({ min: 0, max: 15 }))
    .map(([ms, digit]) => `${ms}-${digit.toString(16).repeat(32)}`);
  await always(anyOr(sound), 1_000, (text) => {
    const { seed, atMs } = idSource({ clock, random: seededRandom(1) }, { "x-perdure-request-id": text });
    expect(Math.abs(atMs - NOW_MS)).toBeLessThanOrEqual(3_600_000);
    expect(seed).toMatch(/^request\n[0-9a-f-]{32,47}$/);
  });
});

it("a query has known names once each, numbers within bounds and times that exist, or INVALID_QUERY", async () => {
  const pair = fc
    .tuple(
      fc.oneof(fc.constantFrom("limit", "from"), hostileText),
      fc.oneof(
        fc.constantFrom("5", "0005", "-1", "1e3", "2026-02-30", "2026-02-28", "2026-03-01T09:00Z", "1773144000000"),
        hostileText,
      ),
    )
    .map(([name, value]) => `${encodeWellFormed(name)}=${encodeWellFormed(value)}`);
  const raw = fc.array(pair, { maxLength: 3 }).map((pairs) => pairs.join("&"));
  await always(fc.oneof(raw, bentText(raw), hostileText), 1_000, (text) => {
    const read = outcome(() => {
      const query = readQuery(text, ["limit", "from"]);
      return { limit: readInteger(query, "limit", { min: 1, max: 200, otherwise: 50 }), from: readTime(query, "from") };
    });
    if ("code" in read) return expect(read.code).toBe("INVALID_QUERY");
    const { limit, from } = read.value;
    expect(Number.isInteger(limit) && limit >= 1 && limit <= 200).toBe(true);
    expect(from === null || (Number.isFinite(from) && from >= 0)).toBe(true);
  });
});

function encodeWellFormed(text: string): string {
  return encodeURIComponent(text.replace(/\p{Cs}/gu, ""));
}

it("a key opens when it is one of them, whole and not empty, and never otherwise", async () => {
  // A header and a secret are text with UTF-8; what is none reaches neither.
  const key = hostileText.map((text) => text.replace(/\p{Cs}/gu, ""));
  const given = fc.tuple(fc.array(key, { maxLength: 3 }), key, fc.nat(), fc.boolean());
  await always(given, 1_000, ([keys, other, place, own]) => {
    const tried = own ? (keys[place % Math.max(1, keys.length)] ?? other) : other;
    expect(matchesAnyKey(tried, keys)).toBe(tried !== "" && keys.includes(tried));
  });
});

it("a secret holds the keys it says, or KEYS_UNREADABLE, which does not say what it holds", async () => {
  const word = hostileText.filter((text) => text !== "");
  const sound = fc.record({ current: word, previous: hostileText }, { requiredKeys: ["current"] });
  const texts = fc.oneof(
    sound.map((keys) => JSON.stringify(keys)),
    bent(sound).map((keys) => JSON.stringify(keys) ?? ""),
    hostileText,
  );
  const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  await always(texts, 500, async (text) => {
    const clock = new VirtualClock({ startMs: NOW_MS });
    // The one command that is sent answers this.
    const store = { send: async <Output>(): Promise<Output> => ({ SecretString: text }) as Output };
    const keys = new SecretKeys({ clock, random: seededRandom(1), logger: quiet }, store, "the-secret");
    const read = await keys.current().catch((error: unknown) => error);
    if (Array.isArray(read)) {
      const said: { current: string; previous?: string } = JSON.parse(text);
      return expect(read).toEqual([said.current, said.previous ?? ""].filter((key) => key !== ""));
    }
    expect(read).toMatchObject({ code: "KEYS_UNREADABLE" });
    expect(String(read)).toBe(String(await keys.current().catch((error: unknown) => error)));
    expect(String(read)).toMatch(
      /^PerdureError: Cannot read keys from secret "the-secret": it holds no JSON of that form/,
    );
  });
});
