/** Owns: `perdure/lambda`: turning an app's functions into a Lambda handler. */
import type { EventQueue } from "../../sdk/client.js";
import { hostFunctions } from "../../sdk/host/in-process-host.js";
import type { PerdureFunction } from "../../sdk/function.js";
import type { AppManifest, Json } from "../../sdk/protocol.js";
import type { SignalSender } from "../../sdk/signals.js";
import { handleBatch } from "../executor/handle-batch.js";
import type { Executor } from "../executor/handle-wake.js";
import { publishEvents } from "../ingest/publish.js";
import { sendSignal, workerReach } from "../operations/send-signal.js";
import { sandboxHeart } from "./heartbeat-thread.js";
import type { LambdaContext, SQSBatchResponse, SQSEvent } from "./sqs.js";
import { wire } from "./wire.js";
import { isWired, settingMissing } from "./wiring.js";

export interface ServeOptions {
  /** The app's client. */
  client: {
    readonly id: string;
    sendThrough?(queue: EventQueue): void;
    signalThrough?(send: SignalSender): void;
  };
  /** Every function of the app that this worker runs. */
  functions: readonly PerdureFunction<never>[];
}

/** Asks a worker which functions it has. Sent at registration. */
export interface DescribeEvent {
  perdure: "describe";
}

export type WorkerHandler = (
  event: SQSEvent | DescribeEvent,
  context: LambdaContext,
) => Promise<SQSBatchResponse | AppManifest>;

/**
 * A Lambda handler for an app's functions: it takes wakes from the app's step queue and answers `describe` with the app's
 * manifest. Throws at load when two functions share an id or one belongs to another client.
 *
 * @example
 * export const handler = serve({ client: perdure, functions: [processDocument] });
 */
export function serve({ client, functions }: ServeOptions): WorkerHandler {
  const host = hostFunctions(client.id, functions);
  let executor: Executor | null = null;
  if (isWired()) {
    client.sendThrough?.(putOnQueue);
    client.signalThrough?.((signal, data) => putInInbox(client.id, signal, data));
  }
  return async (event, context) => {
    if ("perdure" in event) return host.manifest;
    const { services, stepQueueUrl } = wire();
    if (stepQueueUrl === "") throw settingMissing({ name: "PERDURE_STEP_QUEUE_URL" });
    executor ??= { services, host, heart: sandboxHeart(services) };
    return handleBatch(executor, event.Records, context, stepQueueUrl);
  };
}

/** `perdure.send` in a worker: no key, no HTTP, and one call whose repetition starts nothing twice. */
const putOnQueue: EventQueue = (events) => {
  const { services } = wire();
  const seed = `send\n${Buffer.from(services.random.bytes(16)).toString("hex")}`;
  return publishEvents(services, events, { seed, atMs: services.clock.now() });
};

/** `perdure.sendSignal` in a worker, likewise. */
async function putInInbox(appId: string, signal: string, data: Json): Promise<{ runId: string | null }> {
  const { services, stepQueueUrl } = wire();
  const token = `send\n${Buffer.from(services.random.bytes(16)).toString("hex")}`;
  return sendSignal(services, workerReach(services, appId, stepQueueUrl), { signal, data, token });
}
