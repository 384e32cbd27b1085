/**
 * Goal: a function's idempotency key lets one event through in 24 hours, whoever dies while the event is dispatched; what is
 * held back says why and names the run that stands for it.
 * Method: events through the HTTP API, their records read back; every call of the dispatcher struck once, in every way, while
 * two events of one key and one sender's id are on their way.
 */
import { describe, expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { PerdureFunction } from "../../sdk/function.js";
import type { Fault } from "../../local/aws/faults.js";
import { idempotencyKey } from "../../runtime/state/keys.js";
import { eventsQueueUrl, item, onceAt, sendRaw } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, START_MS, type Scenario } from "./world.js";

const start = scenarios();

/** A function that runs once for each cart, and notes which events it ran for. */
function perCart(client: Perdure, id: string, idempotency = "event.data.cartId") {
  const seen: unknown[] = [];
  const fn: PerdureFunction<never> = client.createFunction(
    { id, triggers: { event: "shop/paid" }, idempotency },
    async ({ event, step }) => step.run("note", () => void seen.push(event.data["n"])),
  );
  return { fn, seen };
}

const paid = (n: number, cartId?: unknown, more: object = {}): object => ({
  name: "shop/paid",
  data: { n, ...(cartId === undefined ? {} : { cartId }) },
  ...more,
});

async function verdicts(scenario: Scenario, eventId: string): Promise<string[]> {
  const { routes } = await scenario.event(eventId);
  return routes.map((route) => `${route.fn} ${"skipped" in route ? route.skipped : "run"}`);
}

it("the same key starts a function once in 24 hours, counted from the first event, and the record names the first run", async () => {
  const client = new Perdure({ id: "shop" });
  const { fn, seen } = perCart(client, "ship");
  const scenario = await start({ client, functions: [fn] });
  const [first = ""] = await scenario.send(paid(1, "c-1"));
  await scenario.advance(20 * HOUR);
  const [second = ""] = await scenario.send(paid(2, "c-1"));
  const [other = ""] = await scenario.send(paid(3, "c-2"));
  const [firstRun = ""] = await scenario.runIds(first);
  expect((await scenario.event(second)).routes).toEqual([
    { app: "shop", fn: "ship", skipped: "idempotent", run: firstRun },
  ]);
  expect(await verdicts(scenario, other)).toEqual(["ship run"]);
  // Had the second event moved the time, the third would be held back too.
  await scenario.advance(4 * HOUR + SECOND);
  await scenario.send(paid(4, "c-1"));
  expect(seen).toEqual([1, 3, 4]);
});

it("a key that is missing, null or cannot be computed holds nothing back", async () => {
  const client = new Perdure({ id: "shop" });
  const missing = perCart(client, "missing");
  const failing = perCart(client, "failing", "event.data.cartId / 0");
  const scenario = await start({ client, functions: [missing.fn, failing.fn] });
  await scenario.send(paid(1), paid(2, null), paid(3), paid(4, null));
  expect([...missing.seen].sort()).toEqual([1, 2, 3, 4]);
  expect([...failing.seen].sort()).toEqual([1, 2, 3, 4]);
});

it("keys are the function's own, and of any size and kind", async () => {
  const client = new Perdure({ id: "shop" });
  const ship = perCart(client, "ship");
  const bill = perCart(client, "bill", "[event.data.cartId, event.name]");
  const scenario = await start({ client, functions: [ship.fn, bill.fn] });
  const long = "é".repeat(10_000);
  for (const [n, cartId] of [long, `${long}!`, long, "7", 7, { a: [1] }, { a: [1] }, ""].entries()) {
    await scenario.send(paid(n, cartId));
  }
  // A number and its text are one key by itself, and two inside a list.
  expect(ship.seen).toEqual([0, 1, 3, 5, 7]);
  expect(bill.seen).toEqual([0, 1, 3, 4, 5, 7]);
});

it("a key is never a sender's id, nor the key of another expression", async () => {
  const client = new Perdure({ id: "shop" });
  const before = perCart(client, "ship");
  const after = perCart(client, "ship", "event.data.n");
  const scenario = await start({ client, functions: [before.fn] });
  await scenario.send(paid(1, "7"), paid(2, "y", { id: "7" }));
  expect([...before.seen].sort()).toEqual([1, 2]);
  await scenario.world.redeploy([after.fn]);
  await scenario.send(paid(7, "z"), paid(8, "1"));
  expect([...after.seen].sort()).toEqual([7, 8]);
});

