/**
 * Goal: an event that fits a function's `cancelOn` ends its run, queued, at work or waiting, and no other; one that was received
 * before the run's own event ends nothing; what the run has left for events to find goes with it.
 * Method: the whole platform in virtual time; heads, logs and table items are read, calls counted.
 */
import { describe, expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import type { CancelOn } from "../../sdk/cancel-on.js";
import type { AwsCall } from "../../local/aws/call.js";
import { isPutOf, onceAt } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });
const BY_ORDER = [{ event: "shop/order.cancelled", match: "data.orderId" }] as const;

const sleeper = (cancelOn: readonly CancelOn[], woken: string[] = []) =>
  client.createFunction(
    { id: "sleeper", triggers: { event: "shop/order.placed" }, cancelOn },
    async ({ step, event }) => {
      await step.sleep("winter", "30d");
      woken.push(String(event.data["orderId"]));
    },
  );

const placed = (orderId = "o_1", more: object = {}) => ({ name: "shop/order.placed", data: { orderId, ...more } });
const cancelled = (orderId = "o_1", more: object = {}) => ({
  name: "shop/order.cancelled",
  data: { orderId, ...more },
});

async function tell(scenario: Scenario, ...events: object[]): Promise<string[]> {
  const ids = await scenario.send(...events);
  await scenario.advance(SECOND);
  return ids;
}

const statusOf = async (scenario: Scenario, eventId: string) => (await scenario.runOf(eventId)).head.status;

const isAbout = ({ input }: AwsCall, text: string): boolean => JSON.stringify(input).includes(text);

/** Waiters removed and put since the mark. */
function waiterCalls(scenario: Scenario, work: () => Promise<void>): Promise<{ put: number; removed: number }> {
  const calls = { put: 0, removed: 0 };
  scenario.world.aws.faults.add((call) => {
    if (isAbout(call, "#WAIT#") && call.operation === "PutItem") calls.put += 1;
    if (isAbout(call, "#WAIT#") && call.operation === "DeleteItem") calls.removed += 1;
    return undefined;
  });
  return work().then(() => calls);
}

