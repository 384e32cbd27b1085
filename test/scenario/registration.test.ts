/**
 * Goal: a registration brings the platform in line with a worker's functions, wholly or not at all, and loses no run.
 * Method: redeployments in a running world, manifests as another process could send them, registrations side by side.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { PerdureFunction } from "../../sdk/function.js";
import type { AppManifest, FunctionConfig } from "../../sdk/protocol.js";
import { registerApp } from "../../runtime/registry/register.js";
import { RegistryReader } from "../../runtime/registry/registry.js";
import { storedSince } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();

function simple(client: Perdure, id: string, event = "shop/x"): PerdureFunction<never> {
  return client.createFunction({ id, triggers: { event } }, () => id);
}

function config(id: string, more: Partial<FunctionConfig> = {}): FunctionConfig {
  return { id, name: id, triggers: [{ event: "shop/x" }], retries: 4, ...more };
}

function register(scenario: Scenario, manifest: AppManifest): ReturnType<typeof registerApp> {
  return registerApp(scenario.world.services("register"), { manifest, stepQueueUrl: scenario.world.stepQueueUrl });
}

/** What is registered now, as dispatch sees it: "app/function". */
async function registered(scenario: Scenario): Promise<string[]> {
  const { apps } = await new RegistryReader(scenario.world.services("observer")).current();
  return [...apps.values()]
    .flatMap(({ appId, functions }) => functions.map((one) => `${appId}/${one.config.id}`))
    .sort();
}

async function startedBy(scenario: Scenario, name: string): Promise<string[]> {
  const [eventId = ""] = await scenario.send({ name });
  return (await scenario.event(eventId)).routes.map(({ fn }) => fn);
}

it("functions are added, changed and removed by the next registration, and events follow at once", async () => {
  const client = new Perdure({ id: "shop" });
  const scenario = await start({ client, functions: [simple(client, "a"), simple(client, "b")] });
  expect(await startedBy(scenario, "shop/x")).toEqual(["a", "b"]);
  const result = await scenario.world.redeploy([simple(client, "b", "shop/y"), simple(client, "c")]);
  expect(result).toMatchObject({ appId: "shop", added: ["c"], changed: ["b"], removed: ["a"], schedules: 0 });
  expect(await startedBy(scenario, "shop/x")).toEqual(["c"]);
  expect(await startedBy(scenario, "shop/y")).toEqual(["b"]);
});

it("registering the same functions again changes nothing", async () => {
  const client = new Perdure({ id: "shop" });
  const functions = [simple(client, "a"), client.createFunction({ id: "b" }, { cron: "0 9 * * 1" }, () => null)];
  const scenario = await start({ client, functions });
  const first = await scenario.world.register();
  const second = await scenario.world.register();
  expect(second).toEqual(first);
  expect(second).toMatchObject({ added: [], changed: [], removed: [], schedules: 1 });
  expect(await registered(scenario)).toEqual(["shop/a", "shop/b"]);
});

it("a manifest with mistakes is refused with every one of them named, and nothing is changed", async () => {
  const client = new Perdure({ id: "shop" });
  const scenario = await start({ client, functions: [simple(client, "a")] });
  const mark = scenario.world.aws.ledger.mark();
  const manifest: AppManifest = {
    appId: "shop",
    sdkVersion: "0.1.0",
    functions: [
      config("twice"),
      config("twice"),
      config("bad-cron", { triggers: [{ cron: "61 * * * *" }] }),
      config("bad-if", { triggers: [{ event: "shop/x", if: "event.data.plan ==" }] }),
      config("eleven", { triggers: Array.from({ length: 11 }, (_, index) => ({ event: `shop/x${index}` })) }),
      config("stubborn", { retries: 21 }),
      config("bad-key", { idempotency: "event.data.(" }),
      config("bad-places", { concurrency: [{ limit: 1, key: "event.data.(", scope: "function", hold: "step" }] }),
      config("bad-pause", { backoff: { firstMs: -1, factor: 2, longestMs: 5 } }),
      config("bad-jitter", { triggers: [{ cron: "0 * * * *", jitterMs: 300_001 }] }),
      config("Upper_Case"),
    ],
  };
  const refusal = await register(scenario, manifest).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: "REGISTRATION_REFUSED", status: 400, retryable: false });
  const message = refusal instanceof Error ? refusal.message : "";
  for (const named of [
    'function "twice": the id is used twice',
    'function "bad-cron": Cannot read cron',
    'function "bad-if": Cannot',
    'function "eleven": it has 11 triggers',
    'function "stubborn": retries are 21',
    'function "bad-key": Cannot read expression',
    'function "bad-places": Cannot read expression "event.data.(": ',
    'function "bad-pause": its backoff is {"firstMs":-1',
    'function "bad-jitter": the jitter of a cron is 300001; expected 1000 to 300000 ms',
    'function "Upper_Case": the id is not usable',
  ]) {
    expect(message).toContain(named);
  }
  expect(message.match(/^ {2}- /gm)).toHaveLength(10);
  expect(storedSince(scenario, mark)).toEqual([]);
  expect(await registered(scenario)).toEqual(["shop/a"]);
});

