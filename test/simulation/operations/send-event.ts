/** Owns: `step.sendEvent` to a function further down, so that every chain of runs ends. */
import type { OperationKind } from "../operation.js";

export function eventNameOf(functionIndex: number): string {
  return `sim/f${functionIndex}`;
}

export function functionIdOf(functionIndex: number): string {
  return `f${functionIndex}`;
}

export const sendEvent: OperationKind = {
  name: "sendEvent",
  weight: 2,
  draw: (draft) => {
    const below = draft.functions - 1 - draft.functionIndex;
    if (below < 1) return null;
    const id = draft.nextId("e");
    const target = draft.functionIndex + draft.between(1, below);
    const count = draft.between(1, 2);
    return {
      isPlain: false,
      show: () => `send ${id} (${count} to ${functionIdOf(target)})`,
      run: async ({ step, pass, path }) => {
        const site = `${id}${path}`;
        pass.occurrence(id);
        const events = Array.from({ length: count }, (_, index) => ({
          name: eventNameOf(target),
          data: { canary: pass.mark(site, index) },
        }));
        const { ids } = await pass.shown(site, step.sendEvent(id, events));
        pass.sent({ site, functionId: functionIdOf(target), count, ids });
        return { sent: ids.length };
      },
      predict: () => ({ sent: count }),
    };
  },
};
