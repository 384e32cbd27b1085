/**
 * Goal: whatever one AWS call of ingest, dispatch or a worker does, every run ends as if nothing had happened.
 * Method: each program once for every call × every mode of failure, on a virtual clock, with all of checks.ts asked of each;
 * once with nothing but SQS to bring a lost run back (faults mask bugs: a sweeper would heal many), once with the sweeper.
 */
import { describe, expect, it } from "vitest";
import { HOUR } from "../scenario/world.js";
import { describeFinding, Enumeration } from "./enumerate.js";
import { MAPPING_CALLERS, MAPPING_MODES } from "./fault-plan.js";
import { PROGRAMS } from "./programs.js";

/** With the sweeper an hour is 60 sweeps; the shorter programs take the same ways. */
const LONGEST_SWEPT_MS = HOUR;

const named = (sweeper: boolean) =>
  PROGRAMS.filter(({ horizonMs }) => !sweeper || horizonMs <= LONGEST_SWEPT_MS).map(
    (program) => [program.name, program] as const,
  );

describe.each([
  ["with minimal redundancy", false],
  ["with the sweeper", true],
] as const)("every single fault, %s", (_config, sweeper) => {
  it.each(named(sweeper))("%s", async (_name, program) => {
    const enumeration = await Enumeration.begin({ program, sweeper });
    await enumeration.trySingles();
    expect(enumeration.findings.map(describeFinding)).toEqual([]);
    expect(enumeration.trials).toBe(enumeration.singles().length + 1);
    expect(enumeration.trials).toBeGreaterThan(80);
  });
});

it.each(named(false))("a broken connection of the event source mappings: %s", async (_name, program) => {
  const enumeration = await Enumeration.begin({
    program,
    sweeper: false,
    callers: MAPPING_CALLERS,
    modes: MAPPING_MODES,
  });
  await enumeration.trySingles();
  expect(enumeration.findings.map(describeFinding)).toEqual([]);
  expect(enumeration.trials).toBeGreaterThan(16);
});
