/**
 * Goal: `t.chaos` finds a step that is not idempotent and code that is not deterministic outside its steps, and passes what
 * is sound.
 * Method: faults planted in small functions, with a world outside that is made anew for each trial; the report is compared
 * with literals.
 */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { isPerdureError } from "../../sdk/error-catalogue.js";
import {
  createTest,
  type ChaosOptions,
  type ChaosReport,
  type MockStep,
  type TestFunction,
} from "../../local/testing/index.js";

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const client = new Perdure({ id: "shop", logger: silent });
const paid = { name: "shop/paid", data: { cents: 500 } };

async function chaos(
  functions: readonly TestFunction[],
  options: Partial<ChaosOptions<Record<never, never>, string>> = {},
  mocks?: (mock: MockStep) => void,
): Promise<ChaosReport> {
  const t = await createTest({ functions, mocks });
  try {
    return await t.chaos({ event: paid, ...options });
  } finally {
    await t[Symbol.asyncDispose]();
  }
}

const sound = client.createFunction(
  { id: "sound", triggers: { event: "shop/paid" } },
  async ({ event, step, logger }) => {
    const load = await step.run("load", () => Number(event.data["cents"]));
    const [a, b] = await Promise.all([step.run("half", () => load / 2), step.run("double", () => load * 2)]);
    await step.sleep("later", "2d");
    await step.sendEvent("tell", { name: "shop/told", data: { a, b } });
    logger.info("said once");
    return { a, b };
  },
);
const told = client.createFunction({ id: "told", triggers: { event: "shop/told" } }, ({ event }) => event.data);
const tick = client.createFunction({ id: "tick", triggers: { cron: "* * * * *" } }, () => 1);

describe("what is sound passes", () => {
  const idempotent = ["load", "half", "double"];

  it("every crash point is tried, and the runs end as undisturbed, those of sent events too", async () => {
    const report = await chaos([sound, told, tick], { idempotent });
    expect({ ...report, trials: 0 }).toEqual({
      ok: true,
      trials: 0,
      leftOut: 0,
      undisturbed: expect.arrayContaining([
        { functionId: "sound", status: "Completed", output: { a: 250, b: 1000 }, error: null },
        { functionId: "told", status: "Completed", output: { a: 250, b: 1000 }, error: null },
      ]),
      differences: [],
      repeated: [],
      unstable: [],
      notCompared: [],
    });
    expect(report.trials).toBeGreaterThan(60);
    expect(report.trials % 3).toBe(0);
    expect(report.toString()).toContain("Nothing was found.");
  });

  it("a function without retries, and one that fails, end as undisturbed", async () => {
    const once = client.createFunction({ id: "once", triggers: { event: "shop/paid" }, retries: 0 }, ({ step }) =>
      step.run("body", () => "done"),
    );
    const fails = client.createFunction({ id: "fails", triggers: { event: "shop/paid" }, retries: 1 }, ({ step }) =>
      step.run("body", () => {
        throw new Error("declined");
      }),
    );
    const report = await chaos([once, fails], { idempotent: ["body"] });
    expect(report.toString().split("\n").slice(1)).toEqual(["Nothing was found."]);
    expect(report.undisturbed.map(({ status, error }) => [status, error?.message ?? null]).sort()).toEqual([
      ["Completed", null],
      ["Failed", "declined"],
    ]);
  });

  it("bodies with real work, side by side, are waited for, and what a dead worker left running does no harm", async () => {
    const read = async (): Promise<boolean> => (await readFile(new URL(import.meta.url), "utf8")).length > 0;
    const reads = client.createFunction({ id: "reads", triggers: { event: "shop/paid" } }, async ({ step }) =>
      Promise.all(["a", "b", "c"].map((id) => step.run(id, read))),
    );
    const report = await chaos([reads], { idempotent: ["a", "b", "c"] });
    expect(report.toString().split("\n").slice(1)).toEqual(["Nothing was found."]);
    expect(report.undisturbed[0]?.output).toEqual([true, true, true]);
  });

  it("a mock that only chaos asked for was asked for", async () => {
    const mocked = await createTest({ functions: [sound] });
    mocked.mock(sound, "load", 100);
    mocked.mock(sound, "lode", 100);
    const report = await mocked.chaos({ event: paid, idempotent, maxTrials: 3 });
    expect(report.undisturbed[0]?.output).toEqual({ a: 50, b: 200 });
    expect(mocked.unusedMocks).toEqual([{ functionId: "sound", stepId: "lode" }]);
    await mocked[Symbol.asyncDispose]();
  });

  it("is limited to maxTrials, spread over all points, and says what it left out", async () => {
    const full = await chaos([sound], { idempotent });
    const report = await chaos([sound], { idempotent, maxTrials: 10 });
    expect([report.trials, report.leftOut]).toEqual([10, full.trials - 10]);
    expect(report.toString()).toContain(`10 crash points tried (${full.trials - 10} left out: raise maxTrials)`);
  });
});

