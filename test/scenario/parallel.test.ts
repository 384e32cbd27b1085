/**
 * Goal: steps started together behave as plain JavaScript would, and replay to the same outcome always.
 * Method: race, all, allSettled and any over steps whose order is forced; a sleep after them forces a replay, in which
 * everything the function saw is recorded again and compared.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import { scenarios } from "./started.js";
import { MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();

it("race is won by the step that ends first, and by the same one in every replay", async () => {
  const client = new Perdure({ id: "shop" });
  const winners: string[] = [];
  let scenario: Scenario | null = null;
  const work = (ms: number, name: string) => async (): Promise<string> => {
    if (scenario) await sleep(scenario.clock, ms);
    return name;
  };
  const fn = client.createFunction({ id: "race", triggers: { event: "shop/x" } }, async ({ step }) => {
    const slow = step.run("slow", work(3 * SECOND, "slow"));
    const fast = step.run("fast", work(1 * SECOND, "fast"));
    const winner = await Promise.race([slow, fast]);
    winners.push(winner);
    await step.run(`after ${winner}`, () => null);
    await step.sleep("pause", "1m");
    return [winner, await slow];
  });
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(2 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.output).toEqual(["fast", "slow"]);
  expect(new Set(winners)).toEqual(new Set(["fast"]));
  expect(winners.length).toBeGreaterThan(1);
});

it("a sleep that ends while a step still runs wins the race in the same turn", async () => {
  const client = new Perdure({ id: "shop" });
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "timeout", triggers: { event: "shop/x" } }, async ({ step, signal }) => {
    const work = step.run("work", async () => {
      if (scenario) await sleep(scenario.clock, 30 * SECOND);
      return signal.aborted ? "stopped" : "worked";
    });
    const outcome = await Promise.race([work, step.sleep("patience", "5s").then(() => "timed out")]);
    return outcome;
  });
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(6 * SECOND);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toBe("timed out");
});

it("all, allSettled and any settle as in plain JavaScript", async () => {
  const client = new Perdure({ id: "shop" });
  const fails = (): never => {
    throw new Error("no");
  };
  const fn = client.createFunction({ id: "kinds", triggers: { event: "shop/x" }, retries: 0 }, async ({ step }) => {
    const all = await Promise.all([step.run("a", () => 1), step.run("b", () => 2), 3]);
    const settled = await Promise.allSettled([step.run("c", () => 4), step.run("d", fails)]);
    const any = await Promise.any([step.run("e", fails), step.run("f", () => 6)]);
    const caught = await Promise.all([step.run("g", () => 7), step.run("h", fails)]).catch(
      (error: Error) => error.message,
    );
    return { all, settled: settled.map(({ status }) => status), any, caught };
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  expect((await scenario.runOf(eventId)).output).toEqual({
    all: [1, 2, 3],
    settled: ["fulfilled", "rejected"],
    any: 6,
    caught: "no",
  });
});

it("500 steps started together each run once, in one turn, and end in one continuation", async () => {
  const client = new Perdure({ id: "shop" });
  let bodies = 0;
  const fn = client.createFunction({ id: "wide", triggers: { event: "shop/x" } }, async ({ step }) => {
    const results = await Promise.all(
      Array.from({ length: 500 }, (_, index) =>
        step.run(`part-${index}`, () => {
          bodies += 1;
          return index;
        }),
      ),
    );
    return results.reduce((sum, value) => sum + value, 0);
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  const run = await scenario.runOf(eventId);
  expect(run.output).toBe(124_750);
  expect(bodies).toBe(500);
  expect(run.head.epoch).toBe(1);
});

it("chains side by side go on independently, and a retry in one does not hold up the other", async () => {
  const client = new Perdure({ id: "shop" });
  const order: string[] = [];
  let failures = 0;
  const fn = client.createFunction({ id: "chains", triggers: { event: "shop/x" } }, async ({ step }) => {
    const left = async (): Promise<string> => {
      await step.run("left-1", () => {
        if (failures++ === 0) throw new Error("once");
        order.push("left-1");
      });
      return step.run("left-2", () => {
        order.push("left-2");
        return "left";
      });
    };
    const right = async (): Promise<string> => {
      await step.run("right-1", () => void order.push("right-1"));
      return step.run("right-2", () => {
        order.push("right-2");
        return "right";
      });
    };
    return Promise.all([left(), right()]);
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(eventId)).output).toEqual(["left", "right"]);
  expect(order).toEqual(["right-1", "right-2", "left-1", "left-2"]);
});

it("an id used again gets an occurrence index: a loop's steps are all remembered", async () => {
  const client = new Perdure({ id: "shop" });
  let bodies = 0;
  const fn = client.createFunction({ id: "loop", triggers: { event: "shop/x" } }, async ({ step }) => {
    const values: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      values.push(
        await step.run("same", () => {
          bodies += 1;
          return round * 10;
        }),
      );
      await step.sleep("pause", "1m");
    }
    return values;
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(6 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.output).toEqual([0, 10, 20, 30, 40]);
  expect(bodies).toBe(5);
});

it("a step nobody awaits is told to stop when the function returns, and the run ends", async () => {
  const client = new Perdure({ id: "shop" });
  let scenario: Scenario | null = null;
  let aborted = false;
  const fn = client.createFunction({ id: "unawaited", triggers: { event: "shop/x" } }, async ({ step, signal }) => {
    void step.run("forgotten", async () => {
      if (scenario) await sleep(scenario.clock, MINUTE);
      aborted = signal.aborted;
    });
    return step.run("awaited", () => "done");
  });
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  expect((await scenario.runOf(eventId)).head.status).toBe("Completed");
  await scenario.advance(2 * MINUTE);
  expect(aborted).toBe(true);
});

it("a failed step nobody awaits does not end the process", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "unheard", triggers: { event: "shop/x" }, retries: 0 }, async ({ step }) => {
    void step.run("fails", () => {
      throw new Error("unheard");
    });
    await step.run("goes on", () => null);
    return step.run("ends", () => "fine");
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  expect((await scenario.runOf(eventId)).output).toBe("fine");
});
