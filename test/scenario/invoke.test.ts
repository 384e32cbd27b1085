/**
 * Goal: a function that invokes another gets what that one returns, or an error that says why not, and never waits for nothing.
 * Method: the whole platform in virtual time; parents and children of one app, results and errors read from the runs.
 */
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { NonRetriableError, StepError } from "../../sdk/errors.js";
import type { PerdureFunction } from "../../sdk/function.js";
import { referenceFunction } from "../../sdk/reference.js";
import { eventType } from "../../sdk/events.js";
import { staticSchema, type StandardSchema } from "../../sdk/standard-schema.js";
import { quietClient } from "../crash/stage.js";
import { eventsQueueUrl, sendRaw } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, type RunView, type Scenario } from "./world.js";

const start = scenarios();
const client: Perdure = quietClient();
const go = { event: "shop/go" } as const;

/** What a caught error is, as a step's result can hold it. */
function caught(error: unknown): unknown {
  if (!(error instanceof StepError)) throw error;
  const { name, code, message, cause } = error;
  return { name, code, message, cause: cause instanceof Error ? `${cause.name}: ${cause.message}` : null };
}

/** The one run that a parent's invoke has made. */
async function childOf(scenario: Scenario, functionId: string): Promise<RunView> {
  const { timeSorted } = await scenario.runsOf(functionId);
  const [only, ...others] = timeSorted;
  if (!only || others.length > 0) throw new Error(`There is not one run of "${functionId}"`);
  return only;
}

async function run(functions: readonly PerdureFunction<never>[], data: object = {}): Promise<[Scenario, RunView]> {
  const scenario = await start({ client, functions });
  const [eventId = ""] = await scenario.send({ name: "shop/go", data });
  await scenario.advance(5 * SECOND);
  return [scenario, await scenario.runOf(eventId)];
}

describe("a child that ends", () => {
  it("answers with what it returned, and its event is what it was invoked with", async () => {
    const child = client.createFunction({ id: "child" }, ({ event, step }) =>
      step.run("work", () => ({ name: event.name, got: event.data, at: new Date(Date.UTC(2026, 0, 1)) })),
    );
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step }) => {
      const answer = await step.invoke("ask", { function: child, data: { orderId: "o_1" } });
      return step.run("after", () => answer);
    });
    const [scenario, view] = await run([parent, child]);
    expect([view.head.status, view.output]).toEqual([
      "Completed",
      { name: "perdure/function.invoked", got: { orderId: "o_1" }, at: "2026-01-01T00:00:00.000Z" },
    ]);
    const made = await childOf(scenario, "child");
    expect(made.head).toMatchObject({ status: "Completed", depth: 1, effects: [], dueAtMs: null });
    expect(made.head.parent).toMatchObject({ run: view.head.runId, fn: "parent" });
  });

  it("answers days later, and its parent costs nothing meanwhile", async () => {
    const child = client.createFunction({ id: "child" }, async ({ step }) => {
      await step.sleep("think", "3d");
      return "thought";
    });
    const parent = client.createFunction({ id: "parent", triggers: go }, ({ step }) =>
      step.invoke("ask", { function: child }),
    );
    const [scenario, view] = await run([parent, child]);
    await scenario.advance(2 * DAY);
    expect((await scenario.run(view.head.runId)).head).toMatchObject({ status: "Running", epoch: 1 });
    await scenario.advance(DAY + MINUTE);
    const ended = await scenario.run(view.head.runId);
    expect([ended.head.status, ended.output, ended.head.epoch]).toEqual(["Completed", "thought", 2]);
  });

  it("answers a parent that is busy, asleep or not yet waiting when the answer comes", async () => {
    const child = client.createFunction({ id: "child" }, () => "early");
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step }) => {
      const asked = step.invoke("ask", { function: child });
      await step.sleep("nap", "1h");
      return [await asked, await step.run("after", () => "late")];
    });
    const [scenario, view] = await run([parent, child]);
    expect((await childOf(scenario, "child")).head.status).toBe("Completed");
    await scenario.advance(HOUR + SECOND);
    expect((await scenario.run(view.head.runId)).output).toEqual(["early", "late"]);
  });

  it("may return 4 MB, and may be invoked with 2 MB", async () => {
    const result = randomBytes(3_000_000).toString("base64");
    const question = randomBytes(1_500_000).toString("base64");
    const child = client.createFunction({ id: "child" }, ({ event, step }) =>
      step.run("make", () => ({ length: String(event.data["question"]).length, result: result.slice(0, 4_000_000) })),
    );
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step }) => {
      const answer = await step.invoke("ask", { function: child, data: { question } });
      await step.sleep("nap", "1h");
      return step.run("measure", () => [answer.length, answer.result === result.slice(0, 4_000_000)]);
    });
    const [scenario, view] = await run([parent, child]);
    await scenario.advance(HOUR + SECOND);
    expect((await scenario.run(view.head.runId)).output).toEqual([2_000_000, true]);
  });

  it("is one of many: twelve at once, each its own run, and one called again by the same id is another", async () => {
    const child = client.createFunction({ id: "child" }, ({ event }) => Number(event.data["n"]) * 2);
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step }) => {
      const asked = Array.from({ length: 12 }, (_, n) => step.invoke("ask", { function: child, data: { n } }));
      return Promise.all(asked);
    });
    const [scenario, view] = await run([parent, child]);
    expect(view.output).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22]);
    expect((await scenario.runsOf("child")).timeSorted).toHaveLength(12);
  });

  it("may be the parent's own function, and the third of a chain", async () => {
    const factorial: PerdureFunction = client.createFunction(
      { id: "factorial", triggers: go },
      async ({ event, step }) => {
        const n = Number(event.data["n"]);
        if (n <= 1) return 1;
        const rest = await step.invoke("rest", {
          function: referenceFunction({ functionId: "factorial" }),
          data: { n: n - 1 },
        });
        return n * Number(rest);
      },
    );
    const [scenario, view] = await run([factorial], { n: 4 });
    expect(view.output).toBe(24);
    const depths = (await scenario.runsOf("factorial")).timeSorted.map(({ head }) => head.depth);
    expect(depths.sort()).toEqual([0, 1, 2, 3]);
  });
});

