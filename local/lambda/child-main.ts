/**
 * Owns: the inside of a child-process sandbox: loads the module named on the command line, runs its `handler` for each
 * invocation the parent sends, and ends when the parent is gone. The role of Lambda's Node runtime.
 * Must not: decide anything. Timeouts, reuse and the end of the sandbox are the parent's. A promise rejected without a
 * handler ends the process, as on Lambda.
 * Usage: node sandbox.js <sandboxId> <module>
 */
import { pathToFileURL } from "node:url";
import { realClock } from "../../sdk/clock.js";
import type { ChildError, FromChild, ToChild } from "./child-protocol.js";
import { handlerError, initError, InvocationError, makeContext, resultToJson } from "./invocation.js";
import type { LambdaHandler } from "./invocation.js";

const [sandboxId = "sandbox", modulePath = ""] = process.argv.slice(2);

function send(message: FromChild, sent: () => void = () => undefined): void {
  if (process.connected) process.send?.(message, undefined, undefined, sent);
}

function isHandler(value: unknown): value is LambdaHandler {
  return typeof value === "function";
}

async function loadHandler(): Promise<LambdaHandler> {
  const module: unknown = await import(pathToFileURL(modulePath).href);
  const handler = typeof module === "object" && module !== null && "handler" in module ? module.handler : undefined;
  if (isHandler(handler)) return handler;
  throw new InvocationError("init", "Runtime.HandlerNotFound", `the module has no exported function "handler"`);
}

function childError(error: InvocationError): ChildError {
  const failure = error.failure === "init" || error.failure === "size" ? error.failure : "handler";
  return { failure, errorType: error.errorType, message: error.message, trace: error.trace };
}

async function answer(handler: LambdaHandler, { requestId, eventJson, settings }: ToChild): Promise<void> {
  const endsAt = realClock.monotonic() + settings.timeoutMs;
  let retire = false;
  const context = makeContext(
    { requestId, settings },
    sandboxId,
    () => endsAt - realClock.monotonic(),
    () => (retire = true),
  );
  try {
    const resultJson = resultToJson(await handler(JSON.parse(eventJson), context));
    send({ kind: "result", requestId, resultJson, retire });
  } catch (error) {
    send({ kind: "error", requestId, ...childError(handlerError(error)) });
  }
}

// Ctrl-C in a terminal reaches the whole process group. The parent decides when this sandbox ends.
process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit(0));

try {
  const handler = await loadHandler();
  process.on("message", (message: ToChild) => void answer(handler, message));
  send({ kind: "ready" });
} catch (error) {
  send({ kind: "unloadable", ...childError(initError(error)) }, () => process.exit(1));
}
