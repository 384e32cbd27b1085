/** Owns: `group.race`: the losers are let go, and nothing they wait for keeps the run. */
import type { Json } from "../../../sdk/protocol.js";
import type { Operation, OperationKind, Scope } from "../operation.js";
import { predictRace } from "./race.js";
import { plainStep } from "./run.js";

type Outcome = { index: number } & ({ value: Json } | { error: unknown });

async function race(scope: Scope, id: string, branches: readonly Operation[]): Promise<Json> {
  const entrants = branches.map(
    (branch, index) => (): Promise<Outcome> =>
      branch.run(scope.within(index)).then(
        (value) => ({ index, value }),
        (error: unknown) => ({ index, error }),
      ),
  );
  const first = await scope.group.race(entrants);
  scope.pass.chose(id, scope.path, first.index);
  await plainStep(scope, `${id}-won-by-${first.index}`);
  if ("error" in first) throw first.error;
  return { winner: first.index, value: first.value };
}

export const groupRace: OperationKind = {
  name: "groupRace",
  weight: 2,
  draw: (draft) => {
    if (draft.depth > 2) return null;
    const id = draft.nextId("h");
    const branches = draft.branches(2, 3);
    return {
      isPlain: false,
      show: () => `group.race ${id} [${branches.map((branch) => branch.show()).join(" | ")}]`,
      run: (scope) => race(scope, id, branches),
      predict: (oracle) => predictRace(oracle, id, branches),
    };
  },
};
