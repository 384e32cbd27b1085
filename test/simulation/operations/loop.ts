/** Owns: a loop whose steps use the same ids again. */
import type { Json } from "../../../sdk/protocol.js";
import { makeScope, type OperationKind } from "../operation.js";

export const loop: OperationKind = {
  name: "loop",
  weight: 2,
  draw: (draft) => {
    if (draft.depth > 1) return null;
    const times = draft.between(2, 3);
    const forks = draft.forks;
    const body = draft.sequence(2);
    const isStraight = draft.forks === forks;
    const around = Array.from({ length: times }, (_, index) => index);
    return {
      isPlain: false,
      show: () => `${times} times { ${body.show()} }`,
      run: async (given) => {
        // A branch that one turn of the loop leaves behind asks for the same ids as the next turn does: which of them comes
        // first is the code's to decide, so there is one code for it.
        const scope = isStraight ? given : makeScope({ ...given, version: given.version.first() });
        const values: Json[] = [];
        for (const index of around) values.push(await body.run(scope.within(index)));
        return values;
      },
      predict: (oracle) => around.map((index) => body.predict(oracle.within(index))),
    };
  },
};
