/**
 * Goal: the handler's event is the union over the triggers, told apart by name, for every form a trigger may have.
 * Method: inferred types compared with literals; misuse marked with the error it must be. Checked by tsc
 * (types.test.ts runs it), never executed.
 */
import * as v from "valibot";
import { expectTypeOf } from "vitest";
import { z } from "zod";
import {
  eventType,
  Perdure,
  type Concurrency,
  type FunctionClient,
  type FunctionContext,
  type FunctionOptions,
  type Logger,
  type PerdureFunction,
  type ReceivedEvent,
  type ScheduledEvent,
  type StepTools,
  type Trigger,
  type UntypedData,
} from "perdure";

type Events = { "shop/order.placed": { orderId: string } };
const client = new Perdure<Events>({ id: "shop" });
const userCreated = eventType("app/user.created", { schema: z.object({ userId: z.string() }) });
const userAny = eventType("app/user.*", { schema: v.object({ actor: v.string() }) });

// ---- One trigger ----

client.createFunction({ id: "f", triggers: { event: "plain/event" } }, ({ event }) => {
  expectTypeOf(event).toEqualTypeOf<ReceivedEvent<"plain/event", UntypedData>>();
});
client.createFunction(
  { id: "f", triggers: { event: "shop/order.placed", if: "event.data.total > 5" } },
  ({ event }) => {
    expectTypeOf(event).toEqualTypeOf<ReceivedEvent<"shop/order.placed", { orderId: string }>>();
  },
);
client.createFunction({ id: "f", triggers: userCreated }, ({ event }) => {
  expectTypeOf(event).toEqualTypeOf<ReceivedEvent<"app/user.created", { userId: string }>>();
});
client.createFunction({ id: "f", triggers: { event: userCreated, if: "event.data.userId != ''" } }, ({ event }) => {
  expectTypeOf(event.data).toEqualTypeOf<{ userId: string }>();
});
// Through JSON, an optional member is there or not there, never undefined.
const noted = eventType("app/noted", { schema: z.object({ note: z.string().optional() }) });
client.createFunction({ id: "f", triggers: [noted] }, ({ event }) => {
  expectTypeOf(event.data).toEqualTypeOf<{ note?: string }>();
});
client.createFunction({ id: "f", triggers: { event: noted } }, ({ event }) => {
  expectTypeOf(event.data).toEqualTypeOf<{ note?: string }>();
});
client.createFunction({ id: "f", triggers: { cron: "0 9 * * 1" } }, ({ event }) => {
  expectTypeOf(event).toEqualTypeOf<ScheduledEvent>();
  expectTypeOf(event.name).toEqualTypeOf<"perdure/scheduled.timer">();
  expectTypeOf(event.data).toEqualTypeOf<{ cron: string; scheduledAt: string; fireAt: string }>();
});
client.createFunction({ id: "f", triggers: { cron: "0 9 * * 1", jitter: "30s" } }, ({ event }) => {
  expectTypeOf(event).toEqualTypeOf<ScheduledEvent>();
});
// @ts-expect-error a jitter is a duration
client.createFunction({ id: "f", triggers: { cron: "0 9 * * 1", jitter: "often" } }, () => null);
// @ts-expect-error a jitter belongs to a cron
client.createFunction({ id: "f", triggers: { event: "plain/event", jitter: "30s" } }, () => null);
client.createFunction(
  {
    id: "f",
    triggers: { event: "plain/event" },
    idempotency: "event.data.id",
    backoff: { first: "5s", factor: 2, longest: 60_000 },
  },
  () => null,
);
// @ts-expect-error an expression is text
client.createFunction({ id: "f", triggers: { event: "plain/event" }, idempotency: (event) => event.id }, () => null);
client.createFunction({ id: "f", triggers: { event: "plain/event" }, concurrency: 5 }, () => null);
client.createFunction(
  { id: "f", triggers: { event: "plain/event" }, concurrency: { limit: 5, key: "event.data.id", hold: "run" } },
  () => null,
);
const shared = { limit: 5, key: "'openai'", scope: "app" } as const satisfies Concurrency;
client.createFunction({ id: "f", triggers: { event: "plain/event" }, concurrency: [shared] }, () => null);
client.createFunction(
  { id: "f", triggers: { event: "plain/event" }, concurrency: [{ limit: 9, scope: "function" }, shared] },
  () => null,
);
expectTypeOf<undefined>().toExtend<FunctionOptions<[]>["concurrency"]>();
// A scope that is chosen later has a key in any case.
declare const scope: "function" | "app";
expectTypeOf({ limit: 5, scope, key: "'openai'" }).toExtend<Concurrency>();
// @ts-expect-error at most two limits
client.createFunction({ id: "f", triggers: [], concurrency: [shared, { limit: 1 }, { limit: 2 }] }, () => null);
// @ts-expect-error a number in a list says nothing that the number alone does not
client.createFunction({ id: "f", triggers: [], concurrency: [5] }, () => null);
// @ts-expect-error without a limit
client.createFunction({ id: "f", triggers: [], concurrency: { key: "event.data.id" } }, () => null);
// @ts-expect-error what an app shares has a name
client.createFunction({ id: "f", triggers: [], concurrency: { limit: 5, scope: "app" } }, () => null);
// @ts-expect-error no such scope
client.createFunction({ id: "f", triggers: [], concurrency: { limit: 5, scope: "account", key: "1" } }, () => null);
// @ts-expect-error no such hold
client.createFunction({ id: "f", triggers: [], concurrency: { limit: 5, hold: "job" } }, () => null);
// @ts-expect-error a misspelled member
client.createFunction({ id: "f", triggers: [], concurrency: { limit: 5, keys: "event.data.id" } }, () => null);
// @ts-expect-error an expression is text
client.createFunction({ id: "f", triggers: [], concurrency: { limit: 5, key: (event) => event.id } }, () => null);
// @ts-expect-error "5 parsecs" is no duration
client.createFunction({ id: "f", triggers: { event: "plain/event" }, backoff: { first: "5 parsecs" } }, () => null);

