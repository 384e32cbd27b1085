/** Owns: `Promise.race` of branches, and a step named after the winner. The losers go on, awaited by nobody. */
import type { Json } from "../../../sdk/protocol.js";
import { answered, type Operation, type OperationKind, type Oracle, type Scope } from "../operation.js";
import { plainStep } from "./run.js";

type Outcome = { index: number } & ({ value: Json } | { error: unknown });

async function race(scope: Scope, id: string, branches: readonly Operation[]): Promise<Json> {
  const running = branches.map((branch, index): Promise<Outcome> =>
    branch.run(scope.within(index)).then(
      (value) => ({ index, value }),
      (error: unknown) => ({ index, error }),
    ),
  );
  const first = await Promise.race(running);
  scope.pass.chose(id, scope.path, first.index);
  await plainStep(scope, `${id}-won-by-${first.index}`);
  if ("error" in first) throw first.error;
  return { winner: first.index, value: first.value };
}

export function predictRace(oracle: Oracle, id: string, branches: readonly Operation[]): Json {
  const winner = answered(oracle, id);
  return { winner, value: branches[winner]?.predict(oracle.within(winner)) ?? null };
}

export const raceKind: OperationKind = {
  name: "race",
  weight: 2,
  draw: (draft) => {
    if (draft.depth > 2) return null;
    const id = draft.nextId("r");
    const branches = draft.branches(2, 3);
    return {
      isPlain: false,
      show: () => `race ${id} [${branches.map((branch) => branch.show()).join(" | ")}]`,
      run: (scope) => race(scope, id, branches),
      predict: (oracle) => predictRace(oracle, id, branches),
    };
  },
};
