/** Owns: the function itself throws, outside any step, the first time it comes by: it is begun anew. */
import type { OperationKind } from "../operation.js";

export const stumble: OperationKind = {
  name: "stumble",
  weight: 1,
  draw: (draft) => {
    // Where nothing can catch it: a pass that catches and one that does not throw would be two different programs.
    if (draft.depth > 0) return null;
    const id = draft.nextId("t");
    const times = draft.between(1, 2);
    return {
      isPlain: false,
      show: () => `throw ${id} (${times} times)`,
      run: ({ pass, path }) =>
        pass.first("throw", `${id}${path}`, times)
          ? Promise.reject(new Error(`stumbled over ${id}`))
          : Promise.resolve("past it"),
      predict: () => "past it",
    };
  },
};