// ---- Wildcards ----

client.createFunction({ id: "f", triggers: { event: "app/*" } }, ({ event }) => {
  expectTypeOf(event).toEqualTypeOf<ReceivedEvent<`app/${string}`, UntypedData>>();
});
client.createFunction({ id: "f", triggers: [userAny] }, ({ event }) => {
  expectTypeOf(event).toEqualTypeOf<ReceivedEvent<`app/user.${string}`, { actor: string }>>();
});

// ---- Several ----

client.createFunction(
  {
    id: "f",
    triggers: [
      userCreated,
      { event: "shop/order.placed" },
      { event: "plain/event", if: "true" },
      { cron: "TZ=Europe/Paris 0 12 * * 5" },
    ],
    retries: 2,
    name: "Several",
  },
  ({ event }) => {
    switch (event.name) {
      case "app/user.created":
        expectTypeOf(event.data).toEqualTypeOf<{ userId: string }>();
        break;
      case "shop/order.placed":
        expectTypeOf(event.data).toEqualTypeOf<{ orderId: string }>();
        break;
      case "plain/event":
        expectTypeOf(event.data).toEqualTypeOf<UntypedData>();
        break;
      case "perdure/scheduled.timer":
        expectTypeOf(event.data.cron).toEqualTypeOf<string>();
        break;
      default:
        expectTypeOf(event).toBeNever();
    }
    // @ts-expect-error a name none of the triggers has
    return event.name === "app/user.deleted";
  },
);
// A wildcard takes in the names of others, so data may be of either.
client.createFunction({ id: "f", triggers: [userCreated, { event: "app/*" }] }, ({ event }) => {
  if (event.name === "app/user.created") expectTypeOf(event.data).toEqualTypeOf<{ userId: string } | UntypedData>();
});
declare const listed: Trigger[];
client.createFunction({ id: "f", triggers: listed }, ({ event }) => {
  expectTypeOf(event.name).toEqualTypeOf<string>();
});

