/**
 * Goal: each rule of the protocol that the exhaustive models refuted stays mended in the engine (test/model/README.md has the
 * timelines), and so does what was found by looking at the whole.
 * Method: the stores and handlers themselves on the embedded AWS, with the write that lands late, or the message that comes
 * back, made by hand.
 */
import { expect, it } from "vitest";
import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import { Dispatcher } from "../../runtime/dispatch/handle-messages.js";
import { RegistryReader } from "../../runtime/registry/registry.js";
import { DeadLetters } from "../../runtime/sweep/dead-letters.js";
import { LogStore } from "../../runtime/state/log-store.js";
import { RunStore, type Claim } from "../../runtime/state/run-store.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, START_MS, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });
const sleeper = client.createFunction({ id: "sleeper", triggers: { event: "shop/sleep" } }, async ({ step }) => {
  await step.sleep("long", "30d");
});

const RELEASE = { logged: 0, crashes: 0, objects: 0, dueAtMs: START_MS + DAY, ttlSeconds: 2_000_000_000, timer: null };

/** A run nobody works on: created, no wake sent. */
async function idleRun(scenario: Scenario): Promise<{ runs: RunStore; runId: string; claim: Claim }> {
  const runs = new RunStore(scenario.world.services("test"));
  const runId = "shop_aaaaaaaaaaaaaaaaaaaaaaaaaa";
  await runs.create({
    runId,
    functionId: "sleeper",
    eventId: "01KJQAJ0000000000000000000",
    events: { form: "text", text: "[]" },
    createdAtMs: START_MS,
    notBeforeMs: null,
    dueAtMs: START_MS + 30 * DAY,
    ttlSeconds: 2_000_000_000,
  });
  const nowMs = scenario.clock.now();
  return { runs, runId, claim: { holder: "one", messageId: "m-1", leaseUntilMs: nowMs + 20 * SECOND, nowMs } };
}

it("a copy of a claim that lands after its turn has released begins no epoch nobody holds", async () => {
  const scenario = await start({ client, functions: [sleeper] });
  const { runs, runId, claim } = await idleRun(scenario);
  expect((await runs.claim(runId, 0, claim)).done).toBe(true);
  expect((await runs.release(runId, 1, 0, RELEASE)).done).toBe(true);
  const late = await runs.claim(runId, 0, claim);
  expect(late.done).toBe(false);
  expect(late.run?.head).toMatchObject({ epoch: 1, leaseUntilMs: 0, holder: null });
});

it("a copy of a beat that lands late neither revives a released lease nor shortens one", async () => {
  const scenario = await start({ client, functions: [sleeper] });
  const { runs, runId, claim } = await idleRun(scenario);
  await runs.claim(runId, 0, claim);
  expect((await runs.beat(runId, 1, { leaseUntilMs: START_MS + 40 * SECOND })).done).toBe(true);
  expect((await runs.beat(runId, 1, { leaseUntilMs: START_MS + 30 * SECOND })).done).toBe(false);
  expect((await runs.get(runId))?.head.leaseUntilMs).toBe(START_MS + 40 * SECOND);
  await runs.release(runId, 1, 0, RELEASE);
  expect((await runs.beat(runId, 1, { leaseUntilMs: START_MS + 60 * SECOND })).done).toBe(false);
  expect((await runs.get(runId))?.head.leaseUntilMs).toBe(0);
});

it("a wake that is absorbed moves the due time near, so that its absorber may die", async () => {
  const scenario = await start({ client, functions: [sleeper] });
  const { runs, runId, claim } = await idleRun(scenario);
  await runs.claim(runId, 0, claim);
  await runs.absorb(runId, 1, claim.leaseUntilMs + MINUTE);
  expect((await runs.get(runId))?.head).toMatchObject({ wakes: 1, dueAtMs: START_MS + 80 * SECOND });
});

