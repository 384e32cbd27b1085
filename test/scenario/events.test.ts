/**
 * Goal: which functions an event starts, how often, and when.
 * Method: events through the HTTP API; what became of them is read from the event's record and the runs' heads.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { PerdureFunction } from "../../sdk/function.js";
import type { Triggers } from "../../sdk/triggers.js";
import { EVENT_KEY } from "../../local/world/world.js";
import { idsOf, isPutOf, isSendTo, onceAt, postRaw, sendRaw, eventsQueueUrl } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, START_MS, type Scenario } from "./world.js";

const start = scenarios();

/** A function that notes the ids of the events it was started by. */
function listener(client: Perdure, id: string, triggers: Triggers): { fn: PerdureFunction<never>; seen: string[] } {
  const seen: string[] = [];
  const fn = client.createFunction({ id, triggers }, async ({ event, step }) =>
    step.run("note", () => {
      seen.push(event.id);
      return event.name;
    }),
  );
  return { fn, seen };
}

async function functionsOf(scenario: Scenario, eventId: string): Promise<string[]> {
  return (await scenario.event(eventId)).routes.map((route) => `${route.fn} ${"skipped" in route ? "skipped" : "run"}`);
}

it("one event starts every function that is triggered by it, each in a run of its own", async () => {
  const client = new Perdure({ id: "shop" });
  const listeners = ["mail", "stock", "ledger"].map((id) => listener(client, id, { event: "shop/paid" }));
  const other = listener(client, "other", { event: "shop/refunded" });
  const scenario = await start({ client, functions: [...listeners, other].map(({ fn }) => fn) });
  const [eventId = ""] = await scenario.send({ name: "shop/paid" });
  const runIds = await scenario.runIds(eventId);
  expect(new Set(runIds).size).toBe(3);
  expect(listeners.map(({ seen }) => seen)).toEqual([[eventId], [eventId], [eventId]]);
  expect(other.seen).toEqual([]);
  const runs = await Promise.all(runIds.map((runId) => scenario.run(runId)));
  expect(runs.map(({ head }) => head.status)).toEqual(["Completed", "Completed", "Completed"]);
});

it("a wildcard matches what begins so, and an event nobody listens to is still on record", async () => {
  const client = new Perdure({ id: "shop" });
  const all = listener(client, "all", { event: "shop/*" });
  const users = listener(client, "users", { event: "shop/user.*" });
  const scenario = await start({ client, functions: [all.fn, users.fn] });
  const ids = await scenario.send({ name: "shop/user.created" }, { name: "shop/order" }, { name: "shopping/x" });
  expect(await functionsOf(scenario, ids[0] ?? "")).toEqual(["all run", "users run"]);
  expect(await functionsOf(scenario, ids[1] ?? "")).toEqual(["all run"]);
  expect(await functionsOf(scenario, ids[2] ?? "")).toEqual([]);
});

it("an if that is false, fails or is not a boolean starts nothing and leaves the other functions alone", async () => {
  const client = new Perdure({ id: "shop" });
  const event = "shop/signup";
  const functions = [
    listener(client, "pro", { event, if: "event.data.plan == 'pro'" }),
    listener(client, "free", { event, if: "event.data.plan == 'free'" }),
    listener(client, "fails", { event, if: "event.data.missing.deeper > 3" }),
    listener(client, "no-boolean", { event, if: "event.data.plan" }),
    listener(client, "always", { event }),
  ].map(({ fn }) => fn);
  const scenario = await start({ client, functions });
  const [eventId = ""] = await scenario.send({ name: event, data: { plan: "pro" } });
  expect(await functionsOf(scenario, eventId)).toEqual(["always run", "pro run"]);
});

