/** Owns: a run as the API shows it. */
import type { Json, SerializedError } from "../../sdk/protocol.js";
import { appOfRun } from "../core/ids.js";
import type { Divergence, RunStatus } from "../core/run.js";
import type { Services } from "../services.js";
import type { StoredRun } from "../state/head-item.js";
import { unpack, type Packed } from "../state/payloads.js";

export interface RunView {
  id: string;
  functionId: string;
  appId: string;
  eventId: string;
  status: RunStatus;
  /** Null until Completed. */
  output: Json;
  /** The output is left out here because of its size; the run itself has it. */
  outputOmitted?: true;
  /** Null unless Failed. */
  error: SerializedError | null;
  /** Why it was cancelled, where that is known; null for any other run. */
  reason: { code: string; message: string } | null;
  /** A live run that rests because its code no longer fits its history: which step, and since when. */
  diverged?: { stepId: string; recorded: string; requested: string; since: string };
  /** A live run that waits for a place under its function's concurrency limits. */
  queuedFor?: "concurrency";
  queuedAt: string;
  startedAt: string | null;
  endedAt: string | null;
}

/** Outputs in a list are read in place only: no S3 call for each row, and no small item that inflates to megabytes. */
const MAX_LISTED_OUTPUT_BYTES = 64 * 1024;

export function isoTime(ms: number): string;
export function isoTime(ms: number | null): string | null;
export function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** A run with its whole output. */
export function showRun(services: Services, run: StoredRun): Promise<RunView> {
  return show(services, run, Number.POSITIVE_INFINITY);
}

/** Runs as rows of a list: large outputs are left out. */
export function showRuns(services: Services, runs: readonly StoredRun[]): Promise<RunView[]> {
  return Promise.all(runs.map((run) => show(services, run, MAX_LISTED_OUTPUT_BYTES)));
}

async function show(services: Services, run: StoredRun, maxOutputBytes: number): Promise<RunView> {
  const { head, output } = run;
  const isOmitted = output !== null && jsonBytes(output) > maxOutputBytes;
  return {
    id: head.runId,
    functionId: head.functionId,
    appId: appOfRun(head.runId),
    eventId: head.eventId,
    status: head.status,
    // What was packed at the end of the run is JSON.
    output: output === null || isOmitted ? null : (JSON.parse(await unpack(services, output)) as Json),
    ...(isOmitted ? { outputOmitted: true } : {}),
    error: head.error,
    reason: head.reason && { code: head.reason.code ?? head.reason.name, message: head.reason.message },
    ...(head.diverged ? { diverged: showDivergence(head.diverged) } : {}),
    ...(head.places.queued === null ? {} : { queuedFor: "concurrency" as const }),
    queuedAt: isoTime(head.createdAtMs),
    startedAt: isoTime(head.startedAtMs),
    endedAt: isoTime(head.endedAtMs),
  };
}

function showDivergence({ sinceMs, ...difference }: Divergence): NonNullable<RunView["diverged"]> {
  return { ...difference, since: isoTime(sinceMs) };
}

/** Bytes of the JSON that a packed payload holds, without unpacking it. */
function jsonBytes(packed: Packed): number {
  switch (packed.form) {
    case "text":
      return Buffer.byteLength(packed.text);
    case "gzip": {
      // A gzip stream ends with the length of what went in (RFC 1952 §2.3.1, ISIZE).
      const { bytes } = packed;
      return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(bytes.byteLength - 4, true);
    }
    case "object":
      return packed.jsonBytes;
  }
}
