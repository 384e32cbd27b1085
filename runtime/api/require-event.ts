/** Owns: from an event id in a path to the event's record, or NOT_FOUND. */
import { isUlid } from "../core/ids.js";
import { EventStore, type EventRecord } from "../state/event-store.js";
import type { Services } from "../services.js";
import { notFound } from "./errors.js";

/** `id` is the internal id that ingest answered with. Sender's ids are no keys and are not found. */
export async function requireEvent(services: Services, id: string): Promise<EventRecord> {
  const record = isUlid(id) ? await new EventStore(services).get(id) : null;
  if (!record) throw notFound({ thing: "event", id });
  return record;
}
