/**
 * Goal: whatever one AWS call does, a wait ends with its event or its time, a loop of waits sees each event once, and a run that
 * an event cancels is cancelled.
 * Method: as singles.test.ts, for functions that wait: each call, with SQS alone to bring back what was lost, in some modes by
 * seed (PERDURE_CRASH=full: in every one), and a sample of two faults with the sweeper.
 */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { describeFinding, Enumeration } from "./enumerate.js";
import { WAIT_PROGRAMS } from "./programs-wait.js";

const isFull = process.env["PERDURE_CRASH"] === "full";
const seed = Number(process.env["PERDURE_SEED"] ?? "20260302");
const TIMEOUT_MS = isFull ? 3_600_000 : 60_000;
const named = WAIT_PROGRAMS.map((program) => [program.name, program] as const);

const MODES_A_CALL = 1;

describe(`single faults, with minimal redundancy, PERDURE_SEED=${seed}`, () => {
  it.each(named)("%s", { timeout: TIMEOUT_MS }, async (_name, program) => {
    const enumeration = await Enumeration.begin({ program, sweeper: false });
    if (isFull) await enumeration.trySingles();
    else await enumeration.trySomeSingles(MODES_A_CALL, seededRandom(seed));
    expect(enumeration.findings.map(describeFinding)).toEqual([]);
    expect(enumeration.trials).toBeGreaterThan(20);
  });
});

describe(`two faults, with the sweeper, PERDURE_SEED=${seed}`, () => {
  it.each(named)("%s", { timeout: TIMEOUT_MS }, async (_name, program) => {
    const enumeration = await Enumeration.begin({ program, sweeper: true });
    if (isFull) await enumeration.tryAllPairs();
    else await enumeration.trySomePairs(12, seededRandom(seed));
    expect(enumeration.findings.map(describeFinding)).toEqual([]);
    expect(enumeration.trials).toBeGreaterThan(8);
  });
});
