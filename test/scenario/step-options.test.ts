/**
 * Goal: what a step says for itself holds for it alone: its retries, their pauses, the time of an attempt; its body is told to
 * stop by a signal of its own; and step.idempotencyKey names the same operation in every attempt and no other.
 * Method: the platform on a virtual clock; pauses and attempts are read from the log, signals and keys by the bodies.
 */
import { describe, expect, it } from "vitest";
import { sleep } from "../../sdk/clock.js";
import { Perdure } from "../../sdk/client.js";
import { operationKey } from "../../sdk/host/step-context.js";
import type { StepTools } from "../../sdk/steps.js";
import { quietClient, Workers } from "../crash/stage.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type RunView, type Scenario } from "./world.js";

const start = scenarios();
const trigger = { event: "shop/go" } as const;

/** A clock for bodies, once there is one. */
class Wait {
  scenario: Scenario | null = null;
  get nowMs(): number {
    return this.scenario?.clock.now() ?? 0;
  }
  async for(ms: number): Promise<void> {
    if (this.scenario) await sleep(this.scenario.clock, ms);
  }
  async begin(options: Parameters<typeof start>[0]): Promise<Scenario> {
    this.scenario = await start(options);
    return this.scenario;
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : error);

async function runOne(scenario: Scenario, ms = 10 * MINUTE): Promise<RunView> {
  const [eventId = ""] = await scenario.send({ name: "shop/go" });
  await scenario.advance(ms);
  return scenario.runOf(eventId);
}

/** The pauses after failed attempts of a step, in ms. */
function pauses({ entries }: RunView, stepId: string): number[] {
  return entries.flatMap((entry) =>
    entry.k === "failed" && entry.id === stepId ? [entry.retryAtMs - entry.atMs] : [],
  );
}

/** Each within a quarter of what is meant. */
function expectPauses(found: readonly number[], meant: readonly number[]): void {
  expect(found).toHaveLength(meant.length);
  for (const [index, pauseMs] of found.entries()) {
    expect(pauseMs).toBeGreaterThanOrEqual((meant[index] ?? 0) * 0.75);
    expect(pauseMs).toBeLessThanOrEqual((meant[index] ?? 0) * 1.25);
  }
}

describe("retries and backoff of one step", () => {
  it("are its own: fewer or more attempts than the function's, which the body is told", async () => {
    const client = new Perdure({ id: "shop" });
    const tries: string[] = [];
    const fn = client.createFunction({ id: "f", triggers: trigger, retries: 1 }, async (context) => {
      const { step } = context;
      const fails = async (id: string, retries?: number): Promise<void> => {
        const options = retries === undefined ? id : { id, retries };
        const body = (): never => {
          tries.push(`${id} ${context.attempt + 1}/${context.maxAttempts}`);
          throw new Error("no");
        };
        await step.run(options, body).catch(() => null);
      };
      await fails("none", 0);
      await fails("three", 3);
      await fails("as the function");
      return context.maxAttempts;
    });
    const run = await runOne(await start({ client, functions: [fn] }));
    expect(tries).toEqual([
      "none 1/1",
      "three 1/4",
      "three 2/4",
      "three 3/4",
      "three 4/4",
      "as the function 1/2",
      "as the function 2/2",
    ]);
    expect(run.output).toBe(2);
  });

  it("a backoff of the step's comes before the function's, which comes before the platform's", async () => {
    const client = new Perdure({ id: "shop" });
    const fails = (): never => {
      throw new Error("no");
    };
    const fn = client.createFunction(
      { id: "f", triggers: trigger, backoff: { first: "10s", factor: 1 } },
      async ({ step }) => {
        const backoff = { first: "1m", factor: 2, longest: "3m" } as const;
        await step.run({ id: "own", backoff }, fails).catch(() => null);
        await step.run("of the function", fails).catch(() => null);
        throw new Error("the function itself");
      },
    );
    const run = await runOne(await start({ client, functions: [fn] }), HOUR);
    expectPauses(pauses(run, "own"), [60_000, 120_000, 180_000, 180_000]);
    expectPauses(pauses(run, "of the function"), [10_000, 10_000, 10_000, 10_000]);
    const thrown = run.entries.flatMap((entry) => (entry.k === "thrown" ? [entry.retryAtMs - entry.atMs] : []));
    expectPauses(thrown, [10_000, 10_000, 10_000, 10_000]);
  });

  it("a backoff of nothing tries again at once, and a RetryAfterError still says when", async () => {
    const client = new Perdure({ id: "shop" });
    const wait = new Wait();
    const atMs: number[] = [];
    const fn = client.createFunction({ id: "f", triggers: trigger }, ({ step }) =>
      step.run({ id: "s", retries: 20, backoff: { first: 0, longest: 0 } }, () => {
        atMs.push(wait.nowMs);
        throw new Error("no");
      }),
    );
    const run = await runOne(await wait.begin({ client, functions: [fn] }), MINUTE);
    expect(run.head.status).toBe("Failed");
    expect(atMs).toHaveLength(21);
    expect(new Set(atMs).size).toBe(1);
  });
});

describe("timeout of one attempt", () => {
  it("fails the attempt, aborts its signal with the reason, and what the body still returns is not recorded", async () => {
    const client = quietClient();
    const wait = new Wait();
    const told: unknown[] = [];
    const fn = client.createFunction({ id: "f", triggers: trigger }, (context) =>
      context.step.run({ id: "slow", timeout: "5s" }, async () => {
        const { attempt, step } = context;
        const { signal } = step;
        signal.addEventListener("abort", () => told.push([attempt, wait.nowMs, codeOf(signal.reason)]));
        await wait.for(attempt === 0 ? 20 * SECOND : 4 * SECOND);
        return `attempt ${attempt}`;
      }),
    );
    const scenario = await wait.begin({ client, functions: [fn] });
    const beganMs = wait.nowMs;
    const run = await runOne(scenario);
    expect(run.output).toBe("attempt 1");
    expect(run.entries[0]).toMatchObject({
      k: "failed",
      a: 1,
      atMs: beganMs + 5 * SECOND,
      err: {
        code: "STEP_ATTEMPT_TIMED_OUT",
        message: 'Cannot finish step "slow": its body ran longer than its timeout; expected it to end within 5000 ms',
      },
    });
    expect(run.entries.map(({ k }) => k)).toEqual(["failed", "done"]);
    expect(told).toEqual([[0, beganMs + 5 * SECOND, "STEP_ATTEMPT_TIMED_OUT"]]);
  });

  it("counts for each attempt anew, and the last one's error is the step's", async () => {
    const client = quietClient();
    const wait = new Wait();
    const fn = client.createFunction({ id: "f", triggers: trigger }, async ({ step }) => {
      const slow = { id: "slow", timeout: 2_000, retries: 2, backoff: { first: 1_000, factor: 1 } };
      try {
        return await step.run(slow, () => wait.for(MINUTE));
      } catch (error) {
        return codeOf(error);
      }
    });
    const run = await runOne(await wait.begin({ client, functions: [fn] }));
    expect(run.output).toBe("STEP_ATTEMPT_TIMED_OUT");
    const lengths = run.entries.flatMap((entry) =>
      entry.k === "failed" || entry.k === "done" ? [entry.atMs - entry.fromMs] : [],
    );
    expect(lengths).toEqual([2_000, 2_000, 2_000]);
  });

  it("does nothing to a body that ends in time, nor to one beside it", async () => {
    const client = new Perdure({ id: "shop" });
    const wait = new Wait();
    const aborted: string[] = [];
    const fn = client.createFunction({ id: "f", triggers: trigger }, async ({ step }) => {
      const body = (id: string, ms: number) => async () => {
        step.signal.addEventListener("abort", () => aborted.push(`${id} ${wait.nowMs}`));
        await wait.for(ms);
        return id;
      };
      const quick = step.run({ id: "quick", timeout: "3s" }, body("quick", 2 * SECOND));
      const plain = step.run("plain", body("plain", 10 * SECOND));
      const late = step
        .run({ id: "late", timeout: "5s", retries: 0 }, body("late", 8 * SECOND))
        .catch(() => "timed out");
      return Promise.all([quick, plain, late]);
    });
    const scenario = await wait.begin({ client, functions: [fn] });
    const beganMs = wait.nowMs;
    const run = await runOne(scenario);
    expect(run.output).toEqual(["quick", "plain", "timed out"]);
    expect(aborted).toEqual([`late ${beganMs + 5 * SECOND}`]);
  });

  it("a body that does not stop ends the sandbox with its turn: it must not wake inside another run's", async () => {
    const client = quietClient();
    const wait = new Wait();
    const fn = client.createFunction({ id: "f", triggers: trigger }, async ({ event, step }) => {
      if (event.data["slow"] !== true) return "quick";
      return step.run({ id: "slow", timeout: "1s", retries: 0 }, () => wait.for(MINUTE)).catch(() => "timed out");
    });
    const scenario = await wait.begin({ client, functions: [fn] });
    const workers = new Workers(scenario);
    await scenario.send({ name: "shop/go", data: { slow: true } });
    await scenario.advance(5 * SECOND);
    await scenario.send({ name: "shop/go" });
    await scenario.advance(5 * SECOND);
    expect(workers.sandboxes).toBe(2);
  });
});

describe("step.signal", () => {
  it("is the handler's outside of bodies, and in a body aborts with the turn", async () => {
    const client = quietClient();
    const wait = new Wait();
    const seen: unknown[] = [];
    const fn = client.createFunction({ id: "f", triggers: trigger }, async ({ step, signal }) => {
      seen.push(step.signal === signal);
      void step.run("left over", async () => {
        const own = step.signal;
        seen.push(own === signal);
        own.addEventListener("abort", () => seen.push(signal.aborted));
        await wait.for(MINUTE);
      });
      await step.run("other", () => wait.for(SECOND));
    });
    const scenario = await wait.begin({ client, functions: [fn] });
    const run = await runOne(scenario, 5 * SECOND);
    expect(run.head.status).toBe("Completed");
    expect(seen).toEqual([true, false, true]);
  });
});

describe("step.idempotencyKey", () => {
  it("is the same in every attempt, in a worker that takes over, and after other steps were added", async () => {
    const client = quietClient();
    const wait = new Wait();
    const keys: string[] = [];
    let workers: Workers | null = null;
    const code = (added: boolean) =>
      client.createFunction({ id: "f", triggers: trigger }, async ({ step }) => {
        if (added) await step.run("added", () => null);
        await step.run("charge", async () => {
          await Promise.resolve();
          keys.push(step.idempotencyKey);
          if (keys.length === 1) throw new Error("an ordinary failure");
          await wait.for(SECOND);
          if (keys.length === 2) {
            workers?.kill();
            await new Promise<never>(() => undefined);
          }
        });
      });
    const scenario = await wait.begin({ client, functions: [code(false)] });
    workers = new Workers(scenario);
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(4 * SECOND);
    expect(keys).toHaveLength(2);
    await scenario.world.redeploy([code(true)]);
    await scenario.advance(5 * MINUTE);
    const { head } = await scenario.runOf(eventId);
    expect(head).toMatchObject({ status: "Completed", epoch: 3 });
    expect(keys).toHaveLength(3);
    expect(new Set(keys)).toEqual(new Set([operationKey(head.runId, { id: "charge", i: 0 })]));
  });

  it("differs between runs, ids and occurrences, and is a UUID", async () => {
    const client = new Perdure({ id: "shop" });
    const keys: string[] = [];
    const note = (step: StepTools, id: string) => step.run(id, () => void keys.push(step.idempotencyKey));
    const fn = client.createFunction({ id: "f", triggers: trigger }, async ({ step }) => {
      await note(step, "a");
      await note(step, "a");
      await Promise.all([note(step, "b"), note(step, "1:a")]);
    });
    const scenario = await start({ client, functions: [fn] });
    await scenario.send({ name: "shop/go" }, { name: "shop/go" });
    expect(keys).toHaveLength(8);
    expect(new Set(keys).size).toBe(8);
    for (const key of keys) {
      expect(key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  it("outside of a body is refused, clearly", async () => {
    const client = new Perdure({ id: "shop" });
    const fn = client.createFunction({ id: "f", triggers: trigger, retries: 0 }, ({ step }) => step.idempotencyKey);
    const run = await runOne(await start({ client, functions: [fn] }), MINUTE);
    expect(run.head.error).toMatchObject({ code: "OUTSIDE_STEP_BODY" });
    expect(run.head.error?.message).toContain("Cannot read step.idempotencyKey in run");
  });
});

describe("options no step can have", () => {
  it.each([
    [{ retries: 21 }, "its retries are 21; expected a whole number from 0 to 20"],
    [{ retries: "3" }, 'its retries are "3"'],
    [{ retry: 3 }, 'there is no option "retry"; expected id, name, distributed, retries, backoff, timeout, atMostOnce'],
    [{ backoff: { first: "soon" } }, "the first of its backoff is no duration"],
    [{ timeout: 0 }, "its timeout is not usable; expected 1 ms to 15 minutes"],
    [{ timeout: "16m" }, "its timeout is not usable"],
    [{ timeout: null }, "its timeout is not usable"],
    [{ atMostOnce: "yes" }, "its atMostOnce is no boolean"],
    [{ atMostOnce: true, retries: 1 }, "it is to run at most once and has 1 retries; expected no retries"],
    [{ atMostOnce: true, distributed: true }, "it is to run at most once and distributed; expected one of the two"],
  ])("%j is refused before anything runs", async (options, message) => {
    const client = quietClient();
    let bodies = 0;
    const fn = client.createFunction({ id: "f", triggers: trigger }, ({ step }) =>
      // As plain JavaScript would have it: TypeScript refuses most of these itself.
      step.run(Object.assign({ id: "s" }, options) as { id: string }, () => (bodies += 1)),
    );
    const run = await runOne(await start({ client, functions: [fn] }), MINUTE);
    expect(run.head.error).toMatchObject({ code: "STEP_OPTIONS_INVALID" });
    expect(run.head.error?.message).toContain(`Cannot start step "s": ${message}`);
    expect([bodies, run.entries]).toEqual([0, []]);
  });
});
