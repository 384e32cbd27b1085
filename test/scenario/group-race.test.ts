/**
 * Goal: in `group.race` the first entrant to settle wins, the others are let go, and every replay has the same winner.
 * Method: races between bodies, sleeps and waits; the world is looked at after the race: what still runs, waits or is recorded.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();

it("ends with the run at once when the winner is in, though a loser would wait for a month", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "race", triggers: { event: "shop/x" } }, async ({ step, group }) =>
    group.race([
      () => step.sleep("long", "30d").then(() => "long"),
      () => step.sleep("short", "10s").then(() => "short"),
    ]),
  );
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(11 * SECOND);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toBe("short");
});

it("tells a loser's body to stop, records nothing of it, and goes on", async () => {
  const client = new Perdure({ id: "shop" });
  const heard: string[] = [];
  let scenario: Scenario | null = null;
  const fn = client.createFunction({ id: "race", triggers: { event: "shop/x" } }, async ({ step, group }) => {
    const winner = await group.race([
      (signal) =>
        step.run("slow", async () => {
          signal.addEventListener("abort", () => heard.push("slow is told"));
          if (scenario) await sleep(scenario.clock, 20 * SECOND);
          return "slow";
        }),
      () => step.sleep("patience", "5s").then(() => "patience"),
    ]);
    await step.sleep("afterwards", "1h");
    return winner;
  });
  scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(2 * HOUR);
  const run = await scenario.runOf(eventId);
  expect(run.output).toBe("patience");
  expect(heard).toEqual(["slow is told"]);
  expect(run.entries.some((entry) => entry.k !== "thrown" && entry.id === "slow")).toBe(false);
});

it("has the same winner in every replay, also when both results were written together", async () => {
  const client = new Perdure({ id: "shop" });
  const winners: string[] = [];
  const fn = client.createFunction({ id: "race", triggers: { event: "shop/x" } }, async ({ step, group }) => {
    const winner = await group.race([() => step.run("a", () => "a"), () => step.run("b", () => "b")]);
    winners.push(winner);
    await step.run(`after ${winner}`, () => null);
    await step.sleep("pause", "1m");
    const again = await step.run("a", () => "a again");
    return [winner, again];
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(2 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.output).toEqual(["a", "a again"]);
  expect(new Set(winners)).toEqual(new Set(["a"]));
  expect(winners.length).toBeGreaterThan(1);
});

it("does not start the next step of an entrant that has lost", async () => {
  const client = new Perdure({ id: "shop" });
  const bodies: string[] = [];
  const fn = client.createFunction({ id: "race", triggers: { event: "shop/x" } }, async ({ step, group }) => {
    const winner = await group.race([
      async () => {
        await step.sleep("long", "1m");
        return step.run("never", () => bodies.push("never"));
      },
      () => step.sleep("short", "10s").then(() => "short"),
    ]);
    await step.sleep("beyond", "5m");
    return winner;
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe("short");
  expect(bodies).toEqual([]);
});

it("rejects with the error of an entrant that fails first, and lets the others go", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction(
    { id: "race", retries: 0, triggers: { event: "shop/x" } },
    async ({ step, group }) => {
      try {
        await group.race([
          () => step.sleep("long", "30d"),
          () =>
            step.run("fails", () => {
              throw new Error("no");
            }),
        ]);
        return "won";
      } catch (error) {
        return error instanceof Error ? error.message : "";
      }
    },
  );
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toBe("no");
});

it("is refused without entrants", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "race", triggers: { event: "shop/x" } }, ({ group }) => group.race([]));
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  const run = await scenario.runOf(eventId);
  expect(run.head.error?.code).toBe("RACE_WITHOUT_ENTRANTS");
});

it("nested: the outer race lets go of what the inner one still waits for", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "race", triggers: { event: "shop/x" } }, async ({ step, group }) => {
    const winner = await group.race([
      () => group.race([() => step.sleep("a", "30d"), () => step.sleep("b", "40d")]).then(() => "inner"),
      () => step.sleep("c", "10s").then(() => "outer"),
    ]);
    return winner;
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  const run = await scenario.runOf(eventId);
  expect([run.head.status, run.output]).toEqual(["Completed", "outer"]);
});
