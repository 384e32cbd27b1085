/** Owns: functions whose steps run in Lambdas of their own, and races that let go of what they wait for. */
import { NonRetriableError } from "../../sdk/errors.js";
import { MINUTE } from "../scenario/world.js";
import type { PassProbe } from "./probe.js";
import type { Program } from "./programs.js";

const go = { name: "crash/go", data: {} };
const trigger = { event: "crash/go" } as const;
const HORIZON_MS = 40 * MINUTE;

/** A group of distributed steps, then one in the turn. */
const fan = (name: string, width: number): Program => ({
  name,
  functions: ["fan"],
  events: [go],
  horizonMs: HORIZON_MS,
  distributed: true,
  ends: [`fan Completed ${(width * (width - 1)) / 2} in all`],
  build: (client, probe) => [
    client.createFunction({ id: "fan", triggers: trigger, parallel: "distributed" }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const branch = (n: number): Promise<string> => pass.run(step, `branch ${n}`, 300, () => String(n));
      const parts = await Promise.all(Array.from({ length: width }, (_, n) => branch(n)));
      const sum = parts.reduce((all, part) => all + Number(part), 0);
      return pass.run(step, { id: "after", distributed: false }, 20, () => `${sum} in all`);
    }),
  ],
});

const stumbling: Program = {
  name: "a distributed step that fails twice beside one that fails for good",
  functions: ["fan"],
  events: [go],
  horizonMs: HORIZON_MS,
  distributed: true,
  attempts: { flaky: 3 },
  ends: ["fan Completed at last, the card is void"],
  build: (client, probe) => [
    client.createFunction({ id: "fan", triggers: trigger, parallel: "distributed" }, async (context) => {
      const { step, runId } = context;
      const pass = probe().pass(runId);
      const flaky = pass.run(step, "flaky", 300, () => {
        if (context.attempt < 2) throw new Error(`attempt ${context.attempt} fails`);
        return "at last";
      });
      const broken = pass.run(step, "broken", 20, () => {
        throw new NonRetriableError("the card is void");
      });
      const both = await Promise.allSettled([flaky, broken]);
      return both.map((one) => (one.status === "fulfilled" ? one.value : messageOf(one.reason))).join(", ");
    }),
  ],
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The winner is in; a wait for an event, one for a signal and a sleep are let go. */
const letsGo: Program = {
  name: "a race that lets go of three waits, and then waits for one of them again",
  functions: ["racer"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: ["racer Completed quick, then nothing"],
  build: (client, probe) => [
    client.createFunction({ id: "racer", triggers: trigger }, async ({ step, group, runId }) => {
      const pass = probe().pass(runId);
      const winner = await group.race([
        () => waits(pass, step.waitForEvent("event", { event: "crash/never", timeout: "1h" })),
        () => waits(pass, step.waitForSignal("signal", { signal: "never", timeout: "1h" })),
        () => step.sleep("long", "1h").then(() => "slept"),
        () => pass.run(step, "quick", 400, () => "quick"),
      ]);
      const got = await waits(pass, step.waitForSignal("signal again", { signal: "never", timeout: "1m" }));
      return pass.run(step, "after", 20, () => `${winner}, then ${got}`);
    }),
  ],
};

async function waits(pass: PassProbe, promise: Promise<unknown>): Promise<string> {
  return (await pass.shown("wait", promise)) === null ? "nothing" : "something";
}

export const BRANCH_PROGRAMS: readonly Program[] = [
  fan("three distributed steps and one after", 3),
  fan("ten distributed steps and one after", 10),
  stumbling,
  letsGo,
];
