/**
 * Owns: running functions that live in this process: the lane of ordinary handlers. A second kind of host will drive
 * functions over HTTP; the executor knows both by `FunctionHost` alone.
 */
import { duplicateFunction, foreignFunction, noFunctions } from "./errors.js";
import { validateEvent } from "../triggers.js";
import type { FunctionContext, PerdureFunction } from "../function.js";
import { isPerdureFunction } from "../function.js";
import type { ReceivedEvent } from "../events.js";
import { quietable } from "../logger.js";
import type { AppManifest, FunctionConfig, FunctionHost, PassInput, PassOutcome, PassPort } from "../protocol.js";
import { Pass } from "./pass.js";
import { makeStepTools } from "./step-tools.js";
import { bodyContext } from "./step-context.js";

export const SDK_VERSION = "0.1.0";

/** A host for an app's functions. Throws when two share an id, or one belongs to another app. */
export function hostFunctions(appId: string, functions: readonly PerdureFunction<never>[]): FunctionHost {
  const byId = new Map<string, PerdureFunction>();
  if (functions.length === 0) throw noFunctions({ appId });
  for (const candidate of functions) {
    const perdureFunction: unknown = candidate;
    if (!isPerdureFunction(perdureFunction)) throw foreignFunction({ appId, is: "it was not made by createFunction" });
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

function runPass(perdureFunction: PerdureFunction, input: PassInput, port: PassPort): Promise<PassOutcome> {
  const { config } = perdureFunction;
  const pass = new Pass(
    {
      id: config.id,
      retries: config.retries,
      start: async (running) => {
        // A first pass only: what has started is not stopped by a schema that was changed since.
        if (input.history.length === 0) {
          for (const event of input.events) await validateEvent(perdureFunction.triggers, event);
        }
        return perdureFunction.handler(contextOf(perdureFunction, running));
      },
    },
    input,
    port,
  );
  return pass.run();
}

function contextOf(perdureFunction: PerdureFunction, pass: Pass): FunctionContext {
  const { config, client } = perdureFunction;
  // As stored events: JSON of the shape the triggers' types describe, checked by `validateEvent` where a schema exists.
  const events: readonly ReceivedEvent[] = pass.input.events;
  const [event] = events;
  if (!event) throw new TypeError(`Cannot run function "${config.id}": run "${pass.input.runId}" has no event`);
  return {
    event,
    events,
    runId: pass.input.runId,
    get attempt() {
      return bodyContext.getStore()?.attempt ?? pass.attempt;
    },
    maxAttempts: config.retries + 1,
    traceparent: pass.input.traceparent,
    step: makeStepTools(pass),
    logger: quietable(client.logger, () => pass.silent),
    signal: pass.signal,
  };
}
