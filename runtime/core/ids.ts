/**
 * Owns: the form of every id: how it is made, checked and taken apart.
 * Must not: draw chance or read a clock; both come in as arguments, so the same input gives the same id everywhere.
 *
 * I1: ids sort by time where they carry one (ULID), and are equal exactly when what they were derived from is equal.
 * I2: an app or function id holds no "#", "_" or "/", so keys and run ids can be joined and split without escaping.
 */
import { createHash } from "node:crypto";

/** Crockford's base 32: no I, L, O, U, so nothing is misread; sorts like the bytes it encodes. */
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BITS_PER_CHARACTER = 5;
const ULID_TIME_CHARACTERS = 10;
const ULID_CHANCE_BYTES = 10;
/** 26 characters are 130 bits: two runs meet by chance only after some 2^65 of them. */
const HASH_CHARACTERS = 26;
/** 2^48 − 1, the year 10889: what the ten time characters of a ULID may hold by its specification. */
const MAX_ULID_MS = 2 ** 48 - 1;

/** Lowercase letters, digits and hyphens, first a letter or digit. See I2. */
export const appIdPattern = /^[a-z0-9][a-z0-9-]{0,39}$/;
export const functionIdPattern = /^[a-z0-9][a-z0-9-]{0,79}$/;
const runIdPattern = /^([a-z0-9][a-z0-9-]{0,39})_([0-9a-hjkmnp-tv-z]{26})$/;
const ulidPattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** The first `characters` × 5 bits of `bytes`, five at a time. */
function base32(bytes: Uint8Array, characters: number): string {
  let text = "";
  let pending = 0;
  let pendingBits = 0;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    pendingBits += 8;
    while (pendingBits >= BITS_PER_CHARACTER && text.length < characters) {
      pendingBits -= BITS_PER_CHARACTER;
      text += CROCKFORD.charAt((pending >>> pendingBits) & 31);
    }
    pending &= (1 << pendingBits) - 1;
  }
  return text;
}

/**
 * SHA-256 of the parts as a JSON array: no separator can be forged inside a part, and a lone surrogate, which UTF-8 would
 * turn into U+FFFD and so make equal to another, stays itself as an escape.
 */
function digest(...parts: readonly (string | number)[]): Uint8Array {
  return createHash("sha256").update(JSON.stringify(parts), "utf8").digest();
}

function ulidTimeCharacters(nowMs: number): string {
  if (!Number.isInteger(nowMs) || nowMs < 0 || nowMs > MAX_ULID_MS) {
    throw new RangeError(`Cannot make a ULID for time ${nowMs}; expected whole milliseconds from 0 to ${MAX_ULID_MS}`);
  }
  let rest = nowMs;
  let text = "";
  for (let i = 0; i < ULID_TIME_CHARACTERS; i++) {
    text = CROCKFORD.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** A ULID: 10 characters of time, 16 of chance. `chance` is ten random bytes. */
export function ulid(nowMs: number, chance: Uint8Array): string {
  if (chance.length !== ULID_CHANCE_BYTES) {
    throw new RangeError(`Cannot make a ULID from ${chance.length} random bytes; expected ${ULID_CHANCE_BYTES}`);
  }
  return ulidTimeCharacters(nowMs) + base32(chance, 16);
}

export function isUlid(text: string): boolean {
  return ulidPattern.test(text);
}

/** The time a ULID carries, in ms since 1970; null when the text is no ULID. */
export function ulidTime(id: string): number | null {
  if (!isUlid(id)) return null;
  let ms = 0;
  for (const character of id.slice(0, ULID_TIME_CHARACTERS)) ms = ms * 32 + CROCKFORD.indexOf(character);
  return ms;
}

/** Which operation of a run: the id its author gave, and how often that id was used before in the run (0 first). */
export function stepHash(id: string, occurrence: number): string {
  return base32(digest("step", id, occurrence), HASH_CHARACTERS).toLowerCase();
}

/**
 * `<app>_<26 characters>`, derived from the function and the internal id of the event (or tick, or child call) that
 * starts the run: starting it again from the same cause finds the run instead of making another.
 */
export function runIdOf(appId: string, functionId: string, internalEventId: string): string {
  const hash = base32(digest("run", appId, functionId, internalEventId), HASH_CHARACTERS).toLowerCase();
  return `${appId}_${hash}`;
}

/** The parts of a run id, or null when the text is none. Text from outside goes through here before it becomes a key. */
export function parseRunId(text: string): { appId: string; hash: string } | null {
  const [, appId, hash] = runIdPattern.exec(text) ?? [];
  return appId === undefined || hash === undefined ? null : { appId, hash };
}

/** The app a run belongs to. For ids that passed `parseRunId` once; anything else is a bug of the caller and throws. */
export function appOfRun(runId: string): string {
  const parsed = parseRunId(runId);
  if (parsed === null) throw new RangeError(`Cannot name the app of run ${JSON.stringify(runId)}: it is no run id`);
  return parsed.appId;
}

/**
 * The internal id of the `index`-th event sent under `seed`: a ULID whose chance part is a hash, so sending again gives
 * the same id. `nowMs` is part of it and must therefore be as stable as the seed (the time stored with the step that
 * sends, or the time inside a request id), never the clock of the second attempt.
 */
export function childEventId(seed: string, index: number, nowMs: number): string {
  return ulidTimeCharacters(nowMs) + base32(digest("event", seed, index), 16);
}
