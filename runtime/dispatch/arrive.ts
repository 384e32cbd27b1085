/**
 * Owns: an operation's outcome on its way into a run, for those who may not write the run themselves: the inbox item, put if
 * absent, then the wake. A message that comes again finds its own item and wakes again.
 */
import { appOfRun, stepHash } from "../core/ids.js";
import { ttlFor } from "../executor/retain.js";
import type { ArriveRequest } from "../queue/messages.js";
import type { QueuedWake } from "../queue/send.js";
import type { Registry } from "../registry/registry.js";
import type { Services } from "../services.js";
import { InboxStore, type StoredArrival } from "../state/inbox-store.js";
import { payloadObjectKey } from "../state/keys.js";
import { pack } from "../state/payloads.js";

/** Puts the outcome into the run's inbox. No wake when another arrival was first: whoever brought that one wakes the run. */
export async function arrive(services: Services, registry: Registry, request: ArriveRequest): Promise<QueuedWake[]> {
  const { run, fn, op } = request;
  const arrival = await storedArrival(services, request);
  const ttlSeconds = ttlFor(services, services.clock.now());
  const { first } = await new InboxStore(services).put(run, op, arrival, ttlSeconds);
  const app = registry.apps.get(appOfRun(run));
  // Without its app nobody runs it; when the app is back, the sweeper finds the run by its due time.
  if (!first || !app) return [];
  return [{ queueUrl: app.stepQueueUrl, wake: { v: 1, run, fn, why: "arrival" }, delayMs: 0 }];
}

async function storedArrival(services: Services, { run, op, by, outcome }: ArriveRequest): Promise<StoredArrival> {
  if ("err" in outcome) return { why: "answer", by, err: outcome.err };
  // Named after who brings it: the object of one that comes too late must not replace the object of the one that stands.
  const objectKey = (): string => payloadObjectKey(`runs/${run}`, `in-${op}-${stepHash(by, 0)}`);
  return { why: "answer", by, ok: await pack(services, JSON.stringify(outcome.ok), objectKey) };
}
