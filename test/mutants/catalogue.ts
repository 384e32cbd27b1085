/** Owns: all mutants, one rule broken by each. Every rule the platform stands on has at least one. */
import { DEPLOYMENT } from "./catalogue/deployment.js";
import { EDGES } from "./catalogue/edges.js";
import { EVENTS } from "./catalogue/events.js";
import { FLOW } from "./catalogue/flow.js";
import { HISTORY } from "./catalogue/history.js";
import { OPERATIONS } from "./catalogue/operations.js";
import { PASSES } from "./catalogue/passes.js";
import { WAKES } from "./catalogue/wakes.js";
import type { Mutant } from "./mutant.js";

export const MUTANTS: readonly Mutant[] = [
  ...HISTORY,
  ...PASSES,
  ...WAKES,
  ...EVENTS,
  ...OPERATIONS,
  ...FLOW,
  ...EDGES,
  ...DEPLOYMENT,
];
