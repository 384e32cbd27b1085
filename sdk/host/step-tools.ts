/** Owns: the `step` a handler is given, for one pass. Must not: run or remember anything; the pass does. */
import { durationMs, MAX_WAIT_MS, type TimeStr } from "../duration.js";
import { outgoingEvents } from "../events.js";
import type { Json } from "../protocol.js";
import type { StepId, StepTools } from "../steps.js";
import { invalidStepId, invalidWake, nestedStep, tooManySteps } from "./errors.js";
import { keyOf } from "./history.js";
import { MAX_STEP_ID_CHARACTERS, MAX_STEPS } from "./limits.js";
import type { Pass } from "./pass.js";
import { bodyContext } from "./step-context.js";

/** The step tools of a pass. Misuse rejects the step's promise with an error that is not retried. */
export function makeStepTools(pass: Pass): StepTools {
  const { clock } = pass.port;
  const request = async (
    stepId: StepId,
    kind: "run" | "sendEvent" | "wait",
    begin: (id: string) => { body: (() => unknown) | null; untilMs: number | null },
  ): Promise<Json> => {
    const id = readStepId(stepId);
    refuseMisuse(pass, id);
    const { body, untilMs } = begin(id);
    return pass.request(id, kind, body, untilMs);
  };
  const tools = {
    run: (stepId: StepId, body: (...input: unknown[]) => unknown, ...input: unknown[]) =>
      observed(request(stepId, "run", () => ({ body: () => body(...input), untilMs: null }))),
    sleep: (stepId: StepId, duration: number | TimeStr) =>
      observed(
        request(stepId, "wait", () => ({ body: null, untilMs: clock.now() + durationMs(duration, MAX_WAIT_MS) })),
      ).then(() => undefined),
    sleepUntil: (stepId: StepId, time: Date | string) =>
      observed(request(stepId, "wait", (id) => ({ body: null, untilMs: readTime(id, time, clock.now()) }))).then(
        () => undefined,
      ),
    sendEvent: (stepId: StepId, events: Parameters<typeof outgoingEvents>[0]) =>
      observed(
        request(stepId, "sendEvent", (id) => {
          const seed = keyOf({ id, i: pass.operations.occurrencesOf(id) });
          return { body: async () => pass.port.sendEvents(seed, await outgoingEvents(events)), untilMs: null };
        }),
      ),
  };
  // The implementation answers Json; the public type says which Json each call answers.
  return tools as unknown as StepTools;
}

/** A failed step nobody awaits must not end the process as an unhandled rejection: its failure is in the history. */
function observed<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function readStepId(stepId: StepId): string {
  const id: unknown = typeof stepId === "object" && stepId !== null ? stepId.id : stepId;
  if (typeof id === "string" && id.length > 0 && id.length <= MAX_STEP_ID_CHARACTERS) return id;
  throw invalidStepId({ value: id, limit: MAX_STEP_ID_CHARACTERS });
}

function refuseMisuse(pass: Pass, id: string): void {
  const inside = bodyContext.getStore();
  if (inside) throw nestedStep({ stepId: id, insideId: inside.stepId });
  if (pass.operations.count >= MAX_STEPS) throw tooManySteps({ runId: pass.input.runId, limit: MAX_STEPS });
}

function readTime(stepId: string, time: unknown, nowMs: number): number {
  const ms = time instanceof Date ? time.getTime() : typeof time === "string" ? Date.parse(time) : Number.NaN;
  if (Number.isNaN(ms) || ms - nowMs > MAX_WAIT_MS) throw invalidWake({ stepId, value: time });
  return ms;
}
