/**
 * Goal: a wait for an event ends once, with the event that fits or with the time: whatever comes together, twice, just before or
 * just after; and a loop of waits sees no event twice.
 * Method: the whole platform in virtual time; what the function was shown is its result.
 */
import { describe, expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { StepTools } from "../../sdk/steps.js";
import type { AwsCall } from "../../local/aws/call.js";
import { isPutOf, itemsOf, onceAt } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

const wait = (body: (step: StepTools, event: { data: Record<string, unknown> }) => Promise<unknown>) =>
  client.createFunction({ id: "waiting", triggers: { event: "shop/order.placed" } }, async ({ step, event }) =>
    body(step, event),
  );

const untilPaid = wait((step) =>
  step.waitForEvent("paid", { event: "shop/order.paid", match: "data.orderId", timeout: "1h" }),
);

const placed = (orderId = "o_1", more: object = {}) => ({ name: "shop/order.placed", data: { orderId, ...more } });
const paid = (orderId = "o_1", by = "card") => ({ name: "shop/order.paid", data: { orderId, by } });

/** Sends events and gives what follows a moment: a turn rests for some milliseconds before it parks. */
async function tell(scenario: Scenario, ...events: object[]): Promise<string[]> {
  const ids = await scenario.send(...events);
  await scenario.advance(SECOND);
  return ids;
}

const isAbout = ({ input }: AwsCall, text: string): boolean => JSON.stringify(input).includes(text);

async function outputOf(scenario: Scenario, eventId: string): Promise<unknown> {
  const { head, output } = await scenario.runOf(eventId);
  return head.status === "Completed" ? output : head.status;
}

describe("one wait", () => {
  it("ends with the event that fits, and no other", async () => {
    const scenario = await start({ client, functions: [untilPaid] });
    const [first = ""] = await tell(scenario, placed("o_1"));
    const [second = ""] = await tell(scenario, placed("o_2"));
    await tell(scenario, { name: "shop/order.refunded", data: { orderId: "o_1" } });
    const [paidId = ""] = await tell(scenario, paid("o_2"));
    expect(await outputOf(scenario, first)).toBe("Running");
    const { output, entries } = await scenario.runOf(second);
    expect(output).toMatchObject({ name: "shop/order.paid", data: { orderId: "o_2", by: "card" }, id: paidId });
    expect(entries.map((entry) => entry.k)).toEqual(["op", "seen"]);
    expect(entries[1]).toMatchObject({ eventId: paidId });
  });

  it("ends with null when the time is up, and what comes later changes nothing", async () => {
    const scenario = await start({ client, functions: [untilPaid] });
    const [id = ""] = await tell(scenario, placed());
    await scenario.advance(HOUR - 2 * SECOND);
    expect(await outputOf(scenario, id)).toBe("Running");
    await scenario.advance(3 * SECOND);
    expect(await outputOf(scenario, id)).toBeNull();
    await tell(scenario, paid());
    expect(await outputOf(scenario, id)).toBeNull();
  });

  it("waits for a year", async () => {
    const fn = wait((step) =>
      step.waitForEvent("paid", { event: "shop/order.paid", match: "data.orderId", timeout: "365d" }),
    );
    const scenario = await start({ client, functions: [fn] });
    const [id = ""] = await tell(scenario, placed());
    const [runId = ""] = await scenario.runIds(id);
    // Once a day is enough, and takes less of the test's time than once a minute.
    for (let day = 0; day < 364; day += 1) {
      await scenario.advance(DAY);
      await scenario.world.lambda("sweep").invoke({});
    }
    // Looked at once a week, kept all the time, and without a schedule.
    expect((await scenario.run(runId)).head).toMatchObject({ status: "Running", epoch: 52, timer: null });
    await tell(scenario, paid());
    expect(await outputOf(scenario, id)).toMatchObject({ data: { by: "card" } });
  });

  it("asks what no key holds: a condition beside the equality", async () => {
    const fn = wait((step) =>
      step.waitForEvent("paid", {
        event: "shop/order.paid",
        if: "async.data.orderId == event.data.orderId && async.data.amount >= event.data.total",
        timeout: "1h",
      }),
    );
    const scenario = await start({ client, functions: [fn] });
    const [id = ""] = await tell(scenario, placed("o_1", { total: 10 }));
    await tell(scenario, { name: "shop/order.paid", data: { orderId: "o_1", amount: 9 } });
    expect(await outputOf(scenario, id)).toBe("Running");
    await tell(scenario, { name: "shop/order.paid", data: { orderId: "o_1", amount: 10 } });
    expect(await outputOf(scenario, id)).toMatchObject({ data: { amount: 10 } });
  });

  it("takes the condition's own event from the table where it is too large for the waiter", async () => {
    const fn = wait((step) =>
      step.waitForEvent("paid", { event: "shop/order.paid", if: "async.data.by in event.data.payers", timeout: "1h" }),
    );
    const scenario = await start({ client, functions: [fn] });
    let state = 1;
    const noise = () => (state = (state * 48_271) % 2_147_483_647).toString(36);
    const payers = Array.from({ length: 8_000 }, noise);
    const [id = ""] = await tell(scenario, placed("o_1", { payers: [...payers, "cash"] }));
    await tell(scenario, paid("o_1", "card"));
    expect(await outputOf(scenario, id)).toBe("Running");
    await tell(scenario, paid("o_1", "cash"));
    expect(await outputOf(scenario, id)).toMatchObject({ data: { by: "cash" } });
  });

  it("brings an event too large for the table", async () => {
    const scenario = await start({ client, functions: [untilPaid] });
    const [id = ""] = await tell(scenario, placed());
    let state = 7;
    const noise = () => (state = (state * 48_271) % 2_147_483_647).toString(36);
    const lines = Array.from({ length: 9_000 }, noise);
    await tell(scenario, { name: "shop/order.paid", data: { orderId: "o_1", lines } });
    expect(await outputOf(scenario, id)).toMatchObject({ data: { lines } });
  });

  it("rejects with the place marked when its expression cannot be read, and the function may catch it", async () => {
    const fn = wait((step) =>
      step
        .waitForEvent("paid", { event: "shop/order.paid", if: "async.data.x = 1", timeout: "1h" })
        .catch((error: unknown) => (error instanceof Error ? error.message : "none")),
    );
    const scenario = await start({ client, functions: [fn] });
    const [id = ""] = await tell(scenario, placed());
    expect(await outputOf(scenario, id)).toContain('Cannot read expression "async.data.x = 1": "=" stands alone');
  });

  it("that no event can end costs no waiter, and ends with the time", async () => {
    const fn = wait((step) =>
      step.waitForEvent("paid", { event: "shop/order.paid", if: "event.data.plan == 'pro'", timeout: "1h" }),
    );
    const scenario = await start({ client, functions: [fn] });
    const mark = scenario.world.aws.ledger.mark();
    const [id = ""] = await tell(scenario, placed());
    const rows = scenario.world.aws.ledger.since(mark).rows.filter(({ operation }) => operation === "PutItem");
    // The event's item, the run, and its op: no waiter and no shape.
    expect(rows.reduce((sum, { calls }) => sum + calls, 0)).toBe(3);
    await tell(scenario, paid());
    await scenario.advance(HOUR + SECOND);
    expect(await outputOf(scenario, id)).toBeNull();
  });

  it("is not ended by the event that started its run", async () => {
    const fn = wait((step) =>
      step.waitForEvent("again", { event: "shop/order.placed", match: "data.orderId", timeout: "1h" }),
    );
    const scenario = await start({ client, functions: [fn] });
    const [first = ""] = await tell(scenario, placed());
    expect(await outputOf(scenario, first)).toBe("Running");
    const [second = ""] = await tell(scenario, placed());
    expect(await outputOf(scenario, first)).toMatchObject({ id: second });
  });

  it("is ended by an event that was sent twice under one id of its sender's: that starts functions once, and ends waits", async () => {
    const scenario = await start({ client, functions: [untilPaid] });
    await tell(scenario, { ...paid(), id: "payment-1" });
    const [id = ""] = await tell(scenario, placed());
    await scenario.advance(10 * SECOND);
    await tell(scenario, { ...paid(), id: "payment-1" });
    expect(await outputOf(scenario, id)).toMatchObject({ id: "payment-1" });
  });
});

describe("event and time together", () => {
  it("settle once, whichever was first", async () => {
    for (const offsetMs of [-SECOND, -1, 0, 1, SECOND]) {
      const scenario = await start({ client, functions: [untilPaid] });
      const [id = ""] = await tell(scenario, placed());
      const { entries } = await scenario.runOf(id);
      const untilMs = entries[0]?.k === "op" && entries[0].op.kind === "event" ? entries[0].op.untilMs : 0;
      await scenario.advance(untilMs + offsetMs - scenario.clock.now());
      await tell(scenario, paid());
      await scenario.advance(MINUTE);
      const run = await scenario.runOf(id);
      expect(run.head.status).toBe("Completed");
      expect(run.entries.filter((entry) => entry.k === "seen")).toHaveLength(1);
      const inbox = (await itemsOf(scenario, run.head.runId)).filter((item) => item["sk"]?.S?.startsWith("IN#"));
      expect(inbox).toHaveLength(1);
      expect(run.output === null).toBe(inbox[0]?.["why"]?.S === "timeout");
      if (offsetMs === -SECOND) expect(run.output).not.toBeNull();
      if (offsetMs >= 0) expect(run.output).toBeNull();
    }
  });
});

describe("what comes twice or too late", () => {
  it("a dispatch message that comes again finds its own arrival and wakes again", async () => {
    const scenario = await start({ client, functions: [untilPaid] });
    const [id = ""] = await tell(scenario, placed());
    // Dispatch dies after the arrival and before the wake.
    const broken = onceAt(
      scenario,
      ({ caller, service, operation, input }) =>
        caller.name === "dispatch" &&
        service === "sqs" &&
        operation.startsWith("SendMessage") &&
        JSON.stringify(input).includes("arrival"),
      "crash-before",
    );
    await tell(scenario, paid());
    expect(broken()).toBe(true);
    expect(await outputOf(scenario, id)).toBe("Running");
    await scenario.advance(10 * MINUTE);
    expect(await outputOf(scenario, id)).toMatchObject({ data: { by: "card" } });
  });

  it("two events: the first counts", async () => {
    const scenario = await start({ client, functions: [untilPaid] });
    const [id = ""] = await tell(scenario, placed());
    await scenario.post([paid("o_1", "first")]);
    await scenario.post([paid("o_1", "second")]);
    await scenario.clock.settle();
    expect(await outputOf(scenario, id)).toMatchObject({ data: { by: "first" } });
  });

  it("an event for a run that was cancelled wakes nobody", async () => {
    const scenario = await start({ client, functions: [untilPaid] });
    const [id = ""] = await tell(scenario, placed());
    const [runId = ""] = await scenario.runIds(id);
    const headers = { authorization: "Bearer test-signing-key" };
    await scenario.world.request("DELETE", `/api/v1/runs/${runId}`, undefined, headers);
    await scenario.clock.settle();
    await tell(scenario, paid());
    await scenario.advance(2 * HOUR);
    expect(await outputOf(scenario, id)).toBe("Cancelled");
  });

  it("waiters go when they are served", async () => {
    const scenario = await start({ client, functions: [untilPaid] });
    await tell(scenario, placed());
    const mark = scenario.world.aws.ledger.mark();
    await tell(scenario, paid());
    const removals = scenario.world.aws.ledger.since(mark).rows.filter(({ operation }) => operation === "DeleteItem");
    expect(removals.reduce((sum, { calls }) => sum + calls, 0)).toBe(1);
  });
});

describe("just before and just after", () => {
  it("an event between the op's entry and the waiter is found by the one that arms anew after a crash", async () => {
    const scenario = await start({ client, functions: [untilPaid] });
    const crashed = onceAt(
      scenario,
      ({ caller, input }) => caller.name === "worker" && JSON.stringify(input).includes("#WAIT#"),
      "crash-before",
    );
    const [id = ""] = await tell(scenario, placed());
    expect(crashed()).toBe(true);
    await scenario.advance(5 * SECOND);
    await tell(scenario, paid());
    await scenario.advance(5 * MINUTE);
    expect(await outputOf(scenario, id)).toMatchObject({ data: { by: "card" } });
  });

  it("an event that is dispatched late, from before the wait was asked for by no more than clocks differ, counts", async () => {
    const fn = wait(async (step) => {
      await step.sendEvent("ask", { name: "shop/payment.asked", data: { orderId: "o_1" } });
      return step.waitForEvent("paid", { event: "shop/order.paid", match: "data.orderId", timeout: "1h" });
    });
    const answer = client.createFunction({ id: "answering", triggers: { event: "shop/payment.asked" } }, ({ step }) =>
      step.sendEvent("paid", paid()),
    );
    const scenario = await start({ client, functions: [fn, answer] });
    onceAt(
      scenario,
      (call) => call.caller.name === "dispatch" && isPutOf(call, "EVENT") && isAbout(call, "shop/order.paid"),
      {
        freezeMs: SECOND,
      },
    );
    const [id = ""] = await tell(scenario, placed());
    await scenario.advance(MINUTE);
    expect(await outputOf(scenario, id)).toMatchObject({ data: { by: "card" } });
  });
});

describe("a loop of waits", () => {
  it("sees each event once, whatever is delivered again", async () => {
    const fn = wait(async (step) => {
      const seen: unknown[] = [];
      for (let round = 0; round < 4; round += 1) {
        const event = await step.waitForEvent("next", {
          event: "shop/order.paid",
          match: "data.orderId",
          timeout: "1m",
        });
        seen.push(event && event.data["by"]);
      }
      return seen;
    });
    const scenario = await start({ client, functions: [fn] });
    const [id = ""] = await tell(scenario, placed());
    // The first delivery's waiter is not removed, and its message comes again.
    onceAt(
      scenario,
      ({ caller, operation }) => caller.name === "dispatch" && operation === "DeleteItem",
      "crash-before",
    );
    await tell(scenario, paid("o_1", "a"));
    await tell(scenario, paid("o_1", "b"));
    await scenario.advance(10 * MINUTE);
    expect(await outputOf(scenario, id)).toEqual(["a", "b", null, null]);
  });
});

describe("several events", () => {
  const fn = wait((step) =>
    step.waitForAny("answer", {
      events: [
        { event: "shop/order.paid", match: "data.orderId" },
        { event: "shop/order.rejected", match: "data.orderId" },
        { event: "shop/order.paid", if: "async.data.all == true" },
      ],
      timeout: "1h",
    }),
  );

  it.each([
    [paid("o_1")],
    [{ name: "shop/order.rejected", data: { orderId: "o_1" } }],
    [{ name: "shop/order.paid", data: { orderId: "o_9", all: true } }],
  ])("the first one ends the wait: %j", async (event) => {
    const scenario = await start({ client, functions: [fn] });
    const [id = ""] = await tell(scenario, placed());
    await tell(scenario, { name: "shop/order.rejected", data: { orderId: "o_9" } });
    expect(await outputOf(scenario, id)).toBe("Running");
    await tell(scenario, event);
    expect(await outputOf(scenario, id)).toMatchObject(event);
  });

  it("what comes after is not shown", async () => {
    const scenario = await start({ client, functions: [fn] });
    const [id = ""] = await tell(scenario, placed());
    await tell(scenario, { name: "shop/order.rejected", data: { orderId: "o_1" } });
    await tell(scenario, paid("o_1"));
    expect(await outputOf(scenario, id)).toMatchObject({ name: "shop/order.rejected" });
  });
});

describe("looking back", () => {
  const after = (lookback: "run" | "5m") =>
    wait(async (step) => {
      await step.sleep("meanwhile", "3m");
      return step.waitForEvent("paid", { event: "shop/order.paid", match: "data.orderId", timeout: "1h", lookback });
    });

  it.each(["run", "5m"] as const)("finds what came before the wait (%s), the earliest that fits", async (lookback) => {
    const scenario = await start({ client, functions: [after(lookback)] });
    const [id = ""] = await tell(scenario, placed());
    await scenario.advance(MINUTE);
    await tell(scenario, paid("o_2", "other"));
    await tell(scenario, paid("o_1", "early"));
    await scenario.advance(SECOND);
    await tell(scenario, paid("o_1", "late"));
    await scenario.advance(3 * MINUTE);
    expect(await outputOf(scenario, id)).toMatchObject({ data: { by: "early" } });
  });

  it("goes no further back than was asked for", async () => {
    const scenario = await start({ client, functions: [after("run"), after("5m")].slice(0, 1) });
    await tell(scenario, paid("o_1", "before the run"));
    await scenario.advance(SECOND);
    const [id = ""] = await tell(scenario, placed());
    await scenario.advance(4 * MINUTE);
    expect(await outputOf(scenario, id)).toBe("Running");
    await scenario.advance(2 * HOUR);
    expect(await outputOf(scenario, id)).toBeNull();
  });

  it("finds what came before the run, within the time", async () => {
    const scenario = await start({ client, functions: [after("5m")] });
    await tell(scenario, paid("o_1", "before the run"));
    await scenario.advance(SECOND);
    const [id = ""] = await tell(scenario, placed());
    await scenario.advance(4 * MINUTE);
    expect(await outputOf(scenario, id)).toMatchObject({ data: { by: "before the run" } });
  });

  it("shows no event that the run has seen", async () => {
    const fn = wait(async (step) => {
      const options = { event: "shop/order.paid", match: "data.orderId", timeout: "1m", lookback: "run" } as const;
      const seen = [];
      for (let round = 0; round < 3; round += 1)
        seen.push((await step.waitForEvent("next", options))?.data["by"] ?? null);
      return seen;
    });
    const scenario = await start({ client, functions: [fn] });
    const [id = ""] = await tell(scenario, placed());
    await tell(scenario, paid("o_1", "a"), paid("o_1", "b"));
    await scenario.advance(5 * MINUTE);
    const { output } = await scenario.runOf(id);
    expect(output).toHaveLength(3);
    expect(new Set(output as unknown[])).toEqual(new Set(["a", "b", null]));
  });

  it("goes over many events and days in legs", async () => {
    const fn = wait(async (step) => {
      await step.sleep("meanwhile", "50h");
      return step.waitForEvent("paid", {
        event: "shop/order.paid",
        match: "data.orderId",
        timeout: "1h",
        lookback: "run",
      });
    });
    const scenario = await start({ client, functions: [fn] });
    const [id = ""] = await tell(scenario, placed());
    await tell(scenario, ...Array.from({ length: 1_200 }, (_, n) => paid(`other-${n}`)));
    await scenario.advance(49 * HOUR);
    await tell(scenario, paid("o_1", "late"));
    await scenario.advance(2 * HOUR);
    expect(await outputOf(scenario, id)).toMatchObject({ data: { by: "late" } });
  });
});

it("an event put on record twice by a message that was delivered twice ends the wait once", async () => {
  const scenario = await start({ client, functions: [untilPaid] });
  const [id = ""] = await tell(scenario, placed());
  onceAt(scenario, (call) => call.caller.name === "dispatch" && isPutOf(call, "IN#"), "lost");
  await tell(scenario, paid());
  await scenario.advance(MINUTE);
  expect(await outputOf(scenario, id)).toMatchObject({ data: { by: "card" } });
});
