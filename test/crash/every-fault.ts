/**
 * The two questions asked of functions with waiting operations: every call failing, one at a time, with SQS alone to bring back
 * what was lost; and two calls failing, with the sweeper. By seed; PERDURE_CRASH=full asks for every mode and every pair.
 */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { describeFinding, Enumeration } from "./enumerate.js";
import type { Program } from "./programs.js";

const isFull = process.env["PERDURE_CRASH"] === "full";
const seed = Number(process.env["PERDURE_SEED"] ?? "20260302");
const TIMEOUT_MS = isFull ? 3_600_000 : 60_000;
const MODES_A_CALL = 1;

/** `leastSingles`: fewer trials mean that a program has lost what it was to try. */
export function describeEveryFault(
  programs: readonly Program[],
  { pairs, leastSingles }: { pairs: number; leastSingles: number },
): void {
  const named = programs.map((program) => [program.name, program] as const);

  describe(`single faults, with minimal redundancy, PERDURE_SEED=${seed}`, () => {
    it.each(named)("%s", { timeout: TIMEOUT_MS }, async (_name, program) => {
      const enumeration = await Enumeration.begin({ program, sweeper: false });
      if (isFull) await enumeration.trySingles();
      else await enumeration.trySomeSingles(MODES_A_CALL, seededRandom(seed));
      expect(enumeration.findings.map(describeFinding)).toEqual([]);
      expect(enumeration.trials).toBeGreaterThan(leastSingles);
    });
  });

  describe(`two faults, with the sweeper, PERDURE_SEED=${seed}`, () => {
    it.each(named)("%s", { timeout: TIMEOUT_MS }, async (_name, program) => {
      const enumeration = await Enumeration.begin({ program, sweeper: true });
      if (isFull) await enumeration.tryAllPairs();
      else await enumeration.trySomePairs(pairs, seededRandom(seed));
      expect(enumeration.findings.map(describeFinding)).toEqual([]);
      expect(enumeration.trials).toBeGreaterThan(0);
    });
  });
}
