/** Owns: a step whose body begins at most once: when its worker dies in it, the step fails and can be caught. */
import { answered, type OperationKind } from "../operation.js";

const RETURNED = 1;

export const atMostOnce: OperationKind = {
  name: "atMostOnce",
  weight: 1,
  draw: (draft) => {
    const id = draft.nextId("o");
    const ms = draft.spread(1, 6_000);
    return {
      isPlain: false,
      show: () => `once ${id} (${ms} ms)`,
      run: async ({ step, pass, path }) => {
        const site = `${id}${path}`;
        const occurrence = pass.occurrence(id);
        const body = pass.body({ id, occurrence, site, ms, failures: 0, kind: "once" }, () => id);
        try {
          const { value } = await pass.shown(site, step.run({ id, atMostOnce: true }, body));
          pass.chose(id, path, RETURNED);
          return value;
        } catch {
          pass.chose(id, path, 0);
          return "interrupted";
        }
      },
      predict: (oracle) => (answered(oracle, id) === RETURNED ? id : "interrupted"),
    };
  },
};
