/**
 * Goal: a worker that dies, by a crash, a kill or its timeout, costs what it had not written down and nothing else; and code
 * that kills its worker every time ends its step or its run with a reason (PROTOCOL §2.5; reliability.md §9: 1).
 * Method: bodies kill their own sandbox; only SQS brings runs back, there is no sweeper.
 */
import { describe, expect, it } from "vitest";
import { sleep } from "../../sdk/clock.js";
import { isStepError } from "../../sdk/errors.js";
import { isPutOf, onceAt } from "../scenario/hands.js";
import { scenarios } from "../scenario/started.js";
import { MINUTE, SECOND, START_MS, type Scenario } from "../scenario/world.js";
import { peek, quietClient, stepMessages, Workers } from "./stage.js";

const start = scenarios();

/** What functions reach for before their world exists. */
class Stage {
  readonly bodies: string[] = [];
  scenario: Scenario | null = null;
  workers: Workers | null = null;

  /** Waits `ms` and dies; to the world it is as if the process had ended there. */
  async die(ms = 0): Promise<never> {
    if (this.scenario && ms > 0) await sleep(this.scenario.clock, ms);
    this.workers?.kill();
    return new Promise<never>(() => undefined);
  }

  async begin(options: Parameters<typeof start>[0]): Promise<Scenario> {
    this.scenario = await start(options);
    this.workers = new Workers(this.scenario);
    return this.scenario;
  }

  async wait(ms: number): Promise<void> {
    if (this.scenario) await sleep(this.scenario.clock, ms);
  }
}

describe("one death", () => {
  it("after a step's body and before its result is written, the body runs again and has one result", async () => {
    const client = quietClient();
    const stage = new Stage();
    const fn = client.createFunction({ id: "three", triggers: { event: "shop/x" } }, async ({ step }) => {
      for (const id of ["a", "b", "c"]) {
        await step.run(id, async () => {
          stage.bodies.push(id);
          await stage.wait(SECOND);
        });
      }
      return "done";
    });
    const scenario = await stage.begin({ client, functions: [fn] });
    const struck = onceAt(scenario, (call) => isPutOf(call, "LOG#000001#000002"), "crash-before");
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(MINUTE);
    const { head, entries } = await scenario.runOf(eventId);
    expect(struck()).toBe(true);
    expect(head).toMatchObject({ status: "Completed", epoch: 2, seals: new Map([[1, 1]]) });
    expect(stage.bodies).toEqual(["a", "b", "b", "c"]);
    expect(entries.map((entry) => `${entry.k} ${"id" in entry ? entry.id : ""}`)).toEqual([
      "done a",
      "start b",
      "done b",
      "done c",
    ]);
    // Noticed by the lease: the message of a turn that has lasted comes again 23 s after its last beat.
    expect((head.endedAtMs ?? 0) - START_MS).toBeLessThan(35 * SECOND);
    expect(stepMessages(scenario)).toBe(0);
  });

  it("in the first turn and at once is made good by the queue's own visibility", async () => {
    const client = quietClient();
    const stage = new Stage();
    const fn = client.createFunction({ id: "one", triggers: { event: "shop/x" } }, ({ step }) =>
      step.run("a", () => {
        stage.bodies.push("a");
        return stage.bodies.length === 1 ? stage.die() : "done";
      }),
    );
    const scenario = await stage.begin({ client, functions: [fn] });
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(58 * SECOND);
    expect(stage.bodies).toEqual(["a"]);
    await scenario.advance(5 * SECOND);
    const { head, output } = await scenario.runOf(eventId);
    expect(output).toBe("done");
    expect(head).toMatchObject({ status: "Completed", epoch: 2 });
  });

  it("in a later turn is noticed by the lease: the run goes on within 30 seconds", async () => {
    const client = quietClient();
    const stage = new Stage();
    let diedAtMs = 0;
    const fn = client.createFunction({ id: "one", triggers: { event: "shop/x" } }, ({ step }) =>
      step.run("a", async () => {
        stage.bodies.push("a");
        if (stage.bodies.length > 1) return (stage.scenario?.clock.now() ?? 0) - diedAtMs;
        await stage.wait(42 * SECOND);
        diedAtMs = stage.scenario?.clock.now() ?? 0;
        return stage.die();
      }),
    );
    const scenario = await stage.begin({ client, functions: [fn] });
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(2 * MINUTE);
    const { output } = await scenario.runOf(eventId);
    expect(Number(output)).toBeGreaterThan(15 * SECOND);
    expect(Number(output)).toBeLessThan(30 * SECOND);
  });

  it("by Lambda's timeout, with the worker stuck in the middle of a step, is no different", async () => {
    const client = quietClient();
    const stage = new Stage();
    const fn = client.createFunction({ id: "stuck", triggers: { event: "shop/x" } }, ({ step }) =>
      step.run("a", async () => {
        stage.bodies.push("a");
        await stage.wait(5 * SECOND);
        return `execution ${stage.bodies.length}`;
      }),
    );
    const scenario = await stage.begin({ client, functions: [fn], workerTimeoutMs: 20 * SECOND });
    const failures: string[] = [];
    scenario.world.onInvocation(({ error }) => {
      if (error) failures.push(error.failure);
    });
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(SECOND);
    stage.workers?.freeze(MINUTE);
    await scenario.advance(3 * MINUTE);
    expect(failures).toEqual(["timeout"]);
    expect((await scenario.runOf(eventId)).output).toBe("execution 2");
    expect(stage.bodies).toEqual(["a", "a"]);
    expect(stepMessages(scenario)).toBe(0);
  });
});