it("the head is read before the log: a log written in between is complete, never short", async () => {
  const scenario = await start({ client, functions: [sleeper] });
  const { runs, runId, claim } = await idleRun(scenario);
  await runs.claim(runId, 0, claim);
  const services = scenario.world.services("reader");
  const { send } = services.clients.dynamodb;
  let reads = 0;
  // The holder writes an entry and releases between the reader's two reads.
  const logs = new LogStore(scenario.world.services("holder"));
  const entry = { id: "a", i: 0, k: "done", kind: "run", a: 1, ok: 1, fromMs: START_MS, atMs: START_MS } as const;
  services.clients.dynamodb.send = async (command, options) => {
    const answer = await send.call(services.clients.dynamodb, command, options);
    reads += 1;
    if (reads === 1) {
      await logs.append({ runId, epoch: 1, n: 1, ttlSeconds: 2_000_000_000 }, [entry]);
      await runs.release(runId, 1, 0, { ...RELEASE, logged: 1 });
    }
    return answer as never;
  };
  const loaded = await new LogStore(services).load(runId);
  expect(loaded?.items).toBe(1);
  expect(loaded?.entries).toEqual([entry]);
});

it("a dead letter that is a running turn's life line stays one until the lease has ended", async () => {
  const scenario = await start({ client, functions: [sleeper] });
  const { runs, runId, claim } = await idleRun(scenario);
  await runs.claim(runId, 0, claim);
  const letters = new DeadLetters(scenario.world.services("dead-letter"));
  const record = {
    messageId: "m-1",
    receiptHandle: "r",
    body: JSON.stringify({ v: 1, run: runId, fn: "sleeper", why: "start" }),
    attributes: { ApproximateReceiveCount: "13", SentTimestamp: "0" },
    eventSourceARN: "arn",
  };
  expect(await letters.handle([record])).toEqual({ batchItemFailures: [{ itemIdentifier: "m-1" }] });
  await scenario.advance(23 * SECOND);
  expect(await letters.handle([record])).toEqual({ batchItemFailures: [] });
});

it("a dead timer is sent anew as a timer: a plain wake would be used up before it is due", async () => {
  const scenario = await start({ client, functions: [sleeper] });
  const [eventId = ""] = await scenario.send({ name: "shop/sleep" });
  const run = await scenario.runOf(eventId);
  const dueMs = START_MS + HOUR;
  const services = scenario.world.services("dead-letter");
  const sent: unknown[] = [];
  const { send } = services.clients.sqs;
  services.clients.sqs.send = async (command, options) => {
    sent.push(command.input);
    return send.call(services.clients.sqs, command, options) as never;
  };
  const body = JSON.stringify({ v: 1, run: run.head.runId, fn: "sleeper", why: "sleep", dueMs });
  const attributes = { ApproximateReceiveCount: "13", SentTimestamp: "0" };
  const letters = new DeadLetters(services);
  await letters.handle([{ messageId: "m-9", receiptHandle: "r", body, attributes, eventSourceARN: "arn" }]);
  expect(sent).toHaveLength(1);
  expect(JSON.parse((sent[0] as { MessageBody: string }).MessageBody)).toMatchObject({ why: "sleep", dueMs });
});

it("care after a crash lasts until every step that could have caused it has had an outcome", async () => {
  let scenario: Scenario | null = null;
  const running = new Set<string>();
  const together: number[] = [];
  let crashed = false;
  const wide = client.createFunction({ id: "wide", triggers: { event: "shop/wide" } }, async ({ step }) => {
    await Promise.all(
      ["a", "b", "c"].map((id) =>
        step.run(id, async () => {
          running.add(id);
          if (crashed) together.push(running.size);
          if (scenario) await sleep(scenario.clock, SECOND);
          running.delete(id);
        }),
      ),
    );
  });
  scenario = await start({ client, functions: [wide] });
  let workerSandbox: string | undefined;
  scenario.world.aws.faults.add((call) => {
    if (call.caller.name === "worker") workerSandbox = call.caller.sandboxId;
    return undefined;
  });
  const [eventId = ""] = await scenario.send({ name: "shop/wide" });
  // All three bodies run; their worker dies.
  if (workerSandbox !== undefined) scenario.world.aws.kill(workerSandbox);
  crashed = true;
  running.clear();
  await scenario.advance(3 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head).toMatchObject({ status: "Completed" });
  expect(together).toEqual([1, 1, 1]);
  expect(run.entries.filter((entry) => entry.k === "start").map((entry) => entry.id)).toEqual(["a", "b", "c"]);
});

