/**
 * Goal: a place belongs to a run and not to a worker: whatever befalls the worker, nobody else gets the place before the run's
 * lease is over or given up, and nobody waits for it longer than that (reliability.md §9: 51, 52, 53).
 * Method: workers are killed and frozen in the middle of their work, and around the writes that give a place on.
 */
import { expect, it } from "vitest";
import { sleep } from "../../sdk/clock.js";
import type { ConcurrencyOption } from "../../sdk/concurrency.js";
import { cancelRunOf, leftOver, statuses } from "../scenario/floor.js";
import { isPutOf, isSendTo, onceAt, purge } from "../scenario/hands.js";
import { scenarios } from "../scenario/started.js";
import { HOUR, MINUTE, SECOND, START_MS, type Scenario } from "../scenario/world.js";
import type { AwsCall } from "../../local/aws/call.js";
import { isHeadWrite, quietClient, Workers } from "./stage.js";

const start = scenarios();

interface Case {
  scenario: Scenario;
  workers: Workers;
  ids: string[];
  /** Who began, and when: `<name> <seconds since the start>`. */
  began: string[];
}

/** Runs n0, n1, … of one step, one after the other. */
async function oneStep(bodyMs: number, count: number, concurrency: ConcurrencyOption = 1): Promise<Case> {
  const began: string[] = [];
  let scenario: Scenario | null = null;
  const client = quietClient();
  const fn = client.createFunction(
    { id: "one", triggers: { event: "shop/x" }, concurrency },
    async ({ event, step }) => {
      const { n } = event.data as { n: string };
      await step.run("work", async () => {
        if (!scenario) return;
        began.push(`${n} ${Math.floor((scenario.clock.now() - START_MS) / SECOND)}`);
        await sleep(scenario.clock, bodyMs);
      });
    },
  );
  scenario = await start({ client, functions: [fn] });
  const workers = new Workers(scenario);
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    ids.push(...(await scenario.send({ name: "shop/x", data: { n: `n${n}` } })));
    // Whoever comes later is no longer the latest at work.
    if (n === 0) await scenario.advance(SECOND);
  }
  return { scenario, workers, ids, began };
}

const names = (began: readonly string[]): string[] => began.map((entry) => entry.split(" ")[0] ?? "");
const atOf = (entry = ""): number => Number(entry.split(" ")[1]);

/** The sandbox that has taken the run's place. */
function holderOf({ workers }: Case): string {
  const taking = workers.calls.find((call) => isPutOf(call, "A#"));
  return taking?.caller.sandboxId ?? "";
}