// ---- The older form with three arguments ----

client.createFunction({ id: "f" }, { event: "shop/order.placed" }, ({ event }) => {
  expectTypeOf(event).toEqualTypeOf<ReceivedEvent<"shop/order.placed", { orderId: string }>>();
});
client.createFunction({ id: "f", retries: 0 }, { cron: "* * * * *" }, ({ event }) => {
  expectTypeOf(event).toEqualTypeOf<ScheduledEvent>();
});
client.createFunction({ id: "f" }, [userCreated, { cron: "* * * * *" }], ({ event }) => {
  expectTypeOf(event.name).toEqualTypeOf<"app/user.created" | "perdure/scheduled.timer">();
});

// ---- What a handler is given besides ----

client.createFunction({ id: "f", triggers: userCreated }, (context) => {
  expectTypeOf(context.runId).toEqualTypeOf<string>();
  expectTypeOf(context.traceparent).toEqualTypeOf<string | undefined>();
  expectTypeOf(context.attempt).toEqualTypeOf<number>();
  expectTypeOf(context.maxAttempts).toEqualTypeOf<number>();
  expectTypeOf(context.logger).toEqualTypeOf<Logger>();
  expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>();
  expectTypeOf(context.step).toEqualTypeOf<StepTools<Events>>();
  // A helper need not know the app's events.
  const helper = (step: StepTools): Promise<void> => step.sleep("x", 1);
  return helper(context.step);
});

// ---- Functions as values ----

const typed = client.createFunction({ id: "f", triggers: userCreated }, async ({ event }) => ({
  at: new Date(event.ts),
}));
expectTypeOf(typed).toEqualTypeOf<
  PerdureFunction<ReceivedEvent<"app/user.created", { userId: string }>, { at: Date }>
>();
const scheduled = client.createFunction({ id: "g", triggers: { cron: "* * * * *" } }, () => undefined);
expectTypeOf<(typeof typed | typeof scheduled)[]>().toExtend<readonly PerdureFunction[]>();
expectTypeOf(client).toExtend<FunctionClient>();
expectTypeOf(typed.handler).parameter(0).toExtend<FunctionContext<{ data: { userId: string } }>>();

// ---- Misuse ----

// @ts-expect-error a trigger without event or cron
client.createFunction({ id: "f", triggers: { if: "true" } }, () => undefined);
// @ts-expect-error a trigger with both
client.createFunction({ id: "f", triggers: { event: "a/b", cron: "* * * * *" } }, () => undefined);
// @ts-expect-error a cron cannot be filtered
client.createFunction({ id: "f", triggers: { cron: "* * * * *", if: "true" } }, () => undefined);
// @ts-expect-error a misspelled member
client.createFunction({ id: "f", triggers: { event: "a/b", when: "true" } }, () => undefined);
// @ts-expect-error a misspelled member in a list
client.createFunction({ id: "f", triggers: [{ cron: "* * * * *" }, { event: "a/b", when: "true" }] }, () => undefined);
// @ts-expect-error a misspelled member in the older form
client.createFunction({ id: "f" }, { event: "a/b", when: "true" }, () => undefined);
// @ts-expect-error triggers as text
client.createFunction({ id: "f", triggers: "a/b" }, () => undefined);
// @ts-expect-error triggers in both places
client.createFunction({ id: "f", triggers: { event: "a/b" } }, { event: "a/b" }, () => undefined);
// @ts-expect-error no id
client.createFunction({ triggers: { event: "a/b" } }, () => undefined);
// @ts-expect-error an option that does not exist
client.createFunction({ id: "f", triggers: { event: "a/b" }, retry: 3 }, () => undefined);
// @ts-expect-error retries as text
client.createFunction({ id: "f", triggers: { event: "a/b" }, retries: "3" }, () => undefined);