describe("a child that fails", () => {
  const failing = client.createFunction({ id: "failing", retries: 0 }, ({ step }) =>
    step.run("work", () => {
      throw Object.assign(new NonRetriableError("the card is gone"), { code: "CARD_GONE" });
    }),
  );

  it("is an error its parent can catch, with what it failed with as the cause", async () => {
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step }) => {
      try {
        return await step.invoke("ask", { function: failing });
      } catch (error) {
        return caught(error);
      }
    });
    const [scenario, view] = await run([parent, failing]);
    const { runId } = (await childOf(scenario, "failing")).head;
    expect(view.output).toEqual({
      name: "PerdureError",
      code: "INVOKED_FUNCTION_FAILED",
      message: `Cannot answer invoke of function "shop/failing": its run "${runId}" failed with "the card is gone"; expected it to complete`,
      cause: "NonRetriableError: the card is gone",
    });
  });

  it("fails a parent that lets the error through, without a retry of the parent", async () => {
    let begun = 0;
    const parent = client.createFunction({ id: "parent", triggers: go, retries: 4 }, async ({ step }) => {
      await step.run("first", () => (begun += 1));
      return step.invoke("ask", { function: failing });
    });
    const [scenario, view] = await run([parent, failing]);
    await scenario.advance(DAY);
    const ended = await scenario.run(view.head.runId);
    expect([ended.head.status, ended.head.error?.code, begun]).toEqual(["Failed", "INVOKED_FUNCTION_FAILED", 1]);
  });

  it("because its data does not fit the schema of any trigger", async () => {
    const issues = [{ message: "userId is missing" }];
    const needsUser: StandardSchema<{ userId: string }> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) => (Reflect.has(Object(value), "userId") ? { value: { userId: "" } } : { issues }),
      },
    };
    const created = eventType("app/user.created", { schema: needsUser });
    const child = client.createFunction(
      { id: "child", triggers: [created], retries: 0 },
      ({ event }) => event.data.userId,
    );
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step }) => {
      const good = await step.invoke("good", { function: child, data: { userId: "u_1" } });
      try {
        // As a caller without types would.
        const reference = referenceFunction({ functionId: "child" });
        return await step.invoke("bad", { function: reference, data: {} });
      } catch (error) {
        return {
          good,
          code: error instanceof StepError && error.cause instanceof Error ? Reflect.get(error.cause, "code") : null,
        };
      }
    });
    const [, view] = await run([parent, child]);
    expect(view.output).toEqual({ good: "u_1", code: "EVENT_DATA_INVALID" });
  });
});

