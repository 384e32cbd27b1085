/** Owns: reading the events that started a run, wherever they are kept. */
import type { StoredEvent } from "../../sdk/protocol.js";
import type { Services } from "../services.js";
import { EventStore } from "../state/event-store.js";
import type { StoredRun } from "../state/head-item.js";
import { unpack } from "../state/payloads.js";

/** The first event first; none when they are not kept any more. */
export async function findTriggeringEvents(services: Services, { head, events }: StoredRun): Promise<StoredEvent[]> {
  // Written by dispatch as a list of events and by nothing else.
  if (events) return JSON.parse(await unpack(services, events)) as StoredEvent[];
  const store = new EventStore(services);
  const record = await store.get(head.eventId);
  return record ? [await store.unpack(record.payload)] : [];
}

/** The same for a run that lives: its events are kept as long as it does. */
export async function readTriggeringEvents(services: Services, run: StoredRun): Promise<StoredEvent[]> {
  const events = await findTriggeringEvents(services, run);
  const { runId, eventId } = run.head;
  if (events.length === 0) throw new TypeError(`Cannot run "${runId}": its event "${eventId}" is gone`);
  return events;
}
