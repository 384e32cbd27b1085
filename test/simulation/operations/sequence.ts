/** Owns: operations one after the other, in the order of the code's version, with the steps that only this version has. */
import type { Json } from "../../../sdk/protocol.js";
import type { Operation } from "../operation.js";
import { plainStep } from "./run.js";

export function sequenceOf(id: string, operations: readonly Operation[]): Operation {
  return {
    isPlain: false,
    show: () => operations.map((operation) => operation.show()).join("; "),
    run: async (scope) => {
      const values: Json[] = operations.map(() => null);
      let position = 0;
      for (const index of scope.version.order(id, operations)) {
        for (const extra of scope.version.extras(id, position)) await plainStep(scope, extra);
        values[index] = (await operations[index]?.run(scope)) ?? null;
        position += 1;
      }
      return values;
    },
    predict: (oracle) => operations.map((operation) => operation.predict(oracle)),
  };
}
