/**
 * Goal: the data of an event has one type from the sender to the handler, and what could not arrive does not compile.
 * Method: inferred types compared with literals; misuse marked with the error it must be. Checked by tsc
 * (types.test.ts runs it), never executed.
 */
import * as v from "valibot";
import { expectTypeOf } from "vitest";
import { z } from "zod";
import {
  eventType,
  Perdure,
  staticSchema,
  type CreatedEvent,
  type EventPayload,
  type EventType,
  type Json,
  type ReceivedEvent,
} from "perdure";

interface ShopEvents {
  "shop/order.placed": { orderId: string; items: string[]; placedAt: Date };
  "shop/order.paid": { orderId: string };
}
const typed = new Perdure<ShopEvents>({ id: "shop" });
const untyped = new Perdure({ id: "plain" });

// ---- Sending declared events ----

typed.send({ name: "shop/order.paid", data: { orderId: "o_1" } });
typed.send({ name: "shop/order.paid", data: { orderId: "o_1" }, id: "paid-o_1", ts: new Date(0), v: "2" });
typed.send([
  { name: "shop/order.placed", data: { orderId: "o_1", items: [], placedAt: new Date(0) } },
  { name: "shop/order.paid", data: { orderId: "o_1" } },
  { name: "another/event", data: { anything: 1 } },
  { name: "another/event" },
]);
expectTypeOf(typed.send({ name: "shop/order.paid", data: { orderId: "o_1" } })).resolves.toEqualTypeOf<{
  ids: string[];
}>();
// @ts-expect-error a declared event without its data
typed.send({ name: "shop/order.paid" });
// @ts-expect-error data of the wrong type
typed.send({ name: "shop/order.paid", data: { orderId: 1 } });
// @ts-expect-error a member the event does not have
typed.send({ name: "shop/order.paid", data: { orderId: "o_1", total: 1 } });
// @ts-expect-error the second event of a list is checked like the first
typed.send([{ name: "another/event" }, { name: "shop/order.paid", data: {} }]);
// @ts-expect-error an option that does not exist
typed.send({ name: "shop/order.paid", data: { orderId: "o_1" }, delay: "10m" });
// @ts-expect-error a time as text
typed.send({ name: "another/event", ts: "2027-01-01" });

// ---- Sending others ----

interface Signup {
  userId: string;
  at: Date;
}
declare const signup: Signup;
declare const anyName: string;
untyped.send({ name: "app/signup", data: signup });
untyped.send({ name: anyName, data: { nested: [{ deep: true }] } });
untyped.send([]);
declare const prepared: EventPayload[];
untyped.send(prepared);
typed.send(prepared.map((event) => ({ ...event, v: "2" })));
// @ts-expect-error an event without a name
untyped.send({ data: {} });
// @ts-expect-error data is an object, not text
untyped.send({ name: "app/signup", data: "u_1" });
// @ts-expect-error data is an object, not a list
untyped.send({ name: "app/signup", data: [1, 2] });
// @ts-expect-error a map is {} once it is JSON
untyped.send({ name: "app/signup", data: new Map([["userId", "u_1"]]) });

// ---- Event types: zod ----

const zodUser = eventType("app/user.created", {
  schema: z.object({ userId: z.string(), plan: z.enum(["free", "pro"]).optional() }),
});
expectTypeOf(zodUser.name).toEqualTypeOf<"app/user.created">();
expectTypeOf(zodUser).toExtend<EventType>();
const created = zodUser.create({ userId: "u_1", plan: "pro" }, { id: "x", ts: 5 });
expectTypeOf(created.data.userId).toEqualTypeOf<string>();
expectTypeOf(created).toExtend<CreatedEvent<"app/user.created", { userId: string }>>();
untyped.send(created);
untyped.send([created, { name: "app/other" }]);
typed.send(zodUser.create({ userId: "u_1" }));
// @ts-expect-error data that does not fit the schema
zodUser.create({ userId: 1 });
// @ts-expect-error a value the enum does not have
zodUser.create({ userId: "u_1", plan: "gold" });
// @ts-expect-error an option that does not exist
zodUser.create({ userId: "u_1" }, { name: "app/other" });

// ---- Event types: valibot, static, none ----

