/** Owns: asking a worker which functions it has, by invoking it; and what its failures mean to who deploys it. */
import { InvokeCommand, LambdaClient, type LambdaClientResolvedConfig } from "@aws-sdk/client-lambda";
import { nameOf } from "../aws/failures.js";
import type { Sender } from "../aws/clients.js";
import { untilKnown } from "../aws/until-known.js";
import type { Services } from "../services.js";
import { workerNotDescribed } from "../registry/errors.js";
import type { DescribeEvent } from "./serve.js";
import { clientConfig } from "./wiring.js";

const DESCRIBE: DescribeEvent = { perdure: "describe" };
/** A worker that starts cold, with all its user's modules, takes longer to answer than any service does. */
const INVOKE_TIMEOUT_MS = 15_000;
/** A worker may be throttled for a while, as its turns take its concurrency. With the last attempt 75 s of the 120 s there are. */
const PATIENCE_MS = 60_000;
const MAX_ATTEMPTS = 100;

export function lambdaClient(): Sender<LambdaClientResolvedConfig> {
  const requestHandler = { ...clientConfig.requestHandler, requestTimeout: INVOKE_TIMEOUT_MS };
  return new LambdaClient({ ...clientConfig, requestHandler });
}

/** What the worker answers. Throws WORKER_NOT_DESCRIBED with the worker's own message. */
export async function askWorker(
  services: Pick<Services, "clock" | "random">,
  lambda: Sender<LambdaClientResolvedConfig>,
  app: string,
  workerArn: string,
): Promise<unknown> {
  const command = new InvokeCommand({
    FunctionName: workerArn,
    InvocationType: "RequestResponse",
    Payload: Buffer.from(JSON.stringify(DESCRIBE)),
  });
  const untilMs = services.clock.monotonic() + PATIENCE_MS;
  const answer = await untilKnown(services, `ask worker "${workerArn}"`, () => invoke(lambda, command), {
    maxAttempts: MAX_ATTEMPTS,
    giveUp: () => services.clock.monotonic() >= untilMs,
  });
  const payload = parsed(Buffer.from(answer.Payload ?? []).toString("utf8"));
  if (answer.FunctionError !== undefined) throw workerNotDescribed({ app, reason: messageIn(payload) });
  return payload;
}

/**
 * For now: a function that is still being updated, or whose network is not there yet (Invoke, "Errors"); and a permission
 * that was given a moment ago and has not spread yet (IAM, "Eventual consistency").
 */
const NOT_READY = new Set(["ResourceConflictException", "ResourceNotReadyException", "AccessDeniedException"]);

async function invoke(lambda: Sender<LambdaClientResolvedConfig>, command: InvokeCommand) {
  try {
    return await lambda.send(command);
  } catch (error) {
    // Without its status, which would say "refused": the same call may succeed in a moment.
    if (NOT_READY.has(nameOf(error)))
      throw Object.assign(new Error("not ready", { cause: error }), { name: nameOf(error) });
    throw error;
  }
}

/** `{ errorType, errorMessage, trace }`, as Lambda reports what a handler threw or why it could not start. */
function messageIn(payload: unknown): string {
  const message = typeof payload === "object" && payload !== null ? Reflect.get(payload, "errorMessage") : undefined;
  return typeof message === "string" ? message : "it gave no reason";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
