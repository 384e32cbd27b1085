/**
 * Goal: a run that began under one version of its code goes on under another, and code between steps is as free as the
 * promise of replay allows: what the function was shown once it is shown again, in the same order.
 * Method: functions are redeployed while they sleep; bodies note that they ran, plain waits stand for I/O outside steps.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import type { FunctionContext, PerdureFunction } from "../../sdk/function.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type RunView, type Scenario } from "./world.js";

const start = scenarios();

type Step = FunctionContext["step"];

/** Notes the bodies that ran and runs them: `run("a")` is a step "a" whose result is "a". */
interface Noted {
  step: Step;
  run(id: string): Promise<string>;
}

type Version = (noted: Noted) => Promise<unknown>;

/** Starts a run under `before`, replaces the code after ten seconds, and lets an hour pass. */
async function changed(before: Version, after: Version): Promise<{ run: RunView; bodies: string[] }> {
  const client = new Perdure({ id: "shop" });
  const bodies: string[] = [];
  const version = (code: Version): PerdureFunction<never> =>
    client.createFunction({ id: "changing", triggers: { event: "shop/x" }, retries: 0 }, ({ step }) => {
      const run = (id: string): Promise<string> =>
        step.run(id, () => {
          bodies.push(id);
          return id;
        });
      return code({ step, run });
    });
  const scenario = await start({ client, functions: [version(before)] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * SECOND);
  await scenario.world.redeploy([version(after)]);
  await scenario.advance(HOUR);
  return { run: await scenario.runOf(eventId), bodies };
}

const original: Version = async ({ step, run }) => {
  const results = [await run("a"), await run("b")];
  await step.sleep("nap", "10m");
  return [...results, await run("c")];
};

it("a step inserted before a completed one runs, the completed one does not run again", async () => {
  const { run, bodies } = await changed(original, async ({ step, run: body }) => {
    const results = [await body("new"), await body("a"), await body("b")];
    await step.sleep("nap", "10m");
    return [...results, await body("c")];
  });
  expect(run.output).toEqual(["new", "a", "b", "c"]);
  expect(bodies).toEqual(["a", "b", "new", "c"]);
});

it("a step inserted between or after completed ones runs when the run goes on", async () => {
  const { run, bodies } = await changed(original, async ({ step, run: body }) => {
    const results = [await body("a"), await body("between"), await body("b"), await body("after")];
    await step.sleep("nap", "10m");
    return [...results, await body("c")];
  });
  expect(run.output).toEqual(["a", "between", "b", "after", "c"]);
  expect(bodies).toEqual(["a", "b", "between", "after", "c"]);
});

it("a completed step may be taken away, first or last", async () => {
  for (const [kept, left] of [
    ["a", ["a", "c"]],
    ["b", ["b", "c"]],
  ] as const) {
    const { run, bodies } = await changed(original, async ({ step, run: body }) => {
      const result = await body(kept);
      await step.sleep("nap", "10m");
      return [result, await body("c")];
    });
    expect(run.output).toEqual(left);
    expect(bodies).toEqual(["a", "b", "c"]);
  }
});

it("completed steps may be put in another order", async () => {
  const { run, bodies } = await changed(original, async ({ step, run: body }) => {
    const results = [await body("b"), await body("a")];
    await step.sleep("nap", "10m");
    return [...results, await body("c")];
  });
  expect(run.output).toEqual(["b", "a", "c"]);
  expect(bodies).toEqual(["a", "b", "c"]);
});

it("completed steps may be started together, and a new one beside them", async () => {
  const { run, bodies } = await changed(original, async ({ step, run: body }) => {
    const results = await Promise.all([body("new"), body("b"), body("a")]);
    await step.sleep("nap", "10m");
    return [...results, await body("c")];
  });
  expect(run.output).toEqual(["new", "b", "a", "c"]);
  expect(bodies).toEqual(["a", "b", "new", "c"]);
});

it("a step that is renamed is a new step", async () => {
  const { run, bodies } = await changed(original, async ({ step, run: body }) => {
    const results = [await body("renamed"), await body("b")];
    await step.sleep("nap", "10m");
    return [...results, await body("c")];
  });
  expect(run.output).toEqual(["renamed", "b", "c"]);
  expect(bodies).toEqual(["a", "b", "renamed", "c"]);
});

it("a handler that now returns earlier ends its run when it wakes", async () => {
  const { run, bodies } = await changed(original, async ({ run: body }) => [await body("a")]);
  expect(run.output).toEqual(["a"]);
  expect(run.head.status).toBe("Completed");
  expect(bodies).toEqual(["a", "b"]);
});

it("a sleep under way keeps its end, whatever length the code now says", async () => {
  const { run, bodies } = await changed(original, async ({ step, run: body }) => {
    const results = [await body("a"), await body("b")];
    await step.sleep("nap", "10d");
    return [...results, await body("c")];
  });
  expect(run.output).toEqual(["a", "b", "c"]);
  expect(bodies).toEqual(["a", "b", "c"]);
});

it("a sleep under way may be taken away: its wake finds the run and goes on", async () => {
  const { run, bodies } = await changed(original, async ({ run: body }) => [
    await body("a"),
    await body("b"),
    await body("c"),
  ]);
  expect(run.output).toEqual(["a", "b", "c"]);
  expect(bodies).toEqual(["a", "b", "c"]);
});

/** Runs one handler and answers its scenario, for code with waits of its own. */
async function running(
  handler: (context: FunctionContext, plainMs: (ms: number) => Promise<void>) => Promise<unknown>,
): Promise<{ scenario: Scenario; eventId: string }> {
  const client = new Perdure({ id: "shop" });
  let scenario: Scenario | null = null;
  const plainMs = async (ms: number): Promise<void> => {
    if (scenario) await sleep(scenario.clock, ms);
  };
  const fn = client.createFunction({ id: "plain", triggers: { event: "shop/x" } }, (context) =>
    handler(context, plainMs),
  );
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  return { scenario, eventId };
}

it("plain I/O between steps and around sleeps takes its time in every pass", async () => {
  const bodies: string[] = [];
  const { scenario, eventId } = await running(async ({ step }, plainMs) => {
    await plainMs(2 * SECOND);
    await step.run("one", () => void bodies.push("one"));
    await plainMs(2 * SECOND);
    await step.sleep("nap", "5m");
    await plainMs(2 * SECOND);
    await step.run("two", () => void bodies.push("two"));
    await plainMs(2 * SECOND);
    return "done";
  });
  await scenario.advance(6 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe("done");
  expect(bodies).toEqual(["one", "two"]);
});

it("plain I/O beside a sleeping branch is not cut off for ever", async () => {
  const bodies: string[] = [];
  const { scenario, eventId } = await running(async ({ step }, plainMs) => {
    const branch = async (): Promise<void> => {
      for (const name of ["one", "two", "three"]) {
        await plainMs(3 * SECOND);
        await step.run(name, () => void bodies.push(name));
      }
    };
    const naps = async (): Promise<void> => {
      for (let n = 0; n < 5; n += 1) await step.sleep("nap", "10m");
    };
    await Promise.all([branch(), naps()]);
    return "done";
  });
  await scenario.advance(51 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe("done");
  expect(bodies).toEqual(["one", "two", "three"]);
});

/** A race after plain I/O, of which a replay must show the same winner. */
async function winnersOf(beside: (step: Step) => Promise<unknown>): Promise<{ winners: string[]; output: unknown }> {
  const winners: string[] = [];
  const { scenario, eventId } = await running(async ({ step }, plainMs) => {
    const side = beside(step);
    await plainMs(300);
    const after = (id: string, ms: number): Promise<string> =>
      step.run(id, async () => {
        await plainMs(ms);
        return id;
      });
    const slow = after("slow", 3 * SECOND);
    const winner = await Promise.race([slow, after("fast", SECOND)]);
    winners.push(winner);
    await step.run(`after ${winner}`, () => null);
    await slow;
    await step.sleep("pause", "1m");
    await side;
    return winner;
  });
  await scenario.advance(HOUR);
  return { winners, output: (await scenario.runOf(eventId)).output };
}

it("a race after plain I/O has the same winner in every replay", async () => {
  const { winners, output } = await winnersOf(async () => null);
  expect(output).toBe("fast");
  expect(winners).toEqual(["fast", "fast"]);
});

it("a race after plain I/O beside a branch that still sleeps has the same winner in every replay", async () => {
  const { winners, output } = await winnersOf((step) => step.sleep("side", "30m"));
  expect(output).toBe("fast");
  expect(new Set(winners)).toEqual(new Set(["fast"]));
  expect(winners.length).toBeGreaterThan(1);
});
