/**
 * Owns: the step tools of a pass with its middleware around them: hooks around each attempt of a body, and what was kept
 * made into what the function sees.
 * Must not: change which steps are asked for, or in which order.
 * H1 What is shown is made in the same turn of the event loop in which the pass shows it: results keep the log's order.
 * H2 What cannot be read is never shown, not as an error either: code that caught it would go another way than before.
 */
import { toJson } from "../host/attempt.js";
import { getContext, runningIn } from "../host/current-run.js";
import { isShownError, reviveShownError } from "../host/shown-error.js";
import { bodyContext } from "../host/step-context.js";
import { isNonRetriableError, serializeError } from "../errors.js";
import { isPerdureError } from "../error-catalogue.js";
import type { FunctionContext } from "../function.js";
import type { PassPort } from "../protocol.js";
import { signalData } from "../signals.js";
import type { StepTools } from "../steps.js";
import type { Chain } from "./chain.js";
import type { RunInfo, StepInfo } from "./middleware.js";
import { storedError } from "./thrown.js";

export interface HookedSteps {
  chain: Chain;
  run: RunInfo;
  /** The history cannot be read: the pass is to end. */
  unreadable(name: string, error: unknown): void;
}

/** The tools with hooks around them. `context` is that of the function, for code that runs where nothing better is known. */
export function hookSteps(steps: StepTools, hooked: HookedSteps, context: () => FunctionContext): StepTools {
  const { chain } = hooked;
  return new Proxy(steps, {
    get: (target, name): unknown => {
      const tool: unknown = Reflect.get(target, name);
      if (typeof tool !== "function" || typeof name !== "string") return tool;
      return (...args: unknown[]): unknown => {
        const asked =
          name === "run" ? withBody(args, hooked, context) : name === "invoke" ? withData(args, chain) : args;
        const answer: unknown = Reflect.apply(tool, target, asked);
        return chain.hasStoredForm && answer instanceof Promise ? readable(name, args[0], answer, hooked) : answer;
      };
    },
  });
}

// ---- Bodies ----

/** The body with its hooks, and as a part of the run: the host starts it outside of the handler's calls. */
function withBody(args: unknown[], hooked: HookedSteps, context: () => FunctionContext): unknown[] {
  const [stepId, body, ...input] = args;
  if (typeof body !== "function") return args;
  const running = getContext() ?? context();
  const call = (given: readonly unknown[]): unknown => Reflect.apply(body, undefined, [...given]);
  if (hooked.chain.isEmpty) return [stepId, (...given: unknown[]) => runningIn(running, () => call(given)), ...input];
  const attempt = (): Promise<unknown> =>
    runningIn(running, () =>
      hookAttempt(hooked, "run", async (step) => {
        const given = await hooked.chain.stepInput({ run: hooked.run, step, input });
        return hooked.chain.callBody({ run: hooked.run, step }, async () => call(given));
      }),
    );
  return [stepId, attempt];
}

/** One attempt of a body: those that watch are told, and what comes of it is made into what is kept. */
async function hookAttempt(
  { chain, run }: HookedSteps,
  kind: StepInfo["kind"],
  work: (step: StepInfo) => Promise<unknown>,
): Promise<unknown> {
  const { stepId: id = "", attempt = 0, maxAttempts = run.maxAttempts } = bodyContext.getStore() ?? {};
  const step: StepInfo = { id, kind, attempt, maxAttempts };
  const about = { run, step };
  try {
    await chain.watch("onStepStart", about, run.logger);
    const output = await work(step);
    const kept = kind === "run" ? chain.toHistory({ of: "step", name: id, value: output }) : output;
    // Here, so that a result that cannot be kept is an error those that watch hear of.
    const json = toJson(id, kept).value;
    await chain.watch("onStepComplete", { ...about, output }, run.logger);
    return json;
  } catch (error) {
    const isFinalAttempt = !mayRetry(error, step);
    await chain.watch("onStepError", { ...about, error, isFinalAttempt }, run.logger);
    throw storedError(chain, error, id);
  }
}