describe("a child that cannot start answers at once", () => {
  const asking = (target: { appId?: string; functionId: string }) =>
    client.createFunction({ id: "parent", triggers: go }, async ({ step }) => {
      try {
        return await step.invoke("ask", { function: referenceFunction(target) });
      } catch (error) {
        return caught(error);
      }
    });

  it.each([
    [{ functionId: "nobody" }, 'Cannot invoke function "shop/nobody": app "shop" has no such function'],
    [{ appId: "elsewhere", functionId: "x" }, 'Cannot invoke function "elsewhere/x": there is no app "elsewhere"'],
    [{ appId: "No App#", functionId: "x" }, 'Cannot invoke function "No App#/x": there is no app "No App#"'],
  ])("%j", async (target, message) => {
    const [, view] = await run([asking(target)]);
    expect(view.output).toMatchObject({
      code: "INVOKE_UNKNOWN_FUNCTION",
      message: `${message}; expected the ids of an app and a function that are registered`,
    });
  });

  it("when it would be the 26th of a chain", async () => {
    const deep = client.createFunction({ id: "deep", triggers: go }, async ({ step }): Promise<unknown> => {
      try {
        return await step.invoke("down", { function: referenceFunction({ functionId: "deep" }) });
      } catch (error) {
        return caught(error);
      }
    });
    const [scenario, view] = await run([deep]);
    expect(view.output).toMatchObject({ code: "INVOKE_TOO_DEEP" });
    const depths = (await scenario.runsOf("deep")).timeSorted.map(({ head }) => head.depth);
    expect([depths.length, Math.max(...depths)]).toEqual([26, 25]);
  });

  it("when its idempotency key was used: the earlier run's result, or an error while that one lives", async () => {
    const child = client.createFunction({ id: "child", idempotency: "event.data.cart" }, async ({ step, runId }) => {
      await step.sleep("pay", "1h");
      return runId;
    });
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step }) => {
      const first = step.invoke("first", { function: child, data: { cart: "c" } });
      await step.sleep("a-moment", "1m");
      const second = await step.invoke("second", { function: child, data: { cart: "c" } }).catch(caught);
      const third = await first.then(() => step.invoke("third", { function: child, data: { cart: "c" } }));
      return { second, third, first: await first };
    });
    const [scenario, view] = await run([parent, child]);
    await scenario.advance(2 * HOUR);
    const { runId } = (await childOf(scenario, "child")).head;
    const { output } = await scenario.run(view.head.runId);
    expect(output).toMatchObject({ first: runId, third: runId, second: { code: "INVOKE_SKIPPED" } });
  });
});

