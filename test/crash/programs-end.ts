/** Owns: functions that are ended from outside or by time, and what hears of their end. */
import { NonRetriableError, StepError } from "../../sdk/errors.js";
import { HOUR, MINUTE, SECOND } from "../scenario/world.js";
import type { Program } from "./programs.js";

const go = { name: "crash/go", data: { id: "1" } };
const trigger = { event: "crash/go" } as const;
const HORIZON_MS = 2 * HOUR;
/** Longer than faults hold a run up. */
const LATER_MS = 14 * MINUTE;

const handled: Program = {
  name: "a run that fails, its handler, and a function that listens to failures",
  functions: ["broken", "broken-failure", "listener"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: [
    "broken Failed the card is void",
    "broken-failure Completed handled the card is void",
    "listener Completed heard of broken",
  ],
  build: (client, probe) => [
    client.createFunction(
      {
        id: "broken",
        triggers: trigger,
        onFailure: ({ error, step, runId }) => {
          const pass = probe().pass(runId);
          return pass.run(step, "handle", 20, () => `handled ${error.message}`);
        },
      },
      async ({ step, runId }) => {
        const pass = probe().pass(runId);
        return pass.run(step, "charge", 400, () => {
          throw new NonRetriableError("the card is void");
        });
      },
    ),
    client.createFunction(
      { id: "listener", triggers: { event: "perdure/function.failed" } },
      async ({ event, step, runId }) => {
        const pass = probe().pass(runId);
        return pass.run(step, "hear", 20, () => `heard of ${event.data.functionId}`);
      },
    ),
  ],
};

const asleepTooLong: Program = {
  name: "timeouts.finish of a run that sleeps",
  functions: ["late"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: ["late Cancelled null"],
  build: (client, probe) => [
    client.createFunction({ id: "late", triggers: trigger, timeouts: { finish: "10m" } }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      await pass.run(step, "a", 20, () => "a");
      await pass.sleep(step, "winter", HOUR);
      return "awake";
    }),
  ],
};

const busyTooLong: Program = {
  name: "timeouts.finish of a run at work",
  functions: ["late"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: ["late Cancelled null"],
  build: (client, probe) => [
    client.createFunction({ id: "late", triggers: trigger, timeouts: { finish: "20s" } }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      await pass.run(step, "a", 20, () => "a");
      return pass.run(step, "b", 30 * SECOND, () => "b");
    }),
  ],
};

/** The event and the end of the work fall together: one of the two, never both, never neither. */
const cancelOrEnd: Program = {
  name: "an event that cancels a run in the moment of its end",
  functions: ["work", "canceller"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: ["canceller Completed sent", "work Cancelled null"],
  mayEnd: [["canceller Completed sent", "work Completed done"]],
  build: (client, probe) => [
    client.createFunction(
      { id: "work", triggers: trigger, cancelOn: [{ event: "crash/stop", match: "data.id" }] },
      async ({ step, runId }) => {
        const pass = probe().pass(runId);
        await pass.sleep(step, "nap", MINUTE);
        return pass.run(step, "work", 30, () => "done");
      },
    ),
    client.createFunction({ id: "canceller", triggers: trigger }, async ({ step, runId }) => {
      await probe().pass(runId).sleep(step, "nap", MINUTE);
      await step.sendEvent("stop", { name: "crash/stop", data: { id: "1" } });
      return "sent";
    }),
  ],
};

const cancelledChild: Program = {
  name: "a child that an event cancels, and its parent",
  functions: ["parent", "child", "canceller"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: ["canceller Completed sent", "child Cancelled null", "parent Completed INVOKED_FUNCTION_CANCELLED"],
  build: (client, probe) => {
    const child = client.createFunction(
      { id: "child", triggers: [], cancelOn: [{ event: "crash/stop" }] },
      async ({ step, runId }) => {
        await probe().pass(runId).sleep(step, "long", HOUR);
        return "late";
      },
    );
    const parent = client.createFunction({ id: "parent", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      try {
        return await pass.shown("ask", step.invoke("ask", { function: child }));
      } catch (error) {
        if (!(error instanceof StepError)) throw error;
        return String(error.code);
      }
    });
    const canceller = client.createFunction({ id: "canceller", triggers: trigger }, async ({ step, runId }) => {
      await probe().pass(runId).sleep(step, "nap", LATER_MS);
      await step.sendEvent("stop", { name: "crash/stop", data: {} });
      return "sent";
    });
    return [parent, child, canceller];
  },
};

const takenAlong: Program = {
  name: "a parent that is out of time takes its child along",
  functions: ["parent", "child"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: ["child Cancelled null", "parent Cancelled null"],
  build: (client, probe) => {
    const child = client.createFunction({ id: "child", triggers: [] }, async ({ step, runId }) => {
      await probe().pass(runId).sleep(step, "long", HOUR);
      return "late";
    });
    const parent = client.createFunction(
      { id: "parent", triggers: trigger, timeouts: { finish: "14m" } },
      async ({ step }) => String(await step.invoke("ask", { function: child })),
    );
    return [parent, child];
  },
};

export const END_PROGRAMS: readonly Program[] = [
  handled,
  asleepTooLong,
  busyTooLong,
  cancelOrEnd,
  cancelledChild,
  takenAlong,
];
