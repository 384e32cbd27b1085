/** Owns: `POST /api/v1/signals`: a signal to the run that waits for it, and which run that was. */
import type { Json } from "../../sdk/protocol.js";
import { appOfRun } from "../core/ids.js";
import { sendSignal, type SignalReach } from "../operations/send-signal.js";
import { sendMessage } from "../queue/send.js";
import type { Services } from "../services.js";
import { invalidBody } from "./errors.js";
import type { ApiContext, ApiRequest, ApiResult } from "./operation.js";
import { readMembers } from "./read-body.js";

/** `runId` is null when no run waits for the signal: it is not kept for one that comes later. */
export async function postSignal({ services }: ApiContext, { body, ids }: ApiRequest): Promise<ApiResult> {
  const members = readMembers(body, ["signal", "data"]);
  const signal = members.get("signal");
  if (typeof signal !== "string") throw invalidBody({ is: "signal is not text", expected: "the signal's name" });
  // The body came out of a JSON parser.
  const data = (members.get("data") ?? null) as Json;
  return { data: await sendSignal(services, reachOf(services), { signal, data, token: ids.seed }) };
}

/** Wakes go by the events queue, as long timers' do: the API knows no app's step queue. */
function reachOf(services: Services): SignalReach {
  const { eventsQueueUrl } = services.settings;
  return {
    mayWrite: () => true,
    wake: ({ runId: run, functionId: fn }) =>
      sendMessage(services, eventsQueueUrl, {
        v: 1,
        kind: "timer",
        app: appOfRun(run),
        run,
        fn,
        why: "arrival",
        dueMs: services.clock.now(),
      }),
  };
}
