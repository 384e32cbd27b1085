/**
 * Goal: every line of the kit's API does what docs/testing.md says, on the real engine, in virtual time.
 * Method: small functions under `createTest`; what they came to is compared with literals.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { isPerdureError } from "../../sdk/error-catalogue.js";
import { NonRetriableError } from "../../sdk/errors.js";
import { createTest, type PerdureTest, type TestFunction } from "../../local/testing/index.js";

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const client = new Perdure({ id: "shop", logger: silent });

const order = client.createFunction(
  { id: "order", triggers: { event: "shop/ordered" }, retries: 2 },
  async ({ event, step }) => {
    const price = await step.run("price", () => 10);
    await step.sleep("settle", "3d");
    await step.sendEvent("announce", { name: "shop/paid", data: { order: event.data["order"] ?? null, price } });
    return { paid: price };
  },
);
const mail = client.createFunction({ id: "mail", triggers: { event: "shop/paid" } }, async ({ event, step }) =>
  step.run("send", () => `Paid ${String(event.data["price"])}`),
);
const daily = client.createFunction({ id: "daily", triggers: { cron: "0 6 * * *" } }, ({ event }) => event.data);
const functions = [order, mail, daily] as const;

const running: { [Symbol.asyncDispose](): Promise<void> }[] = [];
afterEach(async () => {
  for (const t of running.splice(0)) await t[Symbol.asyncDispose]();
});

async function start<const Functions extends readonly TestFunction[]>(
  options: Parameters<typeof createTest<Functions>>[0],
): Promise<PerdureTest<Functions>> {
  const t = await createTest(options);
  running.push(t);
  return t;
}

const ordered = { name: "shop/ordered", data: { order: "o_1" } } as const;

async function codeOf(work: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof work === "function" ? work() : work);
  } catch (error) {
    return isPerdureError(error) ? error.code : String(error);
  }
  return "none";
}

describe("send and time", () => {
  it("everything that follows at once has happened when send resolves", async () => {
    const t = await start({ functions });
    const { ids } = await t.send(ordered);
    const run = await t.runOf(ids[0]);
    expect(run).toMatchObject({ functionId: "order", status: "Running", output: null, error: null, eventId: ids[0] });
    expect(run.steps.map(({ id, op, status }) => [id, op, status])).toEqual([
      ["price", "run", "Completed"],
      ["settle", "sleep", "Waiting"],
    ]);
  });

  it("advance lets sleeps end, and sends between functions are real", async () => {
    const t = await start({ functions });
    const { ids } = await t.send(ordered);
    await t.advance("3d");
    await t.advance(1_000);
    expect(await t.runOf(ids[0], order)).toMatchObject({ status: "Completed", output: { paid: 10 } });
    const [mailed] = await t.runs({ function: mail });
    expect([mailed?.status, mailed?.output]).toEqual(["Completed", "Paid 10"]);
  });

  it("time begins at startAt and moves only when told to; crons tick at their times", async () => {
    const t = await start({ functions, startAt: "2026-03-02T09:00:00Z" });
    expect(t.now.toISOString()).toBe("2026-03-02T09:00:00.000Z");
    await t.advanceTo(new Date("2026-03-04T07:00:00Z"));
    expect(t.now.toISOString()).toBe("2026-03-04T07:00:00.000Z");
    const ticks = await t.runs({ function: daily });
    expect(ticks.map(({ output }) => output?.scheduledAt)).toEqual([
      "2026-03-03T06:00:00.000Z",
      "2026-03-04T06:00:00.000Z",
    ]);
  });

  it("begins at the same time for ever when nobody says", async () => {
    const t = await start({ functions });
    expect(t.now.toISOString()).toBe("2026-01-01T00:00:00.000Z");
  });

  it("runs stay readable after years, across months and beyond one page", async () => {
    const t = await start({ functions: [order, mail] });
    const sent = await t.send([ordered, ordered]);
    await t.advance("3000d");
    const first = await t.runOf(sent.ids[0]);
    expect(first.output).toEqual({ paid: 10 });
    const later = await t.send(Array.from({ length: 510 }, () => ordered));
    const all = await t.runs({ function: "order" });
    expect(all.length).toBe(512);
    expect(new Set(all.slice(0, 2).map(({ eventId }) => eventId))).toEqual(new Set(sent.ids));
    expect(new Set(all.slice(2).map(({ eventId }) => eventId))).toEqual(new Set(later.ids));
  });

  it("the same seed gives the same ids, another seed others", async () => {
    const ids = async (seed: number): Promise<string[]> => (await (await start({ functions, seed })).send(ordered)).ids;
    expect(await ids(7)).toEqual(await ids(7));
    expect(await ids(7)).not.toEqual(await ids(8));
  });

  it("waits for a body's real work instead of running past it", async () => {
    const slow = client.createFunction({ id: "slow", triggers: { event: "slow" } }, ({ step }) =>
      step.run("read", async () => {
        const { readFile } = await import("node:fs/promises");
        return (await readFile(new URL(import.meta.url), "utf8")).length > 0;
      }),
    );
    const t = await start({ functions: [slow] });
    const { ids } = await t.send({ name: "slow" });
    expect((await t.runOf(ids[0])).output).toBe(true);
  });

  it("perdure.send stays in the test, from its own code and from functions", async () => {
    const sender = client.createFunction({ id: "sender", triggers: { event: "go" } }, ({ step }) =>
      step.run("send", async () => (await client.send({ name: "shop/paid", data: { price: 3 } })).ids.length),
    );
    const t = await start({ functions: [sender, mail] });
    const other = await start({ functions: [sender, mail] });
    await t.send({ name: "go" });
    expect((await t.runs({ function: mail })).map(({ output }) => output)).toEqual(["Paid 3"]);
    expect(await other.runs()).toEqual([]);
    await client.send({ name: "shop/paid", data: { price: 4 } });
    await other.advance(0);
    expect((await other.runs({ function: mail })).map(({ output }) => output)).toEqual(["Paid 4"]);
    await t.stop();
    await other.stop();
    expect(await codeOf(client.send({ name: "shop/paid" }))).toBe("TEST_STOPPED");
  });

  it("perdure.send reaches no network, even with an address", async () => {
    const fetch = vi.fn(() => Promise.reject(new Error("the network")));
    const live = new Perdure({ id: "live", baseUrl: "https://live.example", eventKey: "key", fetch });
    const fn = live.createFunction({ id: "f", triggers: { event: "e" } }, ({ event }) => event.data["n"] ?? 0);
    const t = await start({ functions: [fn] });
    const { ids } = await live.send({ name: "e", data: { n: 5 } });
    await t.advance(0);
    expect((await t.runOf(ids[0])).output).toBe(5);
    await t.stop();
    expect(await codeOf(live.send({ name: "e" }))).toBe("TEST_STOPPED");
    expect(await codeOf(live.sendSignal({ signal: "s" }))).toBe("TEST_STOPPED");
    expect(fetch).not.toHaveBeenCalled();
  });

  it("perdure.sendSignal ends a wait in the test, from its own code and from functions", async () => {
    const waits = client.createFunction({ id: "waits", triggers: { event: "wait" } }, ({ event, step }) =>
      step.waitForSignal("wait", { signal: String(event.data["signal"]), timeout: "1h" }),
    );
    const sends = client.createFunction({ id: "sends", triggers: { event: "go" } }, ({ step }) =>
      step.run("send", () => client.sendSignal({ signal: "a", data: 1 })),
    );
    const t = await start({ functions: [waits, sends] });
    const [a = "", b = ""] = (await t.send(["a", "b"].map((signal) => ({ name: "wait", data: { signal } })))).ids;
    const { ids } = await t.send({ name: "go" });
    expect((await t.runOf(ids[0])).output).toEqual({ runId: (await t.runOf(a)).id });
    expect(await client.sendSignal({ signal: "b", data: 2 })).toEqual({ runId: (await t.runOf(b)).id });
    expect(await client.sendSignal({ signal: "c" })).toEqual({});
    await t.advance("1s");
    expect((await t.runOf(a)).output).toEqual({ signal: "a", data: 1 });
    expect((await t.runOf(b)).output).toEqual({ signal: "b", data: 2 });
  });
});

describe("runs", () => {
  it("are found by id, by function, by event and by both", async () => {
    const t = await start({ functions });
    const { ids } = await t.send([ordered, { name: "shop/paid", data: { price: 1 } }]);
    const [first = "", second = ""] = ids;
    const run = await t.runOf(first, order);
    expect((await t.run(run.id)).id).toBe(run.id);
    expect((await t.run(run.id, order)).id).toBe(run.id);
    expect((await t.runs()).map(({ functionId }) => functionId).sort()).toEqual(["mail", "order"]);
    expect((await t.runs({ event: first })).map(({ functionId }) => functionId)).toEqual(["order"]);
    expect((await t.runs({ function: "mail", event: second })).length).toBe(1);
    expect(await t.runs({ function: mail, event: first })).toEqual([]);
  });

  it("show what failed, with every attempt", async () => {
    const broken = client.createFunction({ id: "broken", triggers: { event: "b" }, retries: 1 }, ({ step }) =>
      step.run("try", () => {
        throw new Error("no luck");
      }),
    );
    const t = await start({ functions: [broken] });
    const { ids } = await t.send({ name: "b" });
    await t.advance("1m");
    const run = await t.runOf(ids[0]);
    expect([run.status, run.error?.message, run.output]).toEqual(["Failed", "no luck", null]);
    const [step] = run.steps;
    expect([step?.status, step?.error?.message]).toEqual(["Failed", "no luck"]);
    expect(step?.attempts.map(({ attempt, error }) => [attempt, error?.message])).toEqual([
      [1, "no luck"],
      [2, "no luck"],
    ]);
  });

  it("that are not there are errors with a name", async () => {
    const t = await start({ functions });
    const twice = client.createFunction({ id: "twice", triggers: { event: "shop/ordered" } }, () => 1);
    const both = await start({ functions: [...functions, twice] });
    const { ids } = await both.send(ordered);
    expect(await codeOf(t.run("nothing"))).toBe("TEST_RUN_UNKNOWN");
    expect(await codeOf(t.runOf("nothing"))).toBe("TEST_EVENT_UNKNOWN");
    expect(await codeOf(t.runOf(undefined))).toBe("TEST_EVENT_UNKNOWN");
    expect(await codeOf(t.runs({ function: "nothing" }))).toBe("TEST_FUNCTION_UNKNOWN");
    expect(await codeOf(both.runOf(ids[0]))).toBe("TEST_RUN_AMBIGUOUS");
    expect((await both.runOf(ids[0], twice)).output).toBe(1);
    const unheard = await t.send({ name: "nobody/listens" });
    expect(await codeOf(t.runOf(unheard.ids[0]))).toBe("TEST_RUN_AMBIGUOUS");
    const run = await both.runOf(ids[0], twice);
    expect(await codeOf(both.run(run.id, order))).toBe("TEST_RUN_UNKNOWN");
  });
});

describe("mocks", () => {
  it("a value is what the body returns; the real body does not run", async () => {
    const real = vi.fn(() => "real");
    const fn = client.createFunction({ id: "f", triggers: { event: "e" } }, ({ step }) => step.run("x", real));
    const t = await start({ functions: [fn] });
    t.mock(fn, "x", { at: new Date("2026-03-02T09:00:00Z") });
    const { ids } = await t.send({ name: "e" });
    expect((await t.runOf(ids[0])).output).toEqual({ at: "2026-03-02T09:00:00.000Z" });
    expect(real).not.toHaveBeenCalled();
  });

  it("a function is told of the call and retried as a body is, in virtual time", async () => {
    const charge = (cents: number): string => `charged ${cents}`;
    const fn = client.createFunction({ id: "f", triggers: { event: "e" }, retries: 3 }, async ({ step }) => [
      await step.run({ id: "charge" }, charge, 5),
      await step.run("charge", charge, 6),
    ]);
    const t = await start({ functions: [fn] });
    const calls: unknown[] = [];
    t.mock("f", "charge", ({ attempt, index, input, event, runId }) => {
      calls.push([attempt, index, input, event.name, runId.length > 0]);
      if (attempt < 2 && index === 0) throw new Error("busy");
      return `mocked ${String(input[0])}`;
    });
    const { ids } = await t.send({ name: "e" });
    const before = await t.runOf(ids[0]);
    expect(before.steps[0]?.status).toBe("Retrying");
    await t.advance("1m");
    const run = await t.runOf(ids[0]);
    expect(run.output).toEqual(["mocked 5", "mocked 6"]);
    expect(run.steps.map(({ attempts }) => attempts.length)).toEqual([3, 1]);
    expect(calls).toEqual([
      [0, 0, [5], "e", true],
      [1, 0, [5], "e", true],
      [2, 0, [5], "e", true],
      [0, 1, [6], "e", true],
    ]);
  });

  it("an Error is thrown at each attempt; one that is not retriable ends the step at once", async () => {
    const fn = client.createFunction({ id: "f", triggers: { event: "e" } }, ({ step }) => step.run("x", () => 1));
    const t = await start({ functions: [fn] });
    t.mock(fn, "x", new NonRetriableError("declined"));
    const { ids } = await t.send({ name: "e" });
    const run = await t.runOf(ids[0]);
    expect([run.status, run.error?.message, run.steps[0]?.attempts.length]).toEqual(["Failed", "declined", 1]);
  });

  it("that nothing asked for are listed, and stop says so", async () => {
    const t = await start({ functions, mocks: (mock) => mock(mail, "shared", 1) });
    t.mock(order, "pryce", 5);
    t.mock(order, "price", 6);
    await t.send(ordered);
    expect(t.unusedMocks).toEqual([
      { functionId: "mail", stepId: "shared" },
      { functionId: "order", stepId: "pryce" },
    ]);
    const error = await t.stop().catch((reason: unknown) => reason);
    expect(String(error)).toContain('no run asked for the mocked steps "order" / "pryce"; expected');
  });

  it("stop is silent about mocks that several tests share, and can be called again", async () => {
    const t = await start({ functions, mocks: (mock) => mock(mail, "send", 1) });
    const { ids } = await t.send(ordered);
    await t.stop();
    await t.stop();
    expect(await codeOf(t.send(ordered))).toBe("TEST_STOPPED");
    expect(await codeOf(t.advance("1d"))).toBe("TEST_STOPPED");
    expect((await t.runOf(ids[0])).status).toBe("Running");
  });

  it("cannot stand in for a sleep or a send, nor for a function that is not there", async () => {
    const t = await start({ functions });
    t.mock(order, "settle", 1);
    const { ids } = await t.send(ordered);
    const run = await t.runOf(ids[0]);
    expect([run.status, run.error?.code]).toEqual(["Failed", "TEST_MOCK_NOT_A_BODY"]);
    expect(await codeOf(() => t.mock("nothing", "x", 1))).toBe("TEST_FUNCTION_UNKNOWN");
  });

  it("the instrumented context is whole: attempt, spreading, nested steps, bad ids", async () => {
    const fn = client.createFunction({ id: "f", triggers: { event: "e" }, retries: 1 }, async (context) => {
      const { step, ...rest } = { ...context };
      const nested = await step
        .run("outer", () => step.run("inner", () => 1))
        .catch((error: unknown) => (error instanceof Error ? error.message : ""));
      const attempt = await step.run("attempt", () => {
        if (context.attempt === 0) throw new Error("again");
        return context.attempt;
      });
      return { nested, attempt, keys: Object.keys(rest).sort() };
    });
    const t = await start({ functions: [fn] });
    const { ids } = await t.send({ name: "e" });
    await t.advance("1m");
    expect((await t.runOf(ids[0])).output).toEqual({
      nested:
        'Cannot start step "inner": the body of step "outer" is running; expected steps to be started by the function itself',
      attempt: 1,
      keys: ["attempt", "event", "events", "group", "logger", "maxAttempts", "runId", "signal", "traceparent"],
    });
  });
});

describe("what cannot be meant is refused with a code", () => {
  it("functions, times and events", async () => {
    expect(await codeOf(createTest({ functions: [] }))).toBe("TEST_WITHOUT_FUNCTIONS");
    const other = new Perdure({ id: "other" }).createFunction({ id: "o", triggers: { event: "e" } }, () => 1);
    expect(await codeOf(createTest({ functions: [order, other] }))).toBe("FOREIGN_FUNCTION");
    expect(await codeOf(createTest({ functions: [order, order] }))).toBe("DUPLICATE_FUNCTION");
    expect(await codeOf(createTest({ functions, startAt: "soon" }))).toBe("TEST_TIME_INVALID");
    const t = await start({ functions });
    expect(await codeOf(t.advanceTo("2025-12-31T00:00:00Z"))).toBe("TEST_TIME_INVALID");
    expect(await codeOf(t.advance(-1))).toBe("INVALID_DURATION");
    expect(await codeOf(t.send({ name: "" }))).toBe("EVENT_NOT_SENDABLE");
    const tooLong = { name: "a", data: { text: "x".repeat(2_000_000) } };
    expect(await codeOf(t.send(tooLong))).toBe("TEST_EVENTS_REFUSED");
    expect((await t.send([])).ids).toEqual([]);
  });
});

describe("nothing is left behind", () => {
  it("no port is opened, and no timer is left", async () => {
    const before = process.getActiveResourcesInfo().sort();
    const t = await createTest({ functions });
    await t.send(ordered);
    await t.advance("1d");
    expect(process.getActiveResourcesInfo().filter((name) => /TCP|Server/.test(name))).toEqual(
      before.filter((name) => /TCP|Server/.test(name)),
    );
    await t.stop();
    const after = process.getActiveResourcesInfo().filter((name) => name !== "Immediate");
    expect(after.length).toBeLessThanOrEqual(before.length);
  });

  it("await using stops the test, and says nothing of mocks", async () => {
    let stopped: PerdureTest | null = null;
    {
      await using t = await createTest({ functions: [order, mail] });
      t.mock(order, "nothing", 1);
      await t.send(ordered);
      stopped = t;
    }
    expect(await codeOf(client.send({ name: "shop/paid" }))).toBe("TEST_STOPPED");
    expect(stopped.unusedMocks.length).toBe(1);
  });

  it("a test's fake timers do not stop the engine, and Date can be set to the test's time", async () => {
    const t = await start({ functions: [order, mail], startAt: "2026-03-02T09:00:00Z" });
    vi.useFakeTimers({ now: t.now });
    try {
      const { ids } = await t.send(ordered);
      await t.advance("4d");
      expect((await t.runOf(ids[0])).status).toBe("Completed");
      expect(new Date().toISOString()).toBe("2026-03-02T09:00:00.000Z");
    } finally {
      vi.useRealTimers();
    }
  });
});
