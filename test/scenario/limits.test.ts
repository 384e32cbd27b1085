/**
 * Goal: each limit of a run says its name, when it is met and not before; what JSON does to a result is what a user sees.
 * Method: functions at and just beyond the limits, in virtual time.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import type { FunctionContext } from "../../sdk/function.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, type RunView, type Scenario } from "./world.js";

const start = scenarios();

/** Runs a handler once as the only function, without retries. */
async function ran(
  handler: (context: FunctionContext, scenario: () => Scenario) => unknown,
  forMs = MINUTE,
): Promise<RunView> {
  const client = new Perdure({ id: "shop" });
  let scenario: Scenario | null = null;
  const current = (): Scenario => {
    if (!scenario) throw new Error("The scenario has not begun");
    return scenario;
  };
  const options = { id: "limited", triggers: { event: "shop/x" }, retries: 0 } as const;
  const fn = client.createFunction(options, (context) => handler(context, current));
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(forMs);
  return scenario.runOf(eventId);
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return typeof error === "object" && error !== null && "code" in error ? error.code : String(error);
  }
}

it("1,000 steps one after the other complete, over several invocations", async () => {
  let bodies = 0;
  const run = await ran(async ({ step }, scenario) => {
    let sum = 0;
    for (let n = 0; n < 1_000; n += 1) {
      sum += await step.run(`step-${n}`, async () => {
        bodies += 1;
        await sleep(scenario().clock, 200);
        return n;
      });
    }
    return sum;
  }, 10 * MINUTE);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toBe(499_500);
  expect(bodies).toBe(1_000);
  expect(run.head.epoch).toBeGreaterThan(3);
});

it("the 1,001st step is refused as TOO_MANY_STEPS and fails the run if it is not caught", async () => {
  let bodies = 0;
  const run = await ran(async ({ step }) => {
    for (let n = 0; n < 1_001; n += 1) await step.run("same id", () => void (bodies += 1));
  });
  expect(run.head.status).toBe("Failed");
  expect(run.head.error).toMatchObject({ name: "PerdureError", code: "TOO_MANY_STEPS" });
  expect(run.head.error?.message).toContain("it has started 1000; expected at most 1000 in one run");
  expect(bodies).toBe(1_000);
});

it("an endless loop over a refused step does not hang the worker", async () => {
  const run = await ran(async ({ step }) => {
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => step.run(`part-${n}`, () => n)));
    return [await codeOf(step.run("one more", () => 1)), await codeOf(step.sleep("and a sleep", "1h"))];
  });
  expect(run.output).toEqual(["TOO_MANY_STEPS", "TOO_MANY_STEPS"]);
});

it("ids that are empty, too long or no text are refused, every other text is an id", async () => {
  const run = await ran(async ({ step }) => {
    const ids: unknown[] = ["", "a".repeat(257), 5, null, undefined, {}, { id: "" }];
    const refused: unknown[] = [];
    // As JavaScript without types would call it.
    for (const id of ids) refused.push(await codeOf(step.run(id as string, () => 1)));
    const names = ["a".repeat(256), "__proto__", "constructor", "toString", "0:a", "\u0000", "\ud800", "#RUN#", " "];
    const kept: string[] = [];
    for (const name of names) kept.push(await step.run(name, () => name));
    await step.sleep("so that they are read again", "30s");
    return { refused, same: kept.map((name, index) => name === names[index]) };
  });
  expect(run.output).toEqual({
    refused: Array.from({ length: 7 }, () => "INVALID_STEP_ID"),
    same: Array.from({ length: 9 }, () => true),
  });
});

it("a step inside a step is refused, and the step around it fails without a retry", async () => {
  const run = await ran(async ({ step }) => {
    const nested = step.run("outer", async () => step.run("inner", () => 1));
    const sleeping = step.run("sleeps", async () => {
      await step.sleep("inner sleep", "1m");
    });
    return [await codeOf(nested), await codeOf(sleeping)];
  });
  expect(run.output).toEqual(["NESTED_STEP", "NESTED_STEP"]);
  expect(run.entries.map((entry) => entry.k)).toEqual(["done", "done"]);
});

