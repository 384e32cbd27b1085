/**
 * Goal: what a cancel does to a run that is in the middle of a step, or asleep.
 * Method: the real DELETE through the HTTP API while a body waits for the virtual clock; what it notices, and when, is read.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import { SIGNING_KEY } from "../../local/world/world.js";
import { scenarios } from "./started.js";
import { DAY, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

async function cancel(scenario: Scenario, runId: string): Promise<number> {
  const headers = { authorization: `Bearer ${SIGNING_KEY}` };
  return (await scenario.world.request("DELETE", `/api/v1/runs/${runId}`, undefined, headers)).status;
}

it("a body under way is told by its signal within five seconds, and nothing it still does is recorded", async () => {
  let scenario: Scenario | null = null;
  let toldAtMs = 0;
  const after: string[] = [];
  const fn = client.createFunction({ id: "long", triggers: { event: "shop/go" } }, async ({ step, signal }) => {
    await step.run("work", async () => {
      const { clock } = scenario ?? {};
      signal.addEventListener("abort", () => (toldAtMs = clock?.now() ?? 0));
      if (clock) await sleep(clock, 40 * SECOND);
      return "worked";
    });
    after.push("went on");
  });
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/go" });
  await scenario.advance(12 * SECOND);
  const [runId = ""] = await scenario.runIds(eventId);
  const cancelledAtMs = scenario.clock.now();
  expect(await cancel(scenario, runId)).toBe(200);
  await scenario.advance(5 * SECOND);
  expect(toldAtMs).toBeGreaterThan(0);
  expect(toldAtMs - cancelledAtMs).toBeLessThanOrEqual(5 * SECOND);
  await scenario.advance(5 * MINUTE);
  const run = await scenario.run(runId);
  expect([run.head.status, run.entries, run.output, after]).toEqual(["Cancelled", [], null, []]);
});

it("a run that sleeps is over at once: its timer is gone and it never wakes", async () => {
  const woken: string[] = [];
  const fn = client.createFunction({ id: "sleeper", triggers: { event: "shop/go" } }, async ({ step }) => {
    await step.sleep("winter", "30d");
    woken.push("awake");
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/go" });
  const [runId = ""] = await scenario.runIds(eventId);
  expect(await cancel(scenario, runId)).toBe(200);
  await scenario.advance(31 * DAY);
  expect([(await scenario.run(runId)).head.status, woken]).toEqual(["Cancelled", []]);
});
