/** Owns: `step.run`: a body that returns at once, later, after failures, or never; small, compressed and large results. */
import { createHash } from "node:crypto";
import { NonRetriableError } from "../../../sdk/errors.js";
import type { Json } from "../../../sdk/protocol.js";
import { PredictedFailure, type Operation, type OperationKind, type Scope } from "../operation.js";

/** Below a lease, so that every body can end; long enough that its turn beats. */
const LONGEST_BODY_MS = 9_000;

interface RunPlan {
  id: string;
  ms: number;
  failures: number;
  isFatal: boolean;
  bytes: number;
}

/** Text of that length that hardly compresses, the same for the same id. */
function textOf(id: string, bytes: number): string {
  if (bytes <= id.length) return id;
  const parts: string[] = [id];
  for (let length = id.length; length < bytes; length += 44) {
    parts.push(createHash("sha256").update(`${id} ${length}`).digest("base64"));
  }
  return parts.join("").slice(0, bytes);
}

function runOperation(plan: RunPlan): Operation {
  const { id, ms, failures, isFatal, bytes } = plan;
  const fails = failures > 0 ? `, fails ${failures} times` : "";
  const size = bytes > 0 ? `, ${bytes} bytes` : "";
  return {
    isPlain: !isFatal,
    show: () => `run ${id} (${ms} ms${fails}${isFatal ? ", fatal" : ""}${size})`,
    run: (scope) => runStep(scope, plan),
    predict: () => {
      if (isFatal) throw new PredictedFailure(`fatal ${id}`);
      return textOf(id, bytes);
    },
  };
}

async function runStep(scope: Scope, { id, ms, failures, isFatal, bytes }: RunPlan): Promise<Json> {
  const site = `${id}${scope.path}`;
  const body = scope.pass.body({ id, occurrence: scope.pass.occurrence(id), site, ms, failures }, () => {
    if (isFatal) throw new NonRetriableError(`fatal ${id}`);
    return textOf(id, bytes);
  });
  return (await scope.pass.shown(site, scope.step.run(id, body))).value;
}

/** A step that is in the program for its own sake. */
export function plainStep(scope: Scope, id: string): Promise<Json> {
  return runStep(scope, { id, ms: 5, failures: 0, isFatal: false, bytes: 0 });
}

export const run: OperationKind = {
  name: "run",
  weight: 10,
  draw: (draft) =>
    runOperation({
      id: draft.nextId("s"),
      ms: draft.spread(1, LONGEST_BODY_MS),
      failures: draft.chance(0.15) ? draft.between(1, 2) : 0,
      isFatal: draft.chance(0.06),
      bytes: draft.chance(0.1) ? draft.pick([2_000, 30_000]) : 0,
    }),
};
