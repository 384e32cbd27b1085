/**
 * Owns: repeatable chance. The same seed gives the same draws on every machine, so that a recorded call, and a failing
 * simulation, can be repeated exactly.
 * Must not: be used where a secret is made.
 */
import type { Random } from "../../sdk/clock.js";

/** Weyl increment of the generator: 2^32 divided by the golden ratio, odd. */
const INCREMENT = 0x9e3779b9;

/** Scatters 32 bits so that neighbouring inputs share nothing visible (the "lowbias32" finalizer of C. Wellons, public domain). */
function scatter(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** A 32-bit seed for the `index`-th member of a family of generators. */
export function seedOf(family: number, index: number): number {
  return scatter(scatter(family) + Math.imul(index, INCREMENT));
}

/** A generator whose whole state is 32 bits: cheap to make for each call. */
export function seededRandom(seed: number): Random {
  let state = scatter(seed);
  const word = (): number => {
    state = (state + INCREMENT) >>> 0;
    return scatter(state);
  };
  return {
    // 53 bits: the sum of two words scaled to [0, 1).
    unit: () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53,
    bytes: (count) => {
      const bytes = new Uint8Array(count);
      for (let index = 0; index < count; index += 4) {
        const drawn = word();
        for (let part = 0; part < 4 && index + part < count; part += 1) bytes[index + part] = drawn >>> (part * 8);
      }
      return bytes;
    },
  };
}
