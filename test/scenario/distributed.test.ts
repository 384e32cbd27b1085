/**
 * Goal: a distributed step runs once in a Lambda of its own, its result reaches the run whatever happens to messages and
 * workers, and a thousand of them cost a thousand times one.
 * Method: functions whose steps count their bodies; invocations and calls are counted by the world's ledger.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();

function fanOut(branches: number, work: (index: number) => unknown) {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction(
    { id: "fan", triggers: { event: "shop/x" }, parallel: "distributed", retries: 2 },
    async ({ step }) => {
      const results = await Promise.all(
        Array.from({ length: branches }, (_, index) => step.run(`branch-${index}`, () => work(index))),
      );
      return results;
    },
  );
  return { client, functions: [fn] };
}

it.each([1, 3, 9, 100])("%i branches run once each and their results come in order of the code", async (branches) => {
  const bodies: number[] = [];
  const scenario = await start({
    ...fanOut(branches, (index) => {
      bodies.push(index);
      return index * 2;
    }),
    workerConcurrency: 20,
  });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toEqual(Array.from({ length: branches }, (_, index) => index * 2));
  expect(bodies.sort((a, b) => a - b)).toEqual(Array.from({ length: branches }, (_, index) => index));
});

it("1,000 branches complete, and cost at most three and a half write units each", async () => {
  const scenario = await start({ ...fanOut(1_000, (index) => index), workerConcurrency: 50 });
  const before = scenario.world.aws.ledger.mark();
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(5 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toHaveLength(1_000);
  const { writeUnits } = scenario.world.aws.ledger.since(before).units;
  expect(writeUnits).toBeLessThan(3_500);
});

it("branches run in Lambdas of their own, side by side", async () => {
  let scenario: Scenario | null = null;
  let atOnce = 0;
  let most = 0;
  scenario = await start({
    ...fanOut(5, async (index) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      if (scenario) await sleep(scenario.clock, 10 * SECOND);
      atOnce -= 1;
      return index;
    }),
    workerConcurrency: 10,
  });
  const invocations: string[] = [];
  scenario.world.onInvocation(({ functionName }) => void invocations.push(functionName));
  await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  expect(most).toBe(5);
  expect(invocations.filter((name) => name === "worker").length).toBeGreaterThanOrEqual(6);
});

it("a branch that fails is tried again by itself, and its final error can be caught", async () => {
  const client = new Perdure({ id: "shop" });
  const attempts: number[] = [];
  const fn = client.createFunction({ id: "fan", triggers: { event: "shop/x" }, retries: 2 }, async ({ step }) => {
    const settled = await Promise.allSettled([
      step.run({ id: "good", distributed: true }, () => "good"),
      step.run({ id: "bad", distributed: true }, () => {
        attempts.push(attempts.length);
        throw new Error("bad");
      }),
    ]);
    return settled.map(({ status }) => status);
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(HOUR);
  const run = await scenario.runOf(eventId);
  expect(run.output).toEqual(["fulfilled", "rejected"]);
  expect(attempts).toEqual([0, 1, 2]);
});

it("the first result of a large group can win a race", async () => {
  const client = new Perdure({ id: "shop" });
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "fan", triggers: { event: "shop/x" } }, async ({ step, group }) =>
    group.race(
      Array.from(
        { length: 20 },
        (_, index) => () =>
          step.run({ id: `branch-${index}`, distributed: true }, async () => {
            if (scenario) await sleep(scenario.clock, (index + 1) * 10 * SECOND);
            return index;
          }),
      ),
    ),
  );
  scenario = await start({ client, functions: [fn], workerConcurrency: 30 });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(15 * SECOND);
  const run = await scenario.runOf(eventId);
  expect([run.head.status, run.output]).toEqual(["Completed", 0]);
});

it("a cancelled run starts no further branch, and tells those under way to stop", async () => {
  const client = new Perdure({ id: "shop" });
  const seen: string[] = [];
  let scenario: Scenario | null = null;
  const fn = client.createFunction(
    { id: "fan", triggers: { event: "shop/x" }, parallel: "distributed" },
    async ({ step, signal }) => {
      await Promise.all(
        [0, 1, 2, 3].map((index) =>
          step.run(`branch-${index}`, async () => {
            seen.push(`start ${index}`);
            signal.addEventListener("abort", () => seen.push(`stop ${index}`));
            if (scenario) await sleep(scenario.clock, MINUTE);
          }),
        ),
      );
    },
  );
  // Two workers: two branches run, two wait in the queue.
  scenario = await start({ client, functions: [fn], workerConcurrency: 2 });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(2 * SECOND);
  const [runId = ""] = await scenario.runIds(eventId);
  await scenario.world.request("DELETE", `/api/v1/runs/${runId}`, undefined, {
    authorization: "Bearer test-signing-key",
  });
  await scenario.advance(6 * SECOND);
  expect(seen.filter((line) => line.startsWith("stop"))).toHaveLength(2);
  await scenario.advance(10 * MINUTE);
  expect(seen.filter((line) => line.startsWith("start"))).toHaveLength(2);
});

it("results of earlier steps are there in a branch, and results of branches in later steps", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "fan", triggers: { event: "shop/x" } }, async ({ step }) => {
    const base = await step.run("base", () => 10);
    const parts = await Promise.all(
      [1, 2].map((n) => step.run({ id: `part-${n}`, distributed: true }, () => base + n)),
    );
    return step.run("sum", () => parts.reduce((sum, part) => sum + part, 0));
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe(23);
});

it("a result of 3 MB comes through", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction(
    { id: "fan", triggers: { event: "shop/x" }, parallel: "distributed" },
    async ({ step }) => {
      const texts = await Promise.all(
        ["a", "b"].map((letter) => step.run(letter, () => letter.repeat(3 * 1024 * 1024))),
      );
      return texts.map((text) => text.length);
    },
  );
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(eventId)).output).toEqual([3_145_728, 3_145_728]);
});
