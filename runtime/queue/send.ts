/**
 * Owns: putting messages on queues. The only sender.
 * A send whose answer was lost is repeated: two equal hints are harmless.
 */
import { SendMessageBatchCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { outcomeUnknown, untilKnown } from "../aws/until-known.js";
import { MAX_SQS_DELAY_MS } from "../core/limits.js";
import type { Services } from "../services.js";
import { encodeMessage, type DispatchMessage, type WakeMessage } from "./messages.js";

/** SQS takes 1 MiB a message (quotas-messages); a little is left for what it adds. */
export const MAX_MESSAGE_BYTES = 1024 * 1024 - 1024;

/** SendMessageBatch takes ten messages and 1 MiB in all (SQS quotas). Wakes are small; the count decides. */
const BATCH_ENTRIES = 10;

/** Sends one message, visible after `delayMs` (rounded up to a second: never early). */
export async function sendMessage(
  services: Services,
  queueUrl: string,
  message: WakeMessage | DispatchMessage,
  delayMs = 0,
): Promise<void> {
  const command = new SendMessageCommand({
    QueueUrl: queueUrl,
    MessageBody: encodeMessage(message),
    ...(delayMs > 0 ? { DelaySeconds: delaySeconds(delayMs) } : {}),
  });
  await untilKnown(
    services,
    `send ${"kind" in message ? `a message of kind "${message.kind}"` : `a wake of run "${message.run}"`}`,
    () => services.clients.sqs.send(command),
  );
}

export interface DelayedWake {
  wake: WakeMessage;
  delayMs: number;
}

/** A wake and the queue it is for. */
export interface QueuedWake extends DelayedWake {
  queueUrl: string;
}

/** Sends wakes to one step queue, ten to a call. Throws when some could not be sent: the caller's message comes again. */
export async function sendWakes(services: Services, queueUrl: string, wakes: readonly DelayedWake[]): Promise<void> {
  for (let from = 0; from < wakes.length; from += BATCH_ENTRIES) {
    await sendBatch(services, queueUrl, wakes.slice(from, from + BATCH_ENTRIES));
  }
}

async function sendBatch(services: Services, queueUrl: string, wakes: readonly DelayedWake[]): Promise<void> {
  const [only] = wakes;
  if (wakes.length === 1 && only) return sendMessage(services, queueUrl, only.wake, only.delayMs);
  let left = wakes.map(({ wake, delayMs }, index) => ({
    Id: String(index),
    MessageBody: encodeMessage(wake),
    ...(delayMs > 0 ? { DelaySeconds: delaySeconds(delayMs) } : {}),
  }));
  for (let attempt = 1; left.length > 0; attempt += 1) {
    const entries = left;
    const answer = await untilKnown(services, `send ${entries.length} wakes`, () =>
      services.clients.sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries })),
    );
    const failed = new Set((answer.Failed ?? []).map((failure) => failure.Id));
    left = entries.filter((entry) => failed.has(entry.Id));
    if (left.length > 0 && attempt >= 3) {
      throw outcomeUnknown({ what: "send wakes", attempts: attempt, reason: answer.Failed?.[0]?.Code ?? "refused" });
    }
  }
}

function delaySeconds(delayMs: number): number {
  return Math.ceil(Math.min(delayMs, MAX_SQS_DELAY_MS) / 1_000);
}
