/**
 * Goal: what a wait gives is typed by the event it waits for, and null is always a possibility; `cancelOn` refuses what cannot be.
 * Method: inferred types compared with literals; misuse marked with the error it must be. Checked by tsc
 * (types.test.ts runs it), never executed.
 */
import { expectTypeOf } from "vitest";
import { eventType, Perdure, staticSchema, type CancelOn, type StepTools } from "perdure";

type Events = { "shop/order.paid": { orderId: string; at: Date }; "shop/order.rejected": { reason: string } };
declare const step: StepTools<Events>;
const shipped = eventType("shop/order.shipped", { schema: staticSchema<{ parcel: number }>() });

export async function oneEvent(): Promise<void> {
  const paid = await step.waitForEvent("paid", { event: "shop/order.paid", match: "data.orderId", timeout: "1h" });
  expectTypeOf(paid).extract<null>().toBeNull();
  if (paid) {
    expectTypeOf(paid.name).toEqualTypeOf<"shop/order.paid">();
    expectTypeOf(paid.data).toEqualTypeOf<{ orderId: string; at: string }>();
  }
  const parcel = await step.waitForEvent("shipped", { event: shipped, timeout: 1_000 });
  if (parcel) expectTypeOf(parcel.data.parcel).toEqualTypeOf<number>();
  const other = await step.waitForEvent("other", { event: "shop/other", timeout: "30m", lookback: "run" });
  if (other) expectTypeOf(other.name).toEqualTypeOf<"shop/other">();
  // @ts-expect-error -- a wait has an end
  await step.waitForEvent("endless", { event: "shop/order.paid" });
  // @ts-expect-error -- no such unit
  await step.waitForEvent("unit", { event: "shop/order.paid", timeout: "10x" });
  // @ts-expect-error -- neither a duration nor "run"
  await step.waitForEvent("back", { event: "shop/order.paid", timeout: "1h", lookback: "always" });
}

export async function firstOfSeveral(): Promise<void> {
  const answer = await step.waitForAny("answer", {
    events: [{ event: "shop/order.paid", match: "data.orderId" }, { event: "shop/order.rejected" }, { event: shipped }],
    timeout: "7d",
  });
  if (answer?.name === "shop/order.rejected") expectTypeOf(answer.data).toEqualTypeOf<{ reason: string }>();
  if (answer?.name === "shop/order.shipped") expectTypeOf(answer.data.parcel).toEqualTypeOf<number>();
}

const client = new Perdure<Events>({ id: "types" });

export const cancellable = client.createFunction(
  {
    id: "cancellable",
    triggers: { event: "shop/order.paid" },
    cancelOn: [
      { event: "shop/order.rejected", match: "data.orderId" },
      { event: shipped, if: "async.data.parcel > event.data.parcels", timeout: "30d" },
    ],
  },
  async ({ event }) => event.data.orderId,
);

// @ts-expect-error -- an entry names an event
export const nameless: CancelOn = { if: "true" };
// @ts-expect-error -- no such unit
export const timeless: CancelOn = { event: "shop/order.rejected", timeout: "10x" };
