/** Owns: a world's programs: drawn by seed, made into real functions, and predicted without the platform. */
import type { CancelOn } from "../../sdk/cancel-on.js";
import type { Perdure } from "../../sdk/client.js";
import type { Random } from "../../sdk/clock.js";
import type { FailureHandler, FunctionContext, PerdureFunction } from "../../sdk/function.js";
import type { Json } from "../../sdk/protocol.js";
import type { CodeVersion } from "./code-version.js";
import type { Ledger } from "./ledger.js";
import { Draft, makeOracle, makeScope, PredictedFailure, type Operation, type OperationKind } from "./operation.js";
import { eventNameOf, functionIdOf } from "./operations/send-event.js";
import { sequenceOf } from "./operations/sequence.js";
import { VOCABULARY } from "./operations/vocabulary.js";
import { drawConcurrency, limitsIn, optionOf, showLimits, type DrawnLimits } from "./options/concurrency.js";
import { drawDoom } from "./options/doom.js";
import { canaryOf, drawHandlerLength, handlerIdOf, newsOf, type FailureNews } from "./options/on-failure.js";
import { drawTimeouts, showTimeouts, type DrawnTimeouts } from "./options/timeouts.js";

/** What a function of the platform does: one that was written, or a failure handler. */
export interface Code {
  functionId: string;
  /** Kinds that were drawn, for knowing that each was in some world. */
  kinds: ReadonlySet<string>;
  body: Operation;
}

export interface Program extends Code {
  eventName: string;
  timeouts: DrawnTimeouts;
  /** In each version of its code; the last one stands for all later ones. None: nothing is limited. */
  concurrency: readonly DrawnLimits[];
  /** It may sleep for hours or days. */
  waitsLong: boolean;
  /** Its `onFailure`; null without one. */
  handler: Code | null;
}

export type Prediction = { status: "Completed"; output: Json } | { status: "Failed"; message: string };

/** Far more than chaos takes: a crash uses up an attempt, and a run that ran out of them would be right to fail. */
const RETRIES = 20;
const MAX_FUNCTIONS = 3;

/** Chances of their own: for code, for what functions are made with besides it, for how they end, and for what limits them. */
export function drawPrograms(chances: Record<"code" | "options" | "doom" | "concurrency", Random>): Program[] {
  const { code: random, options, doom } = chances;
  const functions = 1 + Math.floor(random.unit() * MAX_FUNCTIONS);
  const programs = Array.from({ length: functions }, (_, functionIndex): Program => {
    const about = { functionIndex, functions };
    const length = 3 + Math.floor(random.unit() * 12);
    const code = drawCode({ random, ...about, functionId: functionIdOf(functionIndex) }, length);
    const drawn = drawOptions({ random: options, ...about });
    return drawDoom(doom, { ...code, eventName: eventNameOf(functionIndex), ...drawn, concurrency: [] });
  });
  return drawConcurrency(chances.concurrency, programs);
}

interface Place {
  random: Random;
  functionIndex: number;
  functions: number;
}

function drawOptions(place: Place): Pick<Program, "timeouts" | "handler"> {
  const drawSequence = (): Operation => sequenceOf("none", []);
  const draft = new Draft({ ...place, operations: 0, drawSequence });
  const timeouts = drawTimeouts(draft);
  const length = drawHandlerLength(draft);
  const functionId = handlerIdOf(place.functionIndex);
  return { timeouts, handler: length === 0 ? null : drawCode({ ...place, functionId }, length) };
}

function drawCode(
  { functionId, ...place }: Place & { functionId: string },
  length: number,
): Code & { waitsLong: boolean } {
  const kinds = new Set<string>();
  const drawSequence = (draft: Draft, maxLength: number): Operation => {
    const id = draft.nextId("q");
    const operations: Operation[] = [];
    for (let drawn = 0; drawn < maxLength && draft.takeOperation(); drawn += 1) {
      const operation = drawOperation(draft, kinds);
      if (operation) operations.push(operation);
    }
    return sequenceOf(id, operations);
  };
  const draft = new Draft({ ...place, operations: length, drawSequence });
  const body = drawSequence(draft, length);
  return { functionId, kinds, body, waitsLong: draft.hasLongWait };
}

function drawOperation(draft: Draft, kinds: Set<string>): Operation | null {
  const total = VOCABULARY.reduce((sum, { weight }) => sum + weight, 0);
  let left = draft.random.unit() * total;
  const kind: OperationKind | undefined = VOCABULARY.find(({ weight }) => (left -= weight) < 0);
  const operation = kind?.draw(draft) ?? null;
  if (kind && operation) kinds.add(kind.name);
  return operation;
}

/** What a function and a failure handler are both given. */
type Given = Pick<FunctionContext, "step" | "group" | "runId"> & { event: { name: string; data: unknown } };

/** The program as a function of the platform, in one version of its code. */
export function functionOf(
  client: Perdure,
  program: Program,
  version: CodeVersion,
  ledger: () => Ledger,
  cancelOn: readonly CancelOn[],
): PerdureFunction<never> {
  const { functionId, eventName, timeouts, handler } = program;
  const run = async (code: Code, context: Given, told: FailureNews | null): Promise<Json> => {
    const { event, step, group, runId } = context;
    const canary = canaryOf(event);
    const about = { runId, functionId: code.functionId, version: version.number, canary, told };
    const pass = ledger().pass(about, () => step.signal);
    const value = await code.body.run(makeScope({ step, group, pass, version, path: "" }));
    return { canary, value };
  };
  const onFailure: FailureHandler | undefined = handler
    ? (context) => run(handler, context, newsOf(context.event, context.error))
    : undefined;
  const concurrency = optionOf(limitsIn(program, version.number));
  return client.createFunction(
    { id: functionId, triggers: { event: eventName }, retries: RETRIES, cancelOn, timeouts, onFailure, concurrency },
    (context) => run(program, context, null),
  );
}

/** Everything that has runs. */
export function codeOf(programs: readonly Program[]): Code[] {
  return programs.flatMap((program) => (program.handler ? [program, program.handler] : [program]));
}

export function showProgram(program: Program): string {
  const { functionId, body, timeouts, handler } = program;
  const limits = [showTimeouts(timeouts), showLimits(program)].filter((shown) => shown !== "").join("; ");
  const head = limits === "" ? functionId : `${functionId} (${limits})`;
  return [`${head}: ${body.show()}`, ...(handler ? [`${handler.functionId}: ${handler.body.show()}`] : [])].join("\n");
}

/** How the run of an event must end, given what time and chance decided in it. */
export function predict(code: Code, canary: string, choices: ReadonlyMap<string, number>): Prediction {
  try {
    return { status: "Completed", output: { canary, value: code.body.predict(makeOracle(choices)) } };
  } catch (error) {
    if (!(error instanceof PredictedFailure)) throw error;
    return { status: "Failed", message: error.message };
  }
}
