/**
 * Goal: the trace a sender named is with everything that came of its events, and costs no write; without one there is none.
 * Method: events over the HTTP API with and without `traceparent`; items, messages and lines looked at on a virtual clock.
 */
import { expect, it } from "vitest";
import type { Occurrence } from "../../runtime/observe/metrics.js";
import { eventKey, headKey } from "../../runtime/state/keys.js";
import { Perdure } from "../../sdk/client.js";
import { EVENT_KEY } from "../../local/world/world.js";
import { idsOf, item, postRaw } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, type Scenario } from "./world.js";

const start = scenarios();
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const client = new Perdure({ id: "shop", logger: silent });

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

/** Bodies of all messages that are sent, as they are sent. */
function watchMessages(scenario: Scenario): string[] {
  const bodies: string[] = [];
  scenario.world.aws.faults.add(({ service, operation, input }) => {
    if (service === "sqs" && operation.startsWith("SendMessage")) bodies.push(JSON.stringify(input));
    if (service === "scheduler" && operation === "CreateSchedule") bodies.push(JSON.stringify(input));
    return undefined;
  });
  return bodies;
}

async function send(scenario: Scenario, body: unknown, headers: Record<string, string> = {}): Promise<string> {
  const [id = ""] = idsOf(await postRaw(scenario, body, { path: `/e/${EVENT_KEY}`, headers }));
  await scenario.clock.settle();
  return id;
}

it("goes from the request to event, run, wakes, timers, code, and to what the run's events start", async () => {
  const seen: unknown[] = [];
  const parent = client.createFunction(
    { id: "parent", triggers: { event: "shop/x" } },
    async ({ step, traceparent }) => {
      seen.push(["parent", traceparent]);
      await step.sleep("short", "5m");
      await step.sleep("long", "3h");
      await step.sendEvent("tell", { name: "shop/told" });
    },
  );
  const child = client.createFunction({ id: "child", triggers: { event: "shop/told" } }, ({ traceparent }) => {
    seen.push(["child", traceparent]);
  });
  const scenario = await start({ client, functions: [parent, child] });
  const bodies = watchMessages(scenario);
  const eventId = await send(scenario, { name: "shop/x" }, { traceparent: TRACEPARENT });
  await scenario.advance(4 * HOUR);
  expect(new Set(seen.map((each) => JSON.stringify(each)))).toEqual(
    new Set([JSON.stringify(["parent", TRACEPARENT]), JSON.stringify(["child", TRACEPARENT])]),
  );
  const { pk, sk } = eventKey(eventId);
  expect((await item(scenario, pk, sk))?.["trace"]).toEqual({ S: TRACEPARENT });
  expect((await scenario.runOf(eventId)).head).toMatchObject({ status: "Completed", trace: TRACEPARENT });
  // The request's events, a start, a short timer, a schedule, what it sends, its wake; the step's event, the child's start.
  expect(bodies.length).toBe(8);
  expect(bodies.filter((body) => !body.includes(TRACEPARENT))).toEqual([]);
});

it("goes on to a function that is invoked, and to whoever listens for its failure", async () => {
  const seen: unknown[] = [];
  const child = client.createFunction(
    { id: "child", triggers: { event: "shop/none" }, retries: 0 },
    ({ traceparent }) => {
      seen.push(["child", traceparent]);
      throw new Error("no");
    },
  );
  const parent = client.createFunction({ id: "parent", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.invoke("call", { function: child, data: {} }).catch(() => undefined);
  });
  const listener = client.createFunction(
    { id: "listener", triggers: { event: "perdure/function.failed" } },
    ({ traceparent }) => void seen.push(["listener", traceparent]),
  );
  const scenario = await start({ client, functions: [parent, child, listener] });
  await send(scenario, { name: "shop/x" }, { traceparent: TRACEPARENT });
  await scenario.advance(HOUR);
  expect(seen).toEqual([
    ["child", TRACEPARENT],
    ["listener", TRACEPARENT],
  ]);
});

