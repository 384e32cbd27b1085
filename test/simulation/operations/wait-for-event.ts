/**
 * Owns: `step.waitForEvent` and `step.waitForAny`: an event that never comes, one that the run sends beside its wait (it may
 * come before the wait is armed, and then is missed), and one that is found by looking back, however it was ordered.
 */
import type { Json } from "../../../sdk/protocol.js";
import { answered, type Operation, type OperationKind, type Scope } from "../operation.js";

type Mode = "never" | "beside" | "lookback";

interface Plan {
  id: string;
  mode: Mode;
  isAny: boolean;
  timeoutMs: number;
}

const NOTE = "sim/note";
const PATIENCE_MS = 12 * 3_600_000;

async function wait(scope: Scope, { id, mode, isAny, timeoutMs }: Plan): Promise<Json> {
  const { step, pass, path } = scope;
  const site = `${id}${path}`;
  const key = `${pass.runId}:${site}`;
  const match = { event: NOTE, if: `async.data.key == ${JSON.stringify(key)}` };
  const options = { timeout: timeoutMs, ...(mode === "lookback" ? { lookback: "run" as const } : {}) };
  pass.occurrence(id);
  const asked = () =>
    isAny
      ? step.waitForAny(id, { events: [{ event: "sim/never" }, match], ...options })
      : step.waitForEvent(id, { ...match, ...options });
  if (mode === "never") {
    await pass.slept(site, timeoutMs, asked);
    return "nothing came";
  }
  const sending = scope.step.sendEvent(`${id}-note`, { name: NOTE, data: { key } });
  const [event] = await Promise.all([pass.shown(site, asked()), sending]);
  pass.chose(id, path, event === null ? 0 : 1);
  if (event === null) return "nothing came";
  const data: unknown = event.data;
  const isOwn = typeof data === "object" && data !== null && Reflect.get(data, "key") === key;
  return isOwn ? "its own event came" : "another's event came";
}

function waitOperation(plan: Plan): Operation {
  const { id, mode, isAny, timeoutMs } = plan;
  return {
    isPlain: false,
    show: () => `${isAny ? "waitForAny" : "waitForEvent"} ${id} (${mode}, ${timeoutMs} ms)`,
    run: (scope) => wait(scope, plan),
    predict: (oracle) => {
      if (mode === "never") return "nothing came";
      const hasCome = answered(oracle, id) === 1;
      // Time decides whether the wait was there when the event came; looking back, it does not.
      return mode === "lookback" || hasCome ? "its own event came" : "nothing came";
    },
  };
}

export const waitForEvent: OperationKind = {
  name: "waitForEvent",
  weight: 3,
  draw: (draft) => {
    const mode = draft.pick<Mode>(["never", "beside", "lookback"]);
    const timeoutMs = mode === "lookback" ? PATIENCE_MS : draft.pick([700, 5_000, 60_000, 20 * 60_000]);
    return waitOperation({ id: draft.nextId("w"), mode, isAny: draft.chance(0.3), timeoutMs });
  },
};
