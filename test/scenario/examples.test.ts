/**
 * Goal: every example does what it says, on the real path.
 * Method: the example app's own functions in a world on a virtual clock; the events are those of examples/samples.json.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { perdure } from "../../examples/client.js";
import { functions } from "../../examples/worker.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();

const samples = JSON.parse(readFileSync(new URL("../../examples/samples.json", import.meta.url), "utf8")) as {
  name: string;
  data: Record<string, unknown>;
}[];

async function sendSample(scenario: Scenario, name: string, change: Record<string, unknown> = {}): Promise<string> {
  const sample = samples.find((candidate) => candidate.name === name);
  const [eventId = ""] = await scenario.send({ name, data: { ...sample?.data, ...change } });
  return eventId;
}

it("the document pipeline survives two failures of its model and ends with the saved document", async () => {
  const scenario = await start({ client: perdure, functions });
  const eventId = await sendSample(scenario, "api/document.uploaded");
  await scenario.advance(MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toMatchObject({ id: "d_1", words: 5, category: "short", language: "en" });
  const failed = run.entries.filter((entry) => entry.k === "failed");
  expect(failed.map((entry) => entry.id)).toEqual(["summarize", "summarize"]);
});

it("a document without a URL fails at once: the error is not retried", async () => {
  const scenario = await start({ client: perdure, functions });
  const eventId = await sendSample(scenario, "api/document.uploaded", { url: "nowhere" });
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Failed");
  expect(run.head.error?.message).toBe("Document d_1 has no usable URL");
});

it("a checkout is paid, and its receipt is mailed by another function", async () => {
  const scenario = await start({ client: perdure, functions });
  const run = await scenario.runOf(await sendSample(scenario, "shop/checkout.started"));
  expect(run.output).toEqual({ orderId: "o_1", status: "paid" });
  const sent = run.entries.find((entry) => entry.k === "done" && entry.id === "announce");
  const [announced = ""] = sent?.k === "done" && "ok" in sent ? (sent.ok as { ids: string[] }).ids : [];
  const receipt = await scenario.runOf(announced);
  expect(receipt.output).toEqual({ to: "o_1@customers.example", text: "You paid 2500 cents. Thank you!" });
});

it("a refused card gives the stock back", async () => {
  const scenario = await start({ client: perdure, functions });
  const run = await scenario.runOf(await sendSample(scenario, "shop/checkout.started", { card: "expired" }));
  expect(run.head.status).toBe("Completed");
  expect(run.output).toEqual({ orderId: "o_1", status: "rejected" });
  const steps = run.entries.flatMap((entry) => (entry.k === "done" ? [entry.id] : []));
  expect(steps).toEqual(["claim-stock", "charge", "release-stock", "reject-order"]);
});

it("the drip sends its mails a day and a week apart", async () => {
  const scenario = await start({ client: perdure, functions });
  const eventId = await sendSample(scenario, "app/user.signed-up");
  const mails = async (): Promise<number> =>
    (await scenario.runOf(eventId)).entries.filter((entry) => entry.k === "done").length;
  expect(await mails()).toBe(1);
  await scenario.advance(DAY - SECOND);
  expect(await mails()).toBe(1);
  await scenario.advance(3 * SECOND);
  expect(await mails()).toBe(2);
  await scenario.advance(7 * DAY);
  expect((await scenario.runOf(eventId)).head.status).toBe("Completed");
});

it("the hourly sync runs on the hour, from 09:00 at 10, 11 and 12", async () => {
  const scenario = await start({ client: perdure, functions });
  await scenario.advance(3 * HOUR + MINUTE);
  const { timeSorted } = await scenario.runsOf("hourly-sync");
  expect(timeSorted.map((run) => run.output)).toEqual([
    { copied: 3, until: "2026-03-02T10:00:00.000Z" },
    { copied: 3, until: "2026-03-02T11:00:00.000Z" },
    { copied: 3, until: "2026-03-02T12:00:00.000Z" },
  ]);
});

it("an expense waits for days, is remembered once, and is paid once it is approved", async () => {
  const scenario = await start({ client: perdure, functions });
  const eventId = await sendSample(scenario, "app/expense.submitted");
  await scenario.advance(4 * DAY);
  const waiting = await scenario.runOf(eventId);
  expect(waiting.head.status).toBe("Running");
  expect(waiting.entries.flatMap((entry) => (entry.k === "done" ? [entry.id] : []))).toEqual(["ask", "remind"]);
  await sendSample(scenario, "app/expense.approved", { expenseId: "another" });
  await sendSample(scenario, "app/expense.approved");
  await scenario.advance(MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toMatchObject({
    expenseId: "e_1",
    status: "paid",
    transferId: expect.stringMatching(/^transfer_./),
  });
  expect((await scenario.runsOf("pay-out")).timeSorted).toHaveLength(1);
});

it("an expense that is rejected at once reminds nobody; one that is withdrawn is cancelled; the same one twice is one", async () => {
  const scenario = await start({ client: perdure, functions });
  const rejected = await sendSample(scenario, "app/expense.submitted", { expenseId: "e_2" });
  const withdrawn = await sendSample(scenario, "app/expense.submitted", { expenseId: "e_3" });
  const again = await sendSample(scenario, "app/expense.submitted", { expenseId: "e_3" });
  await scenario.send({ name: "app/expense.rejected", data: { expenseId: "e_2", by: "g", reason: "no receipt" } });
  await scenario.send({ name: "app/expense.withdrawn", data: { expenseId: "e_3" } });
  await scenario.advance(5 * DAY);
  const run = await scenario.runOf(rejected);
  expect(run.output).toEqual({ expenseId: "e_2", status: "rejected", reason: "no receipt" });
  expect(run.entries.some((entry) => entry.k === "done" && entry.id === "remind")).toBe(false);
  expect((await scenario.runOf(withdrawn)).head.status).toBe("Cancelled");
  expect(await scenario.runIds(again)).toEqual([]);
});

it("a report is computed by region, each in a Lambda of its own", async () => {
  const scenario = await start({ client: perdure, functions });
  const eventId = await sendSample(scenario, "app/report.requested");
  await scenario.advance(MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.output).toMatchObject({ id: "r_1", totalCents: 17_500 });
  const planned = run.entries.flatMap((entry) => (entry.k === "op" && entry.op.kind === "branch" ? [entry.id] : []));
  expect(planned).toEqual(["compute-north", "compute-south", "compute-west"]);
});
