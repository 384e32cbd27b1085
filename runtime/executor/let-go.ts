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
  return waitsOf(entries).outstanding;
}

/** What a log says was let go, by races: waited for no longer, whether or not it was disarmed in time. */
export function waitsLetGo(entries: readonly LogEntry[]): WaitingStep[] {
  return waitsOf(entries).letGo;
}

function waitsOf(entries: readonly LogEntry[]): { outstanding: WaitingStep[]; letGo: WaitingStep[] } {
  const outstanding = new Map<string, WaitingStep>();
  const letGo: WaitingStep[] = [];
  for (const entry of entries) {
    if (!("id" in entry)) continue;
    const { id, i } = entry;
    const key = `${i}:${id}`;
    if (entry.k === "op" && entry.op.kind !== "sleep") outstanding.set(key, { name: { id, i }, op: entry.op });
    const wait = outstanding.get(key);
    if (wait && entry.k === "gone") letGo.push(wait);
    if (entry.k === "seen" || entry.k === "gone") outstanding.delete(key);
  }
  return { outstanding: [...outstanding.values()], letGo };
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
    { services, head, events, entries, stepQueueUrl: "", again: false, ttlSeconds: head.ttlSeconds },
    waits,
  );
}
