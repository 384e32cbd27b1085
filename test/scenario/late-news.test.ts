/**
 * Goal: what is told of runs, or asked for them, when it no longer holds does nothing: a child whose parent is over never
 * begins, a run that lives is not reported as ended, a signal that comes after the timeout was received by nobody (PROTOCOL §5).
 * Method: the messages are sent by hand, as one that was delivered late or again; a write is held back until the moment has passed.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { referenceFunction } from "../../sdk/reference.js";
import { EVENT_KEY } from "../../local/world/world.js";
import { eventsQueueUrl, isPutOf, sendRaw } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

it("a child that is asked for when its parent is over is made, and never begins", async () => {
  let bodies = 0;
  const child = client.createFunction({ id: "child" }, ({ step }) => step.run("work", () => (bodies += 1)));
  const parent = client.createFunction({ id: "parent", triggers: { event: "shop/x" } }, () => "over");
  const scenario = await start({ client, functions: [parent, child] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  const { head } = await scenario.runOf(eventId);
  expect(head.status).toBe("Completed");
  const ask = { v: 1, kind: "invoke", parent: { run: head.runId, fn: "parent", op: "a".repeat(26) }, app: "shop" };
  const times = { createdAtMs: head.createdAtMs, sentAtMs: scenario.clock.now() };
  await sendRaw(
    scenario,
    eventsQueueUrl(scenario),
    JSON.stringify({ ...ask, fn: "child", data: {}, depth: 1, ...times }),
  );
  await scenario.advance(MINUTE);
  expect((await scenario.runsOf("child")).timeSorted.map((run) => run.head.status)).toEqual(["Cancelled"]);
  expect(bodies).toBe(0);
});

it("a message that tells of the end of a child that lives does not answer its parent", async () => {
  const child = client.createFunction({ id: "child" }, async ({ step }) => {
    await step.sleep("nap", "10m");
    return "done";
  });
  const parent = client.createFunction({ id: "parent", triggers: { event: "shop/x" } }, ({ step }) =>
    step.invoke("ask", { function: child }),
  );
  const scenario = await start({ client, functions: [parent, child] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  const [made] = (await scenario.runsOf("child")).timeSorted;
  const message = { v: 1, kind: "ended", run: made?.head.runId };
  await sendRaw(scenario, eventsQueueUrl(scenario), JSON.stringify(message));
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(eventId)).head.status).toBe("Running");
  await scenario.advance(HOUR);
  expect((await scenario.runOf(eventId)).output).toBe("done");
});

it("what a listener's child invokes in turn is told of to nobody", async () => {
  let begun = 0;
  const grandchild = client.createFunction({ id: "grandchild" }, () => "helped");
  const child = client.createFunction({ id: "child" }, ({ step }) =>
    step.invoke("ask", { function: referenceFunction({ functionId: "grandchild" }) }),
  );
  const auditor = client.createFunction(
    { id: "auditor", triggers: { event: "perdure/function.finished" } },
    async ({ step }) => {
      begun += 1;
      await step.invoke("ask", { function: referenceFunction({ functionId: "child" }) });
    },
  );
  const works = client.createFunction({ id: "works", triggers: { event: "shop/x" } }, () => "well");
  const scenario = await start({ client, functions: [works, child, grandchild, auditor] });
  await scenario.post([{ name: "shop/x" }]);
  await scenario.advance(2 * SECOND);
  expect((await scenario.runsOf("auditor")).timeSorted.map(({ head }) => head.status)).toEqual(["Completed"]);
  expect((await scenario.runsOf("grandchild")).timeSorted).toHaveLength(1);
  expect(begun).toBeLessThan(5);
});

it("a signal that reaches the inbox after the timeout was received by nobody, and its sender is told so", async () => {
  const waiter = client.createFunction({ id: "waiter", triggers: { event: "shop/x" } }, ({ step }) =>
    step.waitForSignal("wait", { signal: "go", timeout: "1m" }),
  );
  const scenario = await start({ client, functions: [waiter] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(55 * SECOND);
  scenario.world.aws.faults.add((call) =>
    call.caller.name === "api" && isPutOf(call, "IN#") ? { freezeMs: 10 * SECOND } : undefined,
  );
  const headers = { authorization: `Bearer ${EVENT_KEY}` };
  const answer = scenario.world.request("POST", "/api/v1/signals", { signal: "go", data: 1 }, headers);
  await scenario.advance(20 * SECOND);
  const body: unknown = JSON.parse(Buffer.from((await answer).body).toString());
  expect(body).toEqual({ data: { runId: null } });
  const { head, output } = await scenario.runOf(eventId);
  expect([head.status, output]).toEqual(["Completed", null]);
});
