/**
 * Owns: telling of a run's end: its parent gets the outcome, whoever listens gets a system event. Everything is named from
 * the run, so that a message that comes again tells nothing twice.
 * T1 What listens to system events is not told of in turn (operations/quiet.ts): it would never end.
 */
import type { Json } from "../../sdk/protocol.js";
import { CANCELLED_EVENT, FAILED_EVENT, FINISHED_EVENT } from "../../sdk/system-events.js";
import { appOfRun, childEventId } from "../core/ids.js";
import { isLive, type RunHead } from "../core/run.js";
import { traceMember } from "../observe/trace.js";
import { invokedFunctionCancelled, invokedFunctionFailed, outcomeError } from "../operations/errors.js";
import { isQuiet } from "../operations/quiet.js";
import type { AcceptedEvent, ArriveRequest } from "../queue/messages.js";
import type { QueuedWake } from "../queue/send.js";
import type { Services } from "../services.js";
import { EventStore } from "../state/event-store.js";
import type { StoredRun } from "../state/head-item.js";
import { unpack } from "../state/payloads.js";
import { RunStore } from "../state/run-store.js";
import { arrive } from "./arrive.js";
import type { DispatchRoom } from "./room.js";

/** `wake`: whoever ended the run leaves the rest of what follows to a worker. */
export async function announceEnd(room: DispatchRoom, runId: string, wake: boolean): Promise<QueuedWake[]> {
  const run = await new RunStore(room.services).get(runId);
  if (!run || isLive(run.head.status)) return [];
  const wakes: QueuedWake[] = [];
  const { parent, effects, functionId } = run.head;
  const app = room.registry.apps.get(appOfRun(runId));
  if (wake && app && effects.length > 0) {
    wakes.push({ queueUrl: app.stepQueueUrl, wake: { v: 1, run: runId, fn: functionId, why: "arrival" }, delayMs: 0 });
  }
  if (parent) {
    const outcome = await outcomeOf(room.services, run);
    wakes.push(...(await arrive(room.services, room.registry, { ...parent, by: run.head.eventId, outcome })));
  }
  wakes.push(...(await announce(room, run)));
  return wakes;
}

/** What an ended run is to whoever invoked it. */
export async function outcomeOf(services: Services, { head, output }: StoredRun): Promise<ArriveRequest["outcome"]> {
  const { runId, functionId, error, reason } = head;
  const about = { function: `${appOfRun(runId)}/${functionId}`, runId };
  if (head.status === "Completed") return { ok: await valueOf(services, output) };
  if (head.status === "Cancelled") return { err: outcomeError(invokedFunctionCancelled(about), reason ?? undefined) };
  const cause = error ?? undefined;
  return { err: outcomeError(invokedFunctionFailed({ ...about, reason: cause?.message ?? "no reason" }), cause) };
}

async function valueOf(services: Services, output: StoredRun["output"]): Promise<Json> {
  // What was packed at the end of the run is JSON.
  return output === null ? null : (JSON.parse(await unpack(services, output)) as Json);
}

const NAMES = {
  Completed: [FINISHED_EVENT],
  Failed: [FAILED_EVENT, FINISHED_EVENT],
  Cancelled: [CANCELLED_EVENT, FINISHED_EVENT],
} as const;

async function announce(room: DispatchRoom, run: StoredRun): Promise<QueuedWake[]> {
  const { head } = run;
  if (head.status === "Queued" || head.status === "Running" || head.quiet) return [];
  const wakes: QueuedWake[] = [];
  for (const name of NAMES[head.status]) {
    if (!(await room.isListenedTo(name))) continue;
    const event = await systemEvent(room.services, name, run);
    if (event) wakes.push(...(await room.route(event)));
  }
  return wakes;
}

/** The event of a run's end, the same each time it is made; null for a run of which nobody is to be told. */
async function systemEvent(services: Services, name: string, run: StoredRun): Promise<AcceptedEvent | null> {
  const { head } = run;
  const events = new EventStore(services);
  const record = await events.get(head.eventId);
  if (!record || isQuiet(head, record.name)) return null;
  const id = childEventId(`${name}\n${head.runId}`, 0, head.createdAtMs);
  const atMs = Math.min(services.clock.now(), head.endedAtMs ?? 0);
  const data = { ...factsOf(head), event: { ...(await events.unpack(record.payload)) } };
  const rest = head.status === "Completed" ? { result: await valueOf(services, run.output) } : {};
  const event = { name, data: { ...data, ...rest }, id, ts: atMs };
  return { id, receivedAtMs: atMs, event, ...traceMember(head.trace) };
}

function factsOf({ runId, functionId, status, error, reason }: RunHead): { [key: string]: Json } {
  return {
    appId: appOfRun(runId),
    functionId,
    runId,
    status,
    // An error as it is kept is JSON.
    ...(error ? { error: JSON.parse(JSON.stringify(error)) as Json } : {}),
    ...(reason ? { reason: JSON.parse(JSON.stringify(reason)) as Json } : {}),
  };
}
