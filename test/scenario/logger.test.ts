/**
 * Goal: what a function logs is written once, however often it is gone through again.
 * Method: a logger that collects its lines, given to the client; runs that sleep, retry, throw and are redeployed.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import type { FunctionContext, PerdureFunction } from "../../sdk/function.js";
import type { Logger } from "../../sdk/logger.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type RunView, type Scenario } from "./world.js";

const start = scenarios();

/** A logger that keeps its lines as "level text". */
function collecting(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const keep =
    (level: string) =>
    (...parts: unknown[]): void =>
      void lines.push([level, ...parts].join(" "));
  return { lines, logger: { debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") } };
}

type Handler = (context: FunctionContext, scenario: () => Scenario) => Promise<unknown>;

/** Runs the handlers, the second one from ten seconds on, and answers what was logged in an hour. */
async function logged(handler: Handler, later: Handler = handler): Promise<{ lines: string[]; run: RunView }> {
  const { logger, lines } = collecting();
  const client = new Perdure({ id: "shop", logger });
  let scenario: Scenario | null = null;
  const current = (): Scenario => {
    if (!scenario) throw new Error("The scenario has not begun");
    return scenario;
  };
  const version = (code: Handler): PerdureFunction<never> =>
    client.createFunction({ id: "logs", triggers: { event: "shop/x" } }, (context) => code(context, current));
  scenario = await start({ client, functions: [version(handler)] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * SECOND);
  if (later !== handler) await scenario.world.redeploy([version(later)]);
  await scenario.advance(HOUR);
  return { lines, run: await scenario.runOf(eventId) };
}

it("lines before, inside and after steps, sleeps and retries are written once each", async () => {
  let attempts = 0;
  const { lines, run } = await logged(async ({ step, logger }) => {
    logger.info("begin");
    await step.run("a", () => logger.info("in a"));
    logger.warn("after a");
    await step.sleep("nap", "1m");
    logger.info("after nap");
    await step.run("b", () => {
      attempts += 1;
      logger.info("in b, attempt", attempts);
      if (attempts < 3) throw new Error("not yet");
    });
    logger.debug("after b");
    await step.sleep("another nap", "1m");
    logger.error("end");
  });
  expect(run.head.status).toBe("Completed");
  expect(run.head.epoch).toBeGreaterThan(3);
  expect(lines).toEqual([
    "info begin",
    "info in a",
    "warn after a",
    "info after nap",
    "info in b, attempt 1",
    "info in b, attempt 2",
    "info in b, attempt 3",
    "debug after b",
    "error end",
  ]);
});

it("lines of branches side by side are written once each", async () => {
  const { lines, run } = await logged(async ({ step, logger }) => {
    const branch = async (name: string, naps: number): Promise<void> => {
      logger.info(name, "begins");
      for (let n = 0; n < naps; n += 1) {
        await step.sleep(`${name} ${n}`, "1m");
        logger.info(name, n);
      }
      await step.run(name, () => logger.info(name, "runs"));
      logger.info(name, "ends");
    };
    await Promise.all([branch("left", 1), branch("right", 3)]);
    logger.info("both");
  });
  expect(run.head.status).toBe("Completed");
  expect([...lines].sort()).toEqual([
    "info both",
    "info left 0",
    "info left begins",
    "info left ends",
    "info left runs",
    "info right 0",
    "info right 1",
    "info right 2",
    "info right begins",
    "info right ends",
    "info right runs",
  ]);
});

it("a function that throws between steps writes again only what its new attempt does again", async () => {
  const { lines, run } = await logged(async ({ step, logger, attempt }) => {
    logger.info("begin");
    await step.run("a", () => 1);
    logger.info("after a, attempt", attempt);
    if (attempt < 2) throw new Error("again");
    return "done";
  });
  expect(run.output).toBe("done");
  expect(lines).toEqual([
    "info begin",
    "info after a, attempt 0",
    "info after a, attempt 1",
    "info after a, attempt 2",
  ]);
});

it("a run that goes on in a fresh invocation repeats no line", async () => {
  const { lines, run } = await logged(async ({ step, logger }, scenario) => {
    for (let n = 0; n < 300; n += 1) {
      await step.run("work", () => sleep(scenario().clock, SECOND));
      logger.info(n);
    }
  });
  expect(run.head.status).toBe("Completed");
  expect(run.head.epoch).toBeGreaterThan(5);
  expect(lines).toHaveLength(300);
  expect(new Set(lines).size).toBe(300);
});

it("a step that was taken away does not silence what comes after it", async () => {
  const { lines } = await logged(
    async ({ step, logger }) => {
      await step.run("a", () => 1);
      await step.run("taken away", () => 1);
      logger.info("before nap");
      await step.sleep("nap", "1m");
    },
    async ({ step, logger }) => {
      await step.run("a", () => 1);
      await step.sleep("nap", "1m");
      logger.info("after nap");
      await step.sleep("new nap", "1m");
      logger.info("end");
    },
  );
  expect(lines).toEqual(["info before nap", "info after nap", "info end"]);
});

it("the logger given to the client is the one a function writes to, with all its parts", async () => {
  const parts: unknown[][] = [];
  const quiet = (): void => undefined;
  const logger: Logger = { debug: quiet, info: (...given) => void parts.push(given), warn: quiet, error: quiet };
  const client = new Perdure({ id: "shop", logger });
  const detail = { order: 1 };
  const fn = client.createFunction({ id: "logs", triggers: { event: "shop/x" } }, (context) => {
    context.logger.info("text", detail, 5);
  });
  const scenario = await start({ client, functions: [fn] });
  await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  expect(parts).toEqual([["text", detail, 5]]);
});
