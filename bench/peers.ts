/**
 * Owns: what others ask for the same work, at their list prices (us-east-1 where it matters; read March to November 2026, as
 * far as they were public). Compute of the user's own code is left out everywhere.
 * Must not: compare guarantees. Step Functions Express and Cloudflare are cheaper and promise something else.
 */

/** Of one run, all its children included. */
export interface Work {
  /** Operations that others bill: starts of runs, steps, waits, and every further attempt. */
  actions: number;
  /** Attempts of steps. */
  attempts: number;
}

/** $25.00 per million state transitions, one Lambda request for each attempt. aws.amazon.com/step-functions/pricing */
const stepFunctions = ({ actions, attempts }: Work): number => 25 * actions + 0.2 * attempts;

const DURABLE_RETENTION_MONTHS = 14 / 30;
/** $8.00 per million operations, $0.25 per GB written, $0.15 per GB-month kept; a kilobyte an operation and one more. */
const durableFunctions = ({ actions }: Work): number => {
  const gigabytes = actions + 1;
  return 8 * actions + gigabytes * (0.25 + 0.15 * DURABLE_RETENTION_MONTHS);
};

/** $99 a month with a million executions, $50 for each further million. inngest.com/pricing */
const inngestCloud = ({ actions }: Work): number => 99 + 50 * (actions - 1);

/** $50 per million actions at the first tier; half of it at volume. temporal.io/pricing */
const temporalCloud = ({ actions }: Work): number => 50 * actions;

/** Dollars for a million runs. */
export function peersFor(work: Work): Record<string, number> {
  return {
    stepFunctionsStandard: stepFunctions(work),
    lambdaDurableFunctions: durableFunctions(work),
    inngestCloud: inngestCloud(work),
    temporalCloud: temporalCloud(work),
  };
}
