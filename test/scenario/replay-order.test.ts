/**
 * Goal: every pass over a function is shown the same results in the same order, whatever runs side by side and whatever
 * plain I/O lies between.
 * Method: random functions of branches with steps, sleeps, failing steps and plain waits; each pass
 * notes what it is shown, and each note must be the beginning of the longest. A failure prints its seed.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import type { FunctionContext } from "../../sdk/function.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();

type Part = { kind: "step" | "flaky" | "fails" | "nap" | "plain"; ms: number };

/** Branches of one random function. Plain waits together stay below the second that replay waits for code to ask. */
function branchesOf(seed: number): Part[][] {
  const random = seededRandom(seed);
  const pick = (count: number): number => Math.floor(random.unit() * count);
  const part = (): Part => {
    const kinds = ["step", "step", "flaky", "fails", "nap", "plain", "plain"] as const;
    const kind = kinds[pick(kinds.length)] ?? "step";
    const longest = { step: 4 * SECOND, flaky: 2 * SECOND, fails: SECOND, nap: 2 * MINUTE, plain: 180 }[kind];
    return { kind, ms: 1 + pick(longest) };
  };
  // A branch ends with a result: which of two plain waits ends first is nobody's promise.
  const last = (): Part => ({ kind: "step", ms: 1 + pick(SECOND) });
  return Array.from({ length: 2 + pick(3) }, () => [...Array.from({ length: pick(5) }, part), last()]);
}

async function runPart(
  { step }: FunctionContext,
  name: string,
  part: Part,
  at: { scenario: Scenario; failures: Map<string, number> },
): Promise<void> {
  const { clock } = at.scenario;
  if (part.kind === "plain") return sleep(clock, part.ms);
  if (part.kind === "nap") return step.sleep(name, part.ms);
  await step
    .run(name, async () => {
      await sleep(clock, part.ms);
      const failures = at.failures.get(name) ?? 0;
      at.failures.set(name, failures + 1);
      if (part.kind === "fails" || (part.kind === "flaky" && failures === 0)) throw new Error(name);
    })
    .catch(() => null);
}

/** What each pass was shown, in order. */
async function passesOf(seed: number): Promise<string[][]> {
  const branches = branchesOf(seed);
  const passes: string[][] = [];
  const failures = new Map<string, number>();
  const client = new Perdure({ id: "shop" });
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "random", triggers: { event: "shop/x" }, retries: 1 }, async (context) => {
    const shown: string[] = [];
    passes.push(shown);
    if (!scenario) throw new Error("The scenario has not begun");
    const at = { scenario, failures };
    const branch = async (parts: Part[], b: number): Promise<number> => {
      for (const [p, part] of parts.entries()) {
        await runPart(context, `${b}.${p}`, part, at);
        if (part.kind !== "plain") shown.push(`${b}.${p} ${part.kind}`);
      }
      return b;
    };
    const running = branches.map(branch);
    const winner = await Promise.race(running);
    await context.step.run(`after ${winner}`, () => null);
    await Promise.all(running);
    return winner;
  });
  scenario = await start({ client, functions: [fn], seed });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(HOUR);
  const run = await scenario.runOf(eventId);
  expect(run.head.status, `seed ${seed}`).toBe("Completed");
  const after = run.entries.filter((entry) => entry.k === "done" && entry.id.startsWith("after "));
  expect(after, `seed ${seed}: the race had one winner`).toHaveLength(1);
  return passes;
}

it("all passes of 60 random functions are shown the same, as far as each gets", async () => {
  let longerThanOne = 0;
  for (let seed = 1; seed <= 60; seed += 1) {
    const passes = await passesOf(seed);
    const longest = passes.reduce((best, pass) => (pass.length > best.length ? pass : best));
    for (const pass of passes) expect(pass, `seed ${seed}`).toEqual(longest.slice(0, pass.length));
    if (passes.length > 1) longerThanOne += 1;
  }
  // Else nothing was replayed and nothing shown.
  expect(longerThanOne).toBeGreaterThan(40);
});
