/** Owns: `try { … } catch { … }`: what fails is caught, and something else is done. */
import { PredictedFailure, type OperationKind } from "../operation.js";

export const attempt: OperationKind = {
  name: "attempt",
  weight: 2,
  draw: (draft) => {
    if (draft.depth > 2) return null;
    const [body, instead] = [draft.sequence(3), draft.sequence(1)];
    return {
      isPlain: false,
      show: () => `try { ${body.show()} } catch { ${instead.show()} }`,
      run: async (scope) => {
        try {
          return await body.run(scope);
        } catch (error) {
          return { caught: error instanceof Error ? error.message : String(error), instead: await instead.run(scope) };
        }
      },
      predict: (oracle) => {
        try {
          return body.predict(oracle);
        } catch (error) {
          if (!(error instanceof PredictedFailure)) throw error;
          return { caught: error.message, instead: instead.predict(oracle) };
        }
      },
    };
  },
};