it("is on the lines and the counts of its run, also when the sweeper wakes it", async () => {
  const counted: Occurrence[] = [];
  const fn = client.createFunction({ id: "failing", triggers: { event: "shop/x" }, retries: 0 }, ({ step }) =>
    step.run("charge", () => {
      throw new Error("no");
    }),
  );
  const metrics = { count: (_: unknown, occurrence: Occurrence) => void counted.push(occurrence) };
  const scenario = await start({ client, functions: [fn], sweeper: true, metrics });
  let lost = false;
  scenario.world.aws.faults.add(({ caller, operation }) => {
    if (caller.name !== "mapping-worker" || operation !== "ReceiveMessage" || lost) return undefined;
    return "throttle";
  });
  await send(scenario, { name: "shop/x" }, { traceparent: TRACEPARENT });
  await scenario.advance(12 * MINUTE);
  lost = true;
  await scenario.advance(HOUR);
  expect(counted.length).toBeGreaterThanOrEqual(3);
  expect(counted.map(({ about }) => about?.["traceId"])).toEqual(counted.map(() => TRACE_ID));
});

it.each([
  ["without one", {}],
  ["with one that cannot be read", { traceparent: "00-zzz-00f067aa0ba902b7-01" }],
  ["with X-Ray's alone, which API Gateway puts on every request", { "x-amzn-trace-id": "Root=1-5759e988-bd862e3f" }],
])("a request %s starts a run that has none", async (_, headers) => {
  let seen: unknown = "nothing";
  const fn = client.createFunction({ id: "plain", triggers: { event: "shop/x" } }, ({ traceparent }) => {
    seen = traceparent;
  });
  const scenario = await start({ client, functions: [fn] });
  const bodies = watchMessages(scenario);
  const eventId = await send(scenario, { name: "shop/x" }, headers);
  expect(seen).toBeUndefined();
  expect((await scenario.runOf(eventId)).head.trace).toBeNull();
  const { pk, sk } = eventKey(eventId);
  expect(await item(scenario, pk, sk)).not.toHaveProperty("trace");
  expect(bodies.filter((body) => body.includes("trace"))).toEqual([]);
});

it("a malformed one in a message is ignored, and the message done", async () => {
  const fn = client.createFunction({ id: "plain", triggers: { event: "shop/x" } }, () => "done");
  const scenario = await start({ client, functions: [fn] });
  const { clients, settings } = scenario.world.services("outsider");
  const { SendMessageCommand } = await import("@aws-sdk/client-sqs");
  const id = "01KJP000000000000000000001";
  const events = [
    { id, receivedAtMs: scenario.clock.now(), event: { name: "shop/x", data: {}, id, ts: scenario.clock.now() } },
  ];
  const MessageBody = JSON.stringify({ v: 1, kind: "events", events, trace: { not: "text" } });
  await clients.sqs.send(new SendMessageCommand({ QueueUrl: settings.eventsQueueUrl, MessageBody }));
  await scenario.clock.settle();
  expect((await scenario.runOf(id)).head).toMatchObject({ status: "Completed", trace: null });
});

it("costs no write: heads stay within a kilobyte, whatever event travels with them", async () => {
  const fn = client.createFunction({ id: "writer", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("one", () => 1);
    await step.sleep("nap", "3h");
  });
  const scenario = await start({ client, functions: [fn] });
  const units = async (size: number, headers: Record<string, string>): Promise<number> => {
    // Of characters that do not compress, so that sizes around the limit of what a head takes are met.
    const text = Buffer.from(scenario.world.services("test").random.bytes(size)).toString("base64");
    const mark = scenario.world.aws.ledger.mark();
    const eventId = await send(scenario, { name: "shop/x", data: { text } }, headers);
    await scenario.advance(4 * HOUR);
    const { head } = await scenario.runOf(eventId);
    expect(head.status).toBe("Completed");
    const { pk, sk } = headKey(head.runId);
    expect(JSON.stringify(await item(scenario, pk, sk)).length).toBeLessThan(2_000);
    const { units } = scenario.world.aws.ledger.since(mark);
    return units.writeUnits ?? 0;
  };
  for (const size of [10, 150, 200, 220, 240, 260, 400]) {
    expect([size, await units(size, { traceparent: TRACEPARENT })]).toEqual([size, await units(size, {})]);
  }
});
