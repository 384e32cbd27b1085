/**
 * Goal: what goes wrong, or nearly, is counted once, for the app and function it happened to, with what identifies it; what
 * goes well is not counted.
 * Method: metrics that collect, in a whole platform on a virtual clock; each kind of trouble is made by a fault of an AWS call
 * or by a function that throws.
 */
import { DeleteItemCommand } from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import type { MetricName, Metrics, Occurrence } from "../../runtime/observe/metrics.js";
import { logKey } from "../../runtime/state/keys.js";
import { Perdure } from "../../sdk/client.js";
import { NonRetriableError } from "../../sdk/errors.js";
import { eventsQueueUrl, onceAt, purge, sendRaw } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND } from "./world.js";

const start = scenarios();
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const client = new Perdure({ id: "shop", logger: silent });
const trigger = { event: "shop/x" };

interface Counted extends Occurrence {
  name: MetricName;
}

function collecting(): { metrics: Metrics; counted: Counted[]; names(): MetricName[] } {
  const counted: Counted[] = [];
  const metrics: Metrics = { count: (name, occurrence) => void counted.push({ name, ...occurrence }) };
  return { metrics, counted, names: () => counted.map(({ name }) => name) };
}

it("a run with steps, a sleep and events of its own that goes well counts nothing and logs nothing", async () => {
  const { metrics, counted } = collecting();
  const lines: unknown[] = [];
  const keep = (...parts: unknown[]): void => void lines.push(parts);
  const fn = client.createFunction({ id: "well", triggers: trigger }, async ({ step }) => {
    await step.run("one", () => 1);
    await step.sleep("nap", "2h");
    await step.sendEvent("tell", { name: "shop/told" });
    return "done";
  });
  const logger = { debug: keep, info: keep, warn: keep, error: keep };
  const scenario = await start({ client, functions: [fn], sweeper: true, metrics, logger });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(3 * HOUR);
  expect((await scenario.runOf(eventId)).output).toBe("done");
  expect([counted, lines]).toEqual([[], []]);
});

it("each failed attempt is counted with its step, and the run that failed for good once", async () => {
  const { metrics, counted } = collecting();
  const fn = client.createFunction({ id: "failing", triggers: trigger, retries: 1 }, async ({ step }) => {
    await step.run("charge", () => {
      throw new RangeError("a secret of the customer's");
    });
  });
  const scenario = await start({ client, functions: [fn], metrics });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(HOUR);
  const { runId } = (await scenario.runOf(eventId)).head;
  const step = { name: "AttemptsFailed", app: "shop", functionId: "failing" };
  expect(counted.filter(({ about }) => about?.["step"] === "charge")).toMatchObject([
    { ...step, about: { runId, turn: 1, step: "charge", stepIndex: 0, attempt: 1, errorName: "RangeError" } },
    { ...step, about: { runId, turn: 2, step: "charge", stepIndex: 0, attempt: 2, errorName: "RangeError" } },
  ]);
  expect(counted.filter(({ name }) => name === "RunsFailed")).toMatchObject([
    { app: "shop", functionId: "failing", message: `Run "${runId}" failed`, about: { runId } },
  ]);
  expect(JSON.stringify(counted)).not.toContain("secret");
});

it("a function that throws outside its steps has its attempts counted as well", async () => {
  const { metrics, counted } = collecting();
  const fn = client.createFunction({ id: "throwing", triggers: trigger, retries: 1 }, ({ attempt }) => {
    if (attempt === 0) throw new Error("once");
    throw new NonRetriableError("for good");
  });
  const scenario = await start({ client, functions: [fn], metrics });
  await scenario.send({ name: "shop/x" });
  await scenario.advance(HOUR);
  expect(counted.map(({ name, about }) => [name, about?.["attempt"]])).toEqual([
    ["AttemptsFailed", 1],
    ["RunsFailed", undefined],
  ]);
});

it("a run that is taken over from a worker that died is counted as stolen", async () => {
  const { metrics, counted } = collecting();
  const fn = client.createFunction({ id: "crashing", triggers: trigger }, ({ step }) => step.run("one", () => 1));
  const scenario = await start({ client, functions: [fn], metrics });
  onceAt(scenario, (call) => call.caller.name === "worker" && call.operation === "PutItem", "crash-before");
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * MINUTE);
  const { head } = await scenario.runOf(eventId);
  expect(head.status).toBe("Completed");
  expect(counted).toMatchObject([
    { name: "LeasesStolen", app: "shop", functionId: "crashing", about: { runId: head.runId, turn: 2, crashes: 1 } },
  ]);
});

