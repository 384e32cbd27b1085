/**
 * Owns: the search for crash points: the undisturbed runs first, whose calls are counted; then a trial for each call × each
 * way it can go wrong; then the undisturbed runs once more, to know what differs by itself.
 */
import { isLive } from "../../runtime/core/run.js";
import { ChaosNotes } from "./chaos-notes.js";
import { makeReport, type ChaosReport, type CrashPoint } from "./chaos-report.js";
import { runTrial, withoutCrons, type Trial, type TrialPlan, type TrialSetup } from "./chaos-trial.js";
import { chaosWithoutRun } from "./errors.js";

export interface ChaosSetup extends TrialSetup {
  idempotent: readonly string[];
  ignore: readonly string[];
  maxTrials: number;
}

const FAULTS: readonly CrashPoint["fault"][] = ["crash-before", "crash-after", "lost"];

export async function findCrashPoints(setup: ChaosSetup): Promise<ChaosReport> {
  if (withoutCrons(setup.setup.functions).length === 0) {
    throw chaosWithoutRun({ is: "no function of the test listens to events" });
  }
  const undisturbed = await runTrial(setup, null);
  requireEnded(undisturbed);
  const notes = new ChaosNotes(undisturbed, setup);
  const plans = plansOf(undisturbed);
  const chosen = spread(plans, setup.maxTrials);
  for (const plan of chosen) notes.add(await runTrial(setup, plan));
  // Last, so that what depends on the time of day has had time to change.
  const findings = notes.conclude(await runTrial(setup, null));
  return makeReport({ ...findings, trials: chosen.length, leftOut: plans.length - chosen.length });
}

function requireEnded({ runs }: Trial): void {
  if (runs.length === 0) throw chaosWithoutRun({ is: "the event starts no run" });
  const live = runs.find(({ status }) => isLive(status));
  if (live) throw chaosWithoutRun({ is: `the undisturbed run of "${live.functionId}" has not ended by then` });
}

function plansOf({ calls }: Trial): TrialPlan[] {
  const places = Array.from({ length: calls }, (_, index) => index + 1);
  return places.flatMap((call) => FAULTS.map((fault) => ({ call, fault })));
}

/** At most `limit` of them, evenly over the whole list. */
function spread<T>(all: readonly T[], limit: number): T[] {
  if (all.length <= limit) return [...all];
  return all.filter(
    (_, index) => Math.floor((index * limit) / all.length) !== Math.floor(((index - 1) * limit) / all.length),
  );
}
