/**
 * Goal: what an invoke takes is what the function's triggers say, and what it answers is what the function returns, as JSON;
 * the platform's own events and onFailure handlers are typed.
 * Method: inferred types compared with literals; misuse marked with the error it must be. Checked by tsc
 * (types.test.ts runs it), never executed.
 */
import { expectTypeOf } from "vitest";
import { z } from "zod";
import {
  eventType,
  Perdure,
  referenceFunction,
  type EventError,
  type FailedRun,
  type FunctionReference,
  type InvokedEvent,
  type Json,
  type ReceivedEvent,
  type StepTools,
  type UntypedData,
} from "perdure";

type Events = { "shop/order.placed": { orderId: string; at: Date } };
const client = new Perdure<Events>({ id: "shop" });
const userCreated = eventType("app/user.created", { schema: z.object({ userId: z.string() }) });
declare const step: StepTools<Events>;

const declared = client.createFunction({ id: "a", triggers: { event: "shop/order.placed" } }, async ({ event }) => ({
  id: event.data.orderId,
  at: new Date(event.ts),
}));
const either = client.createFunction({ id: "b", triggers: [userCreated, { event: "shop/order.placed" }] }, () => 1);
const undeclared = client.createFunction({ id: "c", triggers: { event: "plain/event" } }, () => undefined);
const hourly = client.createFunction({ id: "d", triggers: { cron: "0 * * * *" } }, () => "tick");
const bare = client.createFunction({ id: "e" }, ({ event }) => {
  expectTypeOf(event).toEqualTypeOf<InvokedEvent>();
  expectTypeOf(event.name).toEqualTypeOf<"perdure/function.invoked">();
  return [event.id];
});
const empty = client.createFunction({ id: "f", triggers: [] }, ({ event }) => {
  expectTypeOf(event).toEqualTypeOf<InvokedEvent>();
});

// ---- Results ----

export async function results(): Promise<void> {
  const answer = await step.invoke("a", { function: declared, data: { orderId: "o_1", at: "2026-03-02" } });
  expectTypeOf(answer).toEqualTypeOf<{ id: string; at: string }>();
  expectTypeOf(await step.invoke("b", { function: either, data: { userId: "u_1" } })).toEqualTypeOf<number>();
  expectTypeOf(await step.invoke("c", { function: undeclared })).toBeNull();
  expectTypeOf(await step.invoke("d", { function: hourly })).toEqualTypeOf<string>();
  expectTypeOf(await step.invoke({ id: "e", name: "Bare" }, { function: bare, data: { any: 1 } })).toEqualTypeOf<
    string[]
  >();
  expectTypeOf(await step.invoke("f", { function: empty, timeout: "1h", onCancel: "detach" })).toBeNull();
  await step.invoke("t", { function: bare, timeout: 5_000 });
  await step.invoke("t", { function: bare, timeout: new Date(0) });
}

// ---- Data ----

export async function data(): Promise<void> {
  await step.invoke("b", { function: either, data: { orderId: "o_1", at: "2026-03-02" } });
  await step.invoke("c", { function: undeclared, data: { whatever: [1, { is: "sent" }] } });
  // @ts-expect-error the data is missing
  await step.invoke("a", { function: declared });
  // @ts-expect-error data of the wrong type
  await step.invoke("a", { function: declared, data: { orderId: 1, at: "2026-03-02" } });
  // @ts-expect-error data that fits no trigger
  await step.invoke("b", { function: either, data: { orderId: "o_1" } });
  // @ts-expect-error a list is no data
  await step.invoke("e", { function: bare, data: [1] });
  // @ts-expect-error a function that is none
  await step.invoke("e", { function: "e" });
  // @ts-expect-error a policy that does not exist
  await step.invoke("e", { function: bare, onCancel: "ignore" });
  // @ts-expect-error an option that does not exist
  await step.invoke("e", { function: bare, retries: 1 });
  // @ts-expect-error a duration that does not exist
  await step.invoke("e", { function: bare, timeout: "10x" });
}

// ---- References ----

export async function references(): Promise<void> {
  const typed = referenceFunction<typeof declared>({ appId: "shop", functionId: "a" });
  const answer = await step.invoke("a", { function: typed, data: { orderId: "o_1", at: "2026-03-02" } });
  expectTypeOf(answer).toEqualTypeOf<{ id: string; at: string }>();
  // @ts-expect-error the data is missing
  await step.invoke("a", { function: typed });
  const untyped = referenceFunction({ functionId: "other" });
  expectTypeOf(untyped).toEqualTypeOf<FunctionReference<UntypedData, Json>>();
  expectTypeOf(await step.invoke("o", { function: untyped, data: { a: 1 } })).toEqualTypeOf<Json>();
  expectTypeOf(await step.invoke("o", { function: untyped })).toEqualTypeOf<Json>();
  // @ts-expect-error no function is named
  referenceFunction({ appId: "shop" });
}

// ---- The platform's own events ----

client.createFunction({ id: "g", triggers: { event: "perdure/function.failed" } }, ({ event }) => {
  expectTypeOf(event).toEqualTypeOf<ReceivedEvent<"perdure/function.failed", FailedRun>>();
  expectTypeOf(event.data.error).toEqualTypeOf<EventError>();
  expectTypeOf(event.data.event.name).toEqualTypeOf<string>();
});
client.createFunction(
  { id: "h", triggers: [{ event: "perdure/function.finished" }, { event: "perdure/function.cancelled" }] },
  ({ event }) => {
    if (event.name === "perdure/function.cancelled") expectTypeOf(event.data.status).toEqualTypeOf<"Cancelled">();
    else expectTypeOf(event.data.result).toEqualTypeOf<Json | undefined>();
  },
);
export async function waits(): Promise<void> {
  const ended = await step.waitForEvent("end", { event: "perdure/function.finished", timeout: "1h" });
  expectTypeOf(ended?.data.status).toEqualTypeOf<"Completed" | "Failed" | "Cancelled" | undefined>();
}

// ---- onFailure ----

client.createFunction(
  {
    id: "i",
    triggers: userCreated,
    onFailure: async ({ event, error, runId, step: steps, logger }) => {
      expectTypeOf(error).toEqualTypeOf<Error>();
      expectTypeOf(event.name).toEqualTypeOf<"perdure/function.failed">();
      expectTypeOf(event.data.event.data).toEqualTypeOf<{ userId: string }>();
      expectTypeOf(event.data.runId).toEqualTypeOf<string>();
      expectTypeOf(steps).toEqualTypeOf<StepTools<Events>>();
      logger.info(runId);
      return steps.run("tell", () => 1);
    },
  },
  ({ event }) => event.data.userId,
);
client.createFunction(
  {
    id: "j",
    onFailure: ({ event }) => {
      expectTypeOf(event.data.event).toEqualTypeOf<InvokedEvent>();
    },
  },
  () => 1,
);
// @ts-expect-error a handler is a function
client.createFunction({ id: "k", triggers: userCreated, onFailure: "tell" }, () => 1);
