/**
 * Goal: code below a handler knows the run it is a part of: the global `step` is that run's, `getContext` its context; outside
 * of runs there is none.
 * Method: helpers that are handed nothing, called from handlers and bodies of several runs side by side.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { FunctionContext, PerdureFunction } from "../../sdk/function.js";
import { getContext, step as currentStep } from "../../sdk/host/current-run.js";
import { scenarios } from "./started.js";
import { HOUR, SECOND, type RunView } from "./world.js";

const start = scenarios();
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

async function runOf(handler: (context: FunctionContext) => Promise<unknown>): Promise<RunView> {
  const client = new Perdure({ id: "shop", logger: silent });
  const fn = client.createFunction({ id: "runs", triggers: { event: "shop/x" }, retries: 0 }, (context) =>
    handler(context),
  );
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(HOUR);
  return scenario.runOf(eventId);
}

it("is known to helpers, anywhere below the handler, by the global step", async () => {
  const { run: stepRun } = currentStep;
  const helper = async (id: string): Promise<string> => {
    await Promise.resolve();
    return stepRun(id, () => `${id} of ${getContext()?.runId ?? "no run"}`);
  };
  const { head, output, entries } = await runOf(() => Promise.all([helper("a"), helper("b")]));
  expect(output).toEqual([`a of ${head.runId}`, `b of ${head.runId}`]);
  expect(entries.map(({ k }) => k)).toEqual(["done", "done"]);
});

it("is each run's own, when many run side by side", async () => {
  const client = new Perdure({ id: "shop", logger: silent });
  const fn: PerdureFunction<never> = client.createFunction(
    { id: "own", triggers: { event: "shop/x" } },
    async ({ event, runId }) => {
      const told = await currentStep.run("a", () => [event.data["n"], getContext()?.runId]);
      return { told, isOwn: told[1] === runId && getContext()?.runId === runId };
    },
  );
  const scenario = await start({ client, functions: [fn] });
  const ids = await scenario.send(...Array.from({ length: 8 }, (_, n) => ({ name: "shop/x", data: { n } })));
  await scenario.advance(SECOND);
  const outputs = await Promise.all(ids.map(async (id) => (await scenario.runOf(id)).output));
  expect(outputs).toEqual(outputs.map((_, n) => ({ told: [n, expect.any(String)], isOwn: true })));
});

it("refuses a step inside a body, as the handler's own does", async () => {
  const { head } = await runOf(({ step }) => step.run("outer", () => currentStep.run("inner", () => 1)));
  expect(head).toMatchObject({ status: "Failed", error: { code: "NESTED_STEP" } });
});

it("tells a body of the body: its attempt, its signal, its key", async () => {
  const { output } = await runOf(async ({ signal }) =>
    currentStep.run("a", () => [
      getContext()?.attempt,
      currentStep.signal === signal,
      currentStep.signal.aborted,
      /^[0-9a-f-]{36}$/.test(currentStep.idempotencyKey),
    ]),
  );
  expect(output).toEqual([0, false, false, true]);
});

it("is none outside of runs, and says so", () => {
  expect(getContext()).toBe(undefined);
  expect(() => currentStep.run("a", () => 1)).toThrow(
    'Cannot use "step.run": no function is running here; expected a call below a handler',
  );
  expect(() => currentStep.signal).toThrow(/step\.signal/);
});
