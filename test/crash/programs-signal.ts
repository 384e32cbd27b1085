/** Owns: functions that wait for signals, for one of several events, or for what comes in the very moment of the timeout. */
import type { StepTools } from "../../sdk/steps.js";
import { MINUTE } from "../scenario/world.js";
import type { PassProbe } from "./probe.js";
import type { Program } from "./programs.js";

const go = { name: "crash/go", data: { id: "1" } };
const trigger = { event: "crash/go" } as const;
const HORIZON_MS = 60 * MINUTE;
/** Longer than faults hold a run up: a wait is armed by then. */
const LATER_MS = 14 * MINUTE;

/** What a wait for the signal "go" came to, in a word. */
async function waitForGo(
  pass: PassProbe,
  step: StepTools,
  timeoutMs: number,
  onConflict: "fail" | "replace" = "fail",
): Promise<string> {
  try {
    const options = { signal: "go", timeout: timeoutMs, onConflict } as const;
    const got = await pass.shown("wait", step.waitForSignal<string>("wait", options));
    return got === null ? "nothing" : got.data;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

async function tell(pass: PassProbe, step: StepTools): Promise<string> {
  const { runId } = await pass.shown("tell", step.sendSignal("tell", { signal: "go", data: "hello" }));
  return runId === undefined ? "told nobody" : "told a run";
}

const signalled: Program = {
  name: "a wait for a signal that another run sends",
  functions: ["waiting", "sender"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: ["sender Completed told a run", "waiting Completed got hello"],
  build: (client, probe) => [
    client.createFunction({ id: "waiting", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const got = await waitForGo(pass, step, 30 * MINUTE);
      return pass.run(step, "after", 20, () => `got ${got}`);
    }),
    client.createFunction({ id: "sender", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      await pass.sleep(step, "before", LATER_MS);
      return tell(pass, step);
    }),
  ],
};

/** Whoever is first: the sender is told that a run took it exactly when one did. */
const tooLate: Program = {
  name: "a signal and the timeout of its wait in one moment",
  functions: ["waiting", "sender"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: ["sender Completed told a run", "waiting Completed hello"],
  mayEnd: [["sender Completed told nobody", "waiting Completed nothing"]],
  build: (client, probe) => [
    client.createFunction({ id: "waiting", triggers: trigger }, async ({ step, runId }) =>
      waitForGo(probe().pass(runId), step, MINUTE),
    ),
    client.createFunction({ id: "sender", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      await pass.sleep(step, "before", MINUTE);
      return tell(pass, step);
    }),
  ],
};

const replaced: Program = {
  name: "a wait for a signal that takes the name from another run's",
  functions: ["earlier", "later", "sender"],
  events: [go],
  horizonMs: 2 * HORIZON_MS,
  ends: ["earlier Completed SIGNAL_REPLACED", "later Completed hello", "sender Completed told a run"],
  build: (client, probe) => [
    client.createFunction({ id: "earlier", triggers: trigger }, async ({ step, runId }) =>
      waitForGo(probe().pass(runId), step, 90 * MINUTE),
    ),
    client.createFunction({ id: "later", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      await pass.sleep(step, "before", LATER_MS);
      return waitForGo(pass, step, 60 * MINUTE, "replace");
    }),
    client.createFunction({ id: "sender", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      await pass.sleep(step, "before", 2 * LATER_MS);
      return tell(pass, step);
    }),
  ],
};

/** Two events in one moment, which is that of the timeout: the wait ends with one of the three, and every pass sees that one. */
const anyOfThree: Program = {
  name: "a wait for any of two events that come together, with its timeout",
  functions: ["waiting", "left", "right"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: ["left Completed sent", "right Completed sent", "waiting Completed got crash/left"],
  mayEnd: ["crash/right", "nothing"].map((got) => [
    "left Completed sent",
    "right Completed sent",
    `waiting Completed got ${got}`,
  ]),
  build: (client, probe) => {
    const sender = (side: "left" | "right") =>
      client.createFunction({ id: side, triggers: trigger }, async ({ step, runId }) => {
        await probe().pass(runId).sleep(step, "before", MINUTE);
        await step.sendEvent("send", { name: `crash/${side}`, data: { id: "1" } });
        return "sent";
      });
    const waiting = client.createFunction({ id: "waiting", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const events = [{ event: "crash/left", match: "data.id" } as const, { event: "crash/right" } as const];
      const got = await pass.shown("wait", step.waitForAny("wait", { events, timeout: "1m" }));
      return pass.run(step, "after", 20, () => `got ${got === null ? "nothing" : got.name}`);
    });
    return [waiting, sender("left"), sender("right")];
  },
};

export const SIGNAL_PROGRAMS: readonly Program[] = [signalled, tooLate, replaced, anyOfThree];
