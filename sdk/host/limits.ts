/** Owns: the numbers that bound one run on the function's side; docs/limits.md lists them. */

/** Operations a run may ask for. Inngest has the same guard (features §27). */
export const MAX_STEPS = 1_000;
/** UTF-8 bytes of JSON one step may return, and a run. */
export const MAX_STEP_RESULT_BYTES = 4 * 1024 * 1024;
/** UTF-8 bytes of JSON all results of a run may have together: a load must fit the worker's memory. */
export const MAX_RUN_BYTES = 32 * 1024 * 1024;
/** Characters of a step id: it is stored with every result. */
export const MAX_STEP_ID_CHARACTERS = 256;
/** The longest time one attempt of a body may be given: no invocation lasts longer (Lambda, "Timeout"). */
export const MAX_STEP_TIMEOUT_MS = 15 * 60_000;
/** How long a finished pass waits for bodies it has aborted before it lets go of them. */
export const ABORT_WAIT_MS = 200;
/**
 * How long code is given, without asking for anything, to ask for the result that is next in the log while something else is
 * outstanding. Giving up too early shows results in another order than before, and silently; too late costs a second of a turn
 * whose code was changed. So it is longer than the grace before a park, which errs harmlessly.
 */
export const REPLAY_PATIENCE_MS = 1_000;
/** What is left of it for code that did not ask again and again: of a thousand removed steps, twenty seconds. */
export const LEAST_PATIENCE_MS = 20;
