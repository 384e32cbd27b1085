/**
 * Goal: each hook is called when docs/middleware.md says, in its order, in every pass or only once.
 * Method: functions that sleep, retry, crash and are replayed, under middleware that writes down every call.
 */
import { describe, expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { NonRetriableError } from "../../sdk/errors.js";
import { eventType } from "../../sdk/events.js";
import { getContext } from "../../sdk/host/current-run.js";
import { dependencyInjection } from "../../sdk/middleware/dependency-injection.js";
import {
  Middleware,
  type FunctionHandlerHook,
  type FunctionInputHook,
  type MiddlewareClass,
  type RunErrorHook,
  type SendEventHook,
  type StepErrorHook,
  type StepHandlerHook,
  type StepHook,
  type StepInputHook,
  type StoredHook,
} from "../../sdk/middleware/middleware.js";
import { staticSchema } from "../../sdk/standard-schema.js";
import { isPutOf, onceAt } from "./hands.js";
import { scenarios } from "./started.js";
import { runUnder, silent } from "./under-middleware.js";
import { MINUTE } from "./world.js";

const start = scenarios();

/** Writes down, under its name, each hook that is called. */
function recorder(name: string, calls: string[]): MiddlewareClass {
  const note = (text: string): void => void calls.push(`${name} ${text}`);
  return class extends Middleware {
    readonly id = name;
    override transformFunctionInput({ run }: FunctionInputHook): void {
      note(`input ${run.functionId} ${run.attempt}`);
    }
    override async wrapFunctionHandler({ next }: FunctionHandlerHook): Promise<unknown> {
      note("function {");
      const output = await next();
      note("} function");
      return output;
    }
    override transformStepInput({ step, input }: StepInputHook): readonly unknown[] {
      note(`step input ${step.id}`);
      return input;
    }
    override async wrapStepHandler({ step, next }: StepHandlerHook): Promise<unknown> {
      note(`body ${step.id} {`);
      const output = await next();
      note(`} body ${step.id}`);
      return output;
    }
    override toHistory({ of, name: what, value }: StoredHook): unknown {
      note(`to ${of} ${what}`);
      return value;
    }
    override fromHistory({ of, name: what, value }: StoredHook): unknown {
      note(`from ${of} ${what}`);
      return value;
    }
    override transformSendEvent({ events }: SendEventHook): SendEventHook["events"] {
      note(`send ${events.map((event) => event.name).join()}`);
      return events;
    }
    override onRunStart(): void {
      note("run start");
    }
    override onRunComplete(): void {
      note("run complete");
    }
    override onRunError({ isFinalAttempt }: RunErrorHook): void {
      note(`run error ${isFinalAttempt ? "final" : "to be retried"}`);
    }
    override onStepStart({ step }: StepHook): void {
      note(`start ${step.kind} ${step.id} ${step.attempt}`);
    }
    override onStepComplete({ step }: StepHook): void {
      note(`complete ${step.id}`);
    }
    override onStepError({ step, isFinalAttempt }: StepErrorHook): void {
      note(`error ${step.id} ${isFinalAttempt ? "final" : "to be retried"}`);
    }
  };
}

describe("order", () => {
  it("the client's stands outside, the function's inside; into the history inside comes first, out of it outside", async () => {
    const calls: string[] = [];
    const run = await runUnder(
      start,
      { client: [recorder("A", calls)], own: [recorder("B", calls)] },
      async ({ step }) => {
        await step.run("a", (input: string) => calls.push(`a is run with ${input}`), "x");
        return "done";
      },
    );
    expect(run.output).toBe("done");
    expect(calls).toEqual([
      "A from event shop/x",
      "B from event shop/x",
      "A input told 0",
      "B input told 0",
      "A run start",
      "B run start",
      "A function {",
      "B function {",
      "A start run a 0",
      "B start run a 0",
      "A step input a",
      "B step input a",
      "A body a {",
      "B body a {",
      "a is run with x",
      "B } body a",
      "A } body a",
      "B to step a",
      "A to step a",
      "A complete a",
      "B complete a",
      "A from step a",
      "B from step a",
      "B } function",
      "A } function",
      "B to output null",
      "A to output null",
      "A run complete",
      "B run complete",
    ]);
  });

  it("a replay calls what belongs to a pass, and nothing that belongs to a body", async () => {
    const calls: string[] = [];
    const run = await runUnder(start, { own: [recorder("M", calls)] }, async ({ step }) => {
      await step.run("a", () => 1);
      await step.sleep("nap", "5m");
      return 2;
    });
    expect(run.output).toBe(2);
    const [first, second] = [
      calls.slice(0, calls.lastIndexOf("M from event shop/x")),
      calls.slice(calls.lastIndexOf("M from event shop/x")),
    ];
    expect(first).toContain("M start run a 0");
    expect(first).not.toContain("M } function");
    expect(second).toEqual([
      "M from event shop/x",
      "M input told 0",
      "M function {",
      "M from step a",
      "M } function",
      "M to output null",
      "M run complete",
    ]);
  });

  it("each attempt of a body is told of, and so is each of the function", async () => {
    const calls: string[] = [];
    let bodies = 0;
    let ends = 0;
    const run = await runUnder(start, { own: [recorder("M", calls)], retries: 2 }, async ({ step }) => {
      await step.run("a", () => {
        bodies += 1;
        if (bodies < 3) throw new Error("not yet");
      });
      ends += 1;
      if (ends < 3) throw new Error("not yet either");
      await step.run("b", () => Promise.reject(new NonRetriableError("never")));
    });
    expect(run.head.status).toBe("Failed");
    expect(calls.filter((call) => /^M (run|start|error|complete) /.test(call))).toEqual([
      "M run start",
      "M start run a 0",
      "M error a to be retried",
      "M start run a 1",
      "M error a to be retried",
      "M start run a 2",
      "M complete a",
      "M run error to be retried",
      "M run error to be retried",
      "M start run b 0",
      "M error b final",
      "M run error final",
    ]);
  });

  it("a worker that dies after the result is written costs no second body; the history is what it was", async () => {
    const calls: string[] = [];
    const client = new Perdure({ id: "shop", middleware: [recorder("M", calls)], logger: silent });
    const fn = client.createFunction({ id: "dies", triggers: { event: "shop/x" } }, async ({ step }) => {
      const a = await step.run("a", () => "from a");
      return step.run("b", () => `${a}, from b`);
    });
    const scenario = await start({ client, functions: [fn] });
    const struck = onceAt(scenario, (call) => isPutOf(call, "LOG#000001#000001"), "crash-after");
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(5 * MINUTE);
    expect(struck()).toBe(true);
    expect((await scenario.runOf(eventId)).output).toBe("from a, from b");
    expect(calls.filter((call) => call === "M start run a 0")).toHaveLength(1);
    expect(calls.filter((call) => call === "M from step a")).toHaveLength(1);
  });

  it("each pass has instances of its own", async () => {
    const counts: number[] = [];
    class Counter extends Middleware {
      readonly id = "counter";
      #calls = 0;
      override wrapFunctionHandler({ next }: FunctionHandlerHook): Promise<unknown> {
        this.#calls += 1;
        counts.push(this.#calls);
        return next();
      }
    }
    await runUnder(start, { own: [Counter] }, async ({ step }) => {
      await step.sleep("a", "5m");
      await step.sleep("b", "5m");
    });
    expect(counts).toEqual([1, 1, 1]);
  });
});

describe("transforming", () => {
  it("what is added is in the context, a later middleware's in place of an earlier one's, and getters go on telling what is", async () => {
    class User extends Middleware {
      readonly id = "user";
      override async transformFunctionInput({ ctx }: FunctionInputHook): Promise<{ user: string; runId: string }> {
        return { user: `user of ${ctx.event.name}`, runId: "mine" };
      }
    }
    let seen: unknown;
    const client = new Perdure({ id: "shop", middleware: [dependencyInjection({ user: "nobody", db: { rows: 3 } })] });
    const fn = client.createFunction(
      { id: "told", triggers: { event: "shop/x" }, retries: 1, middleware: [User] },
      async ({ user, db, runId, step, ...rest }) => {
        seen = { user, db, runId, attempt: rest.attempt };
        return step.run("a", () => {
          const attempt = getContext()?.attempt;
          if (attempt === 0) throw new Error("once");
          return attempt;
        });
      },
    );
    const scenario = await start({ client, functions: [fn] });
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(MINUTE);
    expect((await scenario.runOf(eventId)).output).toBe(1);
    expect(seen).toEqual({ user: "user of shop/x", db: { rows: 3 }, runId: "mine", attempt: 1 });
  });

  it("input, results, output and events become what the hooks make of them", async () => {
    class Doubling extends Middleware {
      readonly id = "doubling";
      override transformStepInput({ input }: StepInputHook): readonly unknown[] {
        return input.map((value) => Number(value) * 2);
      }
      override async wrapStepHandler({ next, step }: StepHandlerHook): Promise<unknown> {
        const value = await next();
        return step.kind === "run" ? `(${String(value)})` : value;
      }
      override async wrapFunctionHandler({ next }: FunctionHandlerHook): Promise<unknown> {
        return { wrapped: await next() };
      }
      override transformSendEvent({ events, run }: SendEventHook): SendEventHook["events"] {
        return events.map((event) => ({ ...event, data: { ...event.data, by: run?.functionId ?? "outside" } }));
      }
    }
    const client = new Perdure({ id: "shop", middleware: [Doubling] });
    const sends = client.createFunction({ id: "sends", triggers: { event: "shop/x" } }, async ({ step }) => {
      const sum = await step.run("sum", (a: number, b: number) => a + b, 1, 2);
      await step.sendEvent("tell", { name: "shop/told", data: { sum } });
      return sum;
    });
    const receives = client.createFunction(
      { id: "receives", triggers: { event: "shop/told" } },
      ({ event }) => event.data,
    );
    const scenario = await start({ client, functions: [sends, receives] });
    const [eventId = ""] = await scenario.send({ name: "shop/x" });
    expect((await scenario.runOf(eventId)).output).toEqual({ wrapped: "(6)" });
    const [received] = (await scenario.runsOf("receives")).timeSorted;
    expect(received?.output).toEqual({ wrapped: { sum: "(6)", by: "sends" } });
  });

  it("what is kept is the stored form, and the function and its types see the other", async () => {
    class Dates extends Middleware {
      readonly id = "dates";
      override toHistory({ value }: StoredHook): unknown {
        return value instanceof Date ? { date: value.getTime() } : value;
      }
      override fromHistory({ value }: StoredHook): unknown {
        return typeof value === "object" && value !== null && "date" in value ? new Date(Number(value.date)) : value;
      }
    }
    const seen: unknown[] = [];
    const run = await runUnder(start, { own: [Dates] }, async ({ step }) => {
      seen.push(await step.run("when", () => new Date(5)));
      await step.sleep("nap", "5m");
      return new Date(7);
    });
    const { entries, output } = run;
    expect(entries.find((entry) => entry.k === "done")).toMatchObject({ ok: { date: 5 } });
    expect(seen).toEqual([new Date(5), new Date(5)]);
    expect(output).toEqual({ date: 7 });
  });

  it("a schema checks what the function is given, not what was stored", async () => {
    class Opening extends Middleware {
      readonly id = "opening";
      override fromHistory({ of, value }: StoredHook): unknown {
        return of === "event" ? { sum: 3 } : value;
      }
    }
    const client = new Perdure({ id: "shop", middleware: [Opening] });
    const isSum = (value: unknown): boolean => typeof value === "object" && value !== null && "sum" in value;
    const schema = staticSchema<{ sum: number }>();
    const checked = eventType("shop/x", {
      schema: {
        "~standard": {
          ...schema["~standard"],
          validate: (value: unknown) => (isSum(value) ? { value: { sum: 3 } } : { issues: [{ message: "no sum" }] }),
        },
      },
    });
    const fn = client.createFunction({ id: "told", triggers: checked }, ({ event }) => event.data.sum);
    const scenario = await start({ client, functions: [fn] });
    const [eventId = ""] = await scenario.send({ name: "shop/x", data: { sealed: "…" } });
    expect((await scenario.runOf(eventId)).output).toBe(3);
  });

  it("results are shown in the order of the log, whatever the hooks make of them", async () => {
    class Slow extends Middleware {
      readonly id = "slow";
      override fromHistory({ name, value }: StoredHook): unknown {
        // Work whose length differs from step to step.
        for (let n = 0; n < (name === "a" ? 100_000 : 10); n += 1) String(n);
        return value;
      }
    }
    const orders: string[][] = [];
    const run = await runUnder(start, { own: [Slow] }, async ({ step }) => {
      const order: string[] = [];
      orders.push(order);
      const one = async (id: string): Promise<void> => {
        order.push(await step.run(id, () => id));
      };
      await Promise.all(["a", "b", "c"].map(one));
      await step.sleep("nap", "5m");
      return order;
    });
    expect(run.output).toEqual(orders[0]);
    expect(orders).toHaveLength(2);
    expect(orders[1]).toEqual(orders[0]);
  });
});