describe("code that kills its worker every time", () => {
  it("in a step's body ends the step with STEP_INTERRUPTED, which the function may catch", async () => {
    const client = quietClient();
    const stage = new Stage();
    const fn = client.createFunction({ id: "poison", triggers: { event: "shop/x" }, retries: 2 }, async ({ step }) => {
      await step.run("before", () => void stage.bodies.push("before"));
      try {
        await step.run("poison", () => {
          stage.bodies.push("poison");
          return stage.die(SECOND);
        });
        return "survived";
      } catch (error) {
        await step.run("fallback", () => void stage.bodies.push("fallback"));
        return isStepError(error) ? error.message : "no StepError";
      }
    });
    const scenario = await stage.begin({ client, functions: [fn] });
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(10 * MINUTE);
    const { entries, output } = await scenario.runOf(eventId);
    expect(output).toBe(
      'Cannot finish step "poison": the worker died while its body ran; expected it to return or throw',
    );
    // The first death is nobody's: its body was not on record. Then each of the three attempts is.
    expect(stage.bodies).toEqual(["before", "poison", "poison", "poison", "poison", "fallback"]);
    const done = entries.find((entry) => entry.k === "done" && entry.id === "poison");
    expect(done).toMatchObject({ a: 3, err: { code: "STEP_INTERRUPTED" } });
    expect(stepMessages(scenario)).toBe(0);
  });

  it("in one of several steps at once ends that step alone", async () => {
    const client = quietClient();
    const stage = new Stage();
    const fn = client.createFunction({ id: "mixed", triggers: { event: "shop/x" }, retries: 1 }, async ({ step }) => {
      const good = (id: string): Promise<string> =>
        step.run(id, async () => {
          stage.bodies.push(id);
          await stage.wait(3 * SECOND);
          return id;
        });
      const bad = step.run("bad", () => {
        stage.bodies.push("bad");
        return stage.die(SECOND);
      });
      const settled = await Promise.allSettled([good("a"), bad, good("c")]);
      return settled.map(({ status }) => status);
    });
    const scenario = await stage.begin({ client, functions: [fn] });
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(10 * MINUTE);
    const { head, output } = await scenario.runOf(eventId);
    expect(head.status).toBe("Completed");
    expect(output).toEqual(["fulfilled", "rejected", "fulfilled"]);
    // Once together, then one at a time: who is innocent gets done.
    expect(stage.bodies.filter((id) => id === "bad")).toHaveLength(3);
    expect(stage.bodies.filter((id) => id === "a")).toHaveLength(2);
    expect(stage.bodies.filter((id) => id === "c").length).toBeLessThanOrEqual(3);
  });

  it("before any step ends the run with FUNCTION_CRASHED", async () => {
    const client = quietClient();
    const stage = new Stage();
    let passes = 0;
    const fn = client.createFunction({ id: "crasher", triggers: { event: "shop/x" }, retries: 2 }, async ({ step }) => {
      passes += 1;
      await stage.die();
      return step.run("never", () => "reached");
    });
    const scenario = await stage.begin({ client, functions: [fn] });
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(30 * MINUTE);
    const { head } = await scenario.runOf(eventId);
    expect(head).toMatchObject({ status: "Failed", error: { code: "FUNCTION_CRASHED" } });
    // The attempts, and one more: the first death may have been the weather.
    expect(passes).toBe(4);
    expect(stepMessages(scenario)).toBe(0);
  });

  it("after a step that is done, too, ends the run with FUNCTION_CRASHED, and the step is not run again", async () => {
    const client = quietClient();
    const stage = new Stage();
    const fn = client.createFunction({ id: "crasher", triggers: { event: "shop/x" }, retries: 0 }, async ({ step }) => {
      await step.run("a", () => void stage.bodies.push("a"));
      await stage.die(SECOND);
    });
    const scenario = await stage.begin({ client, functions: [fn] });
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(30 * MINUTE);
    const { head } = await scenario.runOf(eventId);
    expect(head).toMatchObject({ status: "Failed", error: { code: "FUNCTION_CRASHED" } });
    expect(stage.bodies).toEqual(["a"]);
  });
});

