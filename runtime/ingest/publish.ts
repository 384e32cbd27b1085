/**
 * Owns: giving events their internal ids and putting them on the events queue: from a request, or from a step.
 * A request's events travel in one message, or in one S3 object and one message: all or nothing (PROTOCOL §5).
 */
import type { OutgoingEvent } from "../../sdk/protocol.js";
import { childEventId } from "../core/ids.js";
import { encodeMessage, type AcceptedEvent, type DispatchMessage } from "../queue/messages.js";
import { MAX_MESSAGE_BYTES, sendMessage } from "../queue/send.js";
import { traceMember } from "../observe/trace.js";
import type { Services } from "../services.js";
import { payloadObjectKey } from "../state/keys.js";
import { putPayloadObject } from "../state/payloads.js";
import type { IdSource } from "./id-source.js";
import { readEvents, type NewEvent } from "./read-events.js";

/** Checks and sends a step's events. Throws the catalogue error of the first one that cannot be accepted. */
export async function publishEvents(
  services: Services,
  events: readonly OutgoingEvent[],
  ids: IdSource,
  trace?: string | null,
): Promise<{ ids: string[] }> {
  if (events.length === 0) return { ids: [] };
  const read = readEvents([...events], { nowMs: services.clock.now() });
  if (!read.ok) throw read.error;
  return acceptEvents(services, read.events, ids, trace);
}

/** Puts checked events on the events queue, with the trace they belong to. When this resolves they are durable. */
export async function acceptEvents(
  services: Services,
  events: readonly NewEvent[],
  ids: IdSource,
  trace?: string | null,
): Promise<{ ids: string[] }> {
  const receivedAtMs = services.clock.now();
  const accepted = events.map((event, index) => accept(event, childEventId(ids.seed, index, ids.atMs), receivedAtMs));
  const common = { v: 1, ...traceMember(trace) } as const;
  const message: DispatchMessage = { ...common, kind: "events", events: accepted };
  const { eventsQueueUrl } = services.settings;
  if (Buffer.byteLength(encodeMessage(message)) <= MAX_MESSAGE_BYTES) {
    await sendMessage(services, eventsQueueUrl, message);
  } else {
    const key = payloadObjectKey("requests", accepted[0]?.id ?? "");
    await putPayloadObject(services, key, JSON.stringify(accepted));
    await sendMessage(services, eventsQueueUrl, { ...common, kind: "events-object", key });
  }
  return { ids: accepted.map(({ id }) => id) };
}

function accept(event: NewEvent, id: string, receivedAtMs: number): AcceptedEvent {
  const { id: senderId, ...rest } = event;
  return {
    id,
    receivedAtMs,
    event: { ...rest, id: senderId ?? id },
    ...(senderId === undefined ? {} : { senderId }),
  };
}
