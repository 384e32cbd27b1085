/**
 * Goal: a logger that makes children says of which run, step and attempt a line is; one that makes none is left as it is;
 * either way a line is written once.
 * Method: a logger as pino's and winston's are, reduced to `child` and one level; functions that log at every depth.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { FunctionContext } from "../../sdk/function.js";
import { getContext } from "../../sdk/host/current-run.js";
import type { Logger } from "../../sdk/logger.js";
import { scenarios } from "./started.js";
import { HOUR, type RunView } from "./world.js";

const start = scenarios();

interface Line {
  context: { [key: string]: unknown };
  text: unknown;
}

/** Each child adds to what its parent's lines carry. */
function childLogger(lines: Line[], context: { [key: string]: unknown } = {}): Logger {
  const write = (text: unknown): void => void lines.push({ context, text });
  const child = (more: { [key: string]: unknown }): Logger => childLogger(lines, { ...context, ...more });
  return { debug: write, info: write, warn: write, error: write, child };
}

async function run(logger: Logger, handler: (context: FunctionContext) => Promise<unknown>): Promise<RunView> {
  const client = new Perdure({ id: "shop", logger });
  const fn = client.createFunction({ id: "logs", triggers: { event: "shop/x" }, retries: 2 }, (context) =>
    handler(context),
  );
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(HOUR);
  return scenario.runOf(eventId);
}

it("lines carry the function, the run and the attempt, inside a body the step and its attempt, each line once", async () => {
  const lines: Line[] = [];
  const { head } = await run(childLogger(lines), async ({ step, logger }) => {
    logger.info("begin");
    await step.run("a", () => {
      logger.info("in a");
      if (getContext()?.attempt === 0) throw new Error("once");
    });
    await step.sleep("nap", "5m");
    await Promise.all([
      step.run("b", () => getContext()?.logger.info("in b")),
      step.run("c", () => logger.child?.({ order: "o_1" }).warn("in c")),
    ]);
    logger.child?.({ order: "o_2" }).error("end");
  });
  const about = { functionId: "logs", runId: head.runId };
  expect(head.status).toBe("Completed");
  expect(lines).toEqual([
    { context: { ...about, attempt: 0 }, text: "begin" },
    { context: { ...about, step: "a", attempt: 0 }, text: "in a" },
    { context: { ...about, step: "a", attempt: 1 }, text: "in a" },
    { context: { ...about, step: "b", attempt: 0 }, text: "in b" },
    { context: { ...about, step: "c", attempt: 0, order: "o_1" }, text: "in c" },
    { context: { ...about, attempt: 0, order: "o_2" }, text: "end" },
  ]);
});

it("a child is made when a line is written, and once for all lines of one body", async () => {
  const lines: Line[] = [];
  let children = 0;
  const base = childLogger(lines);
  const counting: Logger = {
    ...base,
    child: (context) => {
      children += 1;
      return base.child?.(context) ?? base;
    },
  };
  await run(counting, async ({ step, logger }) => {
    await step.run("a", () => [1, 2, 3].forEach((n) => logger.info(n)));
    await step.sleep("nap", "5m");
    await step.run("b", () => null);
  });
  expect([children, lines.length]).toEqual([1, 3]);
});

it("a logger without children is given the lines as they are", async () => {
  const lines: unknown[][] = [];
  const write = (...parts: unknown[]): void => void lines.push(parts);
  await run({ debug: write, info: write, warn: write, error: write }, async ({ step, logger }) => {
    logger.info("begin", { n: 1 });
    await step.run("a", () => logger.child?.({ order: "o_1" }).warn("in a"));
  });
  expect(lines).toEqual([["begin", { n: 1 }], ["in a"]]);
});
