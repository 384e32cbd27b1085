/**
 * Goal: an event costs what it matches, not what waits; events nobody waits for cost one small read for each name of a batch;
 * however many wait with one key, all are answered.
 * Method: waiters put into the table as a worker puts them; the calls of dispatch are counted by the ledger.
 */
import { describe, expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { runIdOf } from "../../runtime/core/ids.js";
import { planMatch } from "../../runtime/expressions/match-plan.js";
import { InboxStore } from "../../runtime/state/inbox-store.js";
import { WaiterStore } from "../../runtime/state/waiter-store.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });
const nobody = client.createFunction({ id: "nobody", triggers: { event: "shop/other" } }, () => Promise.resolve());
const BY_ORDER = "async.data.orderId == event.data.orderId";
const runOf = (n: number): string => runIdOf("shop", "waiting", `event-${n}`);

/** Lets runs wait, without there being any. */
async function letWait(scenario: Scenario, count: number, orderOf: (n: number) => string): Promise<void> {
  // Dispatch knows the registry from its first batch on.
  await scenario.send({ name: "shop/unheard-of" });
  const store = new WaiterStore(scenario.world.services("worker"));
  const nowMs = scenario.clock.now();
  for (let n = 0; n < count; n += 1) {
    const plan = planMatch(BY_ORDER, { data: { orderId: orderOf(n) } });
    if (!plan) throw new Error("There is no plan");
    await store.put({
      app: "shop",
      eventName: "shop/order.paid",
      plan,
      slot: "op",
      run: runOf(n),
      fn: "waiting",
      op: "op",
      afterMs: nowMs - 1,
      untilMs: nowMs + HOUR,
      fromPlace: 0,
      excluded: [],
      trigger: `event-${n}`,
    });
  }
}

/** Calls of dispatch while the work goes on, by operation. */
async function callsOf(scenario: Scenario, work: () => Promise<unknown>): Promise<Record<string, number>> {
  const mark = scenario.world.aws.ledger.mark();
  await work();
  const calls: Record<string, number> = {};
  for (const { caller, operation, calls: count } of scenario.world.aws.ledger.since(mark).rows) {
    if (caller === "dispatch") calls[operation] = (calls[operation] ?? 0) + count;
  }
  return calls;
}

const paid = (orderId: string) => ({ name: "shop/order.paid", data: { orderId } });

describe("an event", () => {
  it("costs the same with ten waiting as with a thousand", async () => {
    const costs = [];
    for (const waiting of [10, 1_000]) {
      const scenario = await start({ client, functions: [nobody] });
      await letWait(scenario, waiting, (n) => `o_${n}`);
      await scenario.advance(SECOND);
      costs.push(
        await callsOf(scenario, () => scenario.send(paid("o_7"))),
        await callsOf(scenario, () => scenario.send(paid("nobody's"))),
      );
    }
    // The registry; shapes and waiters; event and arrival; the wake; the waiter.
    const matching = { GetItem: 1, Query: 2, PutItem: 2, SendMessage: 1, DeleteItem: 1 };
    const matchless = { GetItem: 1, Query: 2, PutItem: 1 };
    expect(costs).toEqual([matching, matchless, matching, matchless]);
  });

  it("of a name nobody waits for costs one read, whatever else is waited for", async () => {
    const scenario = await start({ client, functions: [nobody] });
    await letWait(scenario, 10, (n) => `o_${n}`);
    const events = Array.from({ length: 8 }, () => ({ name: "shop/order.seen", data: { orderId: "o_1" } }));
    expect(await callsOf(scenario, () => scenario.send(...events))).toEqual({ GetItem: 1, Query: 1, PutItem: 8 });
  });

  it("answers everybody who waits with the same key, in pages", async () => {
    const scenario = await start({ client, functions: [nobody] });
    const waiting = 1_203;
    await letWait(scenario, waiting, () => "o_1");
    await scenario.advance(SECOND);
    const calls = await callsOf(scenario, async () => {
      await scenario.send(paid("o_1"));
      await scenario.advance(MINUTE);
    });
    expect(calls["DeleteItem"]).toBe(waiting);
    const inbox = new InboxStore(scenario.world.services("observer"));
    const arrivals = await Promise.all(Array.from({ length: waiting }, (_, n) => inbox.get(runOf(n), "op")));
    expect(arrivals.filter((arrival) => arrival?.why === "event")).toHaveLength(waiting);
  });
});
