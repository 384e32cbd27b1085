/**
 * Goal: what is particularly nasty for waits, invokes, sends and keys: events that fit no expression, workers lost between two
 * calls, a thousand events from one step, names that look alike (docs/scenarios.md, 29–50 and 70–76).
 * Method: the whole platform in virtual time; one call goes wrong, once; runs, table and messages are looked at afterwards.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { AwsCall } from "../../local/aws/call.js";
import { quietClient } from "../crash/stage.js";
import { isPutOf, isSendTo, onceAt, sendRaw } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

const isAbout = ({ input }: AwsCall, text: string): boolean => JSON.stringify(input).includes(text);

async function end(scenario: Scenario, eventId: string): Promise<unknown[]> {
  const { head, output } = await scenario.runOf(eventId);
  return [head.status, head.status === "Failed" ? head.error?.code : output];
}

it("an event that lacks what a wait asks for, or has it in another form, ends no wait and stops nobody", async () => {
  const expressions = [
    "async.data.order.id == event.data.id",
    "async.data.order.total > 10",
    "async.data.order.lines[0].sku == 'a'",
    "async.data.order.id.startsWith('o') && async.data.order.total > 10",
  ];
  const fn = client.createFunction({ id: "waiting", triggers: { event: "shop/x" } }, async ({ step }) => {
    const waits = expressions.map((text, index) =>
      step.waitForEvent(`wait ${index}`, { event: "shop/y", if: text, timeout: "1h" }),
    );
    return (await Promise.all(waits)).map((event) => event?.data["n"] ?? null);
  });
  const heard: unknown[] = [];
  const other = client.createFunction({ id: "other", triggers: { event: "shop/y" } }, ({ event }) => {
    heard.push(event.data["n"]);
  });
  const scenario = await start({ client, functions: [fn, other] });
  const [id = ""] = await scenario.send({ name: "shop/x", data: { id: "o_1" } });
  await scenario.advance(SECOND);
  const orders: unknown[] = [undefined, null, 7, "text", [], {}, { id: 1, total: "20", lines: null }, { lines: [] }];
  for (const [n, order] of orders.entries()) await scenario.send({ name: "shop/y", data: { n, order } });
  await scenario.advance(SECOND);
  expect((await end(scenario, id))[0]).toBe("Running");
  await scenario.send({ name: "shop/y", data: { n: 99, order: { id: "o_1", total: 20, lines: [{ sku: "a" }] } } });
  await scenario.advance(SECOND);
  expect(await end(scenario, id)).toEqual(["Completed", [99, 99, 99, 99]]);
  expect(heard).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 99]);
});

it("a parent that throws after its child has answered is tried again, and the child is not", async () => {
  const quiet = quietClient();
  let children = 0;
  const child = quiet.createFunction({ id: "child" }, () => `child ${(children += 1)}`);
  const parent = quiet.createFunction({ id: "parent", triggers: { event: "shop/x" } }, async ({ step, attempt }) => {
    const answer = await step.invoke("ask", { function: child });
    if (attempt < 2) throw new Error("not yet");
    return answer;
  });
  const scenario = await start({ client: quiet, functions: [parent, child] });
  const [id = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * MINUTE);
  expect([await end(scenario, id), children]).toEqual([["Completed", "child 1"], 1]);
});

it("300 events of one step start 300 runs, though the worker and then dispatch die on the way", async () => {
  const quiet = quietClient();
  const seen: unknown[] = [];
  const fan = quiet.createFunction({ id: "fan", triggers: { event: "shop/x" } }, async ({ step }) => {
    const events = Array.from({ length: 300 }, (_, n) => ({ name: "shop/part", data: { n } }));
    return new Set((await step.sendEvent("send", events)).ids).size;
  });
  const part = quiet.createFunction({ id: "part", triggers: { event: "shop/part" } }, ({ event }) => {
    seen.push(event.data["n"]);
  });
  const scenario = await start({ client: quiet, functions: [fan, part], workerConcurrency: 20 });
  const workerDied = onceAt(scenario, (call) => isSendTo(call, "worker", "perdure-events"), "crash-after");
  let events = 0;
  const is150th = (call: AwsCall): boolean =>
    call.caller.name === "dispatch" && isPutOf(call, "EVENT") && isAbout(call, "shop/part") && ++events === 150;
  const dispatchDied = onceAt(scenario, is150th, "crash-after");
  const [id = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * MINUTE);
  expect([workerDied(), dispatchDied(), await end(scenario, id)]).toEqual([true, true, ["Completed", 300]]);
  expect([seen.length, new Set(seen).size, (await scenario.runsOf("part")).timeSorted.length]).toEqual([300, 300, 300]);
});

it("a key stands for its first run, also when that run has failed, and keys that only look alike are two", async () => {
  const quiet = quietClient();
  const seen: unknown[] = [];
  const fn = quiet.createFunction(
    { id: "pay", triggers: { event: "shop/x" }, retries: 0, idempotency: "event.data.key" },
    ({ event }) => {
      seen.push(event.data["n"]);
      throw new Error("declined");
    },
  );
  const scenario = await start({ client: quiet, functions: [fn] });
  // "é" in one character, and as "e" with an accent after it.
  const keys = ["\u00e9", "\u00e9", "e\u0301", "E\u0301"];
  const ids = await scenario.send(...keys.map((key, n) => ({ name: "shop/x", data: { key, n } })));
  await scenario.advance(MINUTE);
  expect([...seen].sort()).toEqual([0, 2, 3]);
  const [first, second] = await Promise.all(ids.slice(0, 2).map((id) => scenario.event(id)));
  expect(second?.routes[0]).toMatchObject({ skipped: "idempotent", run: first?.routes[0]?.run });
});

// Found by test/crash/operations.test.ts, and kept by name.

it("a child that a race let go of is cancelled, though the worker dies before it can say so", async () => {
  const child = client.createFunction({ id: "child" }, ({ step }) => step.sleep("long", "6h"));
  const parent = client.createFunction({ id: "parent", triggers: { event: "shop/x" } }, async ({ step, group }) => {
    const winner = await group.race([
      () => step.invoke("ask", { function: child }),
      () => step.sleep("patience", "1m").then(() => "gave up"),
    ]);
    return step.run("after", () => winner);
  });
  const scenario = await start({ client, functions: [parent, child] });
  const isGone = (call: AwsCall): boolean => call.caller.name === "worker" && isPutOf(call, "LOG#000002");
  const [id = ""] = await scenario.send({ name: "shop/x" });
  const died = onceAt(scenario, (call) => isGone(call) && goneIn(call), "crash-after");
  await scenario.advance(20 * MINUTE);
  expect(died()).toBe(true);
  expect((await scenario.runsOf("child")).timeSorted.map(({ head }) => head.status)).toEqual(["Cancelled"]);
  expect(await end(scenario, id)).toEqual(["Completed", "gave up"]);
});

/** Whether a log item holds an entry of something let go. */
function goneIn({ input }: AwsCall): boolean {
  return JSON.stringify(input).includes('\\"k\\":\\"gone\\"');
}

