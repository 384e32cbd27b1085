/** Owns: what must hold of `onFailure`: once for each run that has failed, for no other, and told what had gone wrong. */
import type { Evidence, RunEvidence } from "../evidence.js";
import { failureCanary } from "../options/on-failure.js";
import { programOf, type Check } from "./check.js";

export const failuresAreHandledOnce: Check = (evidence) => [
  ...evidence.runs.flatMap((run) => unhandled(evidence, run)),
  ...evidence.runs.flatMap((run) => (isHandler(evidence, run) ? handledForNothing(evidence, run) : [])),
];

function unhandled(evidence: Evidence, run: RunEvidence): string[] {
  const handler = programOf(evidence, run)?.handler;
  if (!handler || run.head.status !== "Failed" || isQuiet(evidence, run)) return [];
  const canary = failureCanary(run.runId);
  const handled = evidence.runs.filter((each) => each.head.functionId === handler.functionId && each.canary === canary);
  return handled.length === 1 ? [] : [`failed run ${run.runId} was handled ${handled.length} times`];
}

function handledForNothing(evidence: Evidence, { runId, canary, head }: RunEvidence): string[] {
  const failed = evidence.runs.find((run) => failureCanary(run.runId) === canary);
  if (!failed) return [`handler ${runId} was started by ${canary}, which is no run`];
  const problems: string[] = [];
  if (failed.head.status !== "Failed") problems.push(`is ${failed.head.status}`);
  if (programOf(evidence, failed)?.handler?.functionId !== head.functionId) problems.push("is another function's");
  if (isQuiet(evidence, failed)) problems.push("is not told of");
  return problems.map((problem) => `handler ${runId} was started by run ${failed.runId}, which ${problem}`);
}

function isHandler({ programs }: Evidence, { head }: RunEvidence): boolean {
  return programs.some(({ handler }) => handler?.functionId === head.functionId);
}

/** A handler's failure is not told of, nor is that of a run it has invoked: it would never end. */
function isQuiet(evidence: Evidence, run: RunEvidence): boolean {
  if (isHandler(evidence, run)) return true;
  const parent = evidence.runs.find(({ runId }) => runId === run.head.parent?.run);
  return parent !== undefined && isQuiet(evidence, parent);
}

/** Each pass of a handler is given the error its run failed with, and the event that had started that run. */
export const handlersAreTold: Check = ({ ledger, runs }) => {
  const byId = new Map(runs.map((run) => [run.runId, run]));
  return ledger.passes.flatMap(({ runId, told }) => {
    if (!told) return [];
    const failed = byId.get(told.runId);
    const was = `${failed?.head.functionId} ${failed?.canary}: ${failed?.head.error?.name} ${failed?.head.error?.message}`;
    const is = `${told.functionId} ${told.canary}: ${told.error.name} ${told.error.message}`;
    return is === was ? [] : [`handler ${runId} was told "${is}", and it was "${was}"`];
  });
};