describe("time and cancels", () => {
  const slow = client.createFunction({ id: "slow" }, async ({ step }) => {
    await step.sleep("long", "10h");
    return step.run("late", () => "late");
  });

  it("a timeout is an error; the child goes on", async () => {
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step }) => {
      try {
        return await step.invoke("ask", { function: slow, timeout: "1h" });
      } catch (error) {
        return caught(error);
      }
    });
    const [scenario, view] = await run([parent, slow]);
    await scenario.advance(HOUR + 5 * SECOND);
    expect((await scenario.run(view.head.runId)).output).toMatchObject({ code: "INVOKE_TIMED_OUT" });
    await scenario.advance(10 * HOUR);
    expect((await childOf(scenario, "slow")).head.status).toBe("Completed");
    expect((await scenario.run(view.head.runId)).head.status).toBe("Completed");
  });

  async function cancel(scenario: Scenario, runId: string): Promise<number> {
    const headers = { authorization: "Bearer test-signing-key" };
    const { status } = await scenario.world.request("DELETE", `/api/v1/runs/${runId}`, undefined, headers);
    await scenario.clock.settle();
    return status;
  }

  it("a cancelled child is an error of its parent", async () => {
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step }) => {
      try {
        return await step.invoke("ask", { function: slow });
      } catch (error) {
        return caught(error);
      }
    });
    const [scenario, view] = await run([parent, slow]);
    expect(await cancel(scenario, (await childOf(scenario, "slow")).head.runId)).toBe(200);
    await scenario.advance(SECOND);
    expect((await scenario.run(view.head.runId)).output).toMatchObject({ code: "INVOKED_FUNCTION_CANCELLED" });
  });

  it("a parent that is cancelled takes its children along, and theirs; the one it detached goes on", async () => {
    const middle = client.createFunction({ id: "middle" }, ({ step }) => step.invoke("down", { function: slow }));
    const other = client.createFunction({ id: "other" }, async ({ step }) => {
      await step.sleep("long", "10h");
      return "went on";
    });
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step }) =>
      Promise.all([
        step.invoke("taken", { function: middle }),
        step.invoke("left", { function: other, onCancel: "detach" }),
      ]),
    );
    const [scenario, view] = await run([parent, middle, slow, other]);
    expect((await childOf(scenario, "slow")).head.status).toBe("Running");
    expect(await cancel(scenario, view.head.runId)).toBe(200);
    await scenario.advance(5 * SECOND);
    const statuses = async (): Promise<string[]> =>
      Promise.all(["middle", "slow", "other"].map(async (id) => (await childOf(scenario, id)).head.status));
    expect(await statuses()).toEqual(["Cancelled", "Cancelled", "Running"]);
    await scenario.advance(11 * HOUR);
    expect(await statuses()).toEqual(["Cancelled", "Cancelled", "Completed"]);
    expect((await scenario.run(view.head.runId)).head).toMatchObject({
      status: "Cancelled",
      effects: [],
      dueAtMs: null,
    });
  });

  it("a parent cancelled while its child is still queued: the child never begins", async () => {
    let begun = 0;
    const child = client.createFunction({ id: "child" }, ({ step }) => step.run("begin", () => (begun += 1)));
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step }) =>
      step.invoke("ask", { function: child }),
    );
    const scenario = await start({ client, functions: [parent, child] });
    // The message that asks for the child comes ten seconds late; the parent is cancelled before.
    let delayed = false;
    scenario.world.aws.faults.add((call) => {
      if (
        delayed ||
        call.operation !== "SendMessage" ||
        !String(call.input["MessageBody"]).includes('"kind":"invoke"')
      ) {
        return undefined;
      }
      delayed = true;
      return { freezeMs: 10 * SECOND };
    });
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(SECOND);
    const [runId = ""] = await scenario.runIds(eventId);
    expect([delayed, await cancel(scenario, runId)]).toEqual([true, 200]);
    await scenario.advance(5 * MINUTE);
    const made = (await scenario.runsOf("child")).timeSorted.map(({ head }) => head.status);
    expect([begun, made.filter((status) => status !== "Cancelled")]).toEqual([0, []]);
  });

  it("a parent that ends without the answer takes its child along, unless it is detached", async () => {
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step, event }) => {
      const onCancel = event.data["detach"] === true ? "detach" : "cancel";
      const asked = step.invoke("ask", { function: slow, onCancel }).then(() => "answered");
      return Promise.race([asked, step.sleep("patience", "1m").then(() => "went home")]);
    });
    for (const [detach, status] of [
      [false, "Cancelled"],
      [true, "Running"],
    ] as const) {
      const [scenario, view] = await run([parent, slow], { detach });
      await scenario.advance(2 * MINUTE);
      const ended = await scenario.run(view.head.runId);
      expect([ended.output, (await childOf(scenario, "slow")).head.status]).toEqual(["went home", status]);
    }
  });

  it("what tells of a child's end, or asks for the child, may come again, and late: nothing changes", async () => {
    const child = client.createFunction({ id: "child" }, () => "answer");
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step }) => {
      const answer = await step.invoke("ask", { function: child });
      await step.sleep("nap", "1h");
      return answer;
    });
    const scenario = await start({ client, functions: [parent, child] });
    const asked: string[] = [];
    scenario.world.aws.faults.add((call) => {
      const body = String(call.input["MessageBody"]);
      if (call.caller.name === "worker" && body.includes('"kind":"invoke"')) asked.push(body);
      return undefined;
    });
    const [eventId = ""] = await scenario.send({ name: "shop/go" });
    await scenario.advance(MINUTE);
    const before = await scenario.runOf(eventId);
    const { runId } = (await childOf(scenario, "child")).head;
    const [invoke = ""] = asked;
    for (const body of [invoke, JSON.stringify({ v: 1, kind: "ended", run: runId }), invoke]) {
      await sendRaw(scenario, eventsQueueUrl(scenario), body);
      await scenario.advance(MINUTE);
    }
    const after = await scenario.runOf(eventId);
    expect([asked.length, after.entries]).toEqual([1, before.entries]);
    expect((await scenario.runsOf("child")).timeSorted).toHaveLength(1);
    await scenario.advance(HOUR);
    expect((await scenario.runOf(eventId)).output).toBe("answer");
  });

  it("a race lets go of what it invoked", async () => {
    const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step, group }) => {
      const winner = await group.race([
        () => step.invoke("ask", { function: slow }),
        async () => {
          await step.sleep("patience", "1m");
          return "gave up";
        },
      ]);
      return step.run("after", () => winner);
    });
    const [scenario, view] = await run([parent, slow]);
    await scenario.advance(2 * MINUTE);
    expect((await scenario.run(view.head.runId)).output).toBe("gave up");
    expect((await childOf(scenario, "slow")).head.status).toBe("Cancelled");
  });
});

it("has typed results and data", async () => {
  const placed = eventType("shop/placed", { schema: staticSchema<{ orderId: string }>() });
  const child = client.createFunction({ id: "child", triggers: placed }, ({ event }) => ({ id: event.data.orderId }));
  const parent = client.createFunction({ id: "parent", triggers: go }, async ({ step }) => {
    const { id } = await step.invoke("ask", { function: child, data: { orderId: "o_1" } });
    return id.toUpperCase();
  });
  const [, view] = await run([parent, child]);
  expect(view.output).toBe("O_1");
});
