/** Owns: `step.sleep`, from shorter than a hop to longer than a run's items live without being kept. */
import type { OperationKind } from "../operation.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const SHORT_MS = [200, SECOND, 8 * SECOND, 40 * SECOND, 3 * MINUTE, 14 * MINUTE, 15 * MINUTE + 1, 20 * MINUTE];
const LONG_MS = [3 * HOUR, 30 * HOUR, 9 * 24 * HOUR];

export const sleep: OperationKind = {
  name: "sleep",
  weight: 4,
  draw: (draft) => {
    const id = draft.nextId("z");
    const isLong = draft.chance(0.1) && draft.takeLongWait();
    const lengthMs = draft.pick(isLong ? LONG_MS : SHORT_MS);
    return {
      isPlain: false,
      show: () => `sleep ${id} (${lengthMs} ms)`,
      run: async ({ step, pass, path }) => {
        pass.occurrence(id);
        await pass.slept(`${id}${path}`, lengthMs, () => step.sleep(id, lengthMs));
        return null;
      },
      predict: () => null,
    };
  },
};
