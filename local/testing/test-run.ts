/** Owns: a run and its steps as a test reads them: what the API shows, with the function's own output type. */
import type { PerdureFunction } from "../../sdk/function.js";
import type { SerializedError } from "../../sdk/protocol.js";
import type { StepOutput } from "../../sdk/steps.js";
import type { StepView } from "../../runtime/api/show-steps.js";
import type { RunStatus } from "../../runtime/core/run.js";

/** What a run of the function ends with, as JSON returns it. */
export type OutputOf<F> = F extends PerdureFunction<never, infer Output> ? StepOutput<Output> : never;

export interface TestRun<Output = unknown> {
  id: string;
  functionId: string;
  eventId: string;
  status: RunStatus;
  /** Null until Completed. */
  output: Output | null;
  /** Null unless Failed. */
  error: SerializedError | null;
  /** One for each step the run has got to, in the order in which they first appear in its log. */
  steps: StepView[];
  /** ISO 8601, in the test's time. */
  queuedAt: string;
  startedAt: string | null;
  endedAt: string | null;
}
