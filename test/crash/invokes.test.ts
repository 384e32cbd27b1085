/**
 * Goal: whatever one AWS call does, a parent gets its child's outcome, a failure is handled once, what is let go ends.
 * Method: as singles.test.ts, for functions that invoke: each call × every mode, with SQS alone to bring back what was lost.
 */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { describeFinding, Enumeration } from "./enumerate.js";
import { INVOKE_PROGRAMS } from "./programs-invoke.js";

const isFull = process.env["PERDURE_CRASH"] === "full";
const seed = Number(process.env["PERDURE_SEED"] ?? "20260302");
const named = INVOKE_PROGRAMS.map((program) => [program.name, program] as const);

describe("every single fault, with minimal redundancy", () => {
  it.each(named)("%s", async (_name, program) => {
    const enumeration = await Enumeration.begin({ program, sweeper: false });
    await enumeration.trySingles();
    expect(enumeration.findings.map(describeFinding)).toEqual([]);
    expect(enumeration.trials).toBe(enumeration.singles().length + 1);
    expect(enumeration.trials).toBeGreaterThan(80);
  });
});

describe(`two faults, with the sweeper, PERDURE_SEED=${seed}`, () => {
  it.each(named)("%s", async (_name, program) => {
    const enumeration = await Enumeration.begin({ program, sweeper: true });
    if (isFull) await enumeration.tryAllPairs();
    else await enumeration.trySomePairs(60, seededRandom(seed));
    expect(enumeration.findings.map(describeFinding)).toEqual([]);
    expect(enumeration.trials).toBeGreaterThan(50);
  });
});
