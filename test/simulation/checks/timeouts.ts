/**
 * Owns: what must hold of functions with `timeouts`: nobody is cancelled before its time, and nobody goes on after it. Times are
 * the world's own where it has seen them; a run's first claim is dated by its claimer's clock.
 */
import { LEASE_MS } from "../../../runtime/core/limits.js";
import type { Evidence, RunEvidence } from "../evidence.js";
import type { DrawnTimeouts } from "../options/timeouts.js";
import { clocksApartMs, programOf, type Check } from "./check.js";

/** A wake that was lost is made good by the sweeper, which looks for a run half an hour after it was due at the latest. */
const LONGEST_DELAY_MS = 3_600_000;

export const timeoutsAreNotEarly: Check = (evidence) =>
  evidence.runs.flatMap((run) => {
    const { finish, start } = timeoutsOf(evidence, run);
    const code = run.head.reason?.code;
    if (code === "FINISH_TIMED_OUT" && finish !== undefined) return finishedEarly(evidence, run, finish);
    if (code === "START_TIMED_OUT" && start !== undefined) return neverBegun(evidence, run, start);
    return [];
  });

function finishedEarly(evidence: Evidence, { runId, head, times }: RunEvidence, limitMs: number): string[] {
  const beganAtMs = Math.max(head.startedAtMs ?? 0, times.createdAtMs - clocksApartMs(evidence), head.notBeforeMs ?? 0);
  const tookMs = (times.endedAtMs ?? 0) - beganAtMs;
  if (tookMs + clocksApartMs(evidence) >= limitMs) return [];
  return [`run ${runId} was cancelled after ${tookMs} ms, and may take ${limitMs}`];
}

function neverBegun(evidence: Evidence, run: RunEvidence, limitMs: number): string[] {
  const { runId, canary, head, times } = run;
  const { ledger, requests } = evidence;
  if (ledger.passes.some((pass) => pass.runId === runId))
    return [`run ${runId} began, and was cancelled as if it had not`];
  const external = requests.flatMap(({ events }) => events).find((event) => event.canary === canary);
  const askedAtMs = external?.sentAtMs ?? ledger.asked.get(canary) ?? 0;
  const waitedMs = (times.beganAtMs ?? 0) - Math.max(askedAtMs, head.notBeforeMs ?? 0);
  if (waitedMs + clocksApartMs(evidence) >= limitMs) return [];
  return [`run ${runId} was cancelled after it had waited ${waitedMs} ms, and may wait ${limitMs}`];
}

export const timeoutsAreKept: Check = (evidence) =>
  evidence.runs.flatMap((run) => {
    const { finish, start } = timeoutsOf(evidence, run);
    return [
      ...(start === undefined ? [] : begunLate(evidence, run, start)),
      ...(finish === undefined ? [] : goneOn(evidence, run, finish)),
    ];
  });

function begunLate(evidence: Evidence, { runId, head, times }: RunEvidence, limitMs: number): string[] {
  const waitedMs = (head.startedAtMs ?? 0) - Math.max(times.createdAtMs, head.notBeforeMs ?? 0);
  if (waitedMs <= limitMs + clocksApartMs(evidence)) return [];
  const begun = evidence.ledger.passes.some((pass) => pass.runId === runId);
  return begun ? [`run ${runId} began after ${waitedMs} ms, and may wait ${limitMs}`] : [];
}

/** A worker that stood still as the time came learns of it when it goes on, and works no longer than its lease. */
function goneOn(evidence: Evidence, { runId, head, times }: RunEvidence, limitMs: number): string[] {
  if (times.beganAtMs === null) return [];
  const overAtMs = Math.max(times.beganAtMs, head.notBeforeMs ?? 0) + limitMs;
  const patienceMs = (evidence.markers.has("sandbox froze") ? LEASE_MS : 0) + clocksApartMs(evidence);
  const late = evidence.ledger.bodies
    .filter((body) => body.runId === runId && body.kind !== "distributed" && body.atMs > overAtMs + patienceMs)
    .map(({ site, atMs }) => `step ${site} of run ${runId} began ${atMs - overAtMs} ms after the run's time was up`);
  const endedAtMs = times.endedAtMs ?? Number.POSITIVE_INFINITY;
  if (endedAtMs > Math.max(overAtMs, evidence.healedAtMs) + LONGEST_DELAY_MS) {
    late.push(`run ${runId} ended ${endedAtMs - overAtMs} ms after its time was up`);
  }
  return late;
}

function timeoutsOf(evidence: Evidence, run: RunEvidence): DrawnTimeouts {
  return programOf(evidence, run)?.timeouts ?? {};
}
