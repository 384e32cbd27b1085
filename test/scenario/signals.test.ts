/**
 * Goal: a signal ends the one wait for its name, once, whatever goes wrong between; who sends it is told the truth about that;
 * waits that are after the same name do as they were asked to.
 * Method: the whole platform in virtual time; signals are sent over HTTP and from steps; each call of a sender and of a worker
 * is made to fail once, and the sending or the turn repeated.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sendSignal, workerReach } from "../../runtime/operations/send-signal.js";
import type { AwsCall } from "../../local/aws/call.js";
import { EVENT_KEY, SIGNING_KEY } from "../../local/world/world.js";
import { onceAt, refusalCode } from "./hands.js";
import { scenarios } from "./started.js";
import { MINUTE, SECOND, START_MS, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

/** Waits for the event's signal, and returns what it came to. */
const waiter = client.createFunction({ id: "waiter", triggers: { event: "shop/wait" } }, async ({ event, step }) => {
  const { signal = "go", timeout = "1h", onConflict } = event.data as Record<string, string>;
  try {
    return await step.waitForSignal("signal", { signal, timeout, onConflict } as Parameters<
      typeof step.waitForSignal
    >[1]);
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
});

/** A request id of its own for each number, within the hour. */
const requestId = (number: number): string => `${START_MS}-${String(number).padStart(32, "0")}`;

async function post(scenario: Scenario, body: unknown, id?: number, key = EVENT_KEY) {
  const headers = {
    authorization: `Bearer ${key}`,
    ...(id === undefined ? {} : { "x-perdure-request-id": requestId(id) }),
  };
  const answer = await scenario.world.request("POST", "/api/v1/signals", body, headers);
  return { status: answer.status, body: JSON.parse(Buffer.from(answer.body).toString()) as unknown };
}

/** The run that received it, or null. */
async function signal(scenario: Scenario, name: string, data: unknown, id?: number): Promise<string | null> {
  const { status, body } = await post(scenario, { signal: name, data }, id);
  if (status !== 200) throw new Error(`The signal was not sent: ${status} ${JSON.stringify(body)}`);
  return (body as { data: { runId: string | null } }).data.runId;
}

async function wait(scenario: Scenario, data: object = {}): Promise<string> {
  const [eventId = ""] = await scenario.send({ name: "shop/wait", data });
  const [runId = ""] = await scenario.runIds(eventId);
  return runId;
}

async function outputOf(scenario: Scenario, runId: string): Promise<unknown> {
  const { head, output } = await scenario.run(runId);
  return head.status === "Completed" ? output : head.status;
}

it("ends the wait with what was sent along, and tells the sender which run that was", async () => {
  const scenario = await start({ client, functions: [waiter] });
  const run = await wait(scenario);
  await scenario.advance(10 * MINUTE);
  expect(await outputOf(scenario, run)).toBe("Running");
  expect(await signal(scenario, "go", { by: "Ada" })).toBe(run);
  await scenario.advance(SECOND);
  expect(await outputOf(scenario, run)).toEqual({ signal: "go", data: { by: "Ada" } });
});

it("is not kept: one that nobody waits for is told so, and ends no later wait, which times out with null", async () => {
  const scenario = await start({ client, functions: [waiter] });
  expect(await signal(scenario, "go", 1, 1)).toBeNull();
  const run = await wait(scenario);
  // The same sending, repeated: it was answered.
  expect(await signal(scenario, "go", 1, 1)).toBeNull();
  await scenario.advance(59 * MINUTE);
  expect(await outputOf(scenario, run)).toBe("Running");
  await scenario.advance(2 * MINUTE);
  expect(await outputOf(scenario, run)).toBeNull();
  expect(await signal(scenario, "go", 2)).toBeNull();
});

it("is sent by a step, once, and the step says to whom", async () => {
  const sender = client.createFunction({ id: "sender", triggers: { event: "shop/send" } }, async ({ step }) => [
    await step.sendSignal("first", { signal: "go", data: { at: new Date(0) } }),
    await step.sendSignal("second", { signal: "go" }),
  ]);
  const scenario = await start({ client, functions: [waiter, sender] });
  const run = await wait(scenario);
  const [eventId = ""] = await scenario.send({ name: "shop/send" });
  await scenario.advance(SECOND);
  expect((await scenario.runOf(eventId)).output).toEqual([{ runId: run }, {}]);
  expect(await outputOf(scenario, run)).toEqual({ signal: "go", data: { at: "1970-01-01T00:00:00.000Z" } });
});

it("a second wait for the name fails at once; the first goes on", async () => {
  const scenario = await start({ client, functions: [waiter] });
  const first = await wait(scenario);
  const second = await wait(scenario);
  expect(await outputOf(scenario, second)).toBe("SIGNAL_CONFLICT");
  expect(await signal(scenario, "go", 1)).toBe(first);
  await scenario.advance(SECOND);
  expect(await outputOf(scenario, first)).toEqual({ signal: "go", data: 1 });
});

it("a second wait takes the name over when it says so; the first is told", async () => {
  const scenario = await start({ client, functions: [waiter] });
  const first = await wait(scenario);
  await scenario.advance(SECOND);
  const second = await wait(scenario, { onConflict: "replace" });
  await scenario.advance(SECOND);
  expect(await outputOf(scenario, first)).toBe("SIGNAL_REPLACED");
  expect(await signal(scenario, "go", 2)).toBe(second);
  await scenario.advance(SECOND);
  expect(await outputOf(scenario, second)).toEqual({ signal: "go", data: 2 });
});

it("two waits of one run for one name are a conflict, too", async () => {
  const twice = client.createFunction({ id: "twice", triggers: { event: "shop/twice" } }, async ({ step }) => {
    const both = ["a", "b"].map((id) => step.waitForSignal(id, { signal: "go", timeout: "1h" }));
    const settled = await Promise.allSettled(both);
    return settled.map((one) => (one.status === "fulfilled" ? one.value : (one.reason as { code: string }).code));
  });
  const scenario = await start({ client, functions: [twice] });
  const [eventId = ""] = await scenario.send({ name: "shop/twice" });
  await signal(scenario, "go", 1);
  await scenario.advance(SECOND);
  expect((await scenario.runOf(eventId)).output).toEqual([{ signal: "go", data: 1 }, "SIGNAL_CONFLICT"]);
});

it("a name is free again when its wait is over, timed out or cancelled", async () => {
  const scenario = await start({ client, functions: [waiter] });
  const over = await wait(scenario);
  await signal(scenario, "go", 1);
  const late = await wait(scenario, { timeout: "5m" });
  await scenario.advance(SECOND);
  expect([await outputOf(scenario, over), await outputOf(scenario, late)]).toEqual([
    { signal: "go", data: 1 },
    "Running",
  ]);
  await scenario.advance(6 * MINUTE);
  expect(await outputOf(scenario, late)).toBeNull();
  const cancelled = await wait(scenario);
  const headers = { authorization: `Bearer ${SIGNING_KEY}` };
  expect((await scenario.world.request("DELETE", `/api/v1/runs/${cancelled}`, undefined, headers)).status).toBe(200);
  // Nothing is done by then to free the name: who asks for it finds out.
  const next = await wait(scenario);
  expect(await outputOf(scenario, next)).toBe("Running");
  expect(await signal(scenario, "go", 2)).toBe(next);
});

/** Waits three times for one name. */
const loop = client.createFunction({ id: "loop", triggers: { event: "shop/loop" } }, async ({ step }) => {
  const got: unknown[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    got.push((await step.waitForSignal("next", { signal: "next", timeout: "1h" }))?.data ?? null);
  }
  return got;
});

it("repeated under its request id, it ends one wait of a loop and is answered the same", async () => {
  const scenario = await start({ client, functions: [loop] });
  const [eventId = ""] = await scenario.send({ name: "shop/loop" });
  const [run = ""] = await scenario.runIds(eventId);
  for (const number of [1, 1, 2, 1, 2, 3]) {
    expect(await signal(scenario, "next", number, number)).toBe(run);
    await scenario.advance(SECOND);
  }
  expect(await outputOf(scenario, run)).toEqual([1, 2, 3]);
  expect(await signal(scenario, "next", 3, 3)).toBe(run);
});

it("a race that lets the wait go gives the name back before it asks for it again", async () => {
  const racing = client.createFunction({ id: "racing", triggers: { event: "shop/race" } }, async ({ step, group }) => {
    const got: unknown[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      const entrants = [
        () => step.waitForSignal("wait", { signal: "go", timeout: "1h" }),
        async () => step.run("quick", () => `quick ${turn}`),
      ];
      got.push(await group.race(turn < 2 ? entrants : entrants.slice(0, 1)));
    }
    return got;
  });
  const scenario = await start({ client, functions: [racing] });
  const [eventId = ""] = await scenario.send({ name: "shop/race" });
  const [run = ""] = await scenario.runIds(eventId);
  await scenario.advance(SECOND);
  expect(await signal(scenario, "go", "at last")).toBe(run);
  await scenario.advance(SECOND);
  expect(await outputOf(scenario, run)).toEqual(["quick 0", "quick 1", { signal: "go", data: "at last" }]);
});

it("and the timeout at the same moment: the sender is told that a wait took it exactly when it did", async () => {
  const told: (string | null)[] = [];
  for (const offsetMs of [-30, -3, -1, 0, 1, 3, 10, 30, 100, 300]) {
    const scenario = await start({ client, functions: [waiter], seed: offsetMs + 50 });
    const run = await wait(scenario, { timeout: "1m" });
    const startedAtMs = (await scenario.run(run)).entries[0]?.atMs ?? 0;
    await scenario.advance(startedAtMs + MINUTE + offsetMs - scenario.clock.now());
    const receiver = await signal(scenario, "go", 1);
    await scenario.advance(MINUTE);
    expect(await outputOf(scenario, run)).toEqual(receiver === null ? null : { signal: "go", data: 1 });
    told.push(receiver);
  }
  // The search has seen both.
  expect(new Set(told).has(null)).toBe(true);
  expect(told.some((receiver) => receiver !== null)).toBe(true);
});

it("a sender that dies at any of its calls, and repeats, has sent it once", async () => {
  let died = 0;
  for (let nth = 0; nth < 12; nth += 1) {
    const scenario = await start({ client, functions: [loop] });
    const [eventId = ""] = await scenario.send({ name: "shop/loop" });
    const [run = ""] = await scenario.runIds(eventId);
    let calls = 0;
    let mayDie = true;
    const isNth = ({ caller }: AwsCall): boolean => mayDie && caller.name === "api" && calls++ === nth;
    const happened = onceAt(scenario, isNth, "crash-after");
    const first = await post(scenario, { signal: "next", data: "once" }, 1);
    mayDie = false;
    if (happened()) expect(first.status).toBeGreaterThanOrEqual(500);
    await scenario.advance(MINUTE);
    expect(await signal(scenario, "next", "once", 1)).toBe(run);
    await scenario.advance(MINUTE);
    const seen = (await scenario.run(run)).entries.filter((entry) => entry.k === "seen");
    expect(seen.map((entry) => ("ok" in entry ? entry.ok : entry))).toEqual([{ signal: "next", data: "once" }]);
    if (!happened()) break;
    died += 1;
  }
  expect(died).toBe(6);
});

it("a worker that dies at any of its calls while it begins to wait waits all the same", async () => {
  let died = 0;
  for (let nth = 0; nth < 20; nth += 1) {
    const scenario = await start({ client, functions: [waiter], sweeper: true });
    let calls = 0;
    const happened = onceAt(scenario, ({ caller }) => caller.name === "worker" && calls++ === nth, "crash-after");
    const run = await wait(scenario);
    await scenario.advance(20 * MINUTE);
    const began = happened();
    expect(await signal(scenario, "go", 1)).toBe(run);
    await scenario.advance(5 * MINUTE);
    expect(await outputOf(scenario, run)).toEqual({ signal: "go", data: 1 });
    if (!began) break;
    died += 1;
  }
  expect(died).toBeGreaterThanOrEqual(5);
});

it("reaches a run of another app through dispatch, and its sender hears of it", async () => {
  const scenario = await start({ client, functions: [waiter] });
  const run = await wait(scenario);
  const services = scenario.world.services("worker");
  const reach = workerReach(services, "another-app", "");
  const send = (name: string, token: string) => sendSignal(services, reach, { signal: name, data: 7, token });
  const sending = Promise.all([send("go", "t1"), send("nobody", "t2")]);
  await scenario.advance(5 * SECOND);
  expect(await sending).toEqual([{ runId: run }, { runId: null }]);
  expect(await outputOf(scenario, run)).toEqual({ signal: "go", data: 7 });
  const again = send("go", "t1");
  await scenario.advance(5 * SECOND);
  expect(await again).toEqual({ runId: run });
});

it("costs the run five writes, and its sender three; one that nobody waits for costs one", async () => {
  const scenario = await start({ client, functions: [waiter] });
  const plain = client.createFunction({ id: "plain", triggers: { event: "shop/plain" } }, () => null);
  await scenario.world.redeploy([waiter, plain]);
  const { ledger } = scenario.world.aws;
  const writesOf = async (work: () => Promise<unknown>): Promise<Record<string, number>> => {
    const mark = ledger.mark();
    await work();
    await scenario.advance(MINUTE);
    const writes: Record<string, number> = {};
    for (const { caller, units } of ledger.since(mark).rows) {
      const count = (writes[caller] ?? 0) + units.writeUnits;
      if (count > 0) writes[caller] = count;
    }
    return writes;
  };
  const without = await writesOf(() => scenario.send({ name: "shop/plain" }));
  const waiting = await writesOf(() => wait(scenario, { timeout: "10m" }));
  const ended = await writesOf(() => signal(scenario, "go", 1));
  const worker = (waiting["worker"] ?? 0) + (ended["worker"] ?? 0) - (without["worker"] ?? 0);
  // Written down, the name taken, released, claimed: and what the function saw, with its end. Aimed, received, the name free.
  expect([worker, ended["api"]]).toEqual([5, 3]);
  expect(await writesOf(() => signal(scenario, "nobody", 1))).toEqual({ api: 1 });
});

it("is refused without an event key, without a name, and beyond 256 KiB", async () => {
  const scenario = await start({ client, functions: [waiter] });
  const codes = [
    await post(scenario, { signal: "go" }, 1, SIGNING_KEY),
    await post(scenario, { signal: "" }),
    await post(scenario, { signal: "x".repeat(257) }),
    await post(scenario, { name: "go" }),
    await post(scenario, []),
    await post(scenario, "{"),
    await post(scenario, { signal: "go", data: "x".repeat(256 * 1024) }),
  ].map(refusalCode);
  expect(codes).toEqual([
    "UNKNOWN_EVENT_KEY",
    "SIGNAL_INVALID",
    "SIGNAL_INVALID",
    "INVALID_BODY",
    "INVALID_BODY",
    "INVALID_JSON",
    "SIGNAL_INVALID",
  ]);
  expect((await post(scenario, { signal: "go", data: "x".repeat(256 * 1024 - 2) })).status).toBe(200);
});
