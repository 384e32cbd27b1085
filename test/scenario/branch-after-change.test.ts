/**
 * Goal: a distributed step whose run's code was changed under it does not hang its worker: a result the new code does not ask
 * for, behind a step that is new, is not waited for (simulated worlds 109 and 310, which stood still).
 * Method: the branch fails once; its second attempt meets new code, which asks for another step first.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { FunctionContext } from "../../sdk/function.js";
import { scenarios } from "./started.js";
import { HOUR, SECOND } from "./world.js";

const start = scenarios();

it("the branch ends, and the run goes on with the new code", async () => {
  const client = new Perdure({ id: "shop" });
  const failures = [new Error("once")];
  const branch = () => {
    const failure = failures.pop();
    if (failure) throw failure;
    return "branch";
  };
  const version = (handler: (context: FunctionContext) => unknown) =>
    client.createFunction({ id: "flow", triggers: { event: "shop/x" } }, handler);
  const before = version(async ({ step }) => {
    await step.run("old", () => "old");
    return step.run({ id: "branch", distributed: true }, branch);
  });
  const after = version(async ({ step }) => {
    const first = await step.run("new", () => "new");
    return [first, await step.run({ id: "branch", distributed: true }, branch)];
  });
  const scenario = await start({ client, functions: [before], sweeper: true });
  const seconds: number[] = [];
  scenario.world.onInvocation(({ functionName, durationMs }) => {
    if (functionName === "worker") seconds.push(durationMs / SECOND);
  });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.world.redeploy([after]);
  await scenario.advance(4 * HOUR);
  const run = await scenario.runOf(eventId);
  expect([run.head.status, run.output]).toEqual(["Completed", ["new", "branch"]]);
  expect(Math.max(...seconds)).toBeLessThan(5);
});
