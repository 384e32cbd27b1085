/**
 * Goal: the end of a run is told to who listens, once, and to nobody when nobody listens.
 * Method: the whole platform in virtual time; functions that listen note what they are given, calls are counted by the ledger.
 */
import { describe, expect, it } from "vitest";
import type { PerdureFunction } from "../../sdk/function.js";
import { referenceFunction } from "../../sdk/reference.js";
import { quietClient } from "../crash/stage.js";
import { eventsQueueUrl, postRaw, refusalCode, sendRaw } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = quietClient();
const go = { event: "shop/go" } as const;

const fails = (id = "fails"): PerdureFunction<never> =>
  client.createFunction({ id, triggers: go, retries: 0 }, ({ step }) =>
    step.run("work", () => {
      throw Object.assign(new TypeError("no such card"), { code: "NO_CARD" });
    }),
  );

/** A function that notes the data of every event it is started by. */
function listener(event: "perdure/function.failed" | "perdure/function.finished" | "perdure/function.cancelled") {
  const noted: unknown[] = [];
  const fn = client.createFunction({ id: "listens", triggers: { event } }, ({ event: received, step }) =>
    step.run("note", () => void noted.push(received.data)),
  );
  return { fn, noted };
}

async function cancel(scenario: Scenario, runId: string): Promise<void> {
  const headers = { authorization: "Bearer test-signing-key" };
  await scenario.world.request("DELETE", `/api/v1/runs/${runId}`, undefined, headers);
  await scenario.advance(SECOND);
}

describe("a function that listens", () => {
  it("to failures is told of one, with its error and what had started the run", async () => {
    const { fn, noted } = listener("perdure/function.failed");
    const works = client.createFunction({ id: "works", triggers: go }, () => "well");
    const scenario = await start({ client, functions: [fails(), works, fn] });
    const [eventId = ""] = await scenario.send({ name: "shop/go", data: { orderId: "o_1" } });
    await scenario.advance(MINUTE);
    expect(noted).toHaveLength(1);
    expect(noted[0]).toMatchObject({
      appId: "shop",
      functionId: "fails",
      status: "Failed",
      error: { name: "TypeError", message: "no such card", code: "NO_CARD" },
      event: { name: "shop/go", data: { orderId: "o_1" }, id: eventId },
    });
  });

  it("to ends is told of every one, with the result or the error", async () => {
    const { fn, noted } = listener("perdure/function.finished");
    const works = client.createFunction({ id: "works", triggers: go }, () => ({ total: 7 }));
    const sleeps = client.createFunction({ id: "sleeps", triggers: go }, ({ step }) => step.sleep("long", "30d"));
    const scenario = await start({ client, functions: [fails(), works, sleeps, fn] });
    await scenario.send({ name: "shop/go" });
    const [sleeping] = (await scenario.runsOf("sleeps")).timeSorted;
    await cancel(scenario, sleeping?.head.runId ?? "");
    await scenario.advance(MINUTE);
    const told = noted.map((data) => {
      const { functionId, status, result, error } = Object(data) as Record<string, unknown>;
      return [functionId, status, result ?? null, Reflect.get(Object(error), "message") ?? null];
    });
    expect(told.sort()).toEqual([
      ["fails", "Failed", null, "no such card"],
      ["sleeps", "Cancelled", null, null],
      ["works", "Completed", { total: 7 }, null],
    ]);
  });

  it("to cancels is told of those alone", async () => {
    const { fn, noted } = listener("perdure/function.cancelled");
    const sleeps = client.createFunction({ id: "sleeps", triggers: go }, ({ step }) => step.sleep("long", "30d"));
    const scenario = await start({ client, functions: [fails(), sleeps, fn] });
    await scenario.send({ name: "shop/go" });
    const [sleeping] = (await scenario.runsOf("sleeps")).timeSorted;
    await cancel(scenario, sleeping?.head.runId ?? "");
    expect(noted).toMatchObject([
      { functionId: "sleeps", status: "Cancelled", reason: { code: "CANCELLED_BY_REQUEST" } },
    ]);
  });

  it("is not told of its own end, nor of those of functions it invokes: it would never end", async () => {
    let begun = 0;
    const helper = client.createFunction({ id: "helper" }, () => "helped");
    const auditor = client.createFunction(
      { id: "auditor", triggers: { event: "perdure/function.finished" } },
      async ({ step }) => {
        await step.run("count", () => (begun += 1));
        await step.invoke("ask", { function: referenceFunction({ functionId: "helper" }) });
        throw new Error("and then it fails");
      },
    );
    const works = client.createFunction({ id: "works", triggers: go }, () => "well");
    const scenario = await start({ client, functions: [works, helper, auditor] });
    await scenario.send({ name: "shop/go" });
    await scenario.advance(DAY);
    expect(begun).toBe(1);
    expect((await scenario.runsOf("auditor")).timeSorted.map(({ head }) => head.status)).toEqual(["Failed"]);
  });

  it("to invokes is told who invoked what, and to the ticks of crons which", async () => {
    const noted: unknown[] = [];
    const listens = client.createFunction(
      { id: "listens", triggers: [{ event: "perdure/function.invoked" }, { event: "perdure/scheduled.timer" }] },
      ({ event, step }) => step.run("note", () => void noted.push(event.data)),
    );
    const child = client.createFunction({ id: "child" }, () => "done");
    const parent = client.createFunction({ id: "parent", triggers: go }, ({ step }) =>
      step.invoke("ask", { function: child, data: { n: 1 } }),
    );
    const hourly = client.createFunction({ id: "hourly", triggers: { cron: "30 9 * * *" } }, () => "tick");
    const scenario = await start({ client, functions: [parent, child, hourly, listens] });
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(MINUTE);
    const { runId } = (await scenario.runOf(eventId)).head;
    expect(noted).toMatchObject([{ appId: "shop", functionId: "child", parentRunId: runId, data: { n: 1 } }]);
    await scenario.advance(30 * MINUTE);
    expect(noted[1]).toMatchObject({ cron: "30 9 * * *", scheduledAt: "2026-03-02T09:30:00.000Z" });
    expect(noted).toHaveLength(2);
  });
});

