/** Owns: counting five-step runs on the deployed stack: the template's own functions, queues, roles. */
import { join } from "node:path";
import { bundleWorker } from "../infra/bundling.js";
import type { LedgerRow } from "../local/aws/ledger.js";
import { entriesOf, isObject, type JsonObject } from "../local/deploy/json.js";
import { People } from "../test/deploy/people.js";
import { openStage, until, type Stage } from "../test/deploy/stage.js";
import { INVOCATION_LOG_BYTES, type Counted } from "./bill.js";

/** A part of a function's logical id → its name in a bill. */
const NAMES: readonly [RegExp, string][] = [
  [/Ingest/, "ingest"],
  [/Dispatch/, "dispatch"],
  [/Worker/, "worker"],
];

const nameOf = (functionName: string): string | undefined => NAMES.find(([pattern]) => pattern.test(functionName))?.[1];

/** Deploys the stack with the worker in `workerFile` and counts `runs` runs of its function. */
export async function countDeployed(
  workerFile: string,
  runs: number,
): Promise<{ counted: Counted; template: JsonObject }> {
  const stage = await openStage(process.cwd());
  try {
    return { counted: await count(stage, workerFile, runs), template: stage.assembly.template };
  } finally {
    await stage.close();
  }
}

async function count(stage: Stage, workerFile: string, runs: number): Promise<Counted> {
  const { stack } = stage;
  const people = new People(stack);
  const output = join(stage.directory, "worker");
  bundleWorker(workerFile, output, {});
  stack.world.fleet.replaceCode(people.functionName("Worker"), join(output, "index.mjs"));
  await stack.updateCustomResource(stack.logicalId("Custom::PerdureApp", /Registration/));
  // Registries are read once a second and kept warm, as under load.
  await people.runOf(await people.send("bench/five"), "Completed");
  const mark = stack.world.aws.ledger.mark();
  const reported = stage.reports.length;
  const printed = stage.lines.length;
  const ids = await Promise.all(Array.from({ length: runs }, () => people.send("bench/five")));
  const invocationsSince = (name: string): number =>
    stage.reports.slice(reported).filter(({ functionName }) => nameOf(functionName) === name).length;
  await until("end of all runs", () => (invocationsSince("worker") >= ids.length ? true : undefined));
  return {
    runs,
    rows: stack.world.aws.ledger.since(mark).rows.flatMap(ofTheRuns),
    invocations: new Map(NAMES.map(([, name]) => [name, invocationsSince(name)])),
    events: runs,
    invocationLogBytes: invocationLogBytes(stage.assembly.template),
    lineBytes: Buffer.byteLength(stage.lines.slice(printed).join("")),
  };
}

/** Only the JSON format can leave START, END and REPORT out: by a system log level above INFO, on every function. */
function invocationLogBytes(template: JsonObject): number {
  const functions = entriesOf(template["Resources"]).flatMap(([, resource]) =>
    isObject(resource) && resource["Type"] === "AWS::Lambda::Function" ? [resource["Properties"]] : [],
  );
  const isSilent = functions.every((properties) => {
    const logging = isObject(properties) ? properties["LoggingConfig"] : undefined;
    return isObject(logging) && logging["LogFormat"] === "JSON" && logging["SystemLogLevel"] === "WARN";
  });
  return isSilent ? 0 : INVOCATION_LOG_BYTES;
}

/** Rows of the functions a run needs, under the names a bill knows. Whoever looks on is not billed to the runs. */
function ofTheRuns(row: LedgerRow): LedgerRow[] {
  const caller = nameOf(row.caller);
  return caller === undefined ? [] : [{ ...row, caller }];
}
