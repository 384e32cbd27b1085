/**
 * Owns: what an ended run still waits for is waited for no longer: nobody is to answer it, and what it has invoked is
 * cancelled. Doing it twice is doing it once.
 */
import type { LogEntry, WaitingStep } from "../../sdk/protocol.js";
import { disarmOperations } from "../operations/arm.js";
import type { Services } from "../services.js";
import { LogStore } from "../state/log-store.js";
import { findTriggeringEvents } from "./triggering-events.js";

/** What a log says is waited for: asked for, not seen, not let go. Sleeps wait for nobody. */
export function outstandingWaits(entries: readonly LogEntry[]): WaitingStep[] {
  const waits = new Map<string, WaitingStep>();
  for (const entry of entries) {
    if (!("id" in entry)) continue;
    const { id, i } = entry;
    const key = `${i}:${id}`;
    if (entry.k === "op" && entry.op.kind !== "sleep") waits.set(key, { name: { id, i }, op: entry.op });
    if (entry.k === "seen" || entry.k === "gone") waits.delete(key);
  }
  return [...waits.values()];
}

export async function outstandingWaitsOf(services: Services, runId: string): Promise<WaitingStep[]> {
  const loaded = await new LogStore(services).load(runId);
  return loaded ? outstandingWaits(loaded.entries) : [];
}

/** Disarms everything a run that has ended waits for. */
export async function letGoOfWaits(services: Services, runId: string): Promise<void> {
  const loaded = await new LogStore(services).load(runId);
  if (!loaded) return;
  const { head, entries } = loaded;
  const waits = outstandingWaits(entries);
  if (waits.length === 0) return;
  const events = await findTriggeringEvents(services, loaded);
  await disarmOperations(
    // No wake of this run is sent any more: it needs no queue.
    { services, head, events, entries, stepQueueUrl: "", rearm: false, ttlSeconds: head.ttlSeconds },
    waits,
  );
}
