/** Owns: the rare things that only the ends of a world's runs tell of (markers.ts). */
import type { BulkCancelEvidence, RunEvidence } from "./evidence.js";
import type { Marker } from "./markers.js";
import type { Program } from "./program.js";

const BY_REASON: Readonly<Record<string, Marker>> = {
  CANCELLED_BY_EVENT: "cancelled by event",
  START_TIMED_OUT: "cancelled by start timeout",
  FINISH_TIMED_OUT: "cancelled by finish timeout",
};

export function markersOfEnds(
  runs: readonly RunEvidence[],
  programs: readonly Program[],
  bulkCancels: readonly BulkCancelEvidence[],
): Marker[] {
  const markers = runs.flatMap(({ head }) => BY_REASON[head.reason?.code ?? ""] ?? []);
  for (const { head } of runs) {
    if (!programs.some(({ handler }) => handler?.functionId === head.functionId)) continue;
    if (head.status === "Completed") markers.push("failure handler ran");
    if (head.status === "Failed") markers.push("failure handler failed");
  }
  if (bulkCancels.some((bulk) => runs.some((run) => isSpared(bulk, run)))) markers.push("bulk cancel spared a run");
  return markers;
}

/** It was there all the while, and its event is not what the expression asks for. */
function isSpared({ functionId, fromMs, toMs, condition, times }: BulkCancelEvidence, run: RunEvidence): boolean {
  const { head } = run;
  if (condition === null || times.endedAtMs === null || head.functionId !== functionId) return false;
  const isInWindow = head.createdAtMs >= fromMs && head.createdAtMs < toMs;
  return isInWindow && run.times.createdAtMs < times.acceptedAtMs && (run.times.endedAtMs ?? 0) > times.endedAtMs;
}
