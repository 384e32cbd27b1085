/**
 * An expense waits for a person: for days, at no cost. Whoever answers first decides; a reminder goes out after three days;
 * whoever withdraws it cancels the run. The money is sent by a function of its own, which never pays twice.
 */
import { perdure } from "./client.js";
import { mailer, payments } from "./outside-world.js";

/** Has no trigger: it is only ever invoked. */
export const payOut = perdure.createFunction(
  {
    id: "pay-out",
    triggers: [],
    // The bank takes five at a time: the sixth waits for its turn.
    concurrency: 5,
    onFailure: async ({ event, error, step }) => {
      await step.run("tell-finance", () =>
        mailer.send("finance@customers.example", `Run ${event.data.runId} could not pay: ${error.message}`),
      );
    },
  },
  async ({ event, step }) => {
    const { iban, amountCents } = event.data as { iban: string; amountCents: number };
    // The key is the same in every attempt of this step, and in no other step of any run.
    return step.run({ id: "transfer", retries: 6, timeout: "30s" }, () =>
      payments.transfer({ iban, cents: amountCents, idempotencyKey: step.idempotencyKey }),
    );
  },
);

export const expenseApproval = perdure.createFunction(
  {
    id: "expense-approval",
    triggers: { event: "app/expense.submitted" },
    idempotency: "event.data.expenseId",
    cancelOn: [{ event: "app/expense.withdrawn", match: "data.expenseId" }],
    timeouts: { finish: "60d" },
  },
  async ({ event, step, group }) => {
    const { expenseId, amountCents, iban } = event.data;
    const manager = "manager@customers.example";
    await step.run("ask", () => mailer.send(manager, `Expense ${expenseId}: ${amountCents} cents. Approve?`));

    const answered = step.waitForAny("answer", {
      events: [
        { event: "app/expense.approved", match: "data.expenseId" },
        { event: "app/expense.rejected", match: "data.expenseId" },
      ],
      timeout: "30d",
    });
    await group.race([
      () => answered,
      async () => {
        await step.sleep("three-days", "3d");
        await step.run("remind", () => mailer.send(manager, `Expense ${expenseId} still waits for you`));
      },
    ]);
    const answer = await answered;
    if (answer === null) return { expenseId, status: "expired" as const };
    if (answer.name === "app/expense.rejected") {
      return { expenseId, status: "rejected" as const, reason: answer.data.reason };
    }
    const transfer = await step.invoke("pay", { function: payOut, data: { iban, amountCents } });
    return { expenseId, status: "paid" as const, transferId: transfer.id };
  },
);