const valibotUser = eventType("app/user.updated", {
  schema: v.object({ userId: v.string(), age: v.optional(v.number()) }),
});
expectTypeOf(valibotUser.create({ userId: "u_1" }).data.age).toEqualTypeOf<number | undefined>();
// @ts-expect-error data that does not fit the schema
valibotUser.create({});

const staticUser = eventType("app/user.deleted", { schema: staticSchema<{ userId: string }>() });
expectTypeOf(staticUser).toEqualTypeOf<EventType<"app/user.deleted", { userId: string }>>();
// @ts-expect-error data that does not fit the type
staticUser.create({ userId: false });

const bare = eventType("app/anything");
expectTypeOf(bare.create({ a: [1, { b: null }] }).data["a"]).toEqualTypeOf<Json | undefined>();

// ---- Schemas that say what cannot hold ----

// Fine: checks that leave the value alone, records, unions, and what says nothing.
eventType("app/a", { schema: z.object({ mail: z.email().min(3), tags: z.array(z.string()).readonly() }) });
eventType("app/b", { schema: z.record(z.string(), z.unknown()) });
eventType("app/c", { schema: z.union([z.object({ a: z.string() }), z.object({ b: z.number().nullable() })]) });
eventType("app/d", { schema: z.any() });
eventType("app/e", { schema: v.pipe(v.object({ a: v.pipe(v.string(), v.minLength(1)) })) });
const category = z.object({
  name: z.string(),
  get parts() {
    return z.array(category);
  },
});
expectTypeOf(
  eventType("app/f", { schema: category }).create({ name: "", parts: [] }).data.parts[0]?.parts[0]?.name,
).toEqualTypeOf<string | undefined>();

// @ts-expect-error a transform: the handler sees what was sent, not what the schema makes of it
eventType("app/x", { schema: z.object({ count: z.string().transform(Number) }) });
// @ts-expect-error a transform in valibot
eventType("app/x", { schema: v.object({ count: v.pipe(v.string(), v.transform(Number)) }) });
// @ts-expect-error a default would be missing where the handler expects it
eventType("app/x", { schema: z.object({ plan: z.string().default("free") }) });
// @ts-expect-error a coercion takes anything in
eventType("app/x", { schema: z.object({ at: z.coerce.date() }) });
// @ts-expect-error a Date arrives as text
eventType("app/x", { schema: z.object({ at: z.date() }) });
// @ts-expect-error a Date deep inside arrives as text
eventType("app/x", { schema: z.object({ list: z.array(z.object({ at: z.date().optional() })) }) });
// @ts-expect-error a bigint has no JSON
eventType("app/x", { schema: v.object({ amount: v.bigint() }) });
// @ts-expect-error a map arrives as {}
eventType("app/x", { schema: z.object({ counts: z.map(z.string(), z.number()) }) });
// @ts-expect-error data is an object, not text
eventType("app/x", { schema: z.string() });
// @ts-expect-error data is an object, not a list
eventType("app/x", { schema: z.array(z.string()) });
// @ts-expect-error not a schema
eventType("app/x", { schema: { userId: "string" } });

// ---- What a handler receives ----

typed.createFunction({ id: "f", triggers: { event: "shop/order.placed" } }, ({ event, events }) => {
  expectTypeOf(event).toEqualTypeOf<
    ReceivedEvent<"shop/order.placed", { orderId: string; items: string[]; placedAt: string }>
  >();
  expectTypeOf(events).toEqualTypeOf<readonly (typeof event)[]>();
  expectTypeOf(event.id).toEqualTypeOf<string>();
  expectTypeOf(event.ts).toEqualTypeOf<number>();
  // @ts-expect-error a member the event does not have
  event.data.total;
});
typed.createFunction({ id: "f", triggers: { event: "unknown/event" } }, ({ event }) => {
  expectTypeOf(event.data["url"]).toEqualTypeOf<Json | undefined>();
  // @ts-expect-error nobody has said that this is text
  event.data["url"].toUpperCase();
  if (typeof event.data["url"] === "string") expectTypeOf(event.data["url"]).toEqualTypeOf<string>();
});

// @ts-expect-error the data of an event is an object
new Perdure<{ "shop/order.paid": string }>({ id: "shop" });
// @ts-expect-error an option that does not exist
new Perdure({ id: "shop", apiKey: "k" });