describe("a wait", () => {
  it("for the end of another run gets it", async () => {
    const works = client.createFunction({ id: "works", triggers: { event: "shop/work" } }, async ({ step }) => {
      await step.sleep("a-while", "1h");
      return "worked";
    });
    const waits = client.createFunction({ id: "waits", triggers: go }, async ({ step }) => {
      const ended = await step.waitForEvent("end", {
        event: "perdure/function.finished",
        if: "async.data.functionId == 'works'",
        timeout: "1d",
      });
      return ended?.data.result ?? null;
    });
    const scenario = await start({ client, functions: [works, waits] });
    const [waiting = ""] = await scenario.send({ name: "shop/go" });
    await scenario.send({ name: "shop/work" });
    await scenario.advance(2 * 60 * MINUTE);
    expect((await scenario.runOf(waiting)).output).toBe("worked");
  });
});

describe("once", () => {
  it("though the message that tells of the end comes twice, or ten times", async () => {
    const { fn, noted } = listener("perdure/function.failed");
    const scenario = await start({ client, functions: [fails(), fn] });
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(MINUTE);
    const [runId = ""] = await scenario.runIds(eventId);
    for (let copy = 0; copy < 10; copy += 1) {
      await sendRaw(scenario, eventsQueueUrl(scenario), JSON.stringify({ v: 1, kind: "ended", run: runId }));
    }
    await scenario.advance(MINUTE);
    expect(noted).toHaveLength(1);
    expect((await scenario.runsOf("listens")).timeSorted).toHaveLength(1);
  });

  it("and a message about a run that lives tells nothing", async () => {
    const { fn, noted } = listener("perdure/function.finished");
    const sleeps = client.createFunction({ id: "sleeps", triggers: go }, ({ step }) => step.sleep("long", "30d"));
    const scenario = await start({ client, functions: [sleeps, fn] });
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    const [runId = ""] = await scenario.runIds(eventId);
    await sendRaw(scenario, eventsQueueUrl(scenario), JSON.stringify({ v: 1, kind: "ended", run: runId }));
    await scenario.advance(MINUTE);
    expect(noted).toEqual([]);
  });
});

