/**
 * Goal: a message that cannot be handled ends no run and takes no other message with it; what nobody can read is on record.
 * Method: messages put on the queues by hand, and AWS calls made to fail for a while, with the sweeper off.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { Dispatcher } from "../../runtime/dispatch/handle-messages.js";
import type { SQSRecord } from "../../runtime/lambda/sqs.js";
import { eventsQueueUrl, purge, quarantined, sendRaw } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, START_MS, type Scenario } from "./world.js";

const start = scenarios();

async function sleeping(): Promise<{ scenario: Scenario; bodies: string[] }> {
  const client = new Perdure({ id: "shop" });
  const bodies: string[] = [];
  const fn = client.createFunction({ id: "sleeper", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("before", () => void bodies.push("before"));
    await step.sleep("nap", "10m");
    await step.run("after", () => void bodies.push("after"));
  });
  return { scenario: await start({ client, functions: [fn] }), bodies };
}

const dead = (url: string): string => `${url}-dead`;

const events = (...ids: string[]): string =>
  JSON.stringify({
    v: 1,
    kind: "events",
    events: ids.map((id) => ({ id, receivedAtMs: START_MS, event: { name: "shop/x", data: {}, id, ts: START_MS } })),
  });

function callsBy(scenario: Scenario, caller: string, operation: string): number {
  const rows = scenario.world.aws.ledger.rows().filter((row) => row.caller === caller && row.operation === operation);
  return rows.reduce((sum, { calls }) => sum + calls, 0);
}

for (const queue of ["events", "step"] as const) {
  it(`what nobody can read on the ${queue} queue is quarantined once, whole, and then gone`, async () => {
    const { scenario } = await sleeping();
    const url = queue === "events" ? eventsQueueUrl(scenario) : scenario.world.stepQueueUrl;
    const bodies = [
      "not JSON",
      "[]",
      "null",
      '{"v":"two"}',
      '{"v":1,"kind":"unheard of"}',
      `"${"long ".repeat(40_000)}"`,
    ];
    for (const body of bodies) await sendRaw(scenario, url, body);
    await scenario.clock.settle();
    const items = await quarantined(scenario);
    expect(items).toHaveLength(6);
    expect(new Set(items.map((one) => one["queue"]?.S?.split(":").at(-1)))).toEqual(
      new Set([`perdure-${queue}${queue === "step" ? "s" : ""}`]),
    );
    expect(
      items.map((one) => one["body"]?.S ?? "in S3 or compressed").filter((body) => body === '"not JSON"'),
    ).toHaveLength(1);
    await scenario.advance(HOUR);
    expect(await quarantined(scenario)).toHaveLength(6);
    expect(callsBy(scenario, "dead-letter", "PutItem")).toBe(0);
  });
}

it("what a later version of the platform may have sent comes again, and is on record once it has been a dead letter", async () => {
  const { scenario } = await sleeping();
  const run = `shop_${"0".repeat(26)}`;
  await sendRaw(scenario, eventsQueueUrl(scenario), '{"v":2,"kind":"events","events":[]}');
  await sendRaw(scenario, eventsQueueUrl(scenario), '{"v":1,"kind":"later-kind"}');
  await sendRaw(scenario, scenario.world.stepQueueUrl, JSON.stringify({ v: 1, run, fn: "f", why: "later-reason" }));
  await scenario.advance(3 * MINUTE);
  expect(await quarantined(scenario)).toEqual([]);
  await scenario.advance(6 * HOUR);
  expect(await quarantined(scenario)).toHaveLength(3);
});

it("unreadable dead letters of both queues are quarantined by whoever handles dead letters", async () => {
  const { scenario } = await sleeping();
  await sendRaw(scenario, dead(eventsQueueUrl(scenario)), "not JSON");
  await sendRaw(scenario, dead(scenario.world.stepQueueUrl), '{"v":1,"run":"no run id","fn":"f","why":"start"}');
  await sendRaw(
    scenario,
    dead(scenario.world.stepQueueUrl),
    `{"v":1,"run":"nobody_${"0".repeat(26)}","fn":"f","why":"start"}`,
  );
  await scenario.clock.settle();
  const whys = (await quarantined(scenario)).map((one) => one["why"]?.S ?? "").sort();
  expect(whys).toEqual(['app "nobody" is not registered', "kind undefined is not known", "the body is no JSON object"]);
  await scenario.advance(HOUR);
  expect(await quarantined(scenario)).toHaveLength(3);
});

it("an event that cannot be dispatched because DynamoDB is throttled comes again, and runs once", async () => {
  const { scenario, bodies } = await sleeping();
  const restore = scenario.world.aws.faults.add((call) =>
    call.caller.name === "dispatch" && call.service === "dynamodb" ? "throttle" : undefined,
  );
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(2 * MINUTE);
  expect(bodies).toEqual([]);
  restore();
  await scenario.advance(2 * MINUTE);
  expect(bodies).toEqual(["before"]);
  await scenario.advance(15 * MINUTE);
  expect((await scenario.runOf(eventId)).head.status).toBe("Completed");
  expect(bodies).toEqual(["before", "after"]);
});

it("an event outlives an outage of two hours by way of the dead-letter queue", async () => {
  const { scenario, bodies } = await sleeping();
  const restore = scenario.world.aws.faults.add((call) =>
    call.caller.name === "dispatch" && call.operation === "PutItem" ? "throttle" : undefined,
  );
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(2 * HOUR);
  restore();
  await scenario.advance(30 * MINUTE);
  expect(callsBy(scenario, "dead-letter", "SendMessage")).toBeGreaterThan(0);
  expect((await scenario.runOf(eventId)).head.status).toBe("Completed");
  expect(bodies).toEqual(["before", "after"]);
  expect(await quarantined(scenario)).toEqual([]);
});

it("a message that fails in 21 rounds is quarantined: an object that is not there will not come", async () => {
  const { scenario } = await sleeping();
  await sendRaw(scenario, eventsQueueUrl(scenario), '{"v":1,"kind":"events-object","key":"requests/none"}');
  await scenario.advance(3 * HOUR);
  const items = await quarantined(scenario);
  expect(items.map((one) => one["why"]?.S)).toEqual(["it has failed in 21 rounds"]);
  expect(callsBy(scenario, "dead-letter", "SendMessage")).toBe(20);
});

it("batch mates of a message that fails are done, and only it comes again", async () => {
  const { scenario, bodies } = await sleeping();
  const record = (messageId: string, body: string): SQSRecord => ({
    messageId,
    receiptHandle: messageId,
    body,
    attributes: { ApproximateReceiveCount: "1", SentTimestamp: String(START_MS) },
    eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:perdure-events",
  });
  const answer = await new Dispatcher(scenario.world.services("dispatch")).handle([
    record("good-1", events("01KJP000000000000000000001")),
    record("bad", '{"v":1,"kind":"events-object","key":"requests/none"}'),
    record("unreadable", "{"),
    record("good-2", events("01KJP000000000000000000002", "01KJP000000000000000000003")),
  ]);
  await scenario.clock.settle();
  expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "bad" }] });
  expect(bodies).toEqual(["before", "before", "before"]);
  expect(await quarantined(scenario)).toHaveLength(1);
});

it("messages of one receive do not hold each other up", async () => {
  const { scenario, bodies } = await sleeping();
  const url = eventsQueueUrl(scenario);
  await sendRaw(scenario, url, '{"v":1,"kind":"events-object","key":"requests/none"}', 5);
  await sendRaw(scenario, url, events("01KJP000000000000000000001"), 5);
  await scenario.advance(6 * SECOND);
  expect(bodies).toEqual(["before"]);
  await scenario.advance(30 * MINUTE);
  expect(bodies).toEqual(["before", "after"]);
});

it("a wake that was received too often is sent anew: its run goes on when the trouble is over", async () => {
  const { scenario, bodies } = await sleeping();
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  const restore = scenario.world.aws.faults.add((call) =>
    call.caller.name === "worker" && call.service === "dynamodb" ? "throttle" : undefined,
  );
  await scenario.advance(90 * MINUTE);
  expect(callsBy(scenario, "dead-letter", "SendMessage")).toBeGreaterThan(0);
  restore();
  await scenario.advance(5 * MINUTE);
  expect((await scenario.runOf(eventId)).head.status).toBe("Completed");
  expect(bodies).toEqual(["before", "after"]);
});

it("a wake found dead brings back a run whose own wake is lost, and a second one does no harm", async () => {
  const { scenario, bodies } = await sleeping();
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  const [run = ""] = await scenario.runIds(eventId);
  // The delayed wake is on its queue once the turn has settled.
  await scenario.advance(SECOND);
  await purge(scenario, scenario.world.stepQueueUrl);
  await scenario.advance(HOUR);
  expect(bodies).toEqual(["before"]);
  const wake = JSON.stringify({ v: 1, run, fn: "sleeper", why: "sleep" });
  await sendRaw(scenario, dead(scenario.world.stepQueueUrl), wake);
  await sendRaw(scenario, dead(scenario.world.stepQueueUrl), wake);
  await scenario.advance(2 * MINUTE);
  expect((await scenario.run(run)).head.status).toBe("Completed");
  expect(bodies).toEqual(["before", "after"]);
});
