/**
 * Goal: a run that began too late, or has not ended in time, is cancelled with a reason, whatever it is doing: queued, running,
 * waiting, sleeping; and a run that ends in time pays for no timer.
 * Method: the whole platform in virtual time; runs are held up by a message that is put off, a body that sleeps on the clock, or
 * a wait. Schedules are counted by the calls made to EventBridge Scheduler.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import { SIGNING_KEY } from "../../local/world/world.js";
import { onceAt } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

/** As the API shows it: the status, and the code of the reason. */
async function shown(scenario: Scenario, runId: string): Promise<[unknown, unknown]> {
  const headers = { authorization: `Bearer ${SIGNING_KEY}` };
  const { body } = await scenario.world.request("GET", `/api/v1/runs/${runId}`, undefined, headers);
  const { data } = JSON.parse(Buffer.from(body).toString()) as {
    data: { status: string; reason: { code: string } | null };
  };
  return [data.status, data.reason?.code ?? null];
}

async function begin(scenario: Scenario, event: object = {}): Promise<string> {
  const [eventId = ""] = await scenario.send({ name: "shop/go", ...event });
  return (await scenario.runIds(eventId))[0] ?? "";
}

/** Schedules made so far. */
function schedulesOf(scenario: Scenario): () => number {
  const mark = scenario.world.aws.ledger.mark();
  return () =>
    scenario.world.aws.ledger.since(mark).rows.filter(({ operation }) => operation === "CreateSchedule").length;
}

it("a run that nobody has begun within timeouts.start is cancelled instead of begun", async () => {
  const began: string[] = [];
  const fn = client.createFunction(
    { id: "late", triggers: { event: "shop/go" }, timeouts: { start: "5m" } },
    ({ runId }) => void began.push(runId),
  );
  // Each run's first wake is lost with its worker: the message comes again a minute later, or the sweeper finds the run.
  const scenario = await start({ client, functions: [fn], sweeper: true });
  onceAt(scenario, ({ caller, operation }) => caller.name === "worker" && operation === "UpdateItem", "crash-before");
  const prompt = await begin(scenario);
  await scenario.advance(2 * MINUTE);
  expect([await shown(scenario, prompt), began]).toEqual([["Completed", null], [prompt]]);
  let up = false;
  scenario.world.aws.faults.add(({ caller }) => (!up && caller.name === "worker" ? "crash-before" : undefined));
  const late = await begin(scenario);
  await scenario.advance(6 * MINUTE);
  expect(await shown(scenario, late)).toEqual(["Queued", null]);
  up = true;
  await scenario.advance(20 * MINUTE);
  expect([await shown(scenario, late), began]).toEqual([["Cancelled", "START_TIMED_OUT"], [prompt]]);
  expect((await scenario.run(late)).head.reason?.message).toMatch(
    /^Cannot start run "shop_\w+": it has waited \d+ ms for a worker; expected at most 300000 ms$/,
  );
});

it("timeouts.start counts from the time an event is for", async () => {
  const fn = client.createFunction(
    { id: "future", triggers: { event: "shop/go" }, timeouts: { start: "1m", finish: "1m" } },
    () => "ran",
  );
  const scenario = await start({ client, functions: [fn] });
  const run = await begin(scenario, { ts: scenario.clock.now() + 3 * HOUR });
  await scenario.advance(3 * HOUR + MINUTE);
  expect(await shown(scenario, run)).toEqual(["Completed", null]);
});

it("timeouts.finish ends a turn under way: the body is told at once, and what it still does is not recorded", async () => {
  let scenario: Scenario | null = null;
  let toldAtMs = 0;
  const after: string[] = [];
  const fn = client.createFunction(
    { id: "long", triggers: { event: "shop/go" }, timeouts: { finish: "10s" } },
    async ({ step, signal }) => {
      await step.run("quick", () => "quick");
      await step.run("slow", async () => {
        const { clock } = scenario ?? {};
        signal.addEventListener("abort", () => (toldAtMs = clock?.now() ?? 0));
        if (clock) await sleep(clock, 30 * SECOND);
        return "slow";
      });
      after.push("went on");
    },
  );
  scenario = await start({ client, functions: [fn] });
  const run = await begin(scenario);
  await scenario.advance(11 * SECOND);
  const startedAtMs = (await scenario.run(run)).head.startedAtMs ?? 0;
  expect(toldAtMs - startedAtMs).toBe(10 * SECOND);
  expect(await shown(scenario, run)).toEqual(["Cancelled", "FINISH_TIMED_OUT"]);
  await scenario.advance(5 * MINUTE);
  const { entries } = await scenario.run(run);
  expect([entries.map((entry) => "id" in entry && entry.id), after]).toEqual([["quick"], []]);
});

