/**
 * Goal: the body of a step that is to run at most once begins at most once, whoever dies, freezes or takes over; when nobody
 * knows what came of it, the step says so and the function goes on.
 * Method: bodies that kill or freeze their worker, code that is changed under a run; the log is read. That no fault of any call
 * begins a body twice is enumerated in test/crash (program "a step at most once").
 */
import { describe, expect, it } from "vitest";
import { sleep } from "../../sdk/clock.js";
import { NonRetriableError, RetryAfterError } from "../../sdk/errors.js";
import type { PerdureFunction } from "../../sdk/function.js";
import { quietClient, Workers } from "../crash/stage.js";
import { isPutOf, onceAt } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, MINUTE, SECOND, type RunView, type Scenario } from "./world.js";

const start = scenarios();
const trigger = { event: "shop/go" } as const;
const once = (id: string) => ({ id, atMostOnce: true });

const client = quietClient();

/** What functions reach for before their world exists. */
class Stage {
  readonly bodies: string[] = [];
  scenario: Scenario | null = null;
  workers: Workers | null = null;

  async begin(...functions: PerdureFunction<never>[]): Promise<Scenario> {
    this.scenario = await start({ client, functions, workerTimeoutMs: MINUTE });
    this.workers = new Workers(this.scenario);
    return this.scenario;
  }

  async wait(ms: number): Promise<void> {
    if (this.scenario) await sleep(this.scenario.clock, ms);
  }

  async die(): Promise<never> {
    this.workers?.kill();
    return new Promise<never>(() => undefined);
  }
}

const told = ({ entries }: RunView): string[] =>
  entries.map((entry) => {
    const outcome = entry.k === "done" && "err" in entry ? ` ${entry.err.code ?? entry.err.message}` : "";
    return `${entry.k} ${"id" in entry ? entry.id : ""}${outcome}`;
  });