it("an event held back by one of its two gates does not close the other", async () => {
  const client = new Perdure({ id: "shop" });
  const { fn, seen } = perCart(client, "ship");
  const scenario = await start({ client, functions: [fn] });
  await scenario.send(paid(1, "c-1", { id: "e-1" }));
  // The same cart under a new id, then that id for a new cart; the same id for a new cart, then that cart under a new id.
  const [byKey = ""] = await scenario.send(paid(2, "c-1", { id: "e-2" }));
  await scenario.send(paid(3, "c-2", { id: "e-2" }));
  const [byId = ""] = await scenario.send(paid(4, "c-3", { id: "e-1" }));
  await scenario.send(paid(5, "c-3", { id: "e-3" }));
  expect(await verdicts(scenario, byKey)).toEqual(["ship idempotent"]);
  expect(await verdicts(scenario, byId)).toEqual(["ship duplicate"]);
  expect(seen).toEqual([1, 3, 5]);
});

it("an event that is dispatched again a day later neither runs again nor closes its gate again", async () => {
  const client = new Perdure({ id: "shop" });
  const { fn, seen } = perCart(client, "ship");
  const scenario = await start({ client, functions: [fn] });
  const [first = ""] = await scenario.send(paid(1, "c-1"));
  await scenario.advance(DAY + HOUR);
  const event = { name: "shop/paid", data: { n: 1, cartId: "c-1" }, id: first, ts: START_MS };
  const message = { v: 1, kind: "events", events: [{ id: first, receivedAtMs: START_MS, event }] };
  await sendRaw(scenario, eventsQueueUrl(scenario), JSON.stringify(message));
  await scenario.advance(MINUTE);
  expect(seen).toEqual([1]);
  await scenario.send(paid(2, "c-1"));
  expect(seen).toEqual([1, 2]);
});

it("an expression that cannot be read is refused when the function is registered", async () => {
  const client = new Perdure({ id: "shop" });
  const fine = perCart(client, "fine");
  const scenario = await start({ client, functions: [fine.fn] });
  const broken = perCart(client, "broken", "event.data.cartId ==");
  await expect(scenario.world.redeploy([broken.fn])).rejects.toMatchObject({
    code: "REGISTRATION_REFUSED",
    message: expect.stringContaining('function "broken": Cannot read expression') as unknown,
  });
});

it("the key's item goes by itself after 24 hours and holds no part of the key", async () => {
  const client = new Perdure({ id: "shop" });
  const { fn } = perCart(client, "ship");
  const scenario = await start({ client, functions: [fn] });
  await scenario.send(paid(1, "secret-cart"));
  const { pk, sk } = idempotencyKey("shop", "ship", "event.data.cartId", "secret-cart");
  const stored = await item(scenario, pk, sk);
  expect(stored?.["ttl"]).toEqual({ N: String((START_MS + DAY) / SECOND) });
  expect(JSON.stringify(stored)).not.toContain("secret-cart");
});

describe("every call of the dispatcher, gone wrong in every way", () => {
  const MODES: readonly Fault[] = ["crash-before", "crash-after", "lost", "drop", "throttle", "double"];
  const LATE: readonly Fault[] = [{ freezeMs: 40 * SECOND }, { freezeMs: 40 * SECOND, when: "after" }];

  /** Two events of one cart, one of them with a sender's id used again, while the dispatcher's call number `at` goes wrong. */
  async function trial(at: number, fault: Fault | null): Promise<{ calls: number; ran: number; problems: string[] }> {
    const client = new Perdure({ id: "shop" });
    const { fn, seen } = perCart(client, "ship");
    const scenario = await start({ client, functions: [fn] });
    let calls = 0;
    onceAt(
      scenario,
      ({ caller }) => {
        if (caller.name === "dispatch") calls += 1;
        return fault !== null && caller.name === "dispatch" && calls === at;
      },
      fault ?? "drop",
    );
    const ids = await scenario.post([paid(1, "c-1", { id: "e-1" }), paid(2, "c-1"), paid(3, "c-1", { id: "e-1" })]);
    await scenario.advance(10 * MINUTE);
    const records = await Promise.all(ids.map((id) => scenario.event(id)));
    const routes = records.flatMap((record) => record.routes);
    const runs = routes.flatMap((route) => ("skipped" in route ? [] : [route.run]));
    const stands = routes.every((route) => route.run === runs[0]);
    const problems = [
      ...(runs.length === 1 ? [] : [`${runs.length} of the events have a run`]),
      ...(stands ? [] : ["a record names a run that is not the one there is"]),
      ...(seen.length === 1 ? [] : [`the function ran ${seen.length} times`]),
    ];
    await scenario.stop();
    return { calls, ran: seen.length, problems };
  }

  it("leaves one run, which every record names", { timeout: 60_000 }, async () => {
    const { calls, problems: sound } = await trial(0, null);
    expect(sound).toEqual([]);
    expect(calls).toBeGreaterThan(6);
    const findings: string[] = [];
    for (let at = 1; at <= calls; at += 1) {
      for (const fault of [...MODES, ...LATE]) {
        const { problems } = await trial(at, fault);
        findings.push(...problems.map((problem) => `${JSON.stringify(fault)}@${at}: ${problem}`));
      }
    }
    expect(findings).toEqual([]);
  });
});
