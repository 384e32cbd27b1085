/** Owns: what an operation that waits knows of the run that asks for it. */
import type { LogEntry, StoredEvent } from "../../sdk/protocol.js";
import type { RunHead } from "../core/run.js";
import type { Services } from "../services.js";

export interface OperationContext {
  services: Services;
  head: RunHead;
  /** What started the run. */
  events: readonly StoredEvent[];
  /** The log so far: the operations that are armed are in it. */
  entries: readonly LogEntry[];
  /** Of the run's own app. */
  stepQueueUrl: string;
}
