/** Owns: reading the events that started a run, wherever they are kept. */
import type { StoredEvent } from "../../sdk/protocol.js";
import type { Services } from "../services.js";
import { EventStore } from "../state/event-store.js";
import type { StoredRun } from "../state/head-item.js";
import { unpack } from "../state/payloads.js";

/** The first event first. */
export async function readTriggeringEvents(services: Services, { head, events }: StoredRun): Promise<StoredEvent[]> {
  // Written by dispatch as a list of events and by nothing else.
  if (events) return JSON.parse(await unpack(services, events)) as StoredEvent[];
  const store = new EventStore(services);
  const record = await store.get(head.eventId);
  if (!record) throw new TypeError(`Cannot run "${head.runId}": its event "${head.eventId}" is gone`);
  return [await store.unpack(record.payload)];
}
