/**
 * Goal: an onFailure handler runs once for each run that has failed for good, as a durable function of its own.
 * Method: the whole platform in virtual time; handlers note what they are given.
 */
import { expect, it } from "vitest";
import type { PerdureFunction } from "../../sdk/function.js";
import { quietClient } from "../crash/stage.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND } from "./world.js";

const start = scenarios();
const client = quietClient();
const go = { event: "shop/go" } as const;

it("is given the error as an Error, what had started the run, and steps of its own", async () => {
  const noted: unknown[] = [];
  const charge = client.createFunction(
    {
      id: "charge",
      triggers: go,
      retries: 1,
      onFailure: async ({ event, error, step, runId, attempt }) => {
        const told = await step.run("tell", () => ({
          error: [error instanceof Error, error.name, error.message, Reflect.get(error, "code")],
          cause: error.cause instanceof Error ? error.cause.message : null,
          order: event.data.event.data["orderId"],
          failed: event.data.runId,
          own: runId,
          attempt,
        }));
        await step.sleep("let-them-read", "1h");
        await step.run("note", () => void noted.push(told));
      },
    },
    ({ step }) =>
      step.run("work", () => {
        const cause = new Error("HTTP 503");
        throw Object.assign(new RangeError("the bank is closed", { cause }), { code: "CLOSED" });
      }),
  );
  const scenario = await start({ client, functions: [charge] });
  const [eventId = ""] = await scenario.send({ name: "shop/go", data: { orderId: "o_1" } });
  await scenario.advance(2 * HOUR);
  const [failed = ""] = await scenario.runIds(eventId);
  const handled = (await scenario.runsOf("charge-failure")).timeSorted;
  expect(handled.map(({ head }) => head.status)).toEqual(["Completed"]);
  expect(noted).toEqual([
    {
      error: [true, "RangeError", "the bank is closed", "CLOSED"],
      cause: "HTTP 503",
      order: "o_1",
      failed,
      own: handled[0]?.head.runId,
      attempt: 0,
    },
  ]);
});

it("runs for failures of its own function alone, not for cancels, and not while a retry is left", async () => {
  const noted: string[] = [];
  let attempts = 0;
  const withHandler = (id: string, body: PerdureFunction["handler"]): PerdureFunction<never> =>
    client.createFunction(
      {
        id,
        triggers: { event: `shop/${id}` },
        retries: 1,
        onFailure: ({ event }) => void noted.push(`${id} ${event.data.functionId}`),
      },
      body,
    );
  const a = withHandler("a", () => {
    throw new Error("a fails");
  });
  const b = withHandler("b", ({ step }) =>
    step.run("second-time-lucky", () => {
      attempts += 1;
      if (attempts === 1) throw new Error("b fails once");
      return null;
    }),
  );
  const c = withHandler("c", ({ step }) => step.sleep("long", "30d"));
  const scenario = await start({ client, functions: [a, b, c] });
  await scenario.send({ name: "shop/a" }, { name: "shop/b" }, { name: "shop/c" });
  const [sleeping] = (await scenario.runsOf("c")).timeSorted;
  const headers = { authorization: "Bearer test-signing-key" };
  await scenario.world.request("DELETE", `/api/v1/runs/${sleeping?.head.runId}`, undefined, headers);
  await scenario.advance(DAY);
  expect([noted, attempts]).toEqual([["a a"], 2]);
});

it("that fails itself is retried, and then it is over: it does not handle its own failure", async () => {
  let begun = 0;
  const fn = client.createFunction(
    {
      id: "fn",
      triggers: go,
      retries: 1,
      onFailure: ({ step }) =>
        step.run("handle", () => {
          begun += 1;
          throw new Error("the handler fails, too");
        }),
    },
    () => {
      throw new Error("fails");
    },
  );
  const scenario = await start({ client, functions: [fn] });
  await scenario.send({ name: "shop/go" });
  await scenario.advance(DAY);
  const handled = (await scenario.runsOf("fn-failure")).timeSorted;
  expect([begun, handled.map(({ head }) => head.status)]).toEqual([2, ["Failed"]]);
});

it("is told of a run whose worker died again and again", async () => {
  const noted: string[] = [];
  const fn = client.createFunction(
    {
      id: "fn",
      triggers: go,
      retries: 0,
      onFailure: ({ error }) => void noted.push(String(Reflect.get(error, "code"))),
    },
    ({ step }) => step.run("work", () => 1),
  );
  const scenario = await start({ client, functions: [fn] });
  let crashes = 0;
  scenario.world.aws.faults.add((call) => {
    const isLog = call.caller.name === "worker" && call.operation === "PutItem";
    if (!isLog || crashes >= 4) return undefined;
    crashes += 1;
    return "crash-before";
  });
  const [eventId = ""] = await scenario.send({ name: "shop/go" });
  await scenario.advance(HOUR);
  expect((await scenario.runOf(eventId)).head.status).toBe("Failed");
  expect(noted).toHaveLength(1);
});

it("is told at once", async () => {
  const notedAtMs: number[] = [];
  let nowMs = (): number => 0;
  const fn = client.createFunction(
    { id: "fn", triggers: go, retries: 0, onFailure: () => void notedAtMs.push(nowMs()) },
    () => {
      throw new Error("fails");
    },
  );
  const scenario = await start({ client, functions: [fn] });
  nowMs = () => scenario.clock.now();
  const sentAtMs = scenario.clock.now();
  await scenario.send({ name: "shop/go" });
  await scenario.advance(MINUTE);
  expect(notedAtMs.map((atMs) => atMs - sentAtMs < SECOND)).toEqual([true]);
});