it("a signal's name that a lost worker had let go is free for the run that asks for it again", async () => {
  const fn = client.createFunction({ id: "racing", triggers: { event: "shop/x" } }, async ({ step, group }) => {
    await group.race([
      () => step.waitForSignal("first", { signal: "go", timeout: "1h" }),
      () => step.run("quick", () => "quick"),
    ]);
    return (await step.waitForSignal("second", { signal: "go", timeout: "10m" })) ?? "nothing";
  });
  const scenario = await start({ client, functions: [fn], sweeper: true });
  const died = onceAt(scenario, (call) => isPutOf(call, "LOG#000001") && goneIn(call), "crash-after");
  const [id = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(HOUR);
  expect([died(), await end(scenario, id)]).toEqual([true, ["Completed", "nothing"]]);
});

it("a branch whose result stands is not run again by the turn that takes over", async () => {
  const bodies: string[] = [];
  const fn = client.createFunction(
    { id: "fan", triggers: { event: "shop/x" }, parallel: "distributed" },
    async ({ step }) => (await Promise.all(["a", "b"].map((id) => step.run(id, () => bodies.push(id))))).length,
  );
  const scenario = await start({ client, functions: [fn], sweeper: true });
  const died = onceAt(scenario, (call) => isSendTo(call, "worker", "perdure-steps"), "crash-after");
  const [id = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(20 * MINUTE);
  expect([died(), await end(scenario, id), [...bodies].sort()]).toEqual([true, ["Completed", 2], ["a", "b"]]);
});

it("an event delivered again after its run has ended leaves nothing that could cancel it", async () => {
  const cancelOn = [{ event: "shop/stop", match: "data.id" }] as const;
  const fn = client.createFunction({ id: "quick", triggers: { event: "shop/x" }, cancelOn }, () => "done");
  const scenario = await start({ client, functions: [fn] });
  const waiters = { put: 0, removed: 0 };
  let message = "";
  scenario.world.aws.faults.add((call) => {
    if (isSendTo(call, "ingest", "perdure-events")) message = String(call.input["MessageBody"]);
    if (isAbout(call, "#WAIT#") && call.operation === "PutItem") waiters.put += 1;
    if (isAbout(call, "#WAIT#") && call.operation === "DeleteItem") waiters.removed += 1;
    return undefined;
  });
  const [id = ""] = await scenario.send({ name: "shop/x", data: { id: 1 } });
  await scenario.advance(MINUTE);
  expect([await end(scenario, id), waiters]).toEqual([["Completed", "done"], { put: 1, removed: 1 }]);
  await sendRaw(scenario, scenario.world.services("observer").settings.eventsQueueUrl, message);
  await scenario.advance(MINUTE);
  expect(waiters).toEqual({ put: 2, removed: 2 });
});
