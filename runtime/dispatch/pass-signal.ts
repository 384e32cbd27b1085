/**
 * Owns: signals of workers for runs of another app: a worker may not write those, so dispatch sends the signal and notes what
 * became of it where the worker looks for it.
 */
import { appOfRun } from "../core/ids.js";
import { sendSignal, type OutgoingSignal, type SignalReach } from "../operations/send-signal.js";
import type { QueuedWake } from "../queue/send.js";
import type { Registry } from "../registry/registry.js";
import type { Services } from "../services.js";
import { SignalStore } from "../state/signal-store.js";

/** Sends the signal. A message that comes again finds the sending done, and wakes the run again. */
export async function passSignal(
  services: Services,
  registry: Registry,
  { signal, data, token }: OutgoingSignal,
): Promise<QueuedWake[]> {
  const wakes: QueuedWake[] = [];
  const reach: SignalReach = {
    mayWrite: () => true,
    wake: ({ runId: run, functionId: fn }) => {
      const app = registry.apps.get(appOfRun(run));
      // Without its app nobody runs it; when the app is back, the sweeper finds the run by its due time.
      if (app) wakes.push({ queueUrl: app.stepQueueUrl, wake: { v: 1, run, fn, why: "arrival" }, delayMs: 0 });
      return Promise.resolve();
    },
  };
  const { runId } = await sendSignal(services, reach, { signal, data, token });
  if (runId !== null) await new SignalStore(services).settle(signal, token, runId);
  return wakes;
}
