/**
 * Goal: what the kit answers has the types of the functions under test; what cannot be meant does not compile.
 * Method: inferred types compared with literals; misuse marked with the error it must be. Checked by tsc
 * (kit-types.test.ts runs it), never executed.
 */
import { expectTypeOf } from "vitest";
import { Perdure } from "../../sdk/index.js";
import { createTest, type TestRun, type TestStep } from "../../local/testing/index.js";

type Events = { "shop/order.placed": { orderId: string } };
const client = new Perdure<Events>({ id: "shop" });
const placed = client.createFunction({ id: "placed", triggers: { event: "shop/order.placed" } }, async ({ event }) => ({
  orderId: event.data.orderId,
  at: new Date(),
}));
const nightly = client.createFunction({ id: "nightly", triggers: { cron: "0 3 * * *" } }, () => 5);
const nothing = client.createFunction({ id: "nothing", triggers: { event: "shop/order.placed" } }, async () => {});

export async function outputs(): Promise<void> {
  const t = await createTest({ functions: [placed, nightly] });
  type Placed = { orderId: string; at: string };
  expectTypeOf((await t.run("id")).output).toEqualTypeOf<Placed | number | null>();
  expectTypeOf((await t.run("id", placed)).output).toEqualTypeOf<Placed | null>();
  expectTypeOf((await t.runOf("id", nightly)).output).toEqualTypeOf<number | null>();
  expectTypeOf(await t.runs({ function: nightly })).toEqualTypeOf<TestRun<number>[]>();
  expectTypeOf((await t.runs({ function: "nightly" }))[0]?.output).toEqualTypeOf<Placed | number | null | undefined>();
  expectTypeOf((await t.runs())[0]?.output).toEqualTypeOf<Placed | number | null | undefined>();
  const run = await t.run("id");
  expectTypeOf(run.steps).toEqualTypeOf<TestStep[]>();
  expectTypeOf(run.status).toEqualTypeOf<"Queued" | "Running" | "Completed" | "Failed" | "Cancelled">();
  expectTypeOf(t.now).toEqualTypeOf<Date>();
  const silent = await createTest({ functions: [nothing] });
  expectTypeOf((await silent.run("id")).output).toBeNull();
}

export async function sends(): Promise<void> {
  const typed = await createTest({ client, functions: [placed] });
  expectTypeOf(await typed.send({ name: "shop/order.placed", data: { orderId: "o" } })).toEqualTypeOf<{
    ids: string[];
  }>();
  await typed.send([
    { name: "shop/order.placed", data: { orderId: "o" } },
    { name: "other", data: { n: 1 } },
  ]);
  // @ts-expect-error The data of a declared event is checked.
  await typed.send({ name: "shop/order.placed", data: { orderId: 1 } });
  // @ts-expect-error So it is in chaos.
  await typed.chaos({ event: { name: "shop/order.placed", data: {} } });
  const untyped = await createTest({ functions: [placed] });
  await untyped.send({ name: "shop/order.placed", data: { orderId: 1 } });
}

export async function times(): Promise<void> {
  const t = await createTest({ functions: [placed], startAt: new Date(0), seed: 1 });
  await t.advance("30d");
  await t.advance(5);
  await t.advanceTo(t.now);
  // @ts-expect-error No such unit.
  await t.advance("30x");
  await t.chaos({ event: { name: "e" }, until: "1d", idempotent: ["a"], ignore: ["b"], maxTrials: 5 });
}

export async function mocks(): Promise<void> {
  const t = await createTest({ functions: [placed], mocks: (mock) => mock(placed, "a", 1) });
  t.mock(placed, "a", ({ attempt, index, input, event, runId }) => {
    expectTypeOf([attempt, index]).toEqualTypeOf<number[]>();
    expectTypeOf(input).toEqualTypeOf<readonly unknown[]>();
    expectTypeOf(event.data).toBeUnknown();
    return runId;
  });
  t.mock("placed", "b", null);
  t.mock("placed", "c", new Error("no"));
  // @ts-expect-error A function of the test, or its id.
  t.mock(5, "b", null);
  // @ts-expect-error Functions, not their ids.
  await createTest({ functions: ["placed"] });
}
