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
  /** Its `onFailure`; null without one. */
  handler: Code | null;
}

export type Prediction = { status: "Completed"; output: Json } | { status: "Failed"; message: string };

/** Far more than chaos takes: a crash uses up an attempt, and a run that ran out of them would be right to fail. */
const RETRIES = 20;
const MAX_FUNCTIONS = 3;

/** `options` and `doom` are chances of their own: for what functions are made with besides their code, and for how they end. */
export function drawPrograms(random: Random, options: Random, doom: Random): Program[] {
  const functions = 1 + Math.floor(random.unit() * MAX_FUNCTIONS);
  return Array.from({ length: functions }, (_, functionIndex): Program => {
    const about = { functionIndex, functions };
    const length = 3 + Math.floor(random.unit() * 12);
    const code = drawCode({ random, ...about, functionId: functionIdOf(functionIndex) }, length);
    const program = { ...code, eventName: eventNameOf(functionIndex), ...drawOptions({ random: options, ...about }) };
    return drawDoom(doom, program);
  });
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

function drawCode({ functionId, ...place }: Place & { functionId: string }, length: number): Code {
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
  return { functionId, kinds, body: drawSequence(draft, length) };
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
    const pass = ledger().pass({ runId, functionId: code.functionId, version: version.number, canary, told });
    const value = await code.body.run(makeScope({ step, group, pass, version, path: "" }));
    return { canary, value };
  };
  const onFailure: FailureHandler | undefined = handler
    ? (context) => run(handler, context, newsOf(context.event, context.error))
    : undefined;
  return client.createFunction(
    { id: functionId, triggers: { event: eventName }, retries: RETRIES, cancelOn, timeouts, onFailure },
    (context) => run(program, context, null),
  );
}

/** Everything that has runs. */
export function codeOf(programs: readonly Program[]): Code[] {
  return programs.flatMap((program) => (program.handler ? [program, program.handler] : [program]));
}

export function showProgram({ functionId, body, timeouts, handler }: Program): string {
  const limits = showTimeouts(timeouts);
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
