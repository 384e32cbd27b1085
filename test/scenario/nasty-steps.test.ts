/**
 * Goal: what is particularly nasty for steps and their replay: lost answers, histories of several pages, races with everything
 * at once, code that changes under a step (docs/scenarios.md, 1–20 and 77–88).
 * Method: the whole platform in virtual time; one call goes wrong, or the code is deployed again; bodies count themselves.
 */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import type { FunctionContext } from "../../sdk/function.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { isPutOf, onceAt } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });
const flow = (handler: (context: FunctionContext) => unknown) =>
  client.createFunction({ id: "flow", triggers: { event: "shop/x" } }, handler);

it("a result whose write is answered by nobody is written once, and its body does not run again", async () => {
  const bodies: string[] = [];
  const fn = flow(async ({ step }) => {
    await step.run("a", () => bodies.push("a"));
    return step.run("b", () => bodies.push("b"));
  });
  const scenario = await start({ client, functions: [fn] });
  const lost = onceAt(scenario, (call) => isPutOf(call, "LOG#000001#000001"), "lost");
  const [id = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  expect(lost()).toBe(true);
  const { head, entries, output } = await scenario.runOf(id);
  expect([head.status, head.epoch, output, bodies]).toEqual(["Completed", 1, 2, ["a", "b"]]);
  expect(entries.map((entry) => entry.k)).toEqual(["done", "done"]);
});

it("a history of several pages is read whole, and each step costs one write, the last like the first", async () => {
  const STEPS = 220;
  const random = seededRandom(9);
  // 12 KB that gzip makes 9 of: they stay in the table, some two megabytes of log.
  const results = Array.from({ length: STEPS }, () => Buffer.from(random.bytes(9_000)).toString("base64"));
  let bodies = 0;
  const fn = flow(async ({ step }) => {
    const seen = createHash("sha256");
    for (const [index, result] of results.entries()) {
      const body = (): string => {
        bodies += 1;
        return result;
      };
      seen.update(await step.run(`step-${index}`, body));
    }
    await step.sleep("pause", "1h");
    return seen.digest("hex");
  });
  const scenario = await start({ client, functions: [fn] });
  const count = (operation: string, since: ReturnType<typeof scenario.world.aws.ledger.mark>): number =>
    scenario.world.aws.ledger
      .since(since)
      .rows.filter((row) => row.caller === "worker" && row.operation === operation)
      .reduce((sum, { calls }) => sum + calls, 0);
  const begun = scenario.world.aws.ledger.mark();
  const [id = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  // One for the sleep.
  expect([count("PutItem", begun), count("Query", begun)]).toEqual([STEPS + 1, 0]);
  const woken = scenario.world.aws.ledger.mark();
  await scenario.advance(HOUR);
  expect(count("Query", woken)).toBeGreaterThanOrEqual(2);
  const { head, output } = await scenario.runOf(id);
  expect([head.status, bodies]).toEqual(["Completed", STEPS]);
  expect(output).toBe(createHash("sha256").update(results.join("")).digest("hex"));
});

/** Which of the two wins is open; which one won is not, ever after. */
it("a race between several waits and a sleep that end together has one winner in every recovery", async () => {
  const outcomes = new Set<string>();
  for (const offsetMs of [-40, 0, 40]) {
    for (const nth of [0, 2, 4, 7]) {
      const winners = new Set<string>();
      const fn = flow(async ({ step }) => {
        const wait = (name: string) => step.waitForEvent(name, { event: `shop/${name}`, timeout: "2h" });
        const both = Promise.all([wait("left"), wait("right")]).then(() => "both");
        const limit = step.sleep("limit", "41m").then(() => "limit");
        const winner = await Promise.race([both, limit]);
        winners.add(winner);
        await step.sleep("later", "3h");
        return step.run(`after ${winner}`, () => winner);
      });
      const scenario = await start({ client, functions: [fn], seed: nth + 1 });
      const [id = ""] = await scenario.send({ name: "shop/x" });
      const sleepsUntilMs = await untilOfSleep(scenario, id, "limit");
      await scenario.advance(sleepsUntilMs + offsetMs - scenario.clock.now());
      let calls = 0;
      onceAt(scenario, ({ caller }) => caller.name === "worker" && calls++ === nth, "crash-after");
      await scenario.post([
        { name: "shop/left", data: {} },
        { name: "shop/right", data: {} },
      ]);
      await scenario.advance(5 * HOUR);
      const { head, output } = await scenario.runOf(id);
      expect([head.status, [...winners]]).toEqual(["Completed", [output]]);
      outcomes.add(String(output));
    }
  }
  // The search has seen both.
  expect([...outcomes].sort()).toEqual(["both", "limit"]);
});

async function untilOfSleep(scenario: Scenario, eventId: string, step: string): Promise<number> {
  await scenario.advance(SECOND);
  const { entries } = await scenario.runOf(eventId);
  const op = entries.find((entry) => entry.k === "op" && entry.id === step);
  if (op?.k !== "op" || op.op.kind !== "sleep") throw new Error(`"${step}" does not sleep`);
  return op.op.untilMs;
}

it("code deployed in the middle of a step takes over at the next turn; the step's result stands", async () => {
  const bodies: string[] = [];
  let scenario: Scenario | null = null;
  const version = (name: string) =>
    flow(async ({ step }) => {
      await step.run("long", async () => {
        bodies.push(`${name} long`);
        if (scenario) await sleep(scenario.clock, 30 * SECOND);
      });
      await step.sleep("pause", "1h");
      return step.run("end", () => bodies.push(`${name} end`));
    });
  scenario = await start({ client, functions: [version("v1")] });
  const [id = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * SECOND);
  await scenario.world.redeploy([version("v2")]);
  await scenario.advance(2 * HOUR);
  expect([(await scenario.runOf(id)).head.status, bodies]).toEqual(["Completed", ["v1 long", "v2 end"]]);
});

it("code rolled back goes on without the results of steps it does not have", async () => {
  const bodies: string[] = [];
  const version = (name: string, withCheck: boolean) =>
    flow(async ({ step }) => {
      const run = (id: string) => step.run(id, () => bodies.push(`${name} ${id}`));
      await run("pack");
      if (withCheck) await run("check");
      await step.sleep("pause", "1h");
      return run("ship");
    });
  const scenario = await start({ client, functions: [version("v2", true)] });
  const [id = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  await scenario.world.redeploy([version("v1", false)]);
  await scenario.advance(2 * HOUR);
  const { head } = await scenario.runOf(id);
  expect([head.status, head.diverged]).toEqual(["Completed", null]);
  expect(bodies).toEqual(["v2 pack", "v2 check", "v1 ship"]);
});