/** Whether the step is tried again. */
function mayRetry(error: unknown, { attempt, maxAttempts }: StepInfo): boolean {
  if (isNonRetriableError(error) || (isPerdureError(error) && !error.retryable)) return false;
  return attempt + 1 < maxAttempts;
}

/** Where `step.sendEvent` and `step.sendSignal` leave the worker. */
export function hookPort(port: PassPort, hooked: () => HookedSteps): PassPort {
  const sendEvents: PassPort["sendEvents"] = async (seed, events) => {
    const { chain, run } = hooked();
    let sent: { ids: string[] } = { ids: [] };
    const send = async (): Promise<unknown> => (sent = await port.sendEvents(seed, await chain.events(run, events)));
    await hookAttempt(hooked(), "sendEvent", (step) => chain.callBody({ run, step }, send));
    return sent;
  };
  const sendSignal: PassPort["sendSignal"] = async (seed, signal, data) => {
    const { chain, run } = hooked();
    let sent: { runId: string | null } = { runId: null };
    const kept = signalData(signal, chain.toHistory({ of: "signal", name: signal, value: data }));
    const send = async (): Promise<unknown> => (sent = await port.sendSignal(seed, signal, kept));
    await hookAttempt(hooked(), "sendSignal", (step) => chain.callBody({ run, step }, send));
    return sent;
  };
  return Object.create(port, { sendEvents: { value: sendEvents }, sendSignal: { value: sendSignal } });
}

// ---- What waits ----

/** An invocation whose data is kept as the middleware wants it. */
function withData(args: unknown[], chain: Chain): unknown[] {
  const [stepId, options, ...rest] = args;
  if (!chain.hasStoredForm || typeof options !== "object" || options === null) return args;
  const data = toJson(idOf(stepId), Reflect.get(options, "data") ?? {}).value;
  return [stepId, { ...options, data: chain.toHistory({ of: "invoke", name: idOf(stepId), value: data }) }, ...rest];
}

/** The answer of a tool as the function sees it. */
function readable(
  tool: string,
  stepId: unknown,
  answer: Promise<unknown>,
  { chain, unreadable }: HookedSteps,
): Promise<unknown> {
  const id = idOf(stepId);
  const read = (make: () => unknown): unknown => {
    try {
      return make();
    } catch (error) {
      unreadable(id, error);
      return new Promise(() => undefined);
    }
  };
  const shown = answer.then(
    (value) => read(() => shownValue(chain, tool, id, value)),
    async (error: unknown) => {
      throw await read(() => shownErrorOf(chain, id, error));
    },
  );
  // As the tools' own: a failed step that nobody awaits must not end the process.
  shown.catch(() => undefined);
  return shown;
}

/** What a tool answers, as the function sees it, from what is kept of that. */
export function shownValue(chain: Chain, tool: string, id: string, value: unknown): unknown {
  switch (tool) {
    case "run":
      return chain.fromHistory({ of: "step", name: id, value });
    case "invoke":
      return chain.fromHistory({ of: "output", name: null, value });
    case "waitForEvent":
    case "waitForAny":
      return withShownData(chain, "event", "name", value);
    case "waitForSignal":
      return withShownData(chain, "signal", "signal", value);
    default:
      return value;
  }
}

/** An event, or a signal, with its data as it is shown. Null when the time was up. */
function withShownData(chain: Chain, of: "event" | "signal", nameMember: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const name = String(Reflect.get(value, nameMember));
  return { ...value, data: chain.fromHistory({ of, name, value: Reflect.get(value, "data") }) };
}

/** Misuse is not from the history, and is what it is. */
function shownErrorOf(chain: Chain, id: string, error: unknown): unknown {
  if (!isShownError(error)) return error;
  return reviveShownError(
    serializeError(chain.fromHistory({ of: "error", name: id, value: serializeError(error) })),
    id,
  );
}

/** The id as the host reads it. What the host refuses is never looked at under this name. */
function idOf(stepId: unknown): string {
  const id: unknown = typeof stepId === "object" && stepId !== null ? Reflect.get(stepId, "id") : stepId;
  return typeof id === "string" ? id : "";
}
