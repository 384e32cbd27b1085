/** Owns: what must hold of cancelled runs, whoever or whatever has cancelled them. */
import { BEAT_MS, FIRST_BEAT_MS, LEASE_MS } from "../../../runtime/core/limits.js";
import type { Evidence, RunEvidence } from "../evidence.js";
import type { BodyStart } from "../ledger.js";
import { clocksApartMs, programOf, type Check } from "./check.js";

/** A worker may stand still for so long between looking at a run and beginning one of its distributed steps. */
const LONGEST_FREEZE_MS = 60_000;

/**
 * After a cancel a turn under way may begin bodies until its next beat; until its lease at the latest, when its beats do not
 * get through. A distributed step has no lease: whoever looked before the cancel may begin it afterwards.
 */
export const noBodyAfterCancel: Check = (evidence) => {
  const { ledger, faults, runs } = evidence;
  const patienceMs = (faults === 0 ? BEAT_MS + FIRST_BEAT_MS : LEASE_MS) + clocksApartMs(evidence);
  return runs.flatMap(({ runId, head, times }) => {
    const cancelledAtMs = head.status === "Cancelled" ? times.endedAtMs : null;
    if (cancelledAtMs === null) return [];
    return ledger.bodies
      .filter((body) => body.runId === runId && body.atMs > cancelledAtMs + patienceOf(body, patienceMs))
      .map(({ site, atMs }) => `step ${site} of run ${runId} began ${atMs - cancelledAtMs} ms after its cancel`);
  });
};

function patienceOf({ kind }: BodyStart, patienceMs: number): number {
  return kind === "distributed" ? patienceMs + LONGEST_FREEZE_MS : patienceMs;
}

/** What was cancelled is cancelled, nothing else is, and the answer holds. */
export const cancelsHold: Check = (evidence) =>
  evidence.runs.flatMap((run) => {
    const { runId, head } = run;
    const isAcknowledged = asksFor(evidence, run).some(({ acknowledgedAtMs }) => acknowledgedAtMs !== null);
    if (isAcknowledged && head.status !== "Cancelled") return [`run ${runId} was cancelled, and is ${head.status}`];
    if (head.status !== "Cancelled" || isExplained(evidence, run)) return [];
    return [`nobody cancelled run ${runId} (${head.reason?.code ?? "no reason"})`];
  });

function asksFor({ cancels }: Evidence, { runId, canary }: RunEvidence): Evidence["cancels"] {
  return cancels.filter((cancel) => cancel.runId === runId || cancel.canary === canary);
}

/** Whether what the run's reason says is so. Whether timeouts and bulk cancels were right is asked by checks of their own. */
function isExplained(evidence: Evidence, run: RunEvidence): boolean {
  const asked = asksFor(evidence, run);
  const { start, finish } = programOf(evidence, run)?.timeouts ?? {};
  switch (run.head.reason?.code) {
    case "CANCELLED_BY_REQUEST":
      return asked.some(({ runId }) => runId !== null);
    case "CANCELLED_BY_EVENT":
      return asked.some(({ canary }) => canary !== null);
    case "CANCELLED_BY_PARENT":
      return run.head.parent !== null;
    case "START_TIMED_OUT":
      return start !== undefined;
    case "FINISH_TIMED_OUT":
      return finish !== undefined;
    case "CANCELLED_IN_BULK":
      return true;
    default:
      return false;
  }
}
