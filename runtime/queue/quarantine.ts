/**
 * Owns: what is done with a message nobody can read: it is put on record, whole, and said aloud; then it may go. It would
 * otherwise come back for ever, or be lost without a trace.
 */
import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { untilKnown } from "../aws/until-known.js";
import { RETENTION_DAY_MS } from "../core/limits.js";
import type { Services } from "../services.js";
import { number, text } from "../state/attributes.js";
import { payloadObjectKey, quarantineKey } from "../state/keys.js";
import { pack, packedAttribute } from "../state/payloads.js";

/** Quarantined messages are kept longer than anything else: somebody has to look at them. */
const KEPT_DAYS = 90;

export interface UnreadableMessage {
  messageId: string;
  queue: string;
  body: string;
  why: string;
}

/** Puts the message on record. The same message again overwrites its own record. */
export async function quarantine(services: Services, message: UnreadableMessage): Promise<void> {
  const nowMs = services.clock.now();
  const key = quarantineKey(nowMs, message.messageId);
  const body = await pack(services, JSON.stringify(message.body), () =>
    payloadObjectKey("quarantine", message.messageId),
  );
  await untilKnown(services, `quarantine message "${message.messageId}"`, () =>
    services.clients.dynamodb.send(
      new PutItemCommand({
        TableName: services.settings.tableName,
        Item: {
          pk: text(key.pk),
          sk: text(key.sk),
          queue: text(message.queue),
          why: text(message.why),
          body: packedAttribute(body),
          at: number(nowMs),
          ttl: number(Math.ceil((nowMs + KEPT_DAYS * RETENTION_DAY_MS) / 1_000)),
        },
      }),
    ),
  );
  services.metrics.count("MessagesQuarantined", {
    message: `Message "${message.messageId}" is quarantined: ${message.why}`,
    about: { queue: message.queue, ...key },
  });
}