it("an event that matches two triggers of a function starts it once", async () => {
  const client = new Perdure({ id: "shop" });
  const twice = listener(client, "twice", [
    { event: "shop/paid" },
    { event: "shop/*" },
    { event: "shop/*", if: "true" },
  ]);
  const scenario = await start({ client, functions: [twice.fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/paid" });
  expect(await functionsOf(scenario, eventId)).toEqual(["twice run"]);
  expect(twice.seen).toEqual([eventId]);
});

for (const [name, aheadMs] of [
  ["10 seconds", 10 * SECOND],
  ["20 minutes", 20 * MINUTE],
  ["40 days", 40 * DAY],
] as const) {
  it(`an event whose ts lies ${name} ahead starts its run then, to the second`, async () => {
    const client = new Perdure({ id: "shop" });
    const later = listener(client, "later", { event: "shop/later" });
    const scenario = await start({ client, functions: [later.fn] });
    const [eventId = ""] = await scenario.send({ name: "shop/later", ts: START_MS + aheadMs });
    expect((await scenario.runOf(eventId)).head.status).toBe("Queued");
    await scenario.advance(aheadMs - SECOND);
    expect(later.seen).toEqual([]);
    await scenario.advance(2 * SECOND);
    const { head } = await scenario.runOf(eventId);
    expect(head.status).toBe("Completed");
    const lateMs = (head.startedAtMs ?? 0) - START_MS - aheadMs;
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThan(SECOND);
  });
}

it("a future start whose message is delivered again is still one run at its time", async () => {
  const client = new Perdure({ id: "shop" });
  const later = listener(client, "later", { event: "shop/later" });
  const scenario = await start({ client, functions: [later.fn] });
  // The events are dispatched, but the answer to the delete is lost for good: SQS delivers the message again.
  onceAt(scenario, (call) => call.caller.name === "mapping-dispatch" && call.operation.startsWith("Delete"), "drop");
  const [eventId = ""] = await scenario.send({ name: "shop/later", ts: START_MS + HOUR });
  await scenario.advance(2 * HOUR);
  expect(later.seen).toEqual([eventId]);
});

it("an event whose ts has passed starts at once and keeps its ts", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "past", triggers: { event: "shop/past" } }, ({ event }) => event.ts);
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/past", ts: START_MS - 30 * DAY });
  const run = await scenario.runOf(eventId);
  expect(run.head.startedAtMs).toBe(START_MS);
  expect(run.output).toBe(START_MS - 30 * DAY);
});

it("the same event id within 24 hours starts each function once, and the record of the second says so", async () => {
  const client = new Perdure({ id: "shop" });
  const [mail, stock] = [
    listener(client, "mail", { event: "shop/paid" }),
    listener(client, "stock", { event: "shop/paid" }),
  ];
  const scenario = await start({ client, functions: [mail.fn, stock.fn] });
  const [first = ""] = await scenario.send({ name: "shop/paid", id: "order-1" });
  await scenario.advance(DAY - MINUTE);
  const [second = ""] = await scenario.send({ name: "shop/paid", id: "order-1" });
  expect(second).not.toBe(first);
  expect(mail.seen).toEqual(["order-1"]);
  expect(stock.seen).toEqual(["order-1"]);
  const [mailRun = "", stockRun = ""] = await scenario.runIds(first);
  expect((await scenario.event(second)).routes).toEqual([
    { app: "shop", fn: "mail", skipped: "duplicate", run: mailRun },
    { app: "shop", fn: "stock", skipped: "duplicate", run: stockRun },
  ]);
});

it("after 24 hours the same event id starts its functions again", async () => {
  const client = new Perdure({ id: "shop" });
  const mail = listener(client, "mail", { event: "shop/paid" });
  const scenario = await start({ client, functions: [mail.fn] });
  await scenario.send({ name: "shop/paid", id: "order-1" });
  await scenario.advance(DAY + SECOND);
  const [second = ""] = await scenario.send({ name: "shop/paid", id: "order-1" });
  expect(await functionsOf(scenario, second)).toEqual(["mail run"]);
  expect(mail.seen).toEqual(["order-1", "order-1"]);
});