describe("nobody listens", () => {
  it("a run that completes sends no message and writes nothing but its end", async () => {
    const works = client.createFunction({ id: "works", triggers: go }, ({ step }) => step.run("work", () => 1));
    const scenario = await start({ client, functions: [works] });
    const mark = scenario.world.aws.ledger.mark();
    await scenario.send({ name: "shop/go" });
    await scenario.advance(MINUTE);
    const rows = scenario.world.aws.ledger.since(mark).rows.filter(({ caller }) => caller === "worker");
    const count = (operation: string): number =>
      rows.filter((row) => row.operation === operation).reduce((sum, { calls }) => sum + calls, 0);
    // Claim, one log item, end. Whether anybody listens is asked once: the list of apps, and who waits.
    expect([count("UpdateItem"), count("PutItem"), count("SendMessage")]).toEqual([2, 1, 0]);
    expect([count("GetItem"), count("Query")]).toEqual([1, 1]);
  });

  it("a run that fails sends one message, and no event is stored", async () => {
    const scenario = await start({ client, functions: [fails()] });
    const mark = scenario.world.aws.ledger.mark();
    await scenario.send({ name: "shop/go" });
    await scenario.advance(MINUTE);
    const rows = scenario.world.aws.ledger.since(mark).rows;
    const count = (caller: string, operation: string): number =>
      rows
        .filter((row) => row.operation === operation && row.caller === caller)
        .reduce((sum, { calls }) => sum + calls, 0);
    expect(count("worker", "SendMessage")).toBe(1);
    // The one event, and its run.
    expect(count("dispatch", "PutItem")).toBe(2);
  });

  it("one that begins to listen is heard of by a warm worker within five seconds", async () => {
    const works = client.createFunction({ id: "works", triggers: go }, () => "well");
    const { fn, noted } = listener("perdure/function.finished");
    const scenario = await start({ client, functions: [works] });
    await scenario.send({ name: "shop/go" });
    await scenario.world.redeploy([works, fn]);
    await scenario.advance(5 * SECOND);
    await scenario.send({ name: "shop/go" });
    await scenario.advance(SECOND);
    expect(noted).toHaveLength(1);
    await scenario.world.redeploy([works]);
    await scenario.advance(5 * SECOND);
    await scenario.send({ name: "shop/go" });
    await scenario.advance(MINUTE);
    expect(noted).toHaveLength(1);
  });
});

describe("from outside", () => {
  it.each(["failed", "finished", "cancelled", "invoked", "skipped"])(
    "perdure/function.%s cannot be sent",
    async (what) => {
      const { fn, noted } = listener("perdure/function.failed");
      const scenario = await start({ client, functions: [fn] });
      const answer = await postRaw(scenario, { name: `perdure/function.${what}`, data: { appId: "shop" } });
      expect([answer.status, refusalCode(answer)]).toEqual([400, "EVENT_NAME_RESERVED"]);
      await scenario.advance(SECOND);
      expect(noted).toEqual([]);
    },
  );

  it("nor by a step", async () => {
    const { fn, noted } = listener("perdure/function.failed");
    const sends = client.createFunction({ id: "sends", triggers: go, retries: 0 }, ({ step }) =>
      step.sendEvent("send", { name: "perdure/function.failed", data: {} }),
    );
    const scenario = await start({ client, functions: [sends, fn] });
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(MINUTE);
    expect((await scenario.runOf(eventId)).head.error?.code).toBe("EVENT_NOT_SENDABLE");
    expect(noted).toMatchObject([{ functionId: "sends" }]);
  });
});
