/**
 * Owns: what an ended run leaves behind of its concurrency limits: places it kept to its end, tickets of a queue it left, and
 * places that were given to it too late. Doing it twice is doing it once.
 */
import { MAX_CONCURRENCY } from "../../sdk/concurrency.js";
import type { FunctionConfig } from "../../sdk/protocol.js";
import { appOfRun } from "../core/ids.js";
import { CLOCK_SKEW_MS, LEASE_MS } from "../core/limits.js";
import type { RunHead } from "../core/run.js";
import type { Services } from "../services.js";
import { SlotStore } from "../state/slot-store.js";
import { isInForce } from "./branch-slots.js";
import { Granter } from "./grant.js";
import { hashesOf, limitsOf } from "./limits-of-run.js";

/** By whom it is done. */
export interface Reach {
  /** Undefined when the worker does not have the function any more. */
  config: FunctionConfig | undefined;
  stepQueueUrl: string;
}

/**
 * When the places of an ended run may be given to others, ms since 1970. A turn that was under way when its run was cancelled
 * learns of it at its next beat and works until then: its lease tells when it has surely stopped.
 */
export function slotsFreeAtMs({ status, holder, endedAtMs }: RunHead): number {
  const wasUnderWay = status === "Cancelled" && holder !== null;
  return wasUnderWay ? (endedAtMs ?? 0) + LEASE_MS + CLOCK_SKEW_MS : 0;
}

/** Frees everything an ended run has, and gives it to those who wait. */
export async function freeSlots(services: Services, head: RunHead, reach: Reach): Promise<void> {
  for (const hash of hashesOf(head)) await freeSlotsUnder(services, head, hash, reach);
}

/** The same under one key. */
export async function freeSlotsUnder(services: Services, head: RunHead, hash: string, reach: Reach): Promise<void> {
  const { runId, createdAtMs, functionId: fn } = head;
  const store = new SlotStore(services, appOfRun(runId), hash);
  for (const ticket of await store.ticketsOf(createdAtMs, runId)) await store.removeRead(ticket);
  const nowMs = services.clock.now();
  // A distributed step that is still at work gives its place back when it learns of the end.
  const own = (await store.slots()).filter((slot) => slot.run === runId && !isInForce(slot, nowMs));
  for (const slot of own) await store.remove(slot);
  if (!(await store.isQueued())) return;
  const { config, stepQueueUrl } = reach;
  const known = config && limitsOf(head, config).find((candidate) => candidate.hash === hash);
  // A rule the function no longer has holds nobody back.
  const limit = known?.limit ?? MAX_CONCURRENCY;
  await new Granter(services, store, { hash, limit, fn, stepQueueUrl }).grant(null);
}
