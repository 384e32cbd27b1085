/** Owns: a world's programs: drawn by seed, made into real functions, and predicted without the platform. */
import type { CancelOn } from "../../sdk/cancel-on.js";
import type { Perdure } from "../../sdk/client.js";
import type { Random } from "../../sdk/clock.js";
import type { PerdureFunction } from "../../sdk/function.js";
import type { Json } from "../../sdk/protocol.js";
import type { CodeVersion } from "./code-version.js";
import type { Ledger } from "./ledger.js";
import { Draft, makeOracle, makeScope, PredictedFailure, type Operation, type OperationKind } from "./operation.js";
import { eventNameOf, functionIdOf } from "./operations/send-event.js";
import { sequenceOf } from "./operations/sequence.js";
import { VOCABULARY } from "./operations/vocabulary.js";

export interface Program {
  functionId: string;
  eventName: string;
  /** Kinds that were drawn, for knowing that each was in some world. */
  kinds: ReadonlySet<string>;
  body: Operation;
}

export type Prediction = { status: "Completed"; output: Json } | { status: "Failed"; message: string };

/** Far more than chaos takes: a crash uses up an attempt, and a run that ran out of them would be right to fail. */
const RETRIES = 20;
const MAX_FUNCTIONS = 3;

export function drawPrograms(random: Random): Program[] {
  const functions = 1 + Math.floor(random.unit() * MAX_FUNCTIONS);
  return Array.from({ length: functions }, (_, functionIndex) => drawProgram(random, functionIndex, functions));
}

function drawProgram(random: Random, functionIndex: number, functions: number): Program {
  const kinds = new Set<string>();
  const drawSequence = (draft: Draft, length: number): Operation => {
    const id = draft.nextId("q");
    const operations: Operation[] = [];
    for (let drawn = 0; drawn < length && draft.takeOperation(); drawn += 1) {
      const operation = drawOperation(draft, kinds);
      if (operation) operations.push(operation);
    }
    return sequenceOf(id, operations);
  };
  const operations = 3 + Math.floor(random.unit() * 12);
  const draft = new Draft({ random, functionIndex, functions, operations, drawSequence });
  const body = drawSequence(draft, operations);
  return { functionId: functionIdOf(functionIndex), eventName: eventNameOf(functionIndex), kinds, body };
}

function drawOperation(draft: Draft, kinds: Set<string>): Operation | null {
  const total = VOCABULARY.reduce((sum, { weight }) => sum + weight, 0);
  let left = draft.random.unit() * total;
  const kind: OperationKind | undefined = VOCABULARY.find(({ weight }) => (left -= weight) < 0);
  const operation = kind?.draw(draft) ?? null;
  if (kind && operation) kinds.add(kind.name);
  return operation;
}

/** The program as a function of the platform, in one version of its code. */
export function functionOf(
  client: Perdure,
  program: Program,
  version: CodeVersion,
  ledger: () => Ledger,
  cancelOn: readonly CancelOn[],
): PerdureFunction<never> {
  return client.createFunction(
    { id: program.functionId, triggers: { event: program.eventName }, retries: RETRIES, cancelOn },
    async ({ event, step, group, runId }) => {
      const data: unknown = event.data;
      const canary = typeof data === "object" && data !== null ? String(Reflect.get(data, "canary")) : "";
      const about = { runId, functionId: program.functionId, version: version.number, canary };
      const pass = ledger().pass(about);
      const value = await program.body.run(makeScope({ step, group, pass, version, path: "" }));
      return { canary, value };
    },
  );
}

/** How the run of an event must end, given what time and chance decided in it. */
export function predict(program: Program, canary: string, choices: ReadonlyMap<string, number>): Prediction {
  try {
    return { status: "Completed", output: { canary, value: program.body.predict(makeOracle(choices)) } };
  } catch (error) {
    if (!(error instanceof PredictedFailure)) throw error;
    return { status: "Failed", message: error.message };
  }
}
