/** The client of the example app. Its events are declared once, so that triggers, `send` and `step.sendEvent` know their data. */
import { Perdure } from "perdure";

/** The app's events and their data. */
export interface Events {
  "api/document.uploaded": { id: string; url: string; text?: string };
  "shop/checkout.started": { orderId: string; items: { sku: string; quantity: number }[]; card: string };
  "shop/order.completed": { orderId: string; totalCents: number };
  "app/user.signed-up": { userId: string; email: string };
  "app/expense.submitted": { expenseId: string; amountCents: number; iban: string };
  "app/expense.approved": { expenseId: string; by: string };
  "app/expense.rejected": { expenseId: string; by: string; reason: string };
  "app/expense.withdrawn": { expenseId: string };
  "app/report.requested": { reportId: string; regions: string[] };
}

export const perdure = new Perdure<Events>({ id: "examples" });
