/** Owns: a loop whose steps use the same ids again. */
import type { Json } from "../../../sdk/protocol.js";
import type { OperationKind } from "../operation.js";

export const loop: OperationKind = {
  name: "loop",
  weight: 2,
  draw: (draft) => {
    if (draft.depth > 1) return null;
    const [times, body] = [draft.between(2, 3), draft.sequence(2)];
    const around = Array.from({ length: times }, (_, index) => index);
    return {
      isPlain: false,
      show: () => `${times} times { ${body.show()} }`,
      run: async (scope) => {
        const values: Json[] = [];
        for (const index of around) values.push(await body.run(scope.within(index)));
        return values;
      },
      predict: (oracle) => around.map((index) => body.predict(oracle.within(index))),
    };
  },
};
