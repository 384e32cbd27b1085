/**
 * Owns: knowing, anywhere below a handler, whether a step's body is running and which attempt it is; and the key that names
 * its operation to the outside.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import type { StepName } from "../protocol.js";

export interface BodyContext {
  stepId: string;
  /** 0 for the first attempt. */
  attempt: number;
  /** How many attempts this step has. */
  maxAttempts: number;
  /** Aborts when the attempt's time is up, when it is let go, and when the pass ends. */
  signal: AbortSignal;
  /** Computed when it is asked for: most bodies never do. */
  readonly idempotencyKey: string;
}

export const bodyContext = new AsyncLocalStorage<BodyContext>();

/**
 * Names one operation of one run: the same in each of its attempts, wherever and however often it is run, and no other's.
 * As a UUID (RFC 9562, version 8: 122 bits of a hash), since that is what nearly every API takes for a key.
 */
export function operationKey(runId: string, { id, i }: StepName): string {
  // As JSON, like every id that is hashed: no part can spell the border to the next (runtime/core/ids.ts).
  const hash = createHash("sha256")
    .update(JSON.stringify(["operation", runId, id, i]), "utf8")
    .digest();
  hash[6] = 0x80 | ((hash[6] ?? 0) & 0x0f);
  hash[8] = 0x80 | ((hash[8] ?? 0) & 0x3f);
  const hex = hash.toString("hex", 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
