/** Owns: `step.invoke` of a function further down: what comes back is its own child's, and a child that failed can be caught. */
import { referenceFunction } from "../../../sdk/reference.js";
import type { Json } from "../../../sdk/protocol.js";
import { answered, type OperationKind, type Scope } from "../operation.js";
import { functionIdOf } from "./send-event.js";

/** `answered` outcomes: how the child ended is in the child's own run, which is judged by itself. */
const RETURNED = 1;

async function ask(scope: Scope, id: string, target: number): Promise<Json> {
  const { step, pass, path } = scope;
  const site = `${id}${path}`;
  const canary = pass.mark(site, 0);
  pass.occurrence(id);
  const reference = referenceFunction({ functionId: functionIdOf(target) });
  try {
    const output: unknown = await pass.shown(site, step.invoke(id, { function: reference, data: { canary } }));
    pass.chose(id, path, RETURNED);
    const own = typeof output === "object" && output !== null ? Reflect.get(output, "canary") : null;
    return own === canary ? "its own child returned" : "another's child returned";
  } catch (error) {
    // Not of its own making: an operator may have cancelled the child.
    pass.chose(id, path, 0);
    return error instanceof Error ? "the child failed" : "nothing is known";
  }
}

export const invoke: OperationKind = {
  name: "invoke",
  weight: 2,
  draw: (draft) => {
    const below = draft.functions - 1 - draft.functionIndex;
    if (below < 1) return null;
    const id = draft.nextId("i");
    const target = draft.functionIndex + draft.between(1, below);
    return {
      isPlain: false,
      show: () => `invoke ${id} (${functionIdOf(target)})`,
      run: (scope) => ask(scope, id, target),
      predict: (oracle) => (answered(oracle, id) === RETURNED ? "its own child returned" : "the child failed"),
    };
  },
};
