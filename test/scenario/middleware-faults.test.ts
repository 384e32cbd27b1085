/**
 * Goal: a hook that throws has the outcome docs/middleware.md names: it throws in the place of what it stands around, or it
 * changes nothing, or, where the history cannot be read, the run rests.
 * Method: each hook throws once, and always.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import {
  Middleware,
  type FunctionHandlerHook,
  type MiddlewareClass,
  type StepHandlerHook,
  type StepInputHook,
  type StoredHook,
} from "../../sdk/middleware/middleware.js";
import { scenarios } from "./started.js";
import { runUnder, silent, type Handler } from "./under-middleware.js";
import { HOUR, MINUTE } from "./world.js";

const start = scenarios();

type Hook = "transformFunctionInput" | "wrapFunctionHandler" | "transformStepInput" | "wrapStepHandler" | "toHistory";

/** Throws in one hook, so many times. */
function throwing(hook: Hook, times: number, of = "step"): MiddlewareClass {
  let left = times;
  const strike = (now: Hook): void => {
    if (now !== hook || left === 0) return;
    left -= 1;
    throw new Error(`${hook} is out of order`);
  };
  return class extends Middleware {
    readonly id = "throwing";
    override transformFunctionInput(): void {
      strike("transformFunctionInput");
    }
    override async wrapFunctionHandler({ next }: FunctionHandlerHook): Promise<unknown> {
      strike("wrapFunctionHandler");
      return next();
    }
    override transformStepInput({ input }: StepInputHook): readonly unknown[] {
      strike("transformStepInput");
      return input;
    }
    override async wrapStepHandler({ next }: StepHandlerHook): Promise<unknown> {
      strike("wrapStepHandler");
      return next();
    }
    override toHistory(stored: StoredHook): unknown {
      if (stored.of === of) strike("toHistory");
      return stored.value;
    }
  };
}

const handler: Handler = async ({ step }) => {
  const a = await step.run("a", () => "a");
  return `${a} and the end`;
};

it.each(["transformFunctionInput", "wrapFunctionHandler"] as const)(
  "%s throws in the function's place",
  async (hook) => {
    const once = await runUnder(start, { own: [throwing(hook, 1)] }, handler);
    expect(once.output).toBe("a and the end");
    expect(once.entries.map(({ k }) => k)).toEqual(["thrown", "done"]);
    const always = await runUnder(start, { own: [throwing(hook, 99)], retries: 2 }, handler);
    expect(always.head).toMatchObject({ status: "Failed", error: { message: `${hook} is out of order` } });
    expect(always.entries.map(({ k }) => k)).toEqual(["thrown", "thrown"]);
  },
);

it.each(["transformStepInput", "wrapStepHandler", "toHistory"] as const)(
  "%s throws in the body's place",
  async (hook) => {
    const once = await runUnder(start, { own: [throwing(hook, 1)] }, handler);
    expect(once.output).toBe("a and the end");
    expect(once.entries.map(({ k }) => k)).toEqual(["failed", "done"]);
    const always = await runUnder(start, { own: [throwing(hook, 99)], retries: 1 }, handler);
    expect(always.head).toMatchObject({ status: "Failed", error: { message: `${hook} is out of order` } });
    expect(always.entries.map(({ k }) => k)).toEqual(["failed", "done"]);
  },
);

it("toHistory of the output throws in the function's place", async () => {
  const { output, entries } = await runUnder(start, { own: [throwing("toHistory", 1, "output")] }, handler);
  expect(output).toBe("a and the end");
  expect(entries.map(({ k }) => k)).toEqual(["done", "thrown"]);
});

it("a class that cannot be made throws in the function's place", async () => {
  let made = 0;
  class Fragile extends Middleware {
    readonly id = "fragile";
    constructor() {
      super();
      made += 1;
      if (made === 1) throw new Error("not yet");
    }
  }
  const { output, entries } = await runUnder(start, { own: [Fragile] }, handler);
  expect(output).toBe("a and the end");
  expect(entries.map(({ k }) => k)).toEqual(["thrown", "done"]);
});

it("one that watches changes nothing, and a line says so", async () => {
  const lines: unknown[] = [];
  const fail = (): never => {
    throw new Error("metrics are down");
  };
  class Watching extends Middleware {
    readonly id = "watching";
    override onRunStart = fail;
    override onRunComplete = fail;
    override onStepStart = fail;
    override onStepComplete = fail;
  }
  const logger = { ...silent, warn: (...parts: unknown[]) => void lines.push(parts[0]) };
  const client = new Perdure({ id: "shop", logger, middleware: [Watching] });
  const fn = client.createFunction({ id: "told", triggers: { event: "shop/x" } }, handler);
  const scenario = await start({ client, functions: [fn], logger });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe("a and the end");
  expect(lines).toEqual(
    ["onRunStart", "onStepStart", "onStepComplete", "onRunComplete"].map(
      (hook) => `Middleware "watching" threw in ${hook}, which changes nothing`,
    ),
  );
});

it("fromHistory makes the run rest, catch or not, and it goes on when the history can be read again", async () => {
  let isReadable = false;
  let bodies = 0;
  const caught: unknown[] = [];
  class Reading extends Middleware {
    readonly id = "reading";
    override fromHistory({ of, value }: StoredHook): unknown {
      if (of === "step" && !isReadable) throw new Error("no key today");
      return value;
    }
  }
  const client = new Perdure({ id: "shop", logger: silent, middleware: [Reading] });
  const fn = client.createFunction({ id: "told", triggers: { event: "shop/x" }, retries: 0 }, async ({ step }) => {
    try {
      return await step.run("a", () => (bodies += 1));
    } catch (error) {
      caught.push(error);
      return "another way";
    }
  });
  const scenario = await start({ client, functions: [fn], sweeper: true });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(3 * HOUR);
  const resting = await scenario.runOf(eventId);
  expect(resting.head).toMatchObject({
    status: "Running",
    diverged: { stepId: "a", recorded: "no key today", requested: "what this worker can read" },
  });
  expect(resting.entries.map(({ k }) => k)).toEqual(["done"]);
  // Half of the time it has rested: looked at some twenty times in three hours, not every minute.
  expect(resting.head.epoch).toBeLessThan(20);
  isReadable = true;
  await scenario.advance(HOUR);
  const { head, output } = await scenario.runOf(eventId);
  expect(head).toMatchObject({ status: "Completed", diverged: null });
  expect([output, bodies, caught]).toEqual([1, 1, []]);
});
