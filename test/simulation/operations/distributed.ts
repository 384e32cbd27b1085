/** Owns: steps begun together whose bodies run in Lambdas of their own. */
import type { Json } from "../../../sdk/protocol.js";
import type { OperationKind, Scope } from "../operation.js";

async function branch(scope: Scope, id: string, ms: number, failures: number): Promise<Json> {
  const site = `${id}${scope.path}`;
  const occurrence = scope.pass.occurrence(id);
  const body = scope.pass.body({ id, occurrence, site, ms, failures, kind: "distributed" }, () => id);
  return (await scope.pass.shown(site, scope.step.run({ id, distributed: true }, body))).value;
}

export const distributed: OperationKind = {
  name: "distributed",
  weight: 2,
  draw: (draft) => {
    const ids = Array.from({ length: draft.pick([1, 2, 3, 12]) }, () => draft.nextId("d"));
    const ms = draft.spread(1, 5_000);
    const failures = draft.chance(0.2) ? 1 : 0;
    return {
      isPlain: false,
      show: () => `distributed ${ids.join(", ")} (${ms} ms${failures > 0 ? ", fails once" : ""})`,
      run: (scope) => Promise.all(ids.map((id) => branch(scope, id, ms, failures))),
      predict: () => ids,
    };
  },
};
