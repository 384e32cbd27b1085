/**
 * Owns: a run as its function sees it: what middleware keeps in another form (encrypted, say), in the form it gives the
 * function. Otherwise no test could look at it, and each world of a search would end with other tokens.
 */
import type { PerdureFunction } from "../../sdk/function.js";
import { serializeError } from "../../sdk/errors.js";
import { Chain } from "../../sdk/middleware/chain.js";
import { shownValue } from "../../sdk/middleware/hooked-steps.js";
import type { Json, SerializedError } from "../../sdk/protocol.js";
import type { StepView } from "../../runtime/api/show-steps.js";
import type { TestRun } from "./test-run.js";

/** The run through the middleware of the function it is of. What that cannot read stays as it is kept. */
export function shownRun<Output>(run: TestRun<Output>, functions: readonly PerdureFunction<never>[]): TestRun<Output> {
  const owner = functions.flatMap((fn) => [fn, fn.failure]).find((fn) => fn?.id === run.functionId);
  if (!owner || owner.middleware.length === 0) return run;
  const chain = new Chain(owner.middleware);
  if (!chain.hasStoredForm) return run;
  return {
    ...run,
    // The form in which the function returned it.
    output: shown(run.output, (value) => chain.fromHistory({ of: "output", name: null, value })) as Output | null,
    error: shownError(chain, null, run.error),
    steps: run.steps.map((step) => shownStep(chain, step)),
  };
}

function shownStep(chain: Chain, step: StepView): StepView {
  const { id, op, output, error, attempts } = step;
  return {
    ...step,
    // The form in which the function was shown it.
    output: shown(output, (value) => shownValue(chain, op, id, value)) as Json,
    error: shownError(chain, id, error),
    attempts: attempts.map((attempt) => ({ ...attempt, error: shownError(chain, id, attempt.error) })),
  };
}

function shownError(chain: Chain, name: string | null, error: SerializedError | null): SerializedError | null {
  const read = shown(error, (value) => chain.fromHistory({ of: "error", name, value }));
  return read === null ? null : serializeError(read);
}

/** Null is what there is not yet: it was not kept, and is not read. */
function shown(value: unknown, read: (value: unknown) => unknown): unknown {
  if (value === null) return null;
  try {
    return read(value);
  } catch {
    return value;
  }
}
