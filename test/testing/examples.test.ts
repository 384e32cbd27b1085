/**
 * Goal: the examples are testable with the kit as a user's own functions are, and survive every crash point.
 * Method: the example app's functions under `createTest`, with mocks where they call the outside world; `chaos` with the
 * steps declared that may run again.
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkout, mailReceipt } from "../../examples/checkout.js";
import { perdure } from "../../examples/client.js";
import { processDocument } from "../../examples/document-pipeline.js";
import { hourlySync } from "../../examples/hourly-sync.js";
import { welcomeDrip } from "../../examples/welcome-drip.js";
import { createTest } from "../../local/testing/index.js";

const functions = [processDocument, checkout, mailReceipt, hourlySync, welcomeDrip] as const;
const create = () => createTest({ client: perdure, functions, startAt: "2026-03-02T09:00:00Z" });

let t: Awaited<ReturnType<typeof create>>;
beforeEach(async () => {
  t = await create();
});
afterEach(() => t.stop());

const uploaded = { name: "api/document.uploaded", data: { id: "d_1", url: "https://example.com/a.pdf" } } as const;
const order = { orderId: "o_1", items: [{ sku: "tea", quantity: 2 }], card: "valid" };
const signedUp = { name: "app/user.signed-up", data: { userId: "u_1", email: "ada@example.com" } } as const;

it("a document's summary is tried again until the model answers", async () => {
  t.mock(processDocument, "summarize", ({ attempt }) => {
    if (attempt < 3) throw new Error("overloaded");
    return "a summary";
  });
  const { ids } = await t.send(uploaded);
  await t.advance("5m");
  const run = await t.runOf(ids[0], processDocument);
  expect(run.output).toMatchObject({ id: "d_1", summary: "a summary", category: "short" });
  const summarize = run.steps.find(({ id }) => id === "summarize");
  expect(summarize?.attempts.map(({ error }) => error?.message ?? null)).toEqual([
    "overloaded",
    "overloaded",
    "overloaded",
    null,
  ]);
});

it("a checkout is paid and its receipt mailed; a declined card gives the stock back", async () => {
  const { ids } = await t.send({ name: "shop/checkout.started", data: order });
  expect((await t.runOf(ids[0], checkout)).output).toEqual({ orderId: "o_1", status: "paid" });
  const [receipt] = await t.runs({ function: mailReceipt });
  expect(receipt?.output).toEqual({ to: "o_1@customers.example", text: "You paid 2500 cents. Thank you!" });
  const declined = await t.send({ name: "shop/checkout.started", data: { ...order, card: "expired" } });
  const run = await t.runOf(declined.ids[0], checkout);
  expect(run.output?.status).toBe("rejected");
  expect(run.steps.map(({ id }) => id)).toEqual(["claim-stock", "charge", "release-stock", "reject-order"]);
});

it("the drip takes eight days, the sync runs on the hour", async () => {
  const { ids } = await t.send(signedUp);
  await t.advance("23h");
  expect((await t.runOf(ids[0], welcomeDrip)).steps.map(({ id }) => id)).toEqual(["welcome", "a-day"]);
  await t.advance("7d 1h");
  expect((await t.runOf(ids[0], welcomeDrip)).status).toBe("Completed");
  const syncs = await t.runs({ function: hourlySync });
  expect(syncs.length).toBe(8 * 24);
  expect(syncs[0]?.output).toEqual({ copied: 3, until: "2026-03-02T10:00:00.000Z" });
});

it("no crash point changes how a checkout or a drip ends", async () => {
  const paid = await t.chaos({
    event: { name: "shop/checkout.started", data: order },
    idempotent: ["claim-stock", "charge", "update-order", "mail"],
  });
  expect(paid.toString().split("\n").slice(1)).toEqual(["Nothing was found."]);
  const drip = await t.chaos({
    event: signedUp,
    until: "9d",
    idempotent: ["welcome", "first-steps", "how-is-it-going"],
    maxTrials: 40,
  });
  expect(drip.toString().split("\n").slice(1)).toEqual(["Nothing was found."]);
});

it("a time of day in a result is not taken for damage", async () => {
  const report = await t.chaos({ event: uploaded, maxTrials: 30 });
  expect(report.differences).toEqual([]);
  expect(report.unstable).toEqual([]);
  expect(report.notCompared).toEqual([{ functionId: "process-document", path: "output.savedAt" }]);
});
