/**
 * Goal: whoever waits for a place gets one, oldest first, however many wait and for how long; who does not wait any more is passed
 * over; and waiting counts for what it is: a run that has not begun (reliability.md §9: 52, 53, 54).
 * Method: the whole platform in virtual time; calls are counted in the ledger, and some stand still while a run is cancelled.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { ConcurrencyOption } from "../../sdk/concurrency.js";
import type { TimeStr } from "../../sdk/duration.js";
import type { PerdureFunction } from "../../sdk/function.js";
import { hashesOf } from "../../runtime/flow/limits-of-run.js";
import { TURN_SEAT } from "../../runtime/flow/seats.js";
import { SlotStore } from "../../runtime/state/slot-store.js";
import { cancelRunOf, events, Floor, leftOver, runsOf, shown, statuses } from "./floor.js";
import { isPutOf, isSendTo, onceAt } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

/** One step of so many ms; with `nap`, a sleep after it. */
function worker(
  floor: Floor,
  ms: number,
  concurrency: ConcurrencyOption,
  more: { nap?: TimeStr; timeouts?: { start?: TimeStr; finish?: TimeStr } } = {},
): PerdureFunction<never> {
  const { nap, timeouts = {} } = more;
  return client.createFunction(
    { id: "fn", triggers: { event: "shop/go" }, concurrency, timeouts },
    async ({ event, step }) => {
      const { n } = event.data as { n: string };
      await step.run("work", () => floor.work(n, ms));
      if (nap !== undefined) await step.sleep("nap", nap);
    },
  );
}

async function sendInOrder(scenario: Scenario, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (const event of events(count)) {
    ids.push(...(await scenario.send(event)));
    await scenario.advance(10);
  }
  return ids;
}

it("500 runs at five places all run, oldest first, at a price for each that does not grow with the queue", async () => {
  const floor = new Floor();
  const scenario = await start({ client, functions: [worker(floor, SECOND, 5)] });
  floor.scenario = scenario;
  const mark = scenario.world.aws.ledger.mark();
  const ids: string[] = [];
  for (let sent = 0; sent < 500; sent += 10) {
    ids.push(...(await scenario.send(...events(10, (at) => ({ n: `n${String(sent + at).padStart(3, "0")}` })))));
    await scenario.advance(1);
  }
  await scenario.advance(10 * MINUTE);
  expect(new Set(await statuses(scenario, ids))).toEqual(new Set(["Completed"]));
  expect([floor.order.length, floor.most.get("all")]).toEqual([500, 5]);
  // Those of one request are made in the same millisecond, and no more than five are at work before their elders have begun.
  const places = floor.order.map((name, place) => place - Number(name.slice(1)));
  expect(Math.max(...places.map(Math.abs))).toBeLessThan(20);
  const { rows } = scenario.world.aws.ledger.since(mark);
  const callsPerRun = (operation: string): number => {
    const own = rows.filter((row) => row.caller === "worker" && row.operation === operation);
    return own.reduce((sum, row) => sum + row.calls, 0) / 500;
  };
  // A ticket, a place, its new stamp, and the log; the place and the ticket gone; two claims, a release and an end.
  expect(callsPerRun("PutItem")).toBeLessThanOrEqual(4);
  expect(callsPerRun("DeleteItem")).toBeLessThanOrEqual(2);
  expect(callsPerRun("UpdateItem")).toBeLessThanOrEqual(4);
  expect(callsPerRun("SendMessage")).toBeLessThanOrEqual(1);
  expect(callsPerRun("Query")).toBeLessThanOrEqual(11);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a run that waits longer than its items are kept is whole when its turn comes", async () => {
  const floor = new Floor();
  const fn = worker(floor, SECOND, { limit: 1, hold: "run" }, { nap: "20d" });
  const scenario = await start({ client, functions: [fn], retentionDays: 1, sweeper: "seldom" });
  floor.scenario = scenario;
  const ids = await sendInOrder(scenario, 2);
  await scenario.advance(19 * DAY);
  expect(await statuses(scenario, ids)).toEqual(["Running", "Queued"]);
  await scenario.advance(2 * DAY);
  expect(floor.order).toEqual(["n0", "n1"]);
  await scenario.advance(19 * DAY + 12 * HOUR);
  const [second = ""] = ids.slice(1);
  expect((await scenario.runOf(second)).head.status).toBe("Completed");
});