it("care after a crash lasts over turns: a step that could have caused it begins on record in the next one, too", async () => {
  let scenario: Scenario | null = null;
  let crashed = false;
  const pair = client.createFunction({ id: "pair", triggers: { event: "shop/pair" } }, async ({ step }) => {
    const work = async (): Promise<void> => {
      // Each takes all the time its invocation has.
      if (scenario) await sleep(scenario.clock, crashed ? 9 * SECOND : MINUTE);
    };
    await Promise.all([step.run("a", work), step.run("b", work)]);
  });
  scenario = await start({ client, functions: [pair], workerTimeoutMs: 10 * SECOND });
  let workerSandbox: string | undefined;
  scenario.world.aws.faults.add((call) => {
    if (call.caller.name === "worker") workerSandbox = call.caller.sandboxId;
    return undefined;
  });
  const [eventId = ""] = await scenario.send({ name: "shop/pair" });
  if (workerSandbox !== undefined) scenario.world.aws.kill(workerSandbox);
  crashed = true;
  await scenario.advance(5 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head).toMatchObject({ status: "Completed", epoch: 3 });
  expect(run.entries.filter((entry) => entry.k === "start").map((entry) => entry.id)).toEqual(["a", "b"]);
});

it("a long turn moves its due time: it is not the sweeper's candidate at every sweep", async () => {
  let scenario: Scenario | null = null;
  const slow = client.createFunction({ id: "slow", triggers: { event: "shop/slow" } }, async ({ step }) => {
    await step.run("slow", async () => {
      if (scenario) await sleep(scenario.clock, 14 * MINUTE);
    });
  });
  scenario = await start({ client, functions: [slow], workerTimeoutMs: 15 * MINUTE });
  const [eventId = ""] = await scenario.send({ name: "shop/slow" });
  expect((await scenario.runOf(eventId)).head.dueAtMs).toBe(START_MS + 10 * MINUTE);
  await scenario.advance(11 * MINUTE);
  expect((await scenario.runOf(eventId)).head.dueAtMs).toBeGreaterThanOrEqual(START_MS + 20 * MINUTE);
  await scenario.advance(4 * MINUTE);
  expect((await scenario.runOf(eventId)).head.status).toBe("Completed");
});

it("an event delivered again after a deployment does not take its sender's id for a function it does not go to", async () => {
  const events: string[] = [];
  const listener = (id: string) =>
    client.createFunction(
      { id, triggers: { event: "shop/paid" } },
      async ({ event }) => void events.push(`${id} ${event.ts}`),
    );
  const scenario = await start({ client, functions: [listener("first")] });
  const dispatcher = new Dispatcher(scenario.world.services("dispatch"));
  const accepted = (id: string, ts: number) => ({
    messageId: id,
    receiptHandle: "r",
    body: JSON.stringify({
      v: 1,
      kind: "events",
      events: [{ id, receivedAtMs: START_MS, senderId: "p-1", event: { name: "shop/paid", data: {}, id: "p-1", ts } }],
    }),
    attributes: { ApproximateReceiveCount: "1", SentTimestamp: "0" },
    eventSourceARN: "arn",
  });
  await dispatcher.handle([accepted("01KJQAJ0000000000000000001", 1_000_000_000_001)]);
  await scenario.world.redeploy([listener("first"), listener("second")]);
  await dispatcher.handle([accepted("01KJQAJ0000000000000000001", 1_000_000_000_001)]);
  await dispatcher.handle([accepted("01KJQAJ0000000000000000002", 1_000_000_000_002)]);
  await scenario.clock.settle();
  expect(events.sort()).toEqual(["first 1000000000001", "second 1000000000002"]);
});

it("a dispatcher that has seen half a registration looks again", async () => {
  const scenario = await start({ client, functions: [sleeper] });
  const services = scenario.world.services("test");
  const { version } = await scenario.world.register();
  const half = { id: "half", name: "half", triggers: [{ event: "shop/half" }], retries: 4 };
  const TableName = services.settings.tableName;
  const key = { pk: { S: "APP#shop" }, sk: { S: "FN#half" } };
  await services.clients.dynamodb.send(
    new PutItemCommand({ TableName, Item: { ...key, config: { S: JSON.stringify(half) } } }),
  );
  const reader = new RegistryReader(services);
  const ids = async (): Promise<string[]> =>
    [...((await reader.current()).apps.get("shop")?.functions ?? [])].map(({ config }) => config.id);
  expect(await ids()).toEqual(["half", "sleeper"]);
  // The same functions are registered again, under the same version: what the reader has seen was never whole.
  expect((await scenario.world.register()).version).toBe(version);
  expect(await ids()).toEqual(["sleeper"]);
});
