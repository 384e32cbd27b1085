/**
 * Owns: running functions that live in this process: the lane of ordinary handlers. A second kind of host will drive
 * functions over HTTP; the executor knows both by `FunctionHost` alone.
 */
import { duplicateFunction, foreignFunction, noFunctions } from "./errors.js";
import type { FunctionContext, PerdureFunction } from "../function.js";
import { isPerdureFunction } from "../function.js";
import type { ReceivedEvent } from "../events.js";
import { HookedFunction } from "../middleware/hooked-function.js";
import type { AppManifest, FunctionConfig, FunctionHost, PassInput, PassOutcome, PassPort } from "../protocol.js";
import { Pass } from "./pass.js";
import { makeGroupTools } from "./group-tools.js";
import { runLogger } from "./run-logger.js";
import { makeStepTools } from "./step-tools.js";
import { bodyContext } from "./step-context.js";

export const SDK_VERSION = "0.1.0";

/** A host for an app's functions. Throws when two share an id, or one belongs to another app. */
export function hostFunctions(appId: string, functions: readonly PerdureFunction<never>[]): FunctionHost {
  const byId = new Map<string, PerdureFunction>();
  if (functions.length === 0) throw noFunctions({ appId });
  for (const perdureFunction of functions.flatMap((candidate) => withFailure(appId, candidate))) {
    const { id, client } = perdureFunction;
    if (client.id !== appId)
      throw foreignFunction({ appId, is: `function "${id}" was made by the client of app "${client.id}"` });
    if (byId.has(id)) throw duplicateFunction({ appId, id });
    byId.set(id, perdureFunction);
  }
  const manifest: AppManifest = {
    appId,
    sdkVersion: SDK_VERSION,
    functions: [...byId.values()].map((perdureFunction) => perdureFunction.config),
  };
  return {
    manifest,
    get: (id): FunctionConfig | undefined => byId.get(id)?.config,
    run: async (input, port) => {
      const perdureFunction = byId.get(input.functionId);
      return perdureFunction ? runPass(perdureFunction, input, port) : { kind: "lost" };
    },
  };
}

/** A function and the one its `onFailure` handler is. */
function withFailure(appId: string, candidate: unknown): PerdureFunction[] {
  if (!isPerdureFunction(candidate)) throw foreignFunction({ appId, is: "it was not made by createFunction" });
  return candidate.failure === null ? [candidate] : [candidate, candidate.failure];
}

async function runPass(perdureFunction: PerdureFunction, input: PassInput, port: PassPort): Promise<PassOutcome> {
  const { config } = perdureFunction;
  const hooked = new HookedFunction(perdureFunction);
  const pass = new Pass(
    {
      id: config.id,
      retries: config.retries,
      distributesSteps: config.parallel === "distributed",
      start: (running) => hooked.start(running, contextOf(perdureFunction, running)),
    },
    input,
    hooked.port(port),
  );
  const outcome = await pass.run();
  await hooked.ended(outcome, port);
  return outcome;
}

function contextOf(perdureFunction: PerdureFunction, pass: Pass): FunctionContext {
  const { config, client } = perdureFunction;
  const { runId } = pass.input;
  // As stored events: JSON of the shape the triggers' types describe, checked by `validateEvent` where a schema exists.
  const events: readonly ReceivedEvent[] = pass.input.events;
  const [event] = events;
  if (!event) throw new TypeError(`Cannot run function "${config.id}": run "${runId}" has no event`);
  return {
    event,
    events,
    runId,
    get attempt() {
      return bodyContext.getStore()?.attempt ?? pass.attempt;
    },
    get maxAttempts() {
      return bodyContext.getStore()?.maxAttempts ?? config.retries + 1;
    },
    traceparent: pass.input.traceparent,
    step: makeStepTools(pass, client.id),
    group: makeGroupTools(pass),
    logger: runLogger(client.logger, { functionId: config.id, runId, attempt: pass.attempt }, () => pass.silent),
    signal: pass.signal,
  };
}
