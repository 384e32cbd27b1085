/** Owns: one batch of a step queue: each message its own turn, side by side; which messages may go. */
import type { LambdaContext, SQSBatchResponse, SQSRecord } from "../lambda/sqs.js";
import { readWake } from "../queue/messages.js";
import { quarantine } from "../queue/quarantine.js";
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
    services.logger.error(`Cannot handle message "${messageId}"; it comes again`, error);
    return false;
  }
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