it("a lost wake that the sweeper makes up for is counted", async () => {
  const { metrics, counted } = collecting();
  const fn = client.createFunction({ id: "sleeper", triggers: trigger }, ({ step }) => step.sleep("nap", "10m"));
  const scenario = await start({ client, functions: [fn], sweeper: true, metrics });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  await purge(scenario, scenario.world.stepQueueUrl);
  await scenario.advance(20 * MINUTE);
  const { head } = await scenario.runOf(eventId);
  expect(counted).toMatchObject([
    {
      name: "WakesSwept",
      app: "shop",
      functionId: "sleeper",
      about: { runId: head.runId, status: "Running", sweep: 1 },
    },
  ]);
});

it("a timer that cannot be created is counted; the run goes on all the same", async () => {
  const { metrics, names } = collecting();
  const fn = client.createFunction({ id: "sleeper", triggers: trigger }, ({ step }) => step.sleep("nap", "3h"));
  const scenario = await start({ client, functions: [fn], sweeper: true, metrics });
  scenario.world.aws.faults.add((call) => (call.service === "scheduler" ? "throttle" : undefined));
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(4 * HOUR);
  expect((await scenario.runOf(eventId)).head.status).toBe("Completed");
  expect(names()).toEqual(["TimersRefused", "WakesSwept"]);
});

it("an outage counts turns without an answer, and the dead letters that come of it", async () => {
  const { metrics, counted } = collecting();
  const fn = client.createFunction({ id: "outage", triggers: trigger }, async ({ step }) => {
    await step.sleep("nap", "1m");
    return step.run("one", () => 1);
  });
  const scenario = await start({ client, functions: [fn], metrics });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  const restore = scenario.world.aws.faults.add((call) =>
    call.caller.name === "worker" && call.service === "dynamodb" ? "throttle" : undefined,
  );
  await scenario.advance(90 * MINUTE);
  restore();
  await scenario.advance(10 * MINUTE);
  const { head } = await scenario.runOf(eventId);
  expect(head.status).toBe("Completed");
  const ofRun = { app: "shop", functionId: "outage", about: { runId: head.runId } };
  for (const name of ["TurnsUnanswered", "DeadLetters"]) {
    const own = counted.filter((each) => each.name === name);
    expect(own.length).toBeGreaterThan(1);
    expect(own).toMatchObject(own.map(() => ofRun));
  }
});

it("what nobody can read is counted for the platform, not for an app", async () => {
  const { metrics, counted } = collecting();
  const fn = client.createFunction({ id: "idle", triggers: trigger }, () => null);
  const scenario = await start({ client, functions: [fn], metrics });
  await sendRaw(scenario, eventsQueueUrl(scenario), "{");
  await sendRaw(scenario, scenario.world.stepQueueUrl, "{");
  await scenario.advance(SECOND);
  expect(counted.map(({ name, app }) => [name, app])).toEqual([
    ["MessagesQuarantined", undefined],
    ["MessagesQuarantined", undefined],
  ]);
});

it("runs of a function that is gone are counted when their wakes give up", async () => {
  const { metrics, counted } = collecting();
  const gone = client.createFunction({ id: "gone", triggers: trigger }, ({ step }) => step.sleep("nap", "10m"));
  const other = client.createFunction({ id: "other", triggers: { event: "shop/y" } }, () => null);
  const scenario = await start({ client, functions: [gone], metrics });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  const [runId] = await scenario.runIds(eventId);
  await scenario.world.redeploy([other]);
  await scenario.advance(HOUR);
  expect(counted).toMatchObject([{ name: "FunctionsMissing", app: "shop", functionId: "gone", about: { runId } }]);
});

it("a log that has become shorter is counted at every load that finds it so", async () => {
  const { metrics, counted } = collecting();
  const fn = client.createFunction({ id: "shrunk", triggers: trigger }, async ({ step }) => {
    await step.run("one", () => 1);
    await step.sleep("nap", "10m");
  });
  const scenario = await start({ client, functions: [fn], metrics });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  const [runId = ""] = await scenario.runIds(eventId);
  const { clients, settings } = scenario.world.services("outsider");
  const { pk, sk } = logKey(runId, 1, 1);
  const Key = { pk: { S: pk }, sk: { S: sk } };
  const removed = await clients.dynamodb.send(
    new DeleteItemCommand({ TableName: settings.tableName, Key, ReturnValues: "ALL_OLD" }),
  );
  expect(removed.Attributes).toBeDefined();
  await scenario.advance(11 * MINUTE);
  expect(counted[0]).toMatchObject({ name: "HistoriesShrunk", app: "shop", functionId: "shrunk", about: { runId } });
});