it("the same event id twice in one request is one run", async () => {
  const client = new Perdure({ id: "shop" });
  const mail = listener(client, "mail", { event: "shop/paid" });
  const scenario = await start({ client, functions: [mail.fn] });
  const ids = await scenario.send({ name: "shop/paid", id: "order-1" }, { name: "shop/paid", id: "order-1" });
  expect(new Set(ids).size).toBe(2);
  expect(mail.seen).toEqual(["order-1"]);
  const routes = await Promise.all(ids.map((id) => functionsOf(scenario, id)));
  expect(routes.flat().sort()).toEqual(["mail run", "mail skipped"]);
});

it("event ids that differ in a lone surrogate only are two ids", async () => {
  const client = new Perdure({ id: "shop" });
  const mail = listener(client, "mail", { event: "shop/paid" });
  const scenario = await start({ client, functions: [mail.fn] });
  await scenario.send({ name: "shop/paid", id: "\ud800" });
  await scenario.send({ name: "shop/paid", id: "\ud801" });
  expect(mail.seen).toEqual(["\ud800", "\ud801"]);
});

it("a request repeated under its request id gets the ids it got before, and its runs are not started again", async () => {
  const client = new Perdure({ id: "shop" });
  const mail = listener(client, "mail", { event: "shop/paid" });
  const scenario = await start({ client, functions: [mail.fn] });
  const headers = { "x-perdure-request-id": `${START_MS}-0123456789abcdef0123456789abcdef` };
  const body = [{ name: "shop/paid" }, { name: "shop/paid" }];
  const first = idsOf(await postRaw(scenario, body, { headers }));
  await scenario.clock.settle();
  await scenario.advance(MINUTE);
  const second = idsOf(await postRaw(scenario, body, { headers }));
  await scenario.clock.settle();
  expect(first).toHaveLength(2);
  expect(second).toEqual(first);
  expect([...mail.seen].sort()).toEqual([...first].sort());
  const other = idsOf(await postRaw(scenario, body));
  expect(other.filter((id) => first.includes(id))).toEqual([]);
});

it("event.id is the sender's id where it gave one, else the id the request was answered with", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "ids", triggers: { event: "shop/x" } }, ({ event, events, runId }) => ({
    id: event.id,
    ids: events.map(({ id }) => id),
    runId,
  }));
  const scenario = await start({ client, functions: [fn] });
  const [own = "", named = ""] = await scenario.send({ name: "shop/x" }, { name: "shop/x", id: "mine" });
  const [ownRun, namedRun] = [await scenario.runOf(own), await scenario.runOf(named)];
  expect(ownRun.output).toEqual({ id: own, ids: [own], runId: ownRun.head.runId });
  expect(namedRun.output).toEqual({ id: "mine", ids: ["mine"], runId: namedRun.head.runId });
  expect(named).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
});