it("a sleep of no length a run can wait for is refused by name", async () => {
  const run = await ran(async ({ step }) => {
    const lengths: unknown[] = [Number.NaN, -1, Number.POSITIVE_INFINITY, "367d", 367 * DAY, "soon", "10", null, {}];
    const codes: unknown[] = [];
    // As JavaScript without types would call it.
    for (const [n, length] of lengths.entries()) codes.push(await codeOf(step.sleep(`sleep-${n}`, length as number)));
    const times: unknown[] = [new Date(Number.NaN), "tomorrow", "2030-01-01", 5, undefined];
    for (const [n, time] of times.entries()) codes.push(await codeOf(step.sleepUntil(`until-${n}`, time as string)));
    return codes;
  });
  expect(run.output).toEqual([
    ...Array.from({ length: 9 }, () => "INVALID_DURATION"),
    ...Array.from({ length: 5 }, () => "INVALID_DATE"),
  ]);
});

it("a sleep of 366 days is the longest, one of no time or until a time gone by does not wait", async () => {
  const run = await ran(async ({ step }, scenario) => {
    await step.sleep("none", 0);
    await step.sleepUntil("gone by", "2020-01-01T00:00:00Z");
    const beforeMs = await step.run("before", () => scenario().clock.now());
    await step.sleep("a year", "366d");
    const afterMs = await step.run("after", () => scenario().clock.now());
    return Math.floor((afterMs - beforeMs) / DAY);
  }, 367 * DAY);
  expect(run.output).toBe(366);
});

it("results are what JSON makes of them, in the turn that ran the step as in every later one", async () => {
  const seen: string[] = [];
  const run = await ran(async ({ step }) => {
    const results = [
      await step.run("date", () => new Date(0)),
      await step.run("undefined", () => undefined),
      await step.run("NaN", () => Number.NaN),
      await step.run("-0", () => -0),
      await step.run("Map", () => new Map([["a", 1]])),
      await step.run("holes", () => [undefined, () => 1, Symbol("s")]),
      await step.run("members", () => ({ kept: 1, gone: undefined, call: () => 1 })),
      await step.run("toJSON", () => ({ toJSON: () => "as JSON" })),
      await step.run("function", () => () => 1),
    ];
    seen.push(JSON.stringify(results) + String(Object.is(results[3], -0)));
    await step.sleep("so that they are read again", "30s");
    return results;
  });
  expect(run.output).toEqual([
    "1970-01-01T00:00:00.000Z",
    null,
    null,
    0,
    {},
    [null, null, null],
    { kept: 1 },
    "as JSON",
    null,
  ]);
  expect(new Set(seen).size).toBe(1);
  expect(seen.length).toBeGreaterThan(1);
});

it("a result JSON cannot hold is refused once, without a retry, and may be caught", async () => {
  let bodies = 0;
  const run = await ran(async ({ step }) => {
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    const values: unknown[] = [
      10n,
      { deep: [10n] },
      cyclic,
      {
        toJSON: () => {
          throw new Error("no JSON");
        },
      },
    ];
    const codes: unknown[] = [];
    for (const [n, value] of values.entries()) {
      codes.push(
        await codeOf(
          step.run(`value-${n}`, (): unknown => {
            bodies += 1;
            return value;
          }),
        ),
      );
    }
    return codes;
  });
  expect(run.output).toEqual(["RESULT_NOT_JSON", "RESULT_NOT_JSON", "RESULT_NOT_JSON", "RESULT_NOT_JSON"]);
  expect(bodies).toBe(4);
});

it("a function's own result follows the same rules", async () => {
  expect((await ran(() => undefined)).output).toBe(null);
  const large = await ran(() => "a".repeat(5 * 1024 * 1024));
  expect(large.head).toMatchObject({ status: "Failed", error: { code: "RESULT_TOO_LARGE" } });
  const bigint = await ran(() => 10n);
  expect(bigint.head).toMatchObject({ status: "Failed", error: { code: "RESULT_NOT_JSON" } });
});

it("a step that outlasts its invocation is charged an attempt, and its run fails by name when none is left", async () => {
  const run = await ran(async ({ step }, scenario) => {
    await step.run("too slow", async () => {
      await sleep(scenario().clock, 2 * HOUR);
    });
  }, 10 * MINUTE);
  expect(run.head).toMatchObject({ status: "Failed", error: { code: "STEP_TIMED_OUT" } });
});

it("code between steps that outlasts its invocation fails its run by name", async () => {
  const run = await ran(async ({ step }, scenario) => {
    await step.run("first", () => 1);
    await sleep(scenario().clock, 70 * SECOND);
  }, 10 * MINUTE);
  expect(run.head).toMatchObject({ status: "Failed", error: { code: "FUNCTION_TIMED_OUT" } });
});
