/**
 * Goal: what happens when a step or a function throws: retries per step with growing pauses, final errors that can be
 * caught, retries of the function with its completed steps skipped.
 * Method: the platform on a virtual clock; pauses are read from the log and from the clock.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { NonRetriableError, RetryAfterError, StepError } from "../../sdk/errors.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();

it("a step that fails twice is tried again and completes; the one before it is not", async () => {
  const client = new Perdure({ id: "shop" });
  const bodies: string[] = [];
  const fn = client.createFunction({ id: "flaky", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("first", () => void bodies.push("first"));
    return step.run("second", () => {
      bodies.push("second");
      if (bodies.filter((name) => name === "second").length < 3) throw new Error("not yet");
      return bodies.length;
    });
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toBe(4);
  expect(bodies).toEqual(["first", "second", "second", "second"]);
  expect(run.entries.map((entry) => entry.k)).toEqual(["done", "failed", "failed", "done"]);
});

it("all pauses between retries grow fourfold from two seconds, a quarter up or down, and end at an hour", async () => {
  const client = new Perdure({ id: "shop" });
  const atMs: number[] = [];
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "never", triggers: { event: "shop/x" }, retries: 9 }, async ({ step }) => {
    await step.run("fails", () => {
      atMs.push(scenario?.clock.now() ?? 0);
      throw new Error("never");
    });
  });
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(12 * HOUR);
  expect((await scenario.runOf(eventId)).head.status).toBe("Failed");
  const pauses = atMs.slice(1).map((at, index) => at - (atMs[index] ?? 0));
  const nominal = [2, 8, 32, 128, 512, 2_048, 3_600, 3_600, 3_600].map((seconds) => seconds * SECOND);
  expect(pauses).toHaveLength(9);
  pauses.forEach((pause, index) => {
    const expected = nominal[index] ?? 0;
    expect(pause).toBeGreaterThanOrEqual(expected * 0.75);
    // A second more at the most: SQS delays by whole seconds, rounded up so that nothing is early.
    expect(pause).toBeLessThanOrEqual(expected * 1.25 + 2 * SECOND);
  });
});

it("a step out of attempts rejects with a StepError that the function may catch", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "fallback", triggers: { event: "shop/x" }, retries: 1 }, async ({ step }) => {
    try {
      return await step.run("primary", (): string => {
        throw new TypeError("primary is down");
      });
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      const reason = `${error.name}: ${error.message} (${error.stepId})`;
      return step.run("fallback", () => `fallback because ${reason}`);
    }
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toBe("fallback because TypeError: primary is down (primary)");
});

it("an uncaught StepError fails the run at once, without another attempt of the function", async () => {
  const client = new Perdure({ id: "shop" });
  let bodies = 0;
  const fn = client.createFunction({ id: "final", triggers: { event: "shop/x" }, retries: 2 }, async ({ step }) => {
    await step.run("fails", () => {
      bodies += 1;
      throw new RangeError("no");
    });
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(HOUR);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Failed");
  expect(run.head.error).toMatchObject({ name: "RangeError", message: "no" });
  expect(bodies).toBe(3);
  // Each attempt of the function itself would be on record.
  expect(run.entries.map(({ k }) => k)).toEqual(["failed", "failed", "done"]);
});

it("NonRetriableError ends a step's attempts, RetryAfterError says when the next one is", async () => {
  const client = new Perdure({ id: "shop" });
  const atMs: number[] = [];
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "says", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("later", () => {
      atMs.push(scenario?.clock.now() ?? 0);
      if (atMs.length === 1) throw new RetryAfterError("busy", "30m");
      return null;
    });
    await step.run("gives up", () => {
      throw new NonRetriableError("wrong account");
    });
  });
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(31 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Failed");
  expect(run.head.error).toMatchObject({ name: "NonRetriableError", message: "wrong account" });
  const [first = 0, second = 0] = atMs;
  expect(second - first).toBeGreaterThanOrEqual(30 * MINUTE);
  expect(second - first).toBeLessThan(30 * MINUTE + 2 * SECOND);
});

it("an error outside a step retries the function, with completed steps skipped", async () => {
  const client = new Perdure({ id: "shop" });
  const seen: number[] = [];
  let bodies = 0;
  const fn = client.createFunction(
    { id: "outside", triggers: { event: "shop/x" } },
    async ({ step, attempt, maxAttempts }) => {
      seen.push(attempt);
      const value = await step.run("once", () => {
        bodies += 1;
        return 7;
      });
      if (attempt < 2) throw new Error(`attempt ${attempt} of ${maxAttempts}`);
      return value;
    },
  );
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(5 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toBe(7);
  expect(bodies).toBe(1);
  expect(seen).toEqual([0, 1, 2]);
});

it("a function that keeps throwing fails after its attempts with its own error", async () => {
  const client = new Perdure({ id: "shop" });
  let passes = 0;
  const fn = client.createFunction({ id: "throws", triggers: { event: "shop/x" }, retries: 2 }, async () => {
    passes += 1;
    throw Object.assign(new Error("always"), { code: "E_ALWAYS" });
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(5 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Failed");
  expect(run.head.error).toMatchObject({ name: "Error", message: "always", code: "E_ALWAYS" });
  expect(passes).toBe(3);
});

it("attempt is that of the step being tried again, inside its body and for the pass that tries it", async () => {
  const client = new Perdure({ id: "shop" });
  const inside: number[] = [];
  const fn = client.createFunction({ id: "attempts", triggers: { event: "shop/x" } }, async (context) => {
    await context.step.run("ok", () => null);
    return context.step.run("counts", () => {
      inside.push(context.attempt);
      if (inside.length < 3) throw new Error("again");
      return context.maxAttempts;
    });
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  expect(inside).toEqual([0, 1, 2]);
  expect((await scenario.runOf(eventId)).output).toBe(5);
});

it("what is thrown need not be an Error: strings, cyclic causes and frozen errors fail a run like any other", async () => {
  const client = new Perdure({ id: "shop" });
  const cyclic = new Error("cyclic");
  cyclic.cause = cyclic;
  const thrown: unknown[] = ["just text", Object.freeze(new Error("frozen")), cyclic, undefined, 10n];
  const functions = thrown.map((value, index) =>
    client.createFunction({ id: `throws-${index}`, triggers: { event: "shop/x" }, retries: 0 }, async ({ step }) => {
      await step.run("throws", () => {
        throw value;
      });
    }),
  );
  const scenario = await start({ client, functions });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  const runs = await Promise.all((await scenario.runIds(eventId)).map((runId) => scenario.run(runId)));
  expect(runs.map(({ head }) => head.status)).toEqual(thrown.map(() => "Failed"));
  expect(runs[0]?.head.error?.message).toContain("just text");
  expect(runs[1]?.head.error?.message).toBe("frozen");
});
