/**
 * Goal: what a run waits for is armed before anything can answer it or take its turn away, disarmed only when the log says
 * so, and a look back makes up for an index that lags (test/model/README.md, waits).
 * Method: the platform's calls are watched in the order in which they are applied, while the ones that arm are throttled.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import { stepHash } from "../../runtime/core/ids.js";
import { lookBack } from "../../runtime/dispatch/lookback.js";
import { RegistryReader } from "../../runtime/registry/registry.js";
import type { AwsCall } from "../../local/aws/call.js";
import { isPutOf } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

const isWaiter = ({ caller, operation, input }: AwsCall, asked: string): boolean =>
  caller.name === "worker" && operation === asked && JSON.stringify(input).includes("#WAIT#");

/** What was applied, in order. The first puts of a waiter are throttled. */
function watch(scenario: Scenario, seen: string[]): void {
  let throttles = 4;
  scenario.world.aws.faults.add((call) => {
    if (isWaiter(call, "PutItem")) {
      throttles -= 1;
      if (throttles >= 0) return "throttle";
      seen.push("waiter");
    }
    if (isWaiter(call, "DeleteItem")) seen.push("waiter goes");
    if (isPutOf(call, "LOG#") && JSON.stringify(call.input).includes("gone")) seen.push("gone");
    if (call.caller.name === "worker" && String(call.input["UpdateExpression"]).includes("logged"))
      seen.push("release");
    return undefined;
  });
}

it("nothing is released before the waiter is there", async () => {
  const seen: string[] = [];
  const fn = client.createFunction({ id: "waits", triggers: { event: "shop/x" } }, ({ step }) =>
    step.waitForEvent("paid", { event: "shop/paid", timeout: "1h" }),
  );
  const scenario = await start({ client, functions: [fn] });
  watch(scenario, seen);
  await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * SECOND);
  expect(seen).toEqual(["waiter", "release"]);
});

it("a step beside a wait begins when the waiter is there: what it asks for may be answered at once", async () => {
  const seen: string[] = [];
  const fn = client.createFunction({ id: "asks", triggers: { event: "shop/x" } }, async ({ step }) => {
    const [answer] = await Promise.all([
      step.waitForEvent("paid", { event: "shop/paid", timeout: "1h" }),
      step.run("ask", () => void seen.push("ask")),
    ]);
    return answer;
  });
  const scenario = await start({ client, functions: [fn] });
  watch(scenario, seen);
  await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * SECOND);
  expect(seen).toEqual(["waiter", "ask", "release"]);
});

it("a wait that has lost its race keeps its waiter until the log says so", async () => {
  const seen: string[] = [];
  const fn = client.createFunction({ id: "races", triggers: { event: "shop/x" } }, async ({ step, group }) => {
    await group.race([
      () => step.waitForEvent("paid", { event: "shop/paid", timeout: "1h" }),
      () => step.sleep("patience", "5s"),
    ]);
    await step.run("after", () => "after");
  });
  const scenario = await start({ client, functions: [fn] });
  watch(scenario, seen);
  await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  expect(seen.filter((one) => one !== "release")).toEqual(["waiter", "gone", "waiter goes"]);
});

it("an event that comes while a step runs ends its wait within a beat, in the same turn", async () => {
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "races", triggers: { event: "shop/x" } }, ({ step, group }) =>
    group.race([
      () => step.waitForEvent("paid", { event: "shop/paid", timeout: "1h" }),
      () =>
        step.run("work", async () => {
          if (scenario) await sleep(scenario.clock, 10 * MINUTE);
        }),
    ]),
  );
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * SECOND);
  await scenario.send({ name: "shop/paid", data: { by: "card" } });
  await scenario.advance(6 * SECOND);
  const { head, output } = await scenario.runOf(eventId);
  expect(head.epoch).toBe(1);
  expect(output).toMatchObject({ data: { by: "card" } });
});

it("an event that is in the inbox before the time is up ends the wait, though the turn has not seen it", async () => {
  const fn = client.createFunction({ id: "waits", triggers: { event: "shop/x" } }, ({ step }) =>
    step.waitForEvent("paid", { event: "shop/paid", timeout: "1m" }),
  );
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  // The event comes in time. Dispatch is slow to bring it, the worker is slower to write down that the time is up.
  scenario.world.aws.faults.add((call) => {
    if (!isPutOf(call, "IN#")) return undefined;
    return { freezeMs: (call.caller.name === "worker" ? 5 : 2) * SECOND };
  });
  scenario.clock.after(59 * SECOND, () => void scenario.post([{ name: "shop/paid", data: { by: "card" } }]));
  await scenario.advance(3 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toMatchObject({ data: { by: "card" } });
});

it("a look back finds what the index did not show yet", async () => {
  const fn = client.createFunction({ id: "waits", triggers: { event: "shop/x" } }, ({ step }) =>
    step.waitForEvent("paid", { event: "shop/paid", timeout: "1h" }),
  );
  const scenario = await start({ client, functions: [fn] });
  const paidAtMs = scenario.clock.now();
  await scenario.send({ name: "shop/paid", data: { by: "card" } });
  await scenario.advance(MINUTE);
  const [trigger = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  const [run = ""] = await scenario.runIds(trigger);
  expect((await scenario.run(run)).head.status).toBe("Running");

  const services = scenario.world.services("dispatch");
  const registry = await new RegistryReader(services).current();
  const { send } = services.clients.dynamodb;
  // To this dispatcher the index shows nothing yet.
  services.clients.dynamodb.send = async (command, options) => {
    if ("IndexName" in command.input) return { Items: [] } as never;
    return (await send.call(services.clients.dynamodb, command, options)) as never;
  };
  await lookBack(services, registry, {
    run,
    fn: "waits",
    op: stepHash("paid", 0),
    on: [{ event: "shop/paid" }],
    trigger,
    afterMs: paidAtMs - 1,
    untilMs: paidAtMs + HOUR,
    excluded: [trigger],
  });
  await scenario.advance(9 * SECOND);
  expect((await scenario.run(run)).head.status).toBe("Running");
  await scenario.advance(2 * SECOND);
  expect((await scenario.run(run)).output).toMatchObject({ data: { by: "card" } });
});
