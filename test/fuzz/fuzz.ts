/**
 * Owns: how a fuzz is run: for a few hundred rounds in `npm test`, which asks the same of a commit each time, and for
 * PERDURE_FUZZ times as many in `npm run prove`, under a seed that is new each time. It is printed when something is found;
 * PERDURE_SEED shows it again.
 */
import { appendFileSync } from "node:fs";
import fc from "fast-check";
import { PerdureError } from "../../sdk/error-catalogue.js";

export const seed = Number(process.env["PERDURE_SEED"] ?? "20260302") | 0;

const FACTOR = Number(process.env["PERDURE_FUZZ"] ?? "1");
/** A file that is told how many rounds there were (main.mjs). */
const ROUNDS_FILE = process.env["PERDURE_FUZZ_ROUNDS"];

/** What all objects share: nothing that is read may add to it, or replace a part of it. */
const SHARED = [Object, Array, Function, String, Number, Promise, Map, Set, RegExp, Date, Error].map((type): object =>
  Object(type.prototype),
);
const shape = (): unknown[] => SHARED.map((prototype) => Object.getOwnPropertyDescriptors(prototype));
const BEFORE = shape();

function requireUnpolluted(): void {
  const own = (descriptors: unknown): unknown[] =>
    Reflect.ownKeys(Object(descriptors)).flatMap((name) => {
      const { value, get, set }: PropertyDescriptor = Reflect.get(Object(descriptors), name);
      return [name, value, get, set];
    });
  for (const [index, after] of shape().entries()) {
    const [before, now] = [own(BEFORE[index]), own(after)];
    if (before.length !== now.length || before.some((part, at) => !Object.is(part, now[at]))) {
      throw new Error(`The prototype of ${String(SHARED[index]?.constructor.name)} is another than before`);
    }
  }
}

/** Holds for every value, or throws with the smallest one found, and the seed. Nothing that all objects share is changed. */
export async function always<T>(values: fc.Arbitrary<T>, rounds: number, holds: (value: T) => unknown): Promise<void> {
  const property = fc.asyncProperty(values, async (value) => void (await holds(value)));
  const numRuns = Math.ceil(rounds * FACTOR);
  await fc.assert(property, { seed, numRuns });
  requireUnpolluted();
  if (ROUNDS_FILE !== undefined) appendFileSync(ROUNDS_FILE, `${numRuns}\n`);
}

/** What came of a call: its value, or the code of the catalogue's error it threw. Anything else that is thrown is a finding. */
export function outcome<T>(call: () => T): { value: T } | { code: string } {
  try {
    return { value: call() };
  } catch (error) {
    if (error instanceof PerdureError) return { code: error.code };
    throw error;
  }
}