it("deaths with progress in between are not added up: a step that takes its worker down once, ten times over", async () => {
  const client = quietClient();
  const stage = new Stage();
  const fn = client.createFunction({ id: "ten", triggers: { event: "shop/x" }, retries: 1 }, async ({ step }) => {
    for (let n = 0; n < 10; n += 1) {
      await step.run(`s${n}`, () => {
        stage.bodies.push(`s${n}`);
        const isFirst = stage.bodies.filter((id) => id === `s${n}`).length === 1;
        return isFirst ? stage.die(SECOND) : null;
      });
    }
    return "done";
  });
  const scenario = await stage.begin({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(30 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe("done");
  expect(stage.bodies).toHaveLength(20);
});

it("steps that do not fit one invocation are spread over several, each body once", async () => {
  const client = quietClient();
  const stage = new Stage();
  const ids = ["a", "b", "c", "d", "e", "f"];
  const fn = client.createFunction({ id: "long", triggers: { event: "shop/x" } }, async ({ step }) => {
    for (const id of ids) {
      await step.run(id, async () => {
        stage.bodies.push(id);
        await stage.wait(3 * SECOND);
      });
    }
    return "done";
  });
  const scenario = await stage.begin({ client, functions: [fn], workerTimeoutMs: 10 * SECOND });
  const invocations: (string | null)[] = [];
  scenario.world.onInvocation(({ functionName, error }) => {
    if (functionName === "worker") invocations.push(error?.failure ?? null);
  });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  const { head, output } = await scenario.runOf(eventId);
  expect(output).toBe("done");
  expect(stage.bodies).toEqual(ids);
  // 10 s less the margin of 1.5 s: three steps begin in the first, and three in the second.
  expect(invocations).toEqual([null, null]);
  expect(head).toMatchObject({ epoch: 2, crashes: 0, seals: new Map() });
  expect((head.endedAtMs ?? 0) - START_MS).toBeLessThan(19 * SECOND);
  expect(
    peek(scenario)
      .messages()
      .every(({ messages }) => messages === 0),
  ).toBe(true);
});
