/** Owns: one batch of a step queue: each message its own turn, side by side; which messages may go. */
import { isPerdureError } from "../../sdk/error-catalogue.js";
import { outcomeUnknown } from "../aws/until-known.js";
import { appOfRun } from "../core/ids.js";
import type { LambdaContext, SQSBatchResponse, SQSRecord } from "../lambda/sqs.js";
import { tracedServices } from "../observe/trace.js";
import { readWake, type WakeMessage } from "../queue/messages.js";
import { quarantine } from "../queue/quarantine.js";
import type { Services } from "../services.js";
import { handleWake, type Disposition, type Executor } from "./handle-wake.js";
import { setVisibility, type Receipt } from "./heartbeat.js";

/** Runs a batch. A message whose turn throws stays, and comes again by its visibility. */
export async function handleBatch(
  executor: Executor,
  records: readonly SQSRecord[],
  context: LambdaContext,
  queueUrl: string,
): Promise<SQSBatchResponse> {
  const kept = await Promise.all(
    records.map(async (record) =>
      (await handleRecord(executor, record, context, queueUrl)) ? [] : [record.messageId],
    ),
  );
  return { batchItemFailures: kept.flat().map((itemIdentifier) => ({ itemIdentifier })) };
}

/** True when the message may go. */
async function handleRecord(
  executor: Executor,
  record: SQSRecord,
  context: LambdaContext,
  queueUrl: string,
): Promise<boolean> {
  const { services } = executor;
  const wake = readWake(record.body);
  const { messageId, receiptHandle, body } = record;
  try {
    if ("unreadable" in wake) {
      if (wake.newer) throw new TypeError(`Cannot read a wake yet: ${wake.unreadable}`);
      await quarantine(services, { messageId, body, queue: record.eventSourceARN, why: wake.unreadable });
      return true;
    }
    const receipt: Receipt = { queueUrl, receiptHandle };
    const disposition = await handleWake(executor, {
      wake,
      messageId,
      receives: Number(record.attributes.ApproximateReceiveCount),
      sentAtMs: Number(record.attributes.SentTimestamp),
      receipt,
      remainingMs: context.getRemainingTimeInMillis(),
      retireSandbox: () => context.retire?.(),
    });
    await keepHidden(executor, receipt, disposition);
    return disposition.acknowledge;
  } catch (error) {
    const message = `Cannot handle message "${messageId}"; it comes again`;
    if ("unreadable" in wake || !isUnanswered(error)) services.logger.error(message, error);
    else countUnanswered(services, wake, message, error);
    return false;
  }
}

function isUnanswered(error: unknown): boolean {
  return isPerdureError(error) && error.code === outcomeUnknown.definition.code;
}

function countUnanswered(services: Services, wake: WakeMessage, message: string, error: unknown): void {
  tracedServices(services, wake.trace).metrics.count("TurnsUnanswered", {
    message,
    app: appOfRun(wake.run),
    functionId: wake.fn,
    about: { runId: wake.run },
    error,
  });
}

async function keepHidden(executor: Executor, receipt: Receipt, disposition: Disposition): Promise<void> {
  if (disposition.acknowledge || disposition.visibleInMs === null) return;
  try {
    await setVisibility(executor.services, receipt, disposition.visibleInMs);
  } catch (error) {
    // It then comes again by the queue's own visibility timeout: later, not lost.
    executor.services.logger.warn("Cannot set a message's visibility", error);
  }
}
