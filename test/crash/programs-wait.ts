/** Owns: functions that wait for events, or are cancelled by them, for the enumeration of failing calls. */
import type { Perdure } from "../../sdk/client.js";
import type { PerdureFunction } from "../../sdk/function.js";
import { HOUR, MINUTE } from "../scenario/world.js";
import type { Probe } from "./probe.js";
import type { Program } from "./programs.js";

const go = { name: "crash/go", data: { id: "1" } };
const trigger = { event: "crash/go" } as const;
const HORIZON_MS = 40 * MINUTE;
/** Longer than any single fault holds a run up: a wait without a look back is armed by then. */
const LATER_MS = 5 * MINUTE;

/** Sends events, one after each pause. */
function sender(
  client: Perdure,
  probe: () => Probe,
  events: readonly string[],
  pauseMs: number,
): PerdureFunction<never> {
  return client.createFunction({ id: "sender", triggers: trigger }, async ({ step, runId }) => {
    const pass = probe().pass(runId);
    for (const text of events) {
      if (pauseMs > 0) await pass.sleep(step, `before-${text}`, pauseMs);
      await step.sendEvent(`send-${text}`, { name: "crash/answer", data: { id: "1", text } });
    }
    return "sent";
  });
}

const answered: Program = {
  name: "a wait, its event, and a step after",
  functions: ["waiting", "sender"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: ["sender Completed sent", "waiting Completed got a"],
  build: (client, probe) => [
    client.createFunction({ id: "waiting", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const options = { event: "crash/answer", match: "data.id", timeout: "1h" } as const;
      const event = await pass.shown("wait", step.waitForEvent("wait", options));
      return pass.run(step, "after", 20, () => `got ${String(event?.data["text"])}`);
    }),
    sender(client, probe, ["a"], LATER_MS),
  ],
};

const unanswered: Program = {
  name: "a wait whose time is up",
  functions: ["waiting"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: ["waiting Completed null"],
  build: (client, probe) => [
    client.createFunction({ id: "waiting", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const options = { event: "crash/answer", match: "data.id", timeout: "1m" } as const;
      return pass.shown("wait", step.waitForEvent("wait", options));
    }),
  ],
};

const lookingBack: Program = {
  name: "two waits that look back at two events",
  functions: ["waiting", "sender"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: ["sender Completed sent", "waiting Completed a b"],
  build: (client, probe) => [
    client.createFunction({ id: "waiting", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      await pass.sleep(step, "meanwhile", 2 * LATER_MS);
      const options = { event: "crash/answer", match: "data.id", timeout: "20m", lookback: "run" } as const;
      const texts: string[] = [];
      for (const round of ["first", "second"]) {
        const event = await pass.shown(round, step.waitForEvent(round, options));
        texts.push(String(event?.data["text"]));
      }
      return texts.join(" ");
    }),
    sender(client, probe, ["a", "b"], MINUTE),
  ],
};

const cancelled: Program = {
  name: "a sleeping run that an event cancels",
  functions: ["sleeping", "sender"],
  events: [go],
  horizonMs: 2 * HOUR,
  ends: ["sender Completed sent", "sleeping Cancelled null"],
  build: (client, probe) => [
    client.createFunction(
      { id: "sleeping", triggers: trigger, cancelOn: [{ event: "crash/answer", match: "data.id" }] },
      async ({ step, runId }) => {
        await probe().pass(runId).sleep(step, "long", HOUR);
        return "awake";
      },
    ),
    sender(client, probe, ["a"], LATER_MS),
  ],
};

export const WAIT_PROGRAMS: readonly Program[] = [answered, unanswered, lookingBack, cancelled];