it("timeouts.finish ends a run that sleeps or waits, to the second, and what it waited for is waited for no longer", async () => {
  const fn = client.createFunction(
    { id: "waits", triggers: { event: "shop/go" }, timeouts: { finish: "2h" } },
    async ({ event, step }) => {
      if ("sleeps" in event.data) await step.sleep("winter", "30d");
      return step.waitForSignal("wait", { signal: "go", timeout: "30d" });
    },
  );
  const scenario = await start({ client, functions: [fn] });
  const sleeper = await begin(scenario, { data: { sleeps: true } });
  const waiter = await begin(scenario);
  await scenario.advance(2 * HOUR - SECOND);
  expect([await shown(scenario, sleeper), await shown(scenario, waiter)]).toEqual([
    ["Running", null],
    ["Running", null],
  ]);
  await scenario.advance(3 * SECOND);
  expect([await shown(scenario, sleeper), await shown(scenario, waiter)]).toEqual([
    ["Cancelled", "FINISH_TIMED_OUT"],
    ["Cancelled", "FINISH_TIMED_OUT"],
  ]);
  await scenario.advance(10 * DAY);
  expect((await scenario.run(sleeper)).head.status).toBe("Cancelled");
  const next = await begin(scenario);
  expect(await shown(scenario, next)).toEqual(["Running", null]);
  expect((await scenario.run(next)).entries.some((entry) => entry.k === "seen")).toBe(false);
});

it("timeouts.finish ends a run between its attempts", async () => {
  const fn = client.createFunction(
    { id: "failing", triggers: { event: "shop/go" }, retries: 20, timeouts: { finish: "1m" } },
    async ({ step }) =>
      step.run("fail", () => {
        throw new Error("no");
      }),
  );
  const scenario = await start({ client, functions: [fn] });
  const run = await begin(scenario);
  await scenario.advance(62 * SECOND);
  expect(await shown(scenario, run)).toEqual(["Cancelled", "FINISH_TIMED_OUT"]);
});

it("a run that ends in time pays for no timer, however long the timeout", async () => {
  const fn = client.createFunction(
    { id: "short", triggers: { event: "shop/go" }, timeouts: { start: "1d", finish: "30d" } },
    async ({ step }) => {
      await step.run("one", () => 1);
      await step.sleep("a moment", "10m");
      await step.sleep("an hour", "1h");
      return "done";
    },
  );
  const scenario = await start({ client, functions: [fn] });
  const schedules = schedulesOf(scenario);
  const run = await begin(scenario);
  await scenario.advance(2 * HOUR);
  expect([await shown(scenario, run), schedules()]).toEqual([["Completed", null], 1]);
});

it("a worker that dies at any of its calls as the time is up leaves the run cancelled all the same", async () => {
  let died = 0;
  for (let nth = 0; nth < 20; nth += 1) {
    const fn = client.createFunction(
      { id: "dying", triggers: { event: "shop/go" }, timeouts: { finish: "5m" } },
      ({ step }) => step.waitForSignal("wait", { signal: "go", timeout: "30d" }),
    );
    const scenario = await start({ client, functions: [fn], sweeper: true });
    const run = await begin(scenario);
    await scenario.advance(MINUTE);
    let calls = 0;
    const happened = onceAt(scenario, ({ caller }) => caller.name === "worker" && calls++ === nth, "crash-before");
    await scenario.advance(30 * MINUTE);
    expect(await shown(scenario, run)).toEqual(["Cancelled", "FINISH_TIMED_OUT"]);
    const { head } = await scenario.run(run);
    expect(head.effects).toEqual([]);
    if (!happened()) break;
    died += 1;
  }
  expect(died).toBeGreaterThanOrEqual(5);
});

it("tell whoever listens, and whoever invoked the run, that it was too late", async () => {
  const heard: unknown[] = [];
  const slow = client.createFunction({ id: "slow", timeouts: { finish: "1m" } }, ({ step }) => step.sleep("on", "1d"));
  const parent = client.createFunction({ id: "parent", triggers: { event: "shop/go" } }, async ({ step }) => {
    const failure = await step.invoke("slow", { function: slow }).then(
      () => null,
      (error: unknown) => error as { code: string; cause: { code: string } },
    );
    return [failure?.code, failure?.cause.code];
  });
  const listener = client.createFunction(
    { id: "listener", triggers: { event: "perdure/function.cancelled" } },
    ({ event }) => void heard.push([event.data.functionId, event.data.reason?.code]),
  );
  const scenario = await start({ client, functions: [slow, parent, listener] });
  const run = await begin(scenario);
  await scenario.advance(2 * MINUTE);
  expect((await scenario.run(run)).output).toEqual(["INVOKED_FUNCTION_CANCELLED", "FINISH_TIMED_OUT"]);
  expect(heard).toEqual([["slow", "FINISH_TIMED_OUT"]]);
});

it("are checked where the function is made, and again where it is registered", async () => {
  const make = (timeouts: object) => (): unknown =>
    client.createFunction({ id: "checked", triggers: { event: "shop/go" }, timeouts }, () => 1);
  expect(make({ start: "500ms" })).toThrow("its timeout start is no usable duration; expected 1 s to 366 days");
  expect(make({ finish: "367d" })).toThrow("its timeout finish is no usable duration; expected 1 s to 366 days");
  expect(make({ end: "1m" })).toThrow('its timeouts have the member "end"; expected { start: "10m", finish: "1h" }');
  const fn = client.createFunction(
    { id: "checked", triggers: { event: "shop/go" }, timeouts: { start: "1m" } },
    () => 1,
  );
  expect(fn.config.timeouts).toEqual({ startMs: 60_000 });
  const config = { ...fn.config, timeouts: { startMs: 5 } };
  await expect(start({ client, functions: [{ ...fn, config }] })).rejects.toThrow(
    'function "checked": its timeouts are {"startMs":5}; expected startMs and finishMs, 1 s to 366 days each',
  );
});
