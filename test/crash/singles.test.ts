/**
 * Goal: whatever one AWS call of ingest, dispatch or a worker does, every run ends as if nothing had happened.
 * Method: each program for every call × every mode of failure, on a virtual clock, with all of checks.ts asked of each: with
 * nothing but SQS to bring a lost run back (faults mask bugs: a sweeper would heal many), and with the sweeper. A few
 * programs in full; of the others each call in some modes, by seed, with the sweeper in one. PERDURE_CRASH=full leaves nothing out.
 */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { describeFinding, Enumeration } from "./enumerate.js";
import { MAPPING_CALLERS, MAPPING_MODES } from "./fault-plan.js";
import { CORE_PROGRAMS, PROGRAMS, WHOLE_PROGRAMS } from "./programs.js";

const isFull = process.env["PERDURE_CRASH"] === "full";
const seed = Number(process.env["PERDURE_SEED"] ?? "20260302");
const TIMEOUT_MS = isFull ? 3_600_000 : 60_000;
const MODES_A_CALL = 2;
const MODES_A_CALL_SWEPT = 1;

const named = PROGRAMS.map((program) => [program.name, program] as const);
const whole = named.filter(([, program]) => isFull || WHOLE_PROGRAMS.includes(program));
const sampled = named.filter(([, program]) => !WHOLE_PROGRAMS.includes(program));

describe("every single fault, with minimal redundancy", () => {
  it.each(whole)("%s", { timeout: TIMEOUT_MS }, async (_name, program) => {
    const enumeration = await Enumeration.begin({ program, sweeper: false });
    await enumeration.trySingles();
    expect(enumeration.findings.map(describeFinding)).toEqual([]);
    expect(enumeration.trials).toBe(enumeration.singles().length + 1);
    expect(enumeration.trials).toBeGreaterThan(80);
  });
});

describe.skipIf(isFull)(`single faults, with minimal redundancy, PERDURE_SEED=${seed}`, () => {
  it.each(sampled)("%s", { timeout: TIMEOUT_MS }, async (_name, program) => {
    const enumeration = await Enumeration.begin({ program, sweeper: false });
    await enumeration.trySomeSingles(MODES_A_CALL, seededRandom(seed));
    expect(enumeration.findings.map(describeFinding)).toEqual([]);
    expect(enumeration.trials).toBeGreaterThan(16);
  });
});

describe(`single faults, with the sweeper, PERDURE_SEED=${seed}`, () => {
  it.each(named)("%s", { timeout: TIMEOUT_MS }, async (_name, program) => {
    const enumeration = await Enumeration.begin({ program, sweeper: true });
    if (isFull || CORE_PROGRAMS.includes(program)) await enumeration.trySingles();
    else await enumeration.trySomeSingles(MODES_A_CALL_SWEPT, seededRandom(seed));
    expect(enumeration.findings.map(describeFinding)).toEqual([]);
    expect(enumeration.trials).toBeGreaterThan(8);
  });
});

describe(`a broken connection of the event source mappings, PERDURE_SEED=${seed}`, () => {
  it.each(named)("%s", { timeout: TIMEOUT_MS }, async (_name, program) => {
    const broken = { callers: MAPPING_CALLERS, modes: MAPPING_MODES };
    const enumeration = await Enumeration.begin({ program, sweeper: false, ...broken });
    if (isFull || CORE_PROGRAMS.includes(program)) await enumeration.trySingles();
    else await enumeration.trySomeSingles(1, seededRandom(seed));
    expect(enumeration.findings.map(describeFinding)).toEqual([]);
    expect(enumeration.trials).toBeGreaterThan(3);
  });
});
