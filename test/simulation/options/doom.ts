/** Owns: functions and failure handlers that fail for good once they have done everything else: somebody must hear of it. */
import { NonRetriableError } from "../../../sdk/errors.js";
import type { Random } from "../../../sdk/clock.js";
import { PredictedFailure, type Operation } from "../operation.js";
import type { Code, Program } from "../program.js";

const DOOMED_SHARE = 0.2;

function doomed(code: Code): Code {
  const message = `${code.functionId} is doomed`;
  const body: Operation = {
    isPlain: false,
    show: () => `${code.body.show()}; fail`,
    run: async (scope) => {
      await code.body.run(scope);
      throw new NonRetriableError(message);
    },
    predict: (oracle) => {
      code.body.predict(oracle);
      throw new PredictedFailure(message);
    },
  };
  return { ...code, body };
}

/** Some functions that have a handler fail, and some of the handlers do. */
export function drawDoom(random: Random, program: Program): Program {
  const { handler } = program;
  const isDoomed = random.unit() < DOOMED_SHARE;
  const isHandlerDoomed = random.unit() < DOOMED_SHARE;
  if (!handler) return program;
  const body = isDoomed ? doomed(program).body : program.body;
  return { ...program, body, handler: isHandlerDoomed ? doomed(handler) : handler };
}
