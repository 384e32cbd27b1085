/** Owns: `step.waitForSignal` and `step.sendSignal`: the run signals itself, again and again until somebody waits. */
import type { Json } from "../../../sdk/protocol.js";
import type { OperationKind, Scope } from "../operation.js";

const PATIENCE_MS = 12 * 3_600_000;
const BETWEEN_MS = 5_000;
const MAX_SENDS = 200;

async function signalled(scope: Scope, id: string): Promise<Json> {
  const { step, pass, path } = scope;
  const site = `${id}${path}`;
  const signal = `${pass.runId}/${site}`;
  pass.occurrence(id);
  const waiting = pass.shown(site, step.waitForSignal(id, { signal, timeout: PATIENCE_MS }));
  const sending = async (): Promise<void> => {
    for (let sent = 0; sent < MAX_SENDS; sent += 1) {
      const { runId } = await step.sendSignal(`${id}-send`, { signal, data: { for: signal } });
      if (runId !== undefined) return;
      await step.sleep(`${id}-pause`, BETWEEN_MS);
    }
  };
  const [received] = await Promise.all([waiting, sending()]);
  if (received === null) return "nobody signalled";
  const data: unknown = received.data;
  const isOwn = typeof data === "object" && data !== null && Reflect.get(data, "for") === signal;
  return isOwn ? "its own signal came" : "another's signal came";
}

export const waitForSignal: OperationKind = {
  name: "waitForSignal",
  weight: 2,
  draw: (draft) => {
    const id = draft.nextId("g");
    const isNever = draft.chance(0.3);
    const timeoutMs = draft.pick([900, 30_000, 16 * 60_000]);
    return {
      isPlain: false,
      show: () => `waitForSignal ${id} (${isNever ? `never, ${timeoutMs} ms` : "its own"})`,
      run: async (scope) => {
        if (!isNever) return signalled(scope, id);
        const { step, pass, path } = scope;
        pass.occurrence(id);
        const signal = `never/${pass.runId}/${id}${path}`;
        const asked = (): Promise<unknown> => step.waitForSignal(id, { signal, timeout: timeoutMs });
        await pass.slept(`${id}${path}`, timeoutMs, asked);
        return null;
      },
      predict: () => (isNever ? null : "its own signal came"),
    };
  },
};
