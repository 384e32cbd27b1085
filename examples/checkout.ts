/**
 * An order takes stock, charges the card, is updated and mailed. When the charge is refused for good, the stock goes back:
 * compensation is a try/catch, because a step out of attempts rejects like any promise.
 */
import { NonRetriableError, StepError } from "perdure";
import { perdure } from "./client.js";
import { mailer, orders, payments, stock } from "./outside-world.js";

export const checkout = perdure.createFunction(
  { id: "checkout", triggers: { event: "shop/checkout.started" }, retries: 3 },
  async ({ event, step }) => {
    const { orderId, items, card } = event.data;

    const claim = await step.run("claim-stock", () => stock.claim(orderId, items));

    try {
      const payment = await step.run("charge", () => {
        if (card === "expired") throw new NonRetriableError("The card has expired");
        // The key is the same in every attempt: the payment service charges once however often it is asked.
        return payments.charge({ card, cents: claim.totalCents, idempotencyKey: `${orderId}-charge` });
      });
      await step.run("update-order", () => orders.update(orderId, { status: "paid", paymentId: payment.id }));
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      await step.run("release-stock", () => stock.release(orderId));
      await step.run("reject-order", () => orders.update(orderId, { status: "rejected", reason: error.message }));
      return { orderId, status: "rejected" as const };
    }

    await step.sendEvent("announce", {
      name: "shop/order.completed",
      data: { orderId, totalCents: claim.totalCents },
    });
    return { orderId, status: "paid" as const };
  },
);

export const mailReceipt = perdure.createFunction(
  { id: "mail-receipt", triggers: { event: "shop/order.completed", if: "event.data.totalCents > 0" } },
  async ({ event, step }) => {
    const { orderId, totalCents } = event.data;
    return step.run("mail", () =>
      mailer.send(`${orderId}@customers.example`, `You paid ${totalCents} cents. Thank you!`),
    );
  },
);