describe("a run that fits", () => {
  it("is cancelled while it sleeps, with the reason, and never wakes", async () => {
    const woken: string[] = [];
    const scenario = await start({ client, functions: [sleeper(BY_ORDER, woken)] });
    const [first = ""] = await tell(scenario, placed("o_1"));
    const [second = ""] = await tell(scenario, placed("o_2"));
    const [eventId = ""] = await tell(scenario, cancelled("o_1"));
    const { head } = await scenario.runOf(first);
    expect([head.status, head.reason?.code]).toEqual(["Cancelled", "CANCELLED_BY_EVENT"]);
    expect(head.reason?.message).toContain(eventId);
    expect(await statusOf(scenario, second)).toBe("Running");
    await scenario.advance(31 * DAY);
    expect(woken).toEqual(["o_2"]);
  });

  it("is told by its signal in the middle of a step, and records nothing more", async () => {
    let scenario: Scenario | null = null;
    let toldAfterMs = -1;
    const fn = client.createFunction(
      { id: "long", triggers: { event: "shop/order.placed" }, cancelOn: BY_ORDER },
      async ({ step, signal }) => {
        await step.run("work", async () => {
          const clock = scenario?.clock;
          if (!clock) return;
          const begunMs = clock.now();
          signal.addEventListener("abort", () => (toldAfterMs = clock.now() - begunMs - 20 * SECOND));
          await sleep(clock, MINUTE);
        });
      },
    );
    scenario = await start({ client, functions: [fn] });
    const [id = ""] = await scenario.send(placed());
    await scenario.advance(20 * SECOND);
    await scenario.send(cancelled());
    await scenario.advance(5 * SECOND);
    expect(toldAfterMs).toBeGreaterThanOrEqual(0);
    expect(toldAfterMs).toBeLessThanOrEqual(5 * SECOND);
    await scenario.advance(5 * MINUTE);
    const { head, entries } = await scenario.runOf(id);
    expect([head.status, entries]).toEqual(["Cancelled", []]);
  });

  it("never starts when it was still queued", async () => {
    const bodies: string[] = [];
    const fn = client.createFunction(
      { id: "later", triggers: { event: "shop/order.placed" }, cancelOn: BY_ORDER },
      async ({ step }) => void (await step.run("work", () => void bodies.push("ran"))),
    );
    const scenario = await start({ client, functions: [fn] });
    const [id = ""] = await tell(scenario, { ...placed(), ts: scenario.clock.now() + HOUR });
    expect(await statusOf(scenario, id)).toBe("Queued");
    await tell(scenario, cancelled());
    await scenario.advance(2 * HOUR);
    expect([await statusOf(scenario, id), bodies]).toEqual(["Cancelled", []]);
  });

  it("is cancelled by any of up to five events, each with its own condition and time", async () => {
    const cancelOn: CancelOn[] = [
      { event: "shop/order.cancelled", if: "async.data.orderId == event.data.orderId && async.data.by != 'robot'" },
      { event: "shop/closed" },
      { event: "shop/customer.gone", match: "data.customerId", timeout: "1d" },
    ];
    const scenario = await start({ client, functions: [sleeper(cancelOn)] });
    const [first = ""] = await tell(scenario, placed("o_1", { customerId: "c_1" }));
    await tell(scenario, cancelled("o_1", { by: "robot" }), {
      name: "shop/customer.gone",
      data: { customerId: "c_2" },
    });
    expect(await statusOf(scenario, first)).toBe("Running");
    await tell(scenario, cancelled("o_1", { by: "customer" }));
    expect(await statusOf(scenario, first)).toBe("Cancelled");
    const [second = ""] = await tell(scenario, placed("o_2", { customerId: "c_2" }));
    await scenario.advance(2 * DAY);
    await tell(scenario, { name: "shop/customer.gone", data: { customerId: "c_2" } });
    expect(await statusOf(scenario, second)).toBe("Running");
    await tell(scenario, { name: "shop/closed", data: {} });
    expect(await statusOf(scenario, second)).toBe("Cancelled");
  });

  it("is not cancelled by an event received before its own, even a moment before, and dispatched after", async () => {
    const scenario = await start({ client, functions: [sleeper(BY_ORDER)] });
    onceAt(
      scenario,
      (call) => call.caller.name === "dispatch" && isPutOf(call, "EVENT") && isAbout(call, "cancelled"),
      {
        freezeMs: SECOND,
      },
    );
    await scenario.post([cancelled()]);
    await scenario.advance(10);
    const [id = ""] = await tell(scenario, placed());
    await scenario.advance(MINUTE);
    expect(await statusOf(scenario, id)).toBe("Running");
  });

  it("is cancelled by what its request holds after its own event, not by what it holds before", async () => {
    const scenario = await start({ client, functions: [sleeper(BY_ORDER)] });
    const [, anew = ""] = await tell(scenario, cancelled("o_1"), placed("o_1"));
    const [withdrawn = ""] = await tell(scenario, placed("o_2"), cancelled("o_2"));
    expect([await statusOf(scenario, anew), await statusOf(scenario, withdrawn)]).toEqual(["Running", "Cancelled"]);
  });

  it("is cancelled by an event that was dispatched before its run was made", async () => {
    const scenario = await start({ client, functions: [sleeper(BY_ORDER)] });
    // The run's own event waits for its message to come again.
    onceAt(
      scenario,
      (call) => call.caller.name === "dispatch" && isPutOf(call, "EVENT") && isAbout(call, "placed"),
      "crash-before",
    );
    const [id = ""] = await scenario.send(placed());
    await scenario.advance(SECOND);
    await tell(scenario, cancelled());
    await scenario.advance(10 * MINUTE);
    expect(await statusOf(scenario, id)).toBe("Cancelled");
  });

  it("is cancelled by an event that comes right after its own", async () => {
    const scenario = await start({ client, functions: [sleeper(BY_ORDER)] });
    const [id = ""] = await scenario.post([placed()]);
    await scenario.advance(1);
    await scenario.post([cancelled()]);
    await scenario.advance(MINUTE);
    expect(await statusOf(scenario, id ?? "")).toBe("Cancelled");
  });

  it("that waits for an event is let go of: what it waits for wakes nobody", async () => {
    const fn = client.createFunction(
      { id: "waiting", triggers: { event: "shop/order.placed" }, cancelOn: BY_ORDER },
      ({ step }) => step.waitForEvent("paid", { event: "shop/order.paid", match: "data.orderId", timeout: "1h" }),
    );
    const scenario = await start({ client, functions: [fn] });
    const [id = ""] = await tell(scenario, placed());
    const calls = await waiterCalls(scenario, async () => {
      await tell(scenario, cancelled());
      await scenario.advance(10 * SECOND);
    });
    // The one that cancelled it by dispatch and by the worker, and the wait's.
    expect(calls.removed).toBeGreaterThanOrEqual(2);
    await tell(scenario, { name: "shop/order.paid", data: { orderId: "o_1" } });
    await scenario.advance(2 * HOUR);
    expect(await statusOf(scenario, id)).toBe("Cancelled");
  });
});

