/**
 * Owns: one bucket: its objects, in the order S3 lists them (by the bytes of the key in UTF-8).
 * Must not: check requests.
 */
import type { Tags } from "./tags.js";

export interface StoredObject {
  key: string;
  body: Uint8Array;
  eTag: string;
  contentType: string;
  contentEncoding: string | null;
  metadata: Record<string, string>;
  tags: Tags;
  modifiedAtMs: number;
}

const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

/** A UTF-16 unit moved so that units compare as their characters do in UTF-8: surrogates stand for the highest characters. */
function utf8Rank(unit: number): number {
  if (unit < FIRST_SURROGATE) return unit;
  return unit <= LAST_SURROGATE ? unit + 0x10000 : unit;
}

/** Orders texts by their UTF-8 bytes without encoding them. */
export function compareUtf8(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index += 1) {
    const [a, b] = [one.charCodeAt(index), other.charCodeAt(index)];
    if (a !== b) return utf8Rank(a) - utf8Rank(b);
  }
  return one.length - other.length;
}

export class Bucket {
  readonly name: string;
  readonly createdAtMs: number;
  readonly #objects = new Map<string, StoredObject>();
  /** Made when a list is asked for, dropped when a key comes or goes. */
  #sortedKeys: string[] | undefined;

  constructor(name: string, createdAtMs: number) {
    this.name = name;
    this.createdAtMs = createdAtMs;
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  objects(): IterableIterator<StoredObject> {
    return this.#objects.values();
  }

  put(object: StoredObject): void {
    if (!this.#objects.has(object.key)) this.#sortedKeys = undefined;
    this.#objects.set(object.key, object);
  }

  delete(key: string): void {
    if (this.#objects.delete(key)) this.#sortedKeys = undefined;
  }

  /** Up to `limit` objects with the prefix, after a key (which need not exist). */
  list(prefix: string, afterKey: string, limit: number): StoredObject[] {
    this.#sortedKeys ??= [...this.#objects.keys()].sort(compareUtf8);
    const keys = this.#sortedKeys;
    const listed: StoredObject[] = [];
    const isPastPrefix = compareUtf8(afterKey, prefix) >= 0;
    let index = this.#position(keys, isPastPrefix ? afterKey : prefix, isPastPrefix);
    for (; index < keys.length && listed.length < limit; index += 1) {
      const key = keys[index] ?? "";
      // Keys with one prefix stand together.
      if (!key.startsWith(prefix)) break;
      const object = this.#objects.get(key);
      if (object !== undefined) listed.push(object);
    }
    return listed;
  }

  /** The position of the first key not before `bound`, or, with `isExclusive`, of the first one after it. */
  #position(keys: readonly string[], bound: string, isExclusive: boolean): number {
    let [low, high] = [0, keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = compareUtf8(keys[middle] ?? "", bound);
      if (order > 0 || (order === 0 && !isExclusive)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
