/**
 * Goal: under the test kit a function meets its middleware as it does when deployed, and code that asks for the current run
 * meets mocks and the kit's own `send`.
 * Method: one function with a helper that uses the global `step`, a client whose middleware adds to what is sent.
 */
import { expect, it } from "vitest";
import { createTest } from "../../local/testing/create-test.js";
import { Perdure } from "../../sdk/client.js";
import { step } from "../../sdk/host/current-run.js";
import { dependencyInjection } from "../../sdk/middleware/dependency-injection.js";
import { encryptionMiddleware } from "../../sdk/middleware/encryption.js";
import { Middleware, type SendEventHook } from "../../sdk/middleware/middleware.js";

class Stamp extends Middleware {
  readonly id = "stamp";
  override transformSendEvent({ events }: SendEventHook): SendEventHook["events"] {
    return events.map((event) => ({ ...event, data: { ...event.data, stamped: true } }));
  }
}

const greet = (name: string): Promise<string> => step.run("greet", () => `Hello ${name}`);

it("mocks stand in for steps of the global step, and what is sent goes through the client's middleware", async () => {
  const perdure = new Perdure({ id: "shop", middleware: [Stamp, dependencyInjection({ names: ["Ada"] })] });
  const greets = perdure.createFunction({ id: "greets", triggers: { event: "shop/x" } }, async ({ names }) => {
    const text = await greet(names[0]);
    await step.run("tell", () => perdure.send({ name: "shop/told", data: { text } }));
    return text;
  });
  const told = perdure.createFunction({ id: "told", triggers: { event: "shop/told" } }, ({ event }) => event.data);
  const t = await createTest({ functions: [greets, told] });
  t.mock(greets, "greet", ({ attempt }) => `mocked in attempt ${attempt}`);
  const { ids } = await t.send({ name: "shop/x" });
  expect((await t.runOf(ids[0], greets)).output).toBe("mocked in attempt 0");
  const [received] = await t.runs({ function: told });
  expect(received?.output).toEqual({ text: "mocked in attempt 0", stamped: true });
  await t.stop();
});

it("encrypted runs are shown as their functions see them, and are the same in every world of a search", async () => {
  const encryption = encryptionMiddleware({ key: "a key for tests, of thirty-two or more" });
  const perdure = new Perdure({ id: "shop", middleware: [encryption] });
  const pays = perdure.createFunction(
    { id: "pays", triggers: { event: "shop/x" }, retries: 0 },
    async ({ event, step }) => {
      const paid = await step.run("pay", () => ({ cents: 500, card: event.data["encrypted"] }));
      await step.run("refuse", () => Promise.reject(new Error("no card"))).catch(() => null);
      return paid;
    },
  );
  const t = await createTest({ functions: [pays] });
  const event = { name: "shop/x", data: { encrypted: "4242" } };
  const { ids } = await t.send(event);
  const run = await t.runOf(ids[0], pays);
  expect(run.output).toEqual({ cents: 500, card: "4242" });
  expect(run.steps.map(({ output, error }) => [output, error?.message])).toEqual([
    [{ cents: 500, card: "4242" }, undefined],
    [null, "no card"],
  ]);
  const report = await t.chaos({ event, until: "1h", maxTrials: 30, idempotent: ["pay", "refuse"] });
  expect(report.ok).toBe(true);
  await t.stop();
});