describe("what is left behind", () => {
  it("nothing: waiters go with the run's end", async () => {
    const fn = client.createFunction(
      { id: "short", triggers: { event: "shop/order.placed" }, cancelOn: [...BY_ORDER, { event: "shop/closed" }] },
      () => Promise.resolve("done"),
    );
    const scenario = await start({ client, functions: [fn] });
    const calls = await waiterCalls(scenario, async () => void (await tell(scenario, placed())));
    expect(calls).toEqual({ put: 2, removed: 2 });
  });

  it("an entry that no event can fit costs nothing", async () => {
    const scenario = await start({
      client,
      functions: [sleeper([{ event: "shop/order.cancelled", if: "event.data.plan == 'pro' && async.data.x == 1" }])],
    });
    const calls = await waiterCalls(scenario, async () => void (await tell(scenario, placed())));
    expect(calls).toEqual({ put: 0, removed: 0 });
  });

  it("a cancel whose dispatch dies after it is finished by the message that comes again", async () => {
    const scenario = await start({ client, functions: [sleeper(BY_ORDER)] });
    const [id = ""] = await tell(scenario, placed());
    const isWake = (call: AwsCall): boolean =>
      call.caller.name === "dispatch" && call.service === "sqs" && isAbout(call, "arrival");
    const crashed = onceAt(scenario, isWake, "crash-before");
    await tell(scenario, cancelled());
    expect(crashed()).toBe(true);
    expect(await statusOf(scenario, id)).toBe("Cancelled");
    await scenario.advance(10 * MINUTE);
    const { head } = await scenario.runOf(id);
    expect([head.status, head.effects]).toEqual(["Cancelled", []]);
  });
});

describe("registration", () => {
  const create = (cancelOn: unknown) => () =>
    client.createFunction({ id: "f", triggers: { event: "a" }, cancelOn: cancelOn as readonly CancelOn[] }, () =>
      Promise.resolve(),
    );

  it.each([
    ["no list", { event: "a" }, "its cancelOn is no list"],
    ["six entries", Array.from({ length: 6 }, () => ({ event: "a" })), "its cancelOn has 6 entries"],
    ["a wildcard", [{ event: "a/*" }], "wildcard"],
    ["if and match", [{ event: "a", if: "true", match: "data.x" }], "both if and match"],
    ["no member", [{ event: "a", match: "data..x" }], "its match is"],
    ["an unknown member", [{ event: "a", when: "x" }], 'there is no "when"'],
    ["a timeout that is none", [{ event: "a", timeout: "soon" }], "the timeout of an entry"],
    ["a timeout that has no JSON", [{ event: "a", timeout: 10n }], "the timeout of an entry is 10n"],
  ])("refuses %s", (_, cancelOn, is) => {
    expect(create(cancelOn)).toThrow(is);
  });

  it("refuses an expression that cannot be read, with the place marked", async () => {
    const fn = sleeper([{ event: "shop/order.cancelled", if: "async.data.x = 1" }]);
    await expect(start({ client, functions: [fn] })).rejects.toThrow(/"=" stands alone[^]*EXPRESSION_INVALID/);
  });
});
