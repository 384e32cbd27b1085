/**
 * Owns: the two questions asked when code is new: which functions does the worker have, and does the platform accept them.
 * Must not: judge a configuration; the register function does.
 */
import type { DescribeEvent } from "../../runtime/lambda/serve.js";
import { shown } from "../../sdk/error-catalogue.js";
import type { AppManifest } from "../../sdk/protocol.js";
import { handlerError } from "../lambda/invocation.js";
import type { LambdaFunction } from "../lambda/lambda-function.js";
import { entryFailed, entryNotServed, entryWithoutHandler, registrationFailed } from "./errors.js";

const DESCRIBE: DescribeEvent = { perdure: "describe" };

/** Asks the worker for its functions. Throws ENTRY_FAILED, ENTRY_WITHOUT_HANDLER or ENTRY_NOT_SERVED. */
export async function readManifest(worker: LambdaFunction, entry: string): Promise<AppManifest> {
  const answer = await worker.invoke(DESCRIBE).catch((error: unknown) => {
    const failure = handlerError(error);
    if (failure.errorType === "Runtime.HandlerNotFound") throw entryWithoutHandler({ entry });
    // A handler that is none of ours may throw at an event it does not know.
    if (failure.failure === "handler") throw entryNotServed({ entry }, { cause: failure });
    // An error of ours says all in its message; of the user's own, the place is what helps.
    const isOurs = failure.errorType === "PerdureError" || failure.trace === undefined;
    const reason = isOurs ? failure.message : failure.trace;
    throw entryFailed({ entry, reason }, { cause: failure });
  });
  if (isManifest(answer)) return answer;
  throw entryNotServed({ entry });
}

function isManifest(value: unknown): value is AppManifest {
  if (typeof value !== "object" || value === null) return false;
  const hasApp = "appId" in value && typeof value.appId === "string";
  return hasApp && "functions" in value && Array.isArray(value.functions);
}

/** Has the platform take the functions over, with the queue their worker listens to. Throws REGISTRATION_FAILED. */
export async function registerApp(
  register: LambdaFunction,
  manifest: AppManifest,
  stepQueueUrl: string,
): Promise<void> {
  const app = manifest.appId;
  const answer = await register.invoke({ manifest, stepQueueUrl }).catch((error: unknown) => {
    const failure = handlerError(error);
    throw registrationFailed({ app, reason: failure.trace ?? failure.message }, { cause: failure });
  });
  const refusal = refusalOf(answer);
  if (refusal !== undefined) throw registrationFailed({ app, reason: refusal });
}

/** The register function answers what it refuses: `{ ok: false, error: { message, remedy } }`. */
function refusalOf(answer: unknown): string | undefined {
  if (typeof answer !== "object" || answer === null || !("ok" in answer)) return `it was answered ${shown(answer)}`;
  if (answer.ok === true) return undefined;
  const error = "error" in answer ? answer.error : undefined;
  const isNamed = typeof error === "object" && error !== null && "message" in error;
  return isNamed ? String(error.message) : `it was answered ${shown(answer)}`;
}