it("events a step sends start other functions, and its result holds their ids", async () => {
  const client = new Perdure({ id: "shop" });
  const child = listener(client, "child", { event: "shop/child" });
  const parent = client.createFunction({ id: "parent", triggers: { event: "shop/parent" } }, async ({ step }) => {
    const { ids } = await step.sendEvent("announce", [{ name: "shop/child" }, { name: "shop/child", id: "c-2" }]);
    return ids;
  });
  const scenario = await start({ client, functions: [parent, child.fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/parent" });
  const run = await scenario.runOf(eventId);
  expect(run.output).toHaveLength(2);
  const [firstId = ""] = run.output as string[];
  expect([...child.seen].sort()).toEqual([firstId, "c-2"].sort());
});

for (const [where, matches] of [
  ["right after the events were sent", (call) => isSendTo(call, "worker", "perdure-events")],
  ["before the step's result is written", (call) => call.caller.name === "worker" && isPutOf(call, "LOG#")],
] as const satisfies readonly (readonly [string, Parameters<typeof onceAt>[1]])[]) {
  it(`a step whose worker dies ${where} sends its events anew, and they start nothing twice`, async () => {
    const client = new Perdure({ id: "shop" });
    const child = listener(client, "child", { event: "shop/child" });
    const parent = client.createFunction({ id: "parent", triggers: { event: "shop/parent" } }, async ({ step }) => {
      const { ids } = await step.sendEvent("announce", [{ name: "shop/child" }, { name: "shop/child" }]);
      return ids;
    });
    const scenario = await start({ client, functions: [parent, child.fn] });
    onceAt(scenario, matches, "crash-after");
    const [eventId = ""] = await scenario.send({ name: "shop/parent" });
    await scenario.advance(2 * MINUTE);
    const run = await scenario.runOf(eventId);
    expect(run.head.epoch).toBe(2);
    expect(run.head.status).toBe("Completed");
    expect([...child.seen].sort()).toEqual([...(run.output as string[])].sort());
  });
}

it("two functions of one event never hold each other up: one fails, the other completes", async () => {
  const client = new Perdure({ id: "shop" });
  const fine = listener(client, "fine", { event: "shop/x" });
  const broken = client.createFunction({ id: "broken", triggers: { event: "shop/x" }, retries: 0 }, () => {
    throw new Error("broken");
  });
  const scenario = await start({ client, functions: [broken, fine.fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  const runs = await Promise.all((await scenario.runIds(eventId)).map((runId) => scenario.run(runId)));
  expect(runs.map(({ head }) => `${head.functionId} ${head.status}`)).toEqual(["broken Failed", "fine Completed"]);
});

it("an events message delivered twice starts its functions once", async () => {
  const client = new Perdure({ id: "shop" });
  const mail = listener(client, "mail", { event: "shop/paid" });
  const scenario = await start({ client, functions: [mail.fn] });
  const event = { name: "shop/paid", data: {}, id: "e", ts: START_MS };
  const message = {
    v: 1,
    kind: "events",
    events: [{ id: "01KJP000000000000000000000", receivedAtMs: START_MS, event }],
  };
  await sendRaw(scenario, eventsQueueUrl(scenario), JSON.stringify(message));
  await sendRaw(scenario, eventsQueueUrl(scenario), JSON.stringify(message));
  await scenario.clock.settle();
  await scenario.advance(MINUTE);
  expect(mail.seen).toEqual(["e"]);
});

it("an events message delivered again keeps the routes of the first delivery", async () => {
  const client = new Perdure({ id: "shop" });
  const first = listener(client, "first", { event: "shop/paid" });
  const second = listener(client, "second", { event: "shop/paid" });
  const scenario = await start({ client, functions: [first.fn] });
  const event = { name: "shop/paid", data: {}, id: "e", ts: START_MS };
  const events = [{ id: "01KJP000000000000000000000", receivedAtMs: START_MS, event }];
  const message = JSON.stringify({ v: 1, kind: "events", events });
  await sendRaw(scenario, eventsQueueUrl(scenario), message);
  await scenario.clock.settle();
  await scenario.world.redeploy([first.fn, second.fn]);
  await sendRaw(scenario, eventsQueueUrl(scenario), message);
  await scenario.advance(MINUTE);
  expect(first.seen).toEqual(["e"]);
  expect(second.seen).toEqual([]);
  expect((await scenario.event("01KJP000000000000000000000")).routes.map(({ fn }) => fn)).toEqual(["first"]);
});

it("a request that cannot be put on the queue is refused, and none of it runs", async () => {
  const client = new Perdure({ id: "shop" });
  const mail = listener(client, "mail", { event: "shop/paid" });
  const scenario = await start({ client, functions: [mail.fn] });
  const isUp = scenario.world.aws.faults.add((call) =>
    isSendTo(call, "ingest", "perdure-events") ? "drop" : undefined,
  );
  const answer = scenario.world.request("POST", `/e/${EVENT_KEY}`, { name: "shop/paid" });
  await scenario.advance(MINUTE);
  expect((await answer).status).toBe(503);
  isUp();
  await scenario.advance(MINUTE);
  expect(mail.seen).toEqual([]);
});
