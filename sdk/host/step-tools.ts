/** Owns: the `step` a handler is given, for one pass. Must not: run or remember anything; the pass does. */
import { durationMs, MAX_WAIT_MS, type TimeStr } from "../duration.js";
import { outgoingEvents } from "../events.js";
import type { Json, WaitingOp } from "../protocol.js";
import type {
  BodyStepId,
  InvokeOptions,
  StepId,
  StepTools,
  WaitForAnyOptions,
  WaitForEventOptions,
  WaitForSignalOptions,
} from "../steps.js";
import { toJson } from "./attempt.js";
import { invalidStepId, invalidWake, nestedStep, outsideBody, tooManySteps } from "./errors.js";
import { keyOf } from "./history.js";
import { MAX_STEP_ID_CHARACTERS, MAX_STEPS } from "./limits.js";
import type { StepRequest } from "./operations.js";
import type { Pass } from "./pass.js";
import { bodyContext } from "./step-context.js";
import { NO_RULES, readStepRules } from "./step-options.js";
import { anyWait, eventWait, invokeWait, refuseWait, signalWait, type Refuse } from "./wait-requests.js";

/** What a step is asked with, once its id is known. */
type Begin = (id: string) => StepRequest;

/** The step tools of a pass, for a function of that app. Misuse rejects the step's promise with an error that is not retried. */
export function makeStepTools(pass: Pass, appId: string): StepTools {
  const { clock } = pass.port;
  const request = (stepId: StepId, begin: Begin): Promise<Json> =>
    isSkipped(pass, stepId) ? new Promise<never>(() => undefined) : observed(requestStep(pass, stepId, begin));
  const waiting = (
    stepId: StepId,
    kind: WaitingOp["kind"],
    op: (nowMs: number, refuse: Refuse, id: string) => WaitingOp,
  ) =>
    request(stepId, (id) => {
      const asked = op(clock.now(), refuseWait(id), id);
      return { kind: kind === "branch" ? "run" : kind, body: null, wait: () => asked };
    });
  const tools = {
    /** Of the body that is running here; outside of bodies, of the pass. */
    get signal(): AbortSignal {
      return bodyContext.getStore()?.signal ?? pass.signal;
    },
    get idempotencyKey(): string {
      const inside = bodyContext.getStore();
      if (!inside) throw outsideBody({ runId: pass.input.runId });
      return inside.idempotencyKey;
    },
    run: (stepId: BodyStepId, body: (...input: unknown[]) => unknown, ...input: unknown[]) =>
      request(stepId, () => ({
        kind: "run",
        body: { run: () => body(...input), rules: readStepRules(stepId) },
        wait: isDistributed(pass, stepId) ? () => ({ kind: "branch" }) : null,
      })),
    sleep: (stepId: StepId, duration: number | TimeStr) =>
      waiting(stepId, "sleep", (nowMs) => ({ kind: "sleep", untilMs: nowMs + durationMs(duration, MAX_WAIT_MS) })).then(
        () => undefined,
      ),
    sleepUntil: (stepId: StepId, time: Date | string) =>
      waiting(stepId, "sleep", (nowMs, _, id) => ({ kind: "sleep", untilMs: readTime(id, time, nowMs) })).then(
        () => undefined,
      ),
    sendEvent: (stepId: StepId, events: Parameters<typeof outgoingEvents>[0]) =>
      request(stepId, (id) => {
        const seed = seedOf(pass, id);
        const run = async () => pass.port.sendEvents(seed, await outgoingEvents(events));
        return { kind: "sendEvent", body: { run, rules: NO_RULES }, wait: null };
      }),
    sendSignal: (stepId: StepId, { signal, data }: { signal: string; data?: unknown }) =>
      request(stepId, (id) => {
        const seed = seedOf(pass, id);
        const run = async () => {
          const { runId } = await pass.port.sendSignal(seed, signal, toJson(id, data).value);
          return runId === null ? {} : { runId };
        };
        return { kind: "sendSignal", body: { run, rules: NO_RULES }, wait: null };
      }),
    waitForEvent: (stepId: StepId, options: WaitForEventOptions) =>
      waiting(stepId, "event", (nowMs, refuse) => eventWait(options, nowMs, refuse)),
    waitForAny: (stepId: StepId, options: WaitForAnyOptions) =>
      waiting(stepId, "event", (nowMs, refuse) => anyWait(options, nowMs, refuse)),
    waitForSignal: (stepId: StepId, options: WaitForSignalOptions) =>
      waiting(stepId, "signal", (nowMs, refuse) => signalWait(options, nowMs, refuse)),
    invoke: (stepId: StepId, options: InvokeOptions) =>
      waiting(stepId, "invoke", (nowMs, refuse, id) => invokeWait(options, { stepId: id, appId }, nowMs, refuse)),
  };
  // The implementation answers Json; the public type says which Json each call answers.
  return tools as unknown as StepTools;
}

/** Asked for by the function itself, soundly, and of no concern to this pass. */
function isSkipped(pass: Pass, stepId: StepId): boolean {
  const id: unknown = typeof stepId === "object" && stepId !== null ? stepId.id : stepId;
  return pass.isForOneStep && isStepId(id) && !bodyContext.getStore() && pass.skips(id);
}

async function requestStep(pass: Pass, stepId: StepId, begin: Begin): Promise<Json> {
  const id = readStepId(stepId);
  refuseMisuse(pass, id);
  return pass.request(id, begin(id));
}

/** From which whatever a step sends derives its ids: the same in every attempt of it. */
function seedOf(pass: Pass, id: string): string {
  return keyOf({ id, i: pass.operations.occurrencesOf(id) });
}

function isDistributed(pass: Pass, stepId: BodyStepId): boolean {
  const { distributed = undefined, atMostOnce = false } = typeof stepId === "object" && stepId !== null ? stepId : {};
  // The message of a branch may come twice: what must not run twice stays in the turn, whose log knows that it has begun.
  return !atMostOnce && (distributed ?? pass.distributesSteps);
}

/** A failed step nobody awaits must not end the process as an unhandled rejection: its failure is in the history. */
function observed<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function readStepId(stepId: StepId): string {
  const id: unknown = typeof stepId === "object" && stepId !== null ? stepId.id : stepId;
  if (isStepId(id)) return id;
  throw invalidStepId({ value: id, limit: MAX_STEP_ID_CHARACTERS });
}

function isStepId(id: unknown): id is string {
  return typeof id === "string" && id.length > 0 && id.length <= MAX_STEP_ID_CHARACTERS;
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