describe("a step that is not idempotent", () => {
  const charging = client.createFunction({ id: "charging", triggers: { event: "shop/paid" } }, async ({ step }) => {
    await step.run("load", () => 1);
    return step.run("charge", () => "replaced by a mock");
  });
  /** An account that is charged again when it is asked again, new in every world. */
  const account = (mock: MockStep): void => {
    let cents = 0;
    mock(charging, "charge", () => ({ total: (cents += 500) }));
  };

  it("is listed with a crash point, and so is the run that ended differently", async () => {
    const report = await chaos([charging], { idempotent: ["load"] }, account);
    expect(report.ok).toBe(false);
    expect(report.repeated).toMatchObject([
      {
        functionId: "charging",
        stepId: "charge",
        times: 2,
        undisturbedTimes: 1,
        first: { fault: "crash-before", caller: "worker", operation: "PutItem", afterBody: "charge" },
      },
    ]);
    expect(report.differences).toMatchObject([
      { functionId: "charging", what: "output", path: "output.total", expected: 500, actual: 1000 },
    ]);
    expect(report.toString()).toMatch(/charging: output\.total is 1000, undisturbed 500 \(worker died before call \d+/);
    expect(report.toString()).toMatch(/charging: "charge" ran 2 times instead of 1 \(worker died before call \d+/);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it("code between steps that draws anew in each pass is found: its run ends differently", async () => {
    let draws = 0;
    const drawing = client.createFunction({ id: "drawing", triggers: { event: "shop/paid" } }, async ({ step }) => {
      const drawn = (draws += 1);
      await step.run("load", () => 1);
      return drawn;
    });
    const report = await chaos([drawing], { idempotent: ["load"] }, () => void (draws = 0));
    expect(report.ok).toBe(false);
    expect(report.differences).toMatchObject([{ functionId: "drawing", what: "output", expected: 1, actual: 2 }]);
  });

  it("declared idempotent or ignored is not listed; what it did to the run still is", async () => {
    for (const declared of [{ idempotent: ["load", "charge"] }, { ignore: ["load", "charge"] }]) {
      const report = await chaos([charging], declared, account);
      expect(report.repeated).toEqual([]);
      expect(report.differences.map(({ path }) => path)).toEqual(["output.total"]);
    }
  });

  it("that sends an event by itself starts a run too many", async () => {
    const sends = client.createFunction({ id: "sends", triggers: { event: "shop/paid" } }, ({ step }) =>
      step.run("send", async () => (await client.send({ name: "shop/told", data: { n: 1 } })).ids.length),
    );
    const report = await chaos([sends, told], { idempotent: ["send"] });
    expect(report.differences).toMatchObject([
      { functionId: "told", what: "extra run", path: "run", actual: { status: "Completed", output: { n: 1 } } },
    ]);
  });

  it("whose outside world is kept between trials is not compared, and the report says so", async () => {
    let cents = 0;
    const report = await chaos([charging], { idempotent: ["load", "charge"] }, (mock) =>
      mock(charging, "charge", () => ({ total: (cents += 500) })),
    );
    expect([report.differences, report.notCompared]).toEqual([[], [{ functionId: "charging", path: "output.total" }]]);
    expect(report.toString()).toContain("charging: output.total");
  });
});

describe("code that is not deterministic outside its steps", () => {
  /** Another number each time, the same in every test. */
  function counter(): () => number {
    let count = 0;
    return () => (count += 1);
  }

  const planted: Record<string, { handler: (next: () => number) => TestFunction; was: RegExp; is: RegExp }> = {
    "a step id that changes": {
      handler: (next) =>
        client.createFunction({ id: "f", triggers: { event: "shop/paid" } }, async ({ step }) => {
          await step.run("first", () => 1);
          await step.run(`item-${next()}`, () => 2);
        }),
      was: /^asked for run "item-\d+"$/,
      is: /^asked for run "item-\d+"$/,
    },
    "a branch on something outside": {
      handler: (next) =>
        client.createFunction({ id: "f", triggers: { event: "shop/paid" } }, async ({ step }) => {
          await step.run("first", () => 1);
          if (next() % 2 === 1) await step.run("sometimes", () => 2);
          await step.sleep("night", "1d");
        }),
      was: /^asked for (run "sometimes"|sleep "night")$/,
      is: /^asked for (run "sometimes"|sleep "night")$/,
    },
    "an input of a step": {
      handler: (next) =>
        client.createFunction({ id: "f", triggers: { event: "shop/paid" } }, ({ step }) =>
          step.run("body", (n: number) => n > 0, next()),
        ),
      was: /^asked for run "body" with \[\d+\]$/,
      is: /^asked for run "body" with \[\d+\]$/,
    },
    "the data of a sent event": {
      handler: (next) =>
        client.createFunction({ id: "f", triggers: { event: "shop/paid" } }, async ({ step }) => {
          await step.sendEvent("tell", { name: "shop/told", data: { at: next() } });
        }),
      was: /^asked for sendEvent "tell" with \{"name":"shop\/told","data":\{"at":\d+\}\}$/,
      is: /^asked for sendEvent "tell" with/,
    },
    "what it returns": {
      handler: (next) =>
        client.createFunction({ id: "f", triggers: { event: "shop/paid" } }, async ({ step }) => {
          const first = await step.run("first", () => 1);
          return { first, list: [next()] };
        }),
      was: /^returned output\.list\[0\] \d+$/,
      is: /^returned output\.list\[0\] \d+$/,
    },
    "whether it goes on": {
      handler: (next) =>
        client.createFunction({ id: "f", triggers: { event: "shop/paid" } }, async ({ step }) => {
          await step.run("first", () => 1);
          if (next() % 2 === 1) await step.run("second", () => 2);
        }),
      was: /^(returned|asked for run "second")$/,
      is: /^(returned|asked for run "second")$/,
    },
  };

  it.each(Object.entries(planted))("%s", async (_name, { handler, was, is }) => {
    const report = await chaos([handler(counter())], { idempotent: ["first", "sometimes", "second", "body"] });
    expect(report.unstable.length).toBe(1);
    const [found] = report.unstable;
    expect(found?.was).toMatch(was);
    expect(found?.is).toMatch(is);
    expect(found?.was).not.toBe(found?.is);
    expect(report.ok).toBe(false);
    expect(report.toString()).toContain("Code that is not deterministic outside its steps:\n  f: first it ");
  });

  it("found without any fault is said to be so", async () => {
    const next = counter();
    const f = client.createFunction({ id: "f", triggers: { event: "shop/paid" } }, () => next());
    const report = await chaos([f]);
    expect(report.unstable.map(({ first }) => first)).toEqual([null]);
    expect(report.toString()).toContain("(without any fault)");
  });

  it("a race whose order a crash may change is no fault of the code", async () => {
    const race = client.createFunction({ id: "race", triggers: { event: "shop/paid" } }, async ({ step }) => {
      const winner = await Promise.race([step.run("a", () => "a"), step.run("b", () => "b")]);
      return step.run(`after-${winner}`, () => 1);
    });
    const report = await chaos([race], { idempotent: ["a", "b", "after-a", "after-b"] });
    expect(report.unstable).toEqual([]);
  });
});

describe("what cannot be searched is refused", () => {
  it("no run, no end, no event trigger", async () => {
    const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => "none",
        (error: unknown) => (isPerdureError(error) ? error.message : error),
      );
    expect(await codeOf(chaos([sound], { event: { name: "nobody/listens" } }))).toContain("the event starts no run");
    expect(await codeOf(chaos([sound], { until: "1d" }))).toContain(
      'the undisturbed run of "sound" has not ended by then',
    );
    expect(await codeOf(chaos([tick]))).toContain("no function of the test listens to events");
  });
});
