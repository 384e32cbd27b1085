/**
 * Goal: a run whose code lost a step in a loop goes on: its replays do not wait a second for each result that nobody asks for
 * any more, which together is longer than an invocation (world 30369).
 * Method: runs of a hundred rounds rest before new code is deployed without the step; its id is the same in each round, or its own.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { PerdureFunction } from "../../sdk/function.js";
import { scenarios } from "./started.js";
import { MINUTE, SECOND } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });
const ROUNDS = 100;

const version = (logId: ((round: number) => string) | null): PerdureFunction<never> =>
  client.createFunction({ id: "loop", triggers: { event: "shop/x" } }, async ({ step }) => {
    let sum = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      sum += await step.run("charge", () => round);
      if (logId) await step.run(logId(round), () => "charged");
    }
    await step.sleep("nap", "10m");
    return step.run("sum", () => sum);
  });

it.each([
  ["one id", (): string => "log"],
  ["ids of their own", (round: number): string => `log-${round}`],
])("a hundred removed steps of %s are not waited for one by one", async (_, logId) => {
  const scenario = await start({ client, functions: [version(logId)], workerTimeoutMs: 30 * SECOND });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(eventId)).head.status).toBe("Running");
  await scenario.world.redeploy([version(null)]);
  await scenario.advance(10 * MINUTE);
  const { head, output } = await scenario.runOf(eventId);
  expect([head.status, output]).toEqual(["Completed", (ROUNDS * (ROUNDS - 1)) / 2]);
});
