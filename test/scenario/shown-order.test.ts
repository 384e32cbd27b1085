/**
 * Goal: what a function sees while it runs is what every replay of it sees, also of results that come together, and what is
 * no longer waited for leaves no trace (PROTOCOL §1, §2.6).
 * Method: functions whose next step is named after what they saw, and which then sleep, so that a replay follows: had it
 * seen anything else, a step of another name would run.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import { isPutOf } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });
const triggers = { event: "shop/x" } as const;

it("results that share an item are seen one after the other, however far each one's code goes on", async () => {
  const bodies: string[] = [];
  const fn = client.createFunction({ id: "pair", triggers }, async ({ step }) => {
    const seen: string[] = [];
    const note = async (id: string, turns: number): Promise<void> => {
      await step.run(id, () => id);
      // The first one's code takes longer to say so.
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      seen.push(id);
    };
    await Promise.all([note("a", 20), note("b", 0)]);
    await step.run(`after-${seen.join("")}`, () => void bodies.push(seen.join("")));
    await step.sleep("nap", "10m");
    return step.run(`last-${seen.join("")}`, () => seen.join(""));
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(HOUR);
  const { output, entries } = await scenario.runOf(eventId);
  expect(output).toBe("ab");
  expect(bodies).toEqual(["ab"]);
  expect(entries.filter(({ k }) => k === "done")).toHaveLength(4);
});

it("a sleep that ends while a result is on its way to the log is seen after it", async () => {
  const bodies: string[] = [];
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "race", triggers }, async ({ step }) => {
    const winner = await Promise.race([
      step.run("work", async () => {
        if (scenario) await sleep(scenario.clock, 200);
        return "work";
      }),
      step.sleep("nap", 260).then(() => "nap"),
    ]);
    await step.run(`after-${winner}`, () => void bodies.push(winner));
    await step.sleep("long", "10m");
    return winner;
  });
  scenario = await start({ client, functions: [fn] });
  // The result's own write takes some 200 ms.
  let throttles = 4;
  scenario.world.aws.faults.add((call) =>
    isPutOf(call, "LOG#") && JSON.stringify(call.input).includes("done") && (throttles -= 1) >= 0
      ? "throttle"
      : undefined,
  );
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(HOUR);
  expect((await scenario.runOf(eventId)).output).toBe("work");
  expect(bodies).toEqual(["work"]);
});

it("what a loser of a race comes to, or asks for, while its run goes on is neither recorded nor begun", async () => {
  const bodies: string[] = [];
  let scenario: Scenario | null = null;
  const pause = async (ms: number): Promise<void> => {
    if (scenario) await sleep(scenario.clock, ms);
  };
  const fn = client.createFunction({ id: "race", triggers }, async ({ step, group }) => {
    const winner = await group.race([
      () => step.run("fast", () => pause(100).then(() => "fast")),
      () => step.run("slow", () => pause(300).then(() => "slow")),
      async () => {
        await pause(400);
        return step.run("late", () => bodies.push("late"));
      },
    ]);
    await step.run("after", () => pause(2 * SECOND));
    return winner;
  });
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  const { output, entries } = await scenario.runOf(eventId);
  expect(output).toBe("fast");
  expect(bodies).toEqual([]);
  expect(entries.flatMap((entry) => (entry.k === "done" ? [entry.id] : []))).toEqual(["fast", "after"]);
});

it("a result whose step is asked for after plain I/O is waited for, and seen before those that came after it", async () => {
  const bodies: string[] = [];
  let scenario: Scenario | null = null;
  const pause = async (ms: number): Promise<void> => {
    if (scenario) await sleep(scenario.clock, ms);
  };
  const fn = client.createFunction({ id: "race", triggers }, async ({ step }) => {
    const side = step.run("side", () => pause(SECOND).then(() => "side"));
    await pause(300);
    const late = step.run("late", () => pause(100).then(() => "late"));
    const winner = await Promise.race([late, side]);
    await step.run(`after-${winner}`, () => void bodies.push(winner));
    await side;
    await step.sleep("nap", "10m");
    return winner;
  });
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(HOUR);
  expect((await scenario.runOf(eventId)).output).toBe("late");
  expect(bodies).toEqual(["late"]);
});

it("plain I/O of a moment beside a branch that sleeps gets its time in the turn it began in", async () => {
  const bodies: string[] = [];
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "quiet", triggers }, async ({ step }) => {
    const work = async (): Promise<void> => {
      if (scenario) await sleep(scenario.clock, 30);
      await step.run("work", () => void bodies.push("work"));
    };
    await Promise.all([step.sleep("nap", "10m"), work()]);
  });
  scenario = await start({ client, functions: [fn] });
  await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  expect(bodies).toEqual(["work"]);
});