it("a manifest of any other shape is refused as such, and dispatch goes on", async () => {
  const client = new Perdure({ id: "shop" });
  const scenario = await start({ client, functions: [simple(client, "a")] });
  const shapes: unknown[] = [
    null,
    "manifest",
    {},
    { appId: "shop", functions: "none" },
    { appId: "shop", functions: [null] },
    { appId: "shop", functions: [{ id: "b" }] },
    { appId: "shop", functions: [config("b", { retries: Number.NaN })] },
    { appId: "../shop", functions: [config("b")] },
    ...[
      null,
      {},
      { event: 7 },
      { event: "" },
      { event: "a*b" },
      { cron: 5 },
      { event: "x", if: 1 },
      { event: "x", jitterMs: 1_000 },
      { cron: "0 * * * *", jitterMs: "30s" },
      { other: "x" },
    ].map((trigger) => ({ appId: "shop", sdkVersion: "0", functions: [{ ...config("b"), triggers: [trigger] }] })),
  ];
  for (const shape of shapes) {
    const text = JSON.stringify(shape);
    // As it would come from a worker in another language: JSON of any shape.
    const refusal = await register(scenario, JSON.parse(text) as AppManifest).catch((error: unknown) => error);
    expect(refusal, text).toMatchObject({ code: "REGISTRATION_REFUSED" });
  }
  expect(await startedBy(scenario, "shop/x")).toEqual(["a"]);
});

it("two apps that register at once do not lose each other", async () => {
  const client = new Perdure({ id: "shop" });
  const scenario = await start({ client, functions: [simple(client, "a")] });
  const apps = ["blog", "bank", "constructor"];
  await Promise.all(
    apps.map((appId) => register(scenario, { appId, sdkVersion: "0.1.0", functions: [config("f"), config("g")] })),
  );
  expect(await registered(scenario)).toEqual([
    "bank/f",
    "bank/g",
    "blog/f",
    "blog/g",
    "constructor/f",
    "constructor/g",
    "shop/a",
  ]);
});

it("runs of a function that was removed stay, and go on when it comes back", async () => {
  const client = new Perdure({ id: "shop" });
  const bodies: string[] = [];
  const sleeper = client.createFunction({ id: "sleeper", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("before", () => void bodies.push("before"));
    await step.sleep("nap", "1h");
    return step.run("after", () => {
      bodies.push("after");
      return "woken";
    });
  });
  const other = simple(client, "other", "shop/other");
  const scenario = await start({ client, functions: [sleeper, other], sweeper: true });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.world.redeploy([other]);
  expect(await startedBy(scenario, "shop/x")).toEqual([]);
  await scenario.advance(6 * HOUR);
  expect((await scenario.runOf(eventId)).head).toMatchObject({ status: "Running", leaseUntilMs: 0 });
  await scenario.world.redeploy([sleeper, other]);
  // The sweeper looks at an overdue run every half hour at the latest.
  await scenario.advance(31 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toBe("woken");
  expect(bodies).toEqual(["before", "after"]);
});

it("a run whose function is missing is parked after five minutes: an hour costs a handful of messages", async () => {
  const client = new Perdure({ id: "shop" });
  const sleeper = client.createFunction({ id: "sleeper", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.sleep("nap", "10m");
  });
  const other = simple(client, "other", "shop/other");
  const scenario = await start({ client, functions: [sleeper, other], sweeper: true });
  await scenario.send({ name: "shop/x" });
  await scenario.world.redeploy([other]);
  await scenario.advance(DAY);
  const mark = scenario.world.aws.ledger.mark();
  await scenario.advance(HOUR);
  const { rows } = scenario.world.aws.ledger.since(mark);
  const callsOf = (caller: string, operation: string): number =>
    rows
      .filter((row) => row.caller === caller && row.operation === operation)
      .reduce((sum, { calls }) => sum + calls, 0);
  // Two looks of the sweeper, each with five minutes of tries.
  expect(callsOf("sweep", "SendMessage")).toBe(2);
  expect(callsOf("dead-letter", "SendMessage")).toBe(0);
  expect(callsOf("mapping-worker", "DeleteMessageBatch") + callsOf("mapping-worker", "DeleteMessage")).toBe(2);
});

it("a function that is back within the deployment's minute goes on within half a minute", async () => {
  const client = new Perdure({ id: "shop" });
  const sleeper = client.createFunction({ id: "sleeper", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.sleep("nap", "10m");
    return "woken";
  });
  const other = simple(client, "other", "shop/other");
  const scenario = await start({ client, functions: [sleeper, other] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.world.redeploy([other]);
  await scenario.advance(11 * MINUTE);
  await scenario.world.redeploy([sleeper, other]);
  await scenario.advance(31 * SECOND);
  expect((await scenario.runOf(eventId)).output).toBe("woken");
});

it("a run that is under way keeps its configuration's retries from the code that runs it", async () => {
  const client = new Perdure({ id: "shop" });
  let attempts = 0;
  const failing = (retries: number): PerdureFunction<never> =>
    client.createFunction({ id: "failing", triggers: { event: "shop/x" }, retries }, async ({ step }) =>
      step.run("fails", () => {
        attempts += 1;
        throw new Error("never");
      }),
    );
  const scenario = await start({ client, functions: [failing(0)] });
  await scenario.world.redeploy([failing(2)]);
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(5 * MINUTE);
  expect((await scenario.runOf(eventId)).head.status).toBe("Failed");
  expect(attempts).toBe(3);
});