it("the place of a run whose worker is killed is not given away: the run goes on with it, and then the next", async () => {
  const { scenario, workers, ids, began } = await oneStep(5 * SECOND, 1);
  workers.kill();
  ids.push(...(await scenario.send({ name: "shop/x", data: { n: "n1" } })));
  await scenario.advance(19 * SECOND);
  expect(names(began)).toEqual(["n0"]);
  await scenario.advance(MINUTE);
  expect(names(began)).toEqual(["n0", "n0", "n1"]);
  // The lease was over after 20 s; the next had its turn when the run had done its step.
  expect(atOf(began[1])).toBeGreaterThanOrEqual(20);
  expect(atOf(began[1])).toBeLessThanOrEqual(26);
  expect(atOf(began[2]) - atOf(began[1])).toBe(5);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a worker that stood still past its lease gives nothing back: the place is its thief's", async () => {
  const { scenario, workers, ids, began } = await oneStep(15 * SECOND, 1);
  workers.freeze(30 * SECOND);
  ids.push(...(await scenario.send({ name: "shop/x", data: { n: "n1" } })));
  // It thaws, its body long done, while its thief is at work.
  await scenario.advance(33 * SECOND);
  expect(names(began)).toEqual(["n0", "n0"]);
  await scenario.advance(MINUTE);
  expect(names(began)).toEqual(["n0", "n0", "n1"]);
  expect(atOf(began[2]) - atOf(began[1])).toBe(15);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

/** The sandbox of the first call that matches stands still from then on, that call included. */
function freezeAt(scenario: Scenario, ms: number, matches: (call: AwsCall) => boolean): () => boolean {
  let frozen = "";
  let untilMs = 0;
  scenario.world.aws.faults.add((call) => {
    const sandboxId = call.caller.sandboxId ?? "";
    if (frozen === "" && matches(call)) {
      frozen = sandboxId;
      untilMs = scenario.clock.now() + ms;
    }
    const leftMs = sandboxId === frozen ? untilMs - scenario.clock.now() : 0;
    return leftMs > 0 ? { freezeMs: leftMs } : undefined;
  });
  return () => frozen !== "";
}

it("a give-back that lands while the thief is at work misses", async () => {
  const began: string[] = [];
  const client = quietClient();
  // Code between steps is work, too, and runs again in every turn.
  const fn = client.createFunction({ id: "one", triggers: { event: "shop/x" }, concurrency: 1 }, async ({ event }) => {
    began.push(`${String(Reflect.get(event.data, "n"))} ${Math.floor((scenario.clock.now() - START_MS) / SECOND)}`);
    await sleep(scenario.clock, 15 * SECOND);
  });
  const scenario = await start({ client, functions: [fn] });
  const ids = await scenario.send({ name: "shop/x", data: { n: "n0" } });
  const struck = freezeAt(scenario, 30 * SECOND, isGiveBack);
  await scenario.advance(10);
  ids.push(...(await scenario.send({ name: "shop/x", data: { n: "n1" } })));
  // The late give-back lands at 45 s; whoever comes then looks whether a place is free.
  await scenario.advance(46 * SECOND);
  expect([struck(), names(began)]).toEqual([true, ["n0", "n0"]]);
  expect(atOf(began[1])).toBeGreaterThan(32);
  ids.push(...(await scenario.send({ name: "shop/x", data: { n: "n2" } })));
  await scenario.advance(2 * MINUTE);
  expect(names(began)).toEqual(["n0", "n0", "n1", "n2"]);
  expect(atOf(began[2]) - atOf(began[1])).toBe(15);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed", "Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a worker that looks for its place only when its lease is over leaves the thief's as it is", async () => {
  const { scenario, ids, began } = await oneStep(20 * SECOND, 2);
  const [waiting = ""] = await scenario.runIds(ids[1] ?? "");
  // It has claimed the run that was given a place, and stands still before it looks at the places.
  let isClaimed = false;
  const struck = freezeAt(scenario, 72 * SECOND, (call) => {
    if (isClaimed) return call.operation === "Query" && JSON.stringify(call.input).includes("#SLOT#");
    isClaimed = isHeadWrite(call, "leaseUntil") && JSON.stringify(call.input["Key"]).includes(waiting);
    return false;
  });
  await scenario.advance(98 * SECOND);
  // It had no time to put off its message, which comes again after a minute. The thief is at work, the zombie has its answer.
  expect([struck(), names(began)]).toEqual([true, ["n0", "n1"]]);
  expect(atOf(began[1])).toBeGreaterThan(78);
  await scenario.advance(MINUTE);
  expect(names(began)).toEqual(["n0", "n1"]);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

const isGiveBack = (call: AwsCall): boolean =>
  call.caller.name === "worker" && call.operation === "DeleteItem" && JSON.stringify(call.input).includes('"A#');
const isTaking = (call: AwsCall): boolean => call.caller.name === "worker" && isPutOf(call, "A#");
const isTelling = (call: AwsCall): boolean => isSendTo(call, "worker", "perdure-steps");
const isTicketGone = (call: AwsCall): boolean =>
  call.caller.name === "worker" && call.operation === "DeleteItem" && JSON.stringify(call.input).includes('"Q#');

const deaths: [string, (call: AwsCall) => boolean][] = [
  ["gives its place back", isGiveBack],
  ["gives it to the next", isTaking],
  ["tells the next", isTelling],
  ["takes the next from the queue", isTicketGone],
];

it.each(
  deaths.flatMap(([what, matches]) => [
    ["before", what, matches, "crash-before"] as const,
    ["after", what, matches, "crash-after"] as const,
  ]),
)(
  "a worker that dies just %s it %s leaves nobody waiting for longer than its lease",
  async (_when, _what, matches, fault) => {
    const { scenario, ids, began } = await oneStep(5 * SECOND, 3);
    const struck = onceAt(scenario, matches, fault);
    await scenario.advance(70 * SECOND);
    expect(struck()).toBe(true);
    expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed", "Completed"]);
    expect(names(began).toSorted()).toEqual(["n0", "n1", "n2"]);
    expect(await leftOver(scenario, ids)).toEqual([]);
  },
);

it("the place of a run that is cancelled while its worker stands still is free when that one's lease is over", async () => {
  const { scenario, workers, ids, began } = await oneStep(40 * SECOND, 1);
  workers.freeze(2 * MINUTE);
  ids.push(...(await scenario.send({ name: "shop/x", data: { n: "n1" } })));
  expect(await cancelRunOf(scenario, ids[0] ?? "")).toBe(200);
  await scenario.advance(19 * SECOND);
  expect(names(began)).toEqual(["n0"]);
  await scenario.advance(10 * SECOND);
  expect(names(began)).toEqual(["n0", "n1"]);
  await scenario.advance(5 * MINUTE);
  expect(await statuses(scenario, ids)).toEqual(["Cancelled", "Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a place kept to the end outlives its workers, one after the other", async () => {
  const held = await oneStep(5 * SECOND, 1, { limit: 1, hold: "run" });
  const { scenario, workers, ids, began } = held;
  const first = holderOf(held);
  ids.push(...(await scenario.send({ name: "shop/x", data: { n: "n1" } })));
  scenario.world.aws.kill(first);
  await scenario.advance(24 * SECOND);
  expect(names(began)).toEqual(["n0", "n0"]);
  workers.kill();
  await scenario.advance(2 * MINUTE);
  expect(names(began)).toEqual(["n0", "n0", "n0", "n1"]);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a worker that dies with its message lost, in a run that is due in days: those who wait find the place", async () => {
  const began: string[] = [];
  const client = quietClient();
  const fn = client.createFunction(
    { id: "one", triggers: { event: "shop/x" }, concurrency: 1 },
    async ({ event, step }) => {
      const n = String(Reflect.get(event.data, "n"));
      if (n === "n0") await step.waitForEvent("answer", { event: "shop/answer", timeout: "30d" });
      await step.run("work", () => void began.push(n));
    },
  );
  const scenario = await start({ client, functions: [fn], sweeper: true });
  const ids = await scenario.send({ name: "shop/x", data: { n: "n0" } });
  await scenario.advance(HOUR);
  const struck = onceAt(scenario, isTaking, "crash-after");
  await scenario.send({ name: "shop/answer" });
  await scenario.advance(SECOND);
  await purge(scenario, scenario.world.stepQueueUrl);
  ids.push(...(await scenario.send({ name: "shop/x", data: { n: "n1" } })));
  await scenario.advance(SECOND);
  expect([struck(), began]).toEqual([true, []]);
  await scenario.advance(5 * MINUTE);
  expect(began).toEqual(["n0", "n1"]);
  expect(await statuses(scenario, ids)).toEqual(["Completed", "Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});
