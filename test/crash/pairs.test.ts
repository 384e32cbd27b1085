/**
 * Goal: a second fault, while the run is still recovering from the first, changes nothing either.
 * Method: pairs of faults, the second among the calls that the first one caused. A sample, with its seed printed, for the
 * core flows; all pairs of all programs with PERDURE_CRASH=full.
 */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { describeFinding, Enumeration } from "./enumerate.js";
import { CORE_PROGRAMS, PROGRAMS } from "./programs.js";

const isFull = process.env["PERDURE_CRASH"] === "full";
const seed = Number(process.env["PERDURE_SEED"] ?? "20260302");
const SAMPLE = 80;
const FULL_TIMEOUT_MS = 3_600_000;

const named = (isFull ? PROGRAMS : CORE_PROGRAMS).map((program) => [program.name, program] as const);

describe.each([
  ["with minimal redundancy", false],
  ["with the sweeper", true],
] as const)("pairs of faults, %s", (config, sweeper) => {
  it.each(named)("%s", { timeout: FULL_TIMEOUT_MS }, async (name, program) => {
    const enumeration = await Enumeration.begin({ program, sweeper });
    if (isFull) await enumeration.tryAllPairs();
    else await enumeration.trySomePairs(SAMPLE, seededRandom(seed));
    console.log(`${name}, ${config}: ${enumeration.trials} trials, ${isFull ? "all pairs" : `PERDURE_SEED=${seed}`}`);
    expect(enumeration.findings.map(describeFinding)).toEqual([]);
  });
});
