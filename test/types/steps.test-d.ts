/**
 * Goal: a step's result is typed as JSON returns it, its input as its body wants it, its duration as one that exists.
 * Method: inferred types compared with literals; misuse marked with the error it must be. Checked by tsc
 * (types.test.ts runs it), never executed.
 */
import { expectTypeOf } from "vitest";
import {
  eventType,
  NonRetriableError,
  Perdure,
  RetryAfterError,
  staticSchema,
  StepError,
  type PerdureFunction,
  type StepOutput,
  type StepTools,
} from "perdure";

type Events = { "shop/order.paid": { orderId: string } };
declare const step: StepTools<Events>;
const orderPlaced = eventType("shop/order.placed", { schema: staticSchema<{ orderId: string }>() });

// ---- Results of run ----

export async function results(): Promise<void> {
  expectTypeOf(await step.run("text", () => "a")).toEqualTypeOf<string>();
  expectTypeOf(await step.run("later", async () => 1)).toEqualTypeOf<number>();
  expectTypeOf(await step.run("nothing", () => undefined)).toBeNull();
  expectTypeOf(await step.run("void", async () => {})).toBeNull();
  expectTypeOf(await step.run("date", () => new Date())).toEqualTypeOf<string>();
  const found = (): { id: string; at: Date; note: string | undefined; call(): void } | null => null;
  expectTypeOf(await step.run("object", found)).toEqualTypeOf<{ id: string; at: string; note?: string } | null>();
  const answer = (): { kind: "ok"; at: Date } | { kind: "no"; why: string } => ({ kind: "no", why: "" });
  const answered = await step.run("union", answer);
  if (answered.kind === "ok") expectTypeOf(answered.at).toEqualTypeOf<string>();
  else expectTypeOf(answered.why).toEqualTypeOf<string>();
  expectTypeOf(await step.run("optional", (): string | undefined => "a")).toEqualTypeOf<string | null>();
  expectTypeOf(await step.run("tuple", () => [1, new Date()] as const)).toEqualTypeOf<readonly [1, string]>();
  expectTypeOf(await step.run("map", () => new Map<string, number>())).toEqualTypeOf<Record<never, never>>();
  expectTypeOf(await step.run("unknown", (): unknown => 1)).toBeUnknown();
  expectTypeOf(await step.run("parsed", () => JSON.parse("1"))).toBeAny();
  expectTypeOf(
    await step.run("never", () => {
      throw new NonRetriableError("no");
    }),
  ).toBeNever();
  // @ts-expect-error a bigint has no JSON, so there is no result to work with
  (await step.run("bigint", () => 1n)).toString();
  // @ts-expect-error a Date is text when it comes back
  (await step.run("date", () => new Date())).getTime();
}
expectTypeOf<StepOutput<Promise<Date | undefined>>>().toEqualTypeOf<string | null>();

// ---- Input of run ----

export async function input(): Promise<void> {
  const charge = (card: string, cents: number): { charged: number } => ({ charged: cents + card.length });
  expectTypeOf(await step.run("charge", charge, "card", 500)).toEqualTypeOf<{ charged: number }>();
  expectTypeOf(await step.run("inline", (a: number, b?: string) => `${a}${b}`, 1)).toEqualTypeOf<string>();
  // @ts-expect-error an argument is missing
  await step.run("charge", charge, "card");
  // @ts-expect-error an argument of the wrong type
  await step.run("charge", charge, "card", "500");
  // @ts-expect-error one argument too many
  await step.run("charge", charge, "card", 500, true);
  // @ts-expect-error the body was called instead of handed over
  await step.run("charge", charge("card", 500));
  // @ts-expect-error a step needs an id
  await step.run(() => 1);
}

// ---- Ids ----

export async function ids(): Promise<void> {
  await step.run({ id: "a" }, () => 1);
  await step.run({ id: "a", name: "Shown as this" }, () => 1);
  await step.sleep({ id: "b" }, "1s");
  // @ts-expect-error an option that does not exist
  await step.run({ id: "a", title: "A" }, () => 1);
  // @ts-expect-error an id is text
  await step.run(1, () => 1);
}

// ---- Started together ----

export async function together(): Promise<void> {
  const [user, sent] = await Promise.all([
    step.run("user", () => ({ at: new Date() })),
    step.sendEvent("sent", { name: "app/x" }),
    step.sleep("pause", 1_000),
  ]);
  expectTypeOf(user).toEqualTypeOf<{ at: string }>();
  expectTypeOf(sent).toEqualTypeOf<{ ids: string[] }>();
  const first = await Promise.race([step.run("a", () => 1), step.run("b", () => "b")]);
  expectTypeOf(first).toEqualTypeOf<number | string>();
}

// ---- Times ----

export async function times(): Promise<void> {
  expectTypeOf(await step.sleep("a", 1_500)).toBeVoid();
  await step.sleep("a", "10m");
  await step.sleep("a", "1h30m");
  await step.sleep("a", "2.5d");
  await step.sleep("a", "5 minutes");
  expectTypeOf(await step.sleepUntil("a", new Date(0))).toBeVoid();
  await step.sleepUntil("a", "2027-01-31T09:00:00Z");
  // @ts-expect-error a unit that does not exist
  await step.sleep("a", "10x");
  // @ts-expect-error a number without a unit
  await step.sleep("a", "10");
  // @ts-expect-error a misspelled unit
  await step.sleep("a", "5 minuets");
  // @ts-expect-error a point in time is not a duration
  await step.sleep("a", new Date(0));
  // @ts-expect-error text nobody has checked
  await step.sleep("a", String(1));
  // @ts-expect-error milliseconds since 1970 are too easily mistaken for a duration
  await step.sleepUntil("a", 1_500);
}

