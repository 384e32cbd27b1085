/** Owns: what the handlers of single messages share: the registry as the batch sees it, and the ways to start and to route. */
import type { AcceptedEvent } from "../queue/messages.js";
import type { QueuedWake } from "../queue/send.js";
import type { Registry } from "../registry/registry.js";
import type { Services } from "../services.js";
import type { RunStarter, StartedRun } from "./start-runs.js";

export interface DispatchRoom {
  services: Services;
  registry: Registry;
  starter: RunStarter;
  /** Takes an event as one that came from the queue: runs of what it triggers, ends of waits, cancels. */
  route(event: AcceptedEvent): Promise<QueuedWake[]>;
  /** Whether a function is triggered by events of that name, or a wait for one is or was under way. */
  isListenedTo(eventName: string): Promise<boolean>;
  /** The wakes of runs that were just started. */
  wakesOf(started: readonly StartedRun[]): Promise<QueuedWake[]>;
}
