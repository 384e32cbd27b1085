/**
 * Waits for events: what one costs in billed units (DESIGN §10: 6 writes and 2 of indexes), and that an arriving event costs
 * what it matches, not what waits: 100 events, each ending one wait, beside 100 to 100,000 other waits for the same event.
 */
import { Perdure } from "../sdk/client.js";
import { realClock } from "../sdk/clock.js";
import type { PerdureFunction } from "../sdk/function.js";
import { runIdOf } from "../runtime/core/ids.js";
import { planMatch } from "../runtime/expressions/match-plan.js";
import { WaiterStore } from "../runtime/state/waiter-store.js";
import { Scenario } from "../test/scenario/world.js";
import { report, rounded } from "./report.js";

const client = new Perdure({ id: "bench" });
const EVENTS = 100;
const HOUR_MS = 3_600_000;

const placed = (n: number) => ({ name: "bench/placed", data: { id: `o_${n}` } });
const paid = (n: number) => ({ name: "bench/paid", data: { id: `o_${n}` } });

/** The wait's end shares its log item with the step after it, as it does in most functions. */
const waiting = (id: string, timeout: "10m" | "2h") =>
  client.createFunction({ id, triggers: { event: "bench/placed" } }, async ({ step }) => {
    await step.waitForEvent("paid", { event: "bench/paid", match: "data.id", timeout });
    await step.run("after", () => null);
  });
const stepping = client.createFunction({ id: "stepping", triggers: { event: "bench/placed" } }, async ({ step }) => {
  await step.run("after", () => null);
});
const empty = client.createFunction({ id: "empty", triggers: { event: "bench/placed" } }, () => Promise.resolve());

interface Units {
  writes: number;
  indexWrites: number;
  reads: number;
}

/** Units of runs whose second event comes a moment later; the second event's own routing is not counted. */
async function unitsOf(fn: PerdureFunction<never>): Promise<Units> {
  const scenario = await Scenario.start({ client, functions: [fn] });
  const mark = scenario.world.aws.ledger.mark();
  await Promise.all(Array.from({ length: EVENTS }, (_, n) => scenario.post([placed(n)])));
  await scenario.clock.settle();
  await scenario.advance(1_000);
  await Promise.all(Array.from({ length: EVENTS }, (_, n) => scenario.post([paid(n)])));
  await scenario.clock.settle();
  await scenario.advance(1_000);
  const { units } = scenario.world.aws.ledger.since(mark);
  await scenario.stop();
  return { writes: units.writeUnits, indexWrites: units.indexWriteUnits, reads: units.readUnits };
}

/** `allowed`: writes and index writes together. */
async function benchWait(operation: string, fn: PerdureFunction<never>, allowed: number): Promise<void> {
  const [waits, none] = [await unitsOf(fn), await unitsOf(stepping)];
  const each = (name: keyof Units): number => rounded((waits[name] - none[name]) / EVENTS);
  const [writes, indexWrites] = [each("writes"), each("indexWrites")];
  // A shape is put once for all waits of a worker: a tenth of a unit here, next to nothing in life.
  const within = writes + indexWrites <= allowed + 0.2;
  report({ bench: "matching", operation, writes, indexWrites, reads: each("reads"), allowedWrites: allowed, within });
}

async function benchEvents(waits: number): Promise<void> {
  const scenario = await Scenario.start({ client, functions: [empty] });
  await letWait(scenario, waits);
  await scenario.send({ name: "bench/unheard-of" });
  const mark = scenario.world.aws.ledger.mark();
  const begunMs = realClock.monotonic();
  await Promise.all(Array.from({ length: EVENTS }, (_, n) => scenario.post([paid(n)])));
  await scenario.clock.settle();
  const tookMs = realClock.monotonic() - begunMs;
  const { rows, units } = scenario.world.aws.ledger.since(mark);
  const calls = rows.filter(({ caller }) => caller === "dispatch").reduce((sum, row) => sum + row.calls, 0);
  await scenario.stop();
  report({
    bench: "matching",
    operation: "event that ends one wait",
    waits,
    callsOfDispatch: rounded(calls / EVENTS),
    writes: rounded((units.writeUnits + units.indexWriteUnits) / EVENTS),
    reads: rounded(units.readUnits / EVENTS),
    ms: rounded(tookMs / EVENTS),
  });
}

async function letWait(scenario: Scenario, waits: number): Promise<void> {
  const store = new WaiterStore(scenario.world.services("worker"));
  const nowMs = scenario.clock.now();
  for (let n = 0; n < waits; n += 1) {
    const trigger = `event-${n}`;
    const plan = planMatch("event.data.id == async.data.id", placed(n));
    if (!plan) throw new TypeError("Cannot wait: there is no plan; expected one equality");
    const run = runIdOf("bench", "waiting", trigger);
    const times = { afterMs: nowMs - 1, untilMs: nowMs + HOUR_MS, fromPlace: 0 };
    const waiter = { app: "bench", eventName: "bench/paid", plan, slot: "op", run, fn: "waiting", op: "op", ...times };
    await store.put({ ...waiter, excluded: [trigger], trigger });
  }
}

export async function benchMatching(): Promise<void> {
  await benchWait("wait of up to 10 minutes", waiting("short", "10m"), 8);
  // Its schedule is removed at the end, which is on record until it is done.
  await benchWait("wait of up to 2 hours", waiting("long", "2h"), 11);
  for (const waits of [100, 1_000, 10_000, 100_000]) await benchEvents(waits);
}
