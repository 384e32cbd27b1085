/**
 * Goal: in a world where almost everything goes wrong, every promise holds; and a world is its seed, nothing else.
 * Method: simulated worlds, judged by all of checks.ts; the same numbers in every run of the tests, and some that are drawn
 * by PERDURE_SEED. The campaign with thousands of them is `npm run prove`; `npm run prove -- --seed N` shows one.
 */
import { expect, it } from "vitest";
import { Campaign } from "./campaign.js";
import { simulate } from "./simulation.js";
import { VOCABULARY } from "./operations/vocabulary.js";

const drawn = Number(process.env["PERDURE_SEED"] ?? "20260302");
const KNOWN_WORLDS = 30;
const DRAWN_WORLDS = 5;
/** Ten seconds of one core; a machine that is busy with other things takes its time. */
const TIMEOUT_MS = 300_000;

it(
  `holds in ${KNOWN_WORLDS} worlds, and in ${DRAWN_WORLDS} from PERDURE_SEED=${drawn}`,
  { timeout: TIMEOUT_MS },
  async () => {
    const campaign = new Campaign();
    for (let seed = 1; seed <= KNOWN_WORLDS; seed += 1) await campaign.try(seed);
    for (let seed = drawn; seed < drawn + DRAWN_WORLDS; seed += 1) await campaign.try(seed);
    expect(campaign.failures).toEqual([]);
    // A world in which little happens proves little.
    expect(campaign.sums.faults).toBeGreaterThan(1_000);
    expect(campaign.sums.bodies).toBeGreaterThan(1_000);
    expect(Object.keys(campaign.sums.markers).length).toBeGreaterThan(20);
    expect(Object.keys(campaign.sums.kinds).sort()).toEqual(VOCABULARY.map(({ name }) => name).sort());
  },
);

it("is the same world for the same seed, and another for another", async () => {
  const hashes = await Promise.all([5, 5, 6].map(async (seed) => (await simulate(seed)).hash));
  expect(hashes[0]).toBe(hashes[1]);
  expect(hashes[2]).not.toBe(hashes[0]);
});

it("tells what happened, line by line, with virtual times", async () => {
  const { timeline } = await simulate(4, { timeline: true });
  expect(timeline[0]).toMatch(/^ +\d+ {2}\S/);
  expect(timeline.join("\n")).toMatch(/\*\*\* \S+ strikes \S+/);
  expect(timeline.join("\n")).toMatch(/body s\d+\S* of sim_\w+ begins/);
});