describe("a step that is to run at most once", () => {
  it("is written down before its body begins, and is an ordinary step when all goes well", async () => {
    const stage = new Stage();
    const fn = client.createFunction({ id: "f", triggers: trigger }, async ({ step }) => {
      const paid = await step.run(once("pay"), async () => {
        stage.bodies.push("pay");
        await stage.wait(SECOND);
        return "paid";
      });
      await step.sleep("later", "2d");
      return step.run("tell", () => `${paid} and told`);
    });
    const scenario = await stage.begin(fn);
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(500);
    expect(told(await scenario.runOf(eventId))).toEqual(["start pay"]);
    await scenario.advance(3 * DAY);
    const run = await scenario.runOf(eventId);
    expect([run.output, stage.bodies]).toEqual(["paid and told", ["pay"]]);
    expect(told(run)).toEqual(["start pay", "done pay", "op later", "seen later", "done tell"]);
  });

  it("several side by side share the write", async () => {
    const stage = new Stage();
    const fn = client.createFunction({ id: "f", triggers: trigger }, async ({ step }) => {
      const ids = ["a", "b", "c", "d"];
      return Promise.all(
        ids.map((id) =>
          step.run(once(id), async () => {
            await stage.wait(SECOND);
            return id;
          }),
        ),
      );
    });
    const scenario = await stage.begin(fn);
    const mark = scenario.world.aws.ledger.mark();
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(MINUTE);
    expect((await scenario.runOf(eventId)).output).toEqual(["a", "b", "c", "d"]);
    const puts = scenario.world.aws.ledger
      .since(mark)
      .rows.filter(({ caller, operation }) => caller === "worker" && operation === "PutItem");
    // One item of four starts, and the results: how these are gathered is not this test's matter.
    expect(puts.reduce((sum, { calls }) => sum + calls, 0)).toBeLessThanOrEqual(5);
  });

  it("whose worker dies in its body fails with STEP_INTERRUPTED, and the function goes on", async () => {
    const stage = new Stage();
    const fn = client.createFunction({ id: "f", triggers: trigger }, async ({ step }) => {
      try {
        return await step.run(once("pay"), async () => {
          stage.bodies.push("pay");
          await stage.wait(SECOND);
          return stage.die();
        });
      } catch (error) {
        const code = error instanceof Error && "code" in error ? error.code : null;
        return step.run("look it up", () => `unknown: ${String(code)}`);
      }
    });
    const scenario = await stage.begin(fn);
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(5 * MINUTE);
    const run = await scenario.runOf(eventId);
    expect(run.output).toBe("unknown: STEP_INTERRUPTED");
    expect(stage.bodies).toEqual(["pay"]);
    expect(run.head).toMatchObject({ status: "Completed", epoch: 2 });
  });

  it("whose worker dies before the start is durable has not begun: it runs, once", async () => {
    const stage = new Stage();
    const fn = client.createFunction({ id: "f", triggers: trigger }, async ({ step }) =>
      step.run(once("pay"), () => {
        stage.bodies.push("pay");
        return "paid";
      }),
    );
    const scenario = await stage.begin(fn);
    const struck = onceAt(scenario, (call) => isPutOf(call, "LOG#000001#000001"), "crash-before");
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(5 * MINUTE);
    expect(struck()).toBe(true);
    expect((await scenario.runOf(eventId)).output).toBe("paid");
    expect(stage.bodies).toEqual(["pay"]);
  });

  it("whose start lands after another worker has taken over does not begin where it was written", async () => {
    const stage = new Stage();
    const fn = client.createFunction({ id: "f", triggers: trigger }, async ({ step }) => {
      await step.run("before", () => stage.wait(SECOND));
      return step.run(once("pay"), async () => {
        stage.bodies.push("pay");
        await stage.wait(SECOND);
        return "paid";
      });
    });
    const scenario = await stage.begin(fn);
    // The put of the start is on its way for a minute, and so is all else the worker sends meanwhile.
    const struck = onceAt(
      scenario,
      (call) => {
        if (!isPutOf(call, "LOG#000001#000002")) return false;
        stage.workers?.freeze(50 * SECOND);
        return true;
      },
      { freezeMs: 50 * SECOND },
    );
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(5 * MINUTE);
    expect(struck()).toBe(true);
    const run = await scenario.runOf(eventId);
    expect(run.head).toMatchObject({ status: "Completed", epoch: 2 });
    expect([run.output, stage.bodies]).toEqual(["paid", ["pay"]]);
  });

  it("whose worker freezes in its body is not begun by the one that takes over, and its late result is ignored", async () => {
    const stage = new Stage();
    const fn = client.createFunction({ id: "f", triggers: trigger }, async ({ step }) => {
      const paid = step.run(once("pay"), async () => {
        stage.bodies.push("pay");
        await stage.wait(5 * SECOND);
        return "paid";
      });
      return paid.catch((error: unknown) => (error instanceof Error ? error.message : "?"));
    });
    const scenario = await stage.begin(fn);
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(SECOND);
    stage.workers?.freeze(MINUTE);
    await scenario.advance(50 * SECOND);
    expect((await scenario.runOf(eventId)).head.status).toBe("Completed");
    await scenario.advance(5 * MINUTE);
    const run = await scenario.runOf(eventId);
    expect(run.output).toContain("the worker died while its body ran");
    expect(stage.bodies).toEqual(["pay"]);
  });

  it("has no second attempt after an error, a wish for one, a timeout or the end of the invocation", async () => {
    const stage = new Stage();
    const fn = client.createFunction({ id: "f", triggers: trigger, retries: 5 }, async ({ step }) => {
      const bodies: Record<string, () => unknown> = {
        error: () => {
          throw new Error("plain");
        },
        final: () => {
          throw new NonRetriableError("final");
        },
        wish: () => {
          throw new RetryAfterError("later", "1s");
        },
        late: () => stage.wait(10 * SECOND),
        endless: () => stage.wait(2 * MINUTE),
      };
      const reasons: string[] = [];
      for (const [id, body] of Object.entries(bodies)) {
        const options = id === "late" ? { ...once(id), timeout: "2s" as const } : once(id);
        const attempt = step.run(options, async () => {
          stage.bodies.push(id);
          await body();
        });
        await attempt.catch((error: unknown) => {
          const code = error instanceof Error && "code" in error ? error.code : undefined;
          reasons.push(`${id}: ${String(code ?? (error instanceof Error ? error.message : error))}`);
        });
      }
      return reasons;
    });
    const scenario = await stage.begin(fn);
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(10 * MINUTE);
    expect((await scenario.runOf(eventId)).output).toEqual([
      "error: plain",
      "final: final",
      "wish: later",
      "late: STEP_ATTEMPT_TIMED_OUT",
      "endless: STEP_TIMED_OUT",
    ]);
    expect(stage.bodies).toEqual(["error", "final", "wish", "late", "endless"]);
  });

  it("is not begun again when only a deployment has made it so: an attempt is an attempt", async () => {
    const stage = new Stage();
    const code = (options: { id: string; atMostOnce?: boolean }) =>
      client.createFunction({ id: "f", triggers: trigger }, ({ step }) =>
        step.run(options, () => {
          stage.bodies.push("pay");
          throw new Error("no");
        }),
      );
    const scenario = await stage.begin(code({ id: "pay" }));
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.world.redeploy([code(once("pay"))]);
    await scenario.advance(5 * MINUTE);
    const { head } = await scenario.runOf(eventId);
    expect(head).toMatchObject({ status: "Failed", error: { code: "STEP_INTERRUPTED" } });
    expect(stage.bodies).toEqual(["pay"]);
  });

  it("runs in the turn where the function's other steps are distributed", async () => {
    const stage = new Stage();
    const fn = client.createFunction({ id: "f", triggers: trigger, parallel: "distributed" }, async ({ step }) =>
      Promise.all([step.run(once("pay"), () => "paid"), step.run("tell", () => "told")]),
    );
    const scenario = await stage.begin(fn);
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(MINUTE);
    const run = await scenario.runOf(eventId);
    expect(run.output).toEqual(["paid", "told"]);
    expect(told(run).filter((entry) => entry.endsWith("pay"))).toEqual(["start pay", "done pay"]);
    expect(told(run)).toContain("op tell");
  });
});
