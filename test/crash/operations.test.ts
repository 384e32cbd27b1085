/**
 * Goal: whatever one AWS call does, signals, waits for any of several events, distributed steps, races, failure handlers,
 * timeouts and cancels end a run as if nothing had happened, and leave no wait behind.
 * Method: as singles.test.ts: each call, with SQS alone to bring back what was lost, in one mode by seed
 * (PERDURE_CRASH=full: in every one), and a sample of two faults with the sweeper.
 */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { describeFinding, Enumeration } from "./enumerate.js";
import { BRANCH_PROGRAMS } from "./programs-branch.js";
import { END_PROGRAMS } from "./programs-end.js";
import { SIGNAL_PROGRAMS } from "./programs-signal.js";

const isFull = process.env["PERDURE_CRASH"] === "full";
const seed = Number(process.env["PERDURE_SEED"] ?? "20260302");
const TIMEOUT_MS = isFull ? 3_600_000 : 60_000;
const MODES_A_CALL = 1;
const PAIRS = 8;

const programs = [...SIGNAL_PROGRAMS, ...BRANCH_PROGRAMS, ...END_PROGRAMS];
const named = programs.map((program) => [program.name, program] as const);

describe(`single faults, with minimal redundancy, PERDURE_SEED=${seed}`, () => {
  it.each(named)("%s", { timeout: TIMEOUT_MS }, async (_name, program) => {
    const enumeration = await Enumeration.begin({ program, sweeper: false });
    if (isFull) await enumeration.trySingles();
    else await enumeration.trySomeSingles(MODES_A_CALL, seededRandom(seed));
    expect(enumeration.findings.map(describeFinding)).toEqual([]);
    expect(enumeration.trials).toBeGreaterThan(12);
  });
});

describe(`two faults, with the sweeper, PERDURE_SEED=${seed}`, () => {
  it.each(named)("%s", { timeout: TIMEOUT_MS }, async (_name, program) => {
    const enumeration = await Enumeration.begin({ program, sweeper: true });
    if (isFull) await enumeration.tryAllPairs();
    else await enumeration.trySomePairs(PAIRS, seededRandom(seed));
    expect(enumeration.findings.map(describeFinding)).toEqual([]);
  });
});
