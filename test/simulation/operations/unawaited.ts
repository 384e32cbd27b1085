/** Owns: operations that are begun and that nobody awaits: they may be done, or not, when the function has ended. */
import type { OperationKind } from "../operation.js";

export const unawaited: OperationKind = {
  name: "unawaited",
  weight: 1,
  draw: (draft) => {
    if (draft.depth > 0) return null;
    const id = draft.nextId("u");
    const body = draft.sequence(2);
    return {
      isPlain: false,
      show: () => `unawaited { ${body.show()} }`,
      run: (scope) => {
        void body.run(scope.within(id)).catch(() => undefined);
        return Promise.resolve("begun");
      },
      predict: () => "begun",
    };
  },
};
