/** Owns: what a check is, and what several of them ask. */
import type { Evidence, RunEvidence } from "../evidence.js";
import type { Program } from "../program.js";

/** What is wrong with a world, in sentences; nothing where all is well. */
export type Check = (evidence: Evidence) => string[];

/** How far apart two sandboxes' clocks may be. */
export function clocksApartMs({ swarm }: Pick<Evidence, "swarm">): number {
  return 2 * swarm.skewMs;
}

/** The function whose run it is; undefined for the run of a failure handler. */
export function programOf({ programs }: Pick<Evidence, "programs">, { head }: RunEvidence): Program | undefined {
  return programs.find(({ functionId }) => functionId === head.functionId);
}
