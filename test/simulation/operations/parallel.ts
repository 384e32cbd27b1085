/** Owns: branches side by side, awaited all (`Promise.all`, the first error wins) or each for itself (`allSettled`). */
import type { Json } from "../../../sdk/protocol.js";
import { PredictedFailure, type Operation, type OperationKind, type Oracle, type Scope } from "../operation.js";

async function all(scope: Scope, id: string, branches: readonly Operation[]): Promise<Json> {
  let failed: number | null = null;
  const running = branches.map((branch, index) =>
    branch.run(scope.within(index)).catch((error: unknown) => {
      failed ??= index;
      throw error;
    }),
  );
  try {
    return await Promise.all(running);
  } catch (error) {
    // Which branch failed first, where several may, is time's to decide; the oracle is told.
    scope.pass.chose(id, scope.path, failed ?? 0);
    throw error;
  }
}

async function settled(scope: Scope, branches: readonly Operation[]): Promise<Json> {
  const outcomes = await Promise.allSettled(branches.map((branch, index) => branch.run(scope.within(index))));
  return outcomes.map((outcome) =>
    outcome.status === "fulfilled" ? { ok: outcome.value } : { error: messageOf(outcome.reason) },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function predictAll(oracle: Oracle, id: string, branches: readonly Operation[]): Json {
  const failed = oracle.chosen(id);
  if (failed === undefined) return branches.map((branch, index) => branch.predict(oracle.within(index)));
  branches[failed]?.predict(oracle.within(failed));
  throw new Error(`Branch ${failed} of ${id} failed, which nothing in it explains`);
}

function predictSettled(oracle: Oracle, branches: readonly Operation[]): Json {
  return branches.map((branch, index) => {
    try {
      return { ok: branch.predict(oracle.within(index)) };
    } catch (error) {
      if (!(error instanceof PredictedFailure)) throw error;
      return { error: error.message };
    }
  });
}

export const parallel: OperationKind = {
  name: "parallel",
  weight: 3,
  draw: (draft) => {
    if (draft.depth > 2) return null;
    const id = draft.nextId("p");
    const isAll = draft.chance(0.6);
    const branches = draft.branches(2, 4);
    return {
      isPlain: false,
      show: () => `${isAll ? "all" : "allSettled"} ${id} [${branches.map((branch) => branch.show()).join(" | ")}]`,
      run: (scope) => (isAll ? all(scope, id, branches) : settled(scope, branches)),
      predict: (oracle) => (isAll ? predictAll(oracle, id, branches) : predictSettled(oracle, branches)),
    };
  },
};