// ---- Sending ----

export async function sending(): Promise<void> {
  expectTypeOf(await step.sendEvent("a", { name: "shop/order.paid", data: { orderId: "o_1" } })).toEqualTypeOf<{
    ids: string[];
  }>();
  await step.sendEvent("a", [{ name: "app/x", data: { at: new Date(0) } }, orderPlaced.create({ orderId: "o_1" })]);
  // @ts-expect-error a declared event without its data
  await step.sendEvent("a", { name: "shop/order.paid" });
  // @ts-expect-error data of the wrong type
  await step.sendEvent("a", [{ name: "shop/order.paid", data: { orderId: 1 } }]);
  // @ts-expect-error the id of the step is missing
  await step.sendEvent({ name: "app/x" });
}

// ---- Signals ----

export async function signals(): Promise<void> {
  const approved = await step.waitForSignal<{ by: string; at: Date }>("approval", { signal: "approve", timeout: "7d" });
  expectTypeOf(approved).toEqualTypeOf<{ signal: string; data: { by: string; at: string } } | null>();
  await step.waitForSignal("replacing", { signal: "approve", timeout: new Date(0), onConflict: "replace" });
  expectTypeOf(await step.sendSignal("tell", { signal: "approve" })).toEqualTypeOf<{ runId?: string }>();
  const client = new Perdure({ id: "shop" });
  expectTypeOf(await client.sendSignal({ signal: "approve", data: { by: "Ada" } })).toEqualTypeOf<{ runId?: string }>();
  // @ts-expect-error a wait needs a timeout
  await step.waitForSignal("endless", { signal: "approve" });
  // @ts-expect-error what happens to the other wait has two names
  await step.waitForSignal("approval", { signal: "approve", timeout: "7d", onConflict: "steal" });
  // @ts-expect-error a signal has a name
  await step.sendSignal("tell", { data: 1 });
}

// ---- Timeouts ----

export function timeouts(): void {
  const client = new Perdure({ id: "shop" });
  client.createFunction({ id: "f", triggers: { event: "x" }, timeouts: { start: "10m", finish: 60_000 } }, () => 1);
  // @ts-expect-error a duration that does not exist
  client.createFunction({ id: "f", triggers: { event: "x" }, timeouts: { start: "10x" } }, () => 1);
  // @ts-expect-error no such timeout
  client.createFunction({ id: "f", triggers: { event: "x" }, timeouts: { end: "10m" } }, () => 1);
}

// ---- Errors ----

export async function errors(): Promise<string> {
  try {
    return await step.run("primary", () => "a");
  } catch (error) {
    expectTypeOf(error).toBeUnknown();
    if (!(error instanceof StepError)) throw error;
    expectTypeOf(error).toEqualTypeOf<StepError>();
    expectTypeOf(error.stepId).toEqualTypeOf<string>();
    expectTypeOf(error.name).toEqualTypeOf<string>();
    expectTypeOf(error.code).toEqualTypeOf<string | undefined>();
    expectTypeOf(error.cause).toBeUnknown();
    return step.run("fallback", () => "b");
  }
}
new NonRetriableError("The card does not exist");
new NonRetriableError("The card does not exist", { cause: new Error("404") });
new RetryAfterError("Busy", 5_000);
new RetryAfterError("Busy", "30s", { cause: "429" });
new RetryAfterError("Busy", new Date(0));
// @ts-expect-error a duration that does not exist
new RetryAfterError("Busy", "30 parsecs");
// @ts-expect-error when to retry is missing
new RetryAfterError("Busy");

// ---- Options of one step ----

export async function options(): Promise<void> {
  const backoff = { first: "1s", factor: 2, longest: "1m" } as const;
  const id = { id: "s", name: "S", retries: 2, backoff, timeout: "30s", atMostOnce: false } as const;
  expectTypeOf(await step.run(id, (a: number) => new Date(a), 1)).toEqualTypeOf<string>();
  expectTypeOf(step.signal).toEqualTypeOf<AbortSignal>();
  expectTypeOf(step.idempotencyKey).toEqualTypeOf<string>();
  // @ts-expect-error retries are a number
  await step.run({ id: "s", retries: "2" }, () => 1);
  // @ts-expect-error no such option
  await step.run({ id: "s", retry: 2 }, () => 1);
  // @ts-expect-error a duration that does not exist
  await step.run({ id: "s", timeout: "30 parsecs" }, () => 1);
  // @ts-expect-error a sleep has no body to try again
  await step.sleep({ id: "s", retries: 2 }, "1m");
  // @ts-expect-error it is for reading
  step.idempotencyKey = "mine";
}

// ---- The whole of it ----

const perdure = new Perdure<{ "api/document.uploaded": { id: string; url: string } }>({ id: "shop" });
declare const llm: { summarize(url: string): Promise<string> };
declare const db: { save(id: string, summary: string): Promise<{ savedAt: Date }> };
perdure.createFunction(
  { id: "process-document", triggers: [{ event: "api/document.uploaded" }] },
  async ({ event, step }) => {
    const summary = await step.run("summarize", () => llm.summarize(event.data.url));
    await step.sleep("let-it-settle", "10m");
    const saved = await step.run("save", () => db.save(event.data.id, summary));
    expectTypeOf(saved).toEqualTypeOf<{ savedAt: string }>();
    return saved;
  },
);

// ---- The data of an undeclared event as a step's result ----

const untyped = new Perdure({ id: "shop" });
const echo = untyped.createFunction({ id: "echo", triggers: { event: "shop/x" } }, async ({ event, step }) =>
  step.run("store", () => event.data),
);
// It has to fit where functions are served: looked into without an end, it once did not compile there.
export const served: readonly PerdureFunction<never>[] = [echo];
