/**
 * Owns: whether a key given from outside is one of ours. Pure.
 * Must not: let its duration tell anything about a key: digests of equal length are compared, in constant time, and all of
 * them always.
 */
import { createHash, timingSafeEqual } from "node:crypto";

const digest = (text: string): Uint8Array => createHash("sha256").update(text, "utf8").digest();

/** False for an empty key, and for every key when none is configured: a platform without keys refuses everyone. */
export function matchesAnyKey(given: string, keys: readonly string[]): boolean {
  const givenDigest = digest(given);
  let matches = 0;
  for (const key of keys) {
    // An empty entry is a configuration mistake, never a key. It is compared all the same.
    const isEqual = timingSafeEqual(givenDigest, digest(key));
    matches += Number(isEqual && key !== "");
  }
  return matches > 0;
}