it("a queued run is Queued, has not begun, and begins when it gets its place", async () => {
  const floor = new Floor();
  const scenario = await start({ client, functions: [worker(floor, 20 * SECOND, 1)] });
  floor.scenario = scenario;
  const ids = await sendInOrder(scenario, 2);
  await scenario.advance(10 * SECOND);
  const [, second] = await runsOf(scenario, ids);
  expect(await shown(scenario, second?.head.runId ?? "")).toMatchObject({
    status: "Queued",
    queuedFor: "concurrency",
    startedAt: null,
  });
  await scenario.advance(15 * SECOND);
  expect(await shown(scenario, second?.head.runId ?? "")).toMatchObject({
    status: "Running",
    startedAt: expect.any(String),
  });
  await scenario.advance(MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
});

it("timeouts.start ends a run in the queue, which leaves it; nobody waits for its place", async () => {
  const floor = new Floor();
  const fn = worker(floor, SECOND, { limit: 1, hold: "run" }, { nap: "20m", timeouts: { start: "5m" } });
  const scenario = await start({ client, functions: [fn], sweeper: true });
  floor.scenario = scenario;
  const ids = await sendInOrder(scenario, 2);
  await scenario.advance(9 * MINUTE);
  const [, second] = await runsOf(scenario, ids);
  expect([second?.head.status, second?.head.reason?.code]).toEqual(["Cancelled", "START_TIMED_OUT"]);
  expect(await leftOver(scenario, ids)).toHaveLength(1);
  await scenario.advance(HOUR);
  expect([await statuses(scenario, ids), floor.order]).toEqual([["Completed", "Cancelled"], ["n0"]]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("timeouts.finish does not count the time in the queue before the first turn", async () => {
  const floor = new Floor();
  const scenario = await start({ client, functions: [worker(floor, 40 * SECOND, 1, { timeouts: { finish: "50s" } })] });
  floor.scenario = scenario;
  const ids = await sendInOrder(scenario, 4);
  await scenario.advance(4 * MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed", "Completed", "Completed"]);
});

it("timeouts.finish counts the time in the queue of a run that has begun", async () => {
  const floor = new Floor();
  const scenario = await start({
    client,
    functions: [worker(floor, 10 * SECOND, 1, { nap: "10s", timeouts: { finish: "30s" } })],
    sweeper: true,
  });
  floor.scenario = scenario;
  // The first sleeps while the others work, and cannot go on before them: they are as many as to make it late.
  const ids = await sendInOrder(scenario, 5);
  await scenario.advance(10 * MINUTE);
  const runs = await runsOf(scenario, ids);
  for (const { head } of runs) {
    const tookMs = (head.endedAtMs ?? 0) - (head.startedAtMs ?? 0);
    if (head.status === "Completed") expect(tookMs).toBeLessThanOrEqual(30 * SECOND);
    else expect([head.status, head.reason?.code]).toEqual(["Cancelled", "FINISH_TIMED_OUT"]);
  }
  expect(runs.some(({ head }) => head.status === "Completed")).toBe(true);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a run that is cancelled in the queue leaves it at once", async () => {
  const floor = new Floor();
  const scenario = await start({ client, functions: [worker(floor, 20 * SECOND, 1)] });
  floor.scenario = scenario;
  const ids = await sendInOrder(scenario, 3);
  expect(await cancelRunOf(scenario, ids[1] ?? "")).toBe(200);
  await scenario.advance(SECOND);
  expect(await leftOver(scenario, ids)).toHaveLength(2);
  await scenario.advance(2 * MINUTE);
  expect([await statuses(scenario, ids), floor.order]).toEqual([
    ["Completed", "Cancelled", "Completed"],
    ["n0", "n2"],
  ]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a place that is given to a run which has ended meanwhile goes to the next", async () => {
  const floor = new Floor();
  const scenario = await start({ client, functions: [worker(floor, 20 * SECOND, 1)] });
  floor.scenario = scenario;
  const ids = await sendInOrder(scenario, 2);
  await scenario.advance(10 * SECOND);
  // Who gives the first run's place on has read the queue, and stands still before it writes, and again before it tells.
  const late = { freezeMs: 5 * SECOND };
  const given = onceAt(scenario, (call) => call.caller.name === "worker" && isPutOf(call, "A#"), late);
  const told = onceAt(scenario, (call) => isSendTo(call, "worker", "perdure-steps"), late);
  await scenario.advance(12 * SECOND);
  expect(await cancelRunOf(scenario, ids[1] ?? "")).toBe(200);
  await scenario.advance(5 * SECOND);
  ids.push(...(await scenario.send({ name: "shop/go", data: { n: "n2" } })));
  expect([given(), told(), floor.order]).toEqual([true, true, ["n0"]]);
  expect(await statuses(scenario, ids.slice(1))).toEqual(["Cancelled", "Queued"]);
  await scenario.advance(5 * SECOND);
  expect(floor.order).toEqual(["n0", "n2"]);
  await scenario.advance(MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Cancelled", "Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it.each([
  ["between its steps gives its place when its worker has noticed, five seconds later", false, 0, 6],
  ["in a step gives its place when its lease is over: code that is told to stop may go on", true, 20, 24],
] as const)("a run that is cancelled %s", async (_what, isInStep, fromSeconds, bySeconds) => {
  const floor = new Floor();
  const fn = client.createFunction(
    { id: "fn", triggers: { event: "shop/go" }, concurrency: 1 },
    async ({ event, step }) => {
      const { n } = event.data as { n: string };
      if (isInStep) await step.run("work", () => floor.work(n, 40 * SECOND));
      else await floor.work(n, 40 * SECOND);
    },
  );
  const scenario = await start({ client, functions: [fn] });
  floor.scenario = scenario;
  const ids = await sendInOrder(scenario, 2);
  await scenario.advance(11 * SECOND);
  expect(await cancelRunOf(scenario, ids[0] ?? "")).toBe(200);
  await scenario.advance(fromSeconds * SECOND);
  expect(floor.order).toEqual(["n0"]);
  await scenario.advance((bySeconds - fromSeconds) * SECOND);
  expect(floor.order).toEqual(["n0", "n1"]);
  await scenario.advance(2 * MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Cancelled", "Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("nobody who comes later passes those who wait, though a place is free for a moment", async () => {
  const floor = new Floor();
  const scenario = await start({ client, functions: [worker(floor, 20 * SECOND, 1)] });
  floor.scenario = scenario;
  const ids = await sendInOrder(scenario, 2);
  await scenario.advance(10 * SECOND);
  // The first run's place is given back, and the one that gives it on stands still.
  onceAt(scenario, (call) => call.caller.name === "worker" && isPutOf(call, "A#"), { freezeMs: 5 * SECOND });
  await scenario.advance(12 * SECOND);
  ids.push(...(await scenario.send({ name: "shop/go", data: { n: "n2" } })));
  await scenario.advance(SECOND);
  expect(floor.order).toEqual(["n0", "n1"]);
  await scenario.advance(MINUTE);
  expect([await statuses(scenario, ids), floor.order]).toEqual([
    ["Completed", "Completed", "Completed"],
    ["n0", "n1", "n2"],
  ]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it.each(["a run that does not exist", "a run that has ended", "a distributed step that nobody is at"])(
  "a place that a late write has left to %s is free within four minutes, should anybody wait for it",
  async (whose) => {
    const floor = new Floor();
    const scenario = await start({ client, functions: [worker(floor, SECOND, 1)], sweeper: true });
    floor.scenario = scenario;
    const ids = await sendInOrder(scenario, 1);
    await scenario.advance(MINUTE);
    const [ended] = await runsOf(scenario, ids);
    const [hash = ""] = hashesOf(ended?.head ?? { slots: [] });
    const store = new SlotStore(scenario.world.services("outsider"), "shop", hash);
    const runId = ended?.head.runId ?? "";
    const run = whose === "a run that has ended" ? runId : `${runId.slice(0, -4)}0000`;
    const untilMs = whose.startsWith("a distributed") ? scenario.clock.now() + MINUTE : null;
    expect(
      await store.take(0, { run, seat: untilMs === null ? TURN_SEAT : "bnone", fn: "fn", untilMs }),
    ).not.toBeNull();
    ids.push(...(await scenario.send({ name: "shop/go", data: { n: "n1" } })));
    await scenario.advance(SECOND);
    expect(floor.order).toEqual(["n0"]);
    await scenario.advance(4 * MINUTE);
    expect(floor.order).toEqual(["n0", "n1"]);
    expect(await leftOver(scenario, ids)).toEqual([]);
  },
);

it("a run that waits for days in the queue looks for its place once an hour at last", async () => {
  const floor = new Floor();
  const scenario = await start({
    client,
    functions: [worker(floor, SECOND, { limit: 1, hold: "run" }, { nap: "5d" })],
    sweeper: true,
  });
  floor.scenario = scenario;
  const ids = await sendInOrder(scenario, 2);
  await scenario.advance(HOUR);
  const mark = scenario.world.aws.ledger.mark();
  await scenario.advance(4 * DAY);
  const { rows } = scenario.world.aws.ledger.since(mark);
  const puts = rows.filter((row) => row.caller === "worker" && row.operation === "PutItem");
  const looks = puts.reduce((sum, row) => sum + row.calls, 0);
  // One ticket each time: about 10 until it has waited for four hours, then hourly. Every 2 minutes would be 2,000 and more.
  expect(looks).toBeGreaterThan(90);
  expect(looks).toBeLessThan(115);
  await scenario.advance(DAY);
  expect(floor.order).toEqual(["n0", "n1"]);
  await scenario.advance(6 * DAY);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});
