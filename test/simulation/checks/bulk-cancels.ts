/** Owns: what must hold of bulk cancels: each comes to its end, leaves no run that it means, and touches no other. */
import type { BulkCancelEvidence, Evidence, RunEvidence } from "../evidence.js";
import { canaryOf } from "../options/on-failure.js";
import { conditionOf, type BulkCancelRequest } from "../operators/bulk-cancel.js";
import type { Check } from "./check.js";

/** A request that was answered is one bulk cancel, however often it was sent, and that one comes to its end. */
export const bulkCancelsEnd: Check = ({ bulkCancels, bulkRequests }) => {
  const problems = bulkRequests.flatMap(({ acceptedAs, functionId }) => {
    const names = [...new Set(acceptedAs)];
    if (names.length > 1) return [`one request to cancel runs of ${functionId} was accepted as ${names.join()}`];
    const standing = bulkCancels.find(({ id }) => id === names[0]);
    if (names.length === 1 && !standing) return [`bulk cancel ${names[0]} was accepted, and is not on record`];
    return standing?.times.endedAtMs === null ? [`bulk cancel ${standing.id} never ended`] : [];
  });
  const unasked = bulkCancels.filter((bulk) => !bulkRequests.some((request) => isFor(request, bulk)));
  problems.push(...unasked.map(({ id }) => `nobody asked for bulk cancel ${id} as it is on record`));
  if (bulkCancels.length > bulkRequests.length) {
    problems.push(`${bulkRequests.length} requests made ${bulkCancels.length} bulk cancels`);
  }
  return problems;
};

function isFor({ functionId, fromMs, toMs, ending }: BulkCancelRequest, bulk: BulkCancelEvidence): boolean {
  const isSame = bulk.functionId === functionId && bulk.fromMs === fromMs;
  return isSame && (toMs === null || bulk.toMs === toMs) && bulk.condition === (ending && conditionOf(ending));
}

/**
 * Every run it means that was there when it was accepted has ended by its own end. What an index that was behind did not show
 * is the index's to answer for (docs/guarantees.md).
 */
export const bulkCancelsAreWhole: Check = (evidence) =>
  evidence.bulkCancels.flatMap((bulk) => {
    const { acceptedAtMs, endedAtMs } = bulk.times;
    if (endedAtMs === null || wasBehind(evidence, bulk)) return [];
    const left = evidence.runs.filter(
      (run) =>
        isMeant(bulk, run) &&
        run.times.createdAtMs <= acceptedAtMs &&
        (run.times.endedAtMs ?? Number.POSITIVE_INFINITY) > endedAtMs,
    );
    return left.map(({ runId }) => `bulk cancel ${bulk.id} was over, and run ${runId} went on`);
  });

/** Who was cancelled by it was meant by it; and it says how many they were. */
export const bulkCancelsSpareOthers: Check = (evidence) => [
  ...evidence.runs
    .filter((run) => run.head.reason?.code === "CANCELLED_IN_BULK")
    .filter((run) => !evidence.bulkCancels.some((bulk) => isBy(bulk, run) && isMeant(bulk, run)))
    .map(({ runId, head }) => `run ${runId} was not meant: ${head.reason?.message}`),
  ...evidence.bulkCancels.flatMap((bulk) => {
    const cancelled = evidence.runs.filter((run) => isBy(bulk, run));
    const known = cancelled.filter(({ times }) => times.createdAtMs <= bulk.times.acceptedAtMs);
    const least = bulk.times.endedAtMs === null || wasBehind(evidence, bulk) ? 0 : known.length;
    const isRight = bulk.cancelled >= least && bulk.cancelled <= cancelled.length;
    return isRight ? [] : [`bulk cancel ${bulk.id} says ${bulk.cancelled} runs, and they were ${cancelled.length}`];
  }),
];

function isMeant(bulk: BulkCancelEvidence, { head, event }: RunEvidence): boolean {
  if (head.functionId !== bulk.functionId) return false;
  if (head.createdAtMs < bulk.fromMs || head.createdAtMs >= bulk.toMs) return false;
  if (bulk.condition === null) return true;
  const ending = ["0", "1"].find((each) => conditionOf(each) === bulk.condition);
  // The event of a handler's run has no mark of its own: the expression fails on it.
  const hasMark = event !== null && "canary" in event.data;
  return ending !== undefined && hasMark && canaryOf(event).endsWith(ending);
}

function isBy(bulk: BulkCancelEvidence, { head }: RunEvidence): boolean {
  return head.reason?.code === "CANCELLED_IN_BULK" && head.reason.message.includes(`"${bulk.id}"`);
}

function wasBehind({ staleFeeds }: Evidence, { times }: BulkCancelEvidence): boolean {
  return staleFeeds.some((atMs) => atMs >= times.acceptedAtMs && atMs <= (times.endedAtMs ?? atMs));
}
