/** Owns: functions that invoke, for the enumeration of failing calls: an answer, a failure with its handler, a race that lets go. */
import { NonRetriableError, StepError } from "../../sdk/errors.js";
import { referenceFunction } from "../../sdk/reference.js";
import { HOUR, MINUTE } from "../scenario/world.js";
import type { Program } from "./programs.js";

const go = { name: "crash/go", data: {} };
const trigger = { event: "crash/go" } as const;
const HORIZON_MS = 40 * MINUTE;

const asker: Program = {
  name: "a parent, its child, and a step after the answer",
  functions: ["parent", "child"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: ["child Completed answer", "parent Completed got answer"],
  build: (client, probe) => {
    const child = client.createFunction({ id: "child" }, async ({ step, runId }) =>
      probe()
        .pass(runId)
        .run(step, "work", 400, () => "answer"),
    );
    const parent = client.createFunction({ id: "parent", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const answer = await pass.shown("ask", step.invoke("ask", { function: child }));
      return pass.run(step, "after", 20, () => `got ${answer}`);
    });
    return [parent, child];
  },
};

const failing: Program = {
  name: "a child that fails, a parent that catches it, and a handler of failures",
  functions: ["parent", "child", "child-failure"],
  events: [go],
  horizonMs: HORIZON_MS,
  ends: [
    "child Failed it is broken",
    "child-failure Completed handled it is broken",
    "parent Completed INVOKED_FUNCTION_FAILED",
  ],
  build: (client, probe) => {
    const child = client.createFunction(
      {
        id: "child",
        onFailure: ({ error, step, runId }) =>
          probe()
            .pass(runId)
            .run(step, "handle", 20, () => `handled ${error.message}`),
      },
      async ({ step, runId }) =>
        probe()
          .pass(runId)
          .run(step, "work", 400, () => {
            throw new NonRetriableError("it is broken");
          }),
    );
    const parent = client.createFunction({ id: "parent", triggers: trigger }, async ({ step }) => {
      try {
        return await step.invoke("ask", { function: child });
      } catch (error) {
        if (!(error instanceof StepError)) throw error;
        return String(error.code);
      }
    });
    return [parent, child];
  },
};

const letsGo: Program = {
  name: "a race that lets go of a child, and a step after it",
  functions: ["parent", "slow"],
  events: [go],
  horizonMs: 2 * HOUR,
  ends: ["parent Completed gave up", "slow Cancelled null"],
  // A parent that was lost before it asked, and came back after its patience was over, asks no more.
  mayEnd: [["parent Completed gave up"]],
  build: (client, probe) => {
    const slow = client.createFunction({ id: "slow" }, async ({ step, runId }) => {
      await probe().pass(runId).sleep(step, "long", HOUR);
      return "late";
    });
    const parent = client.createFunction({ id: "parent", triggers: trigger }, async ({ step, group, runId }) => {
      const pass = probe().pass(runId);
      const winner = await group.race([
        () => step.invoke("ask", { function: referenceFunction({ functionId: slow.id }) }),
        async () => {
          await pass.sleep(step, "patience", MINUTE);
          return "gave up";
        },
      ]);
      return pass.run(step, "after", 20, () => String(winner));
    });
    return [parent, slow];
  },
};

export const INVOKE_PROGRAMS: readonly Program[] = [asker, failing, letsGo];
