/**
 * Owns: dispatch's half of an invoke: making the child under an id that derives from the parent and its operation, or
 * answering at once when there will be none. A parent never waits for nothing (DESIGN §7).
 */
import type { Json } from "../../sdk/protocol.js";
import { INVOKED_EVENT } from "../../sdk/system-events.js";
import { appOfRun, childEventId } from "../core/ids.js";
import { isLive, type ParentOp } from "../core/run.js";
import { cancelledByParent, reasonOf } from "../executor/cancel-reasons.js";
import { cancelLiveRun } from "../executor/cancel.js";
import { invokeSkipped, invokeTooDeep, invokeUnknownFunction, outcomeError } from "../operations/errors.js";
import { traceMember } from "../observe/trace.js";
import { invokeEventId, LET_GO } from "../operations/invoke.js";
import type { AcceptedEvent, ArriveRequest, DispatchMessage, InvokeRequest } from "../queue/messages.js";
import type { QueuedWake } from "../queue/send.js";
import type { RegisteredFunction } from "../registry/registry.js";
import type { Route } from "../state/event-store.js";
import { InboxStore } from "../state/inbox-store.js";
import type { Services } from "../services.js";
import { getPayloadObject } from "../state/payloads.js";
import { RunStore } from "../state/run-store.js";
import { arrive } from "./arrive.js";
import { outcomeOf } from "./ended.js";
import type { DispatchRoom } from "./room.js";

/** Invokes below one another: a recursion without an end is stopped before it costs much. */
export const MAX_INVOKE_DEPTH = 25;

type InvokeMessage = Extract<DispatchMessage, { kind: "invoke" }>;

/** Starts the function that a run has invoked. */
export async function invoke(room: DispatchRoom, request: InvokeMessage): Promise<QueuedWake[]> {
  const { parent, depth, quiet = false } = request;
  const registered = functionOf(room, request);
  if ("err" in registered) return answer(room, request, registered);
  const accepted = await eventOf(room, request);
  const { route, started } = await room.starter.startInvoked(accepted, registered, { parent, depth, quiet });
  if ("skipped" in route) return answer(room, request, await earlierOutcome(room, request, route));
  // Looked at after the child was made, at every delivery: a parent that lets go from here on finds it (operations/invoke.ts).
  if (await isUnwanted(room.services, parent)) return cancelChild(room, route.run, parent);
  // Asked for anew, and ended meanwhile: that its end was told may have been lost.
  const wakes = started ? await room.wakesOf([started]) : await answerIfEnded(room, request, route.run);
  if (!quiet) wakes.push(...(await announceInvoke(room, request, accepted, route.run)));
  return wakes;
}

/** Cancels a run that was made for this parent's operation, and wakes it: a worker does what follows an end. */
export async function cancelChild(room: DispatchRoom, runId: string, parent: ParentOp): Promise<QueuedWake[]> {
  const { services, registry } = room;
  const found = await new RunStore(services).get(runId);
  if (found?.head.parent?.run !== parent.run || found.head.parent.op !== parent.op) return [];
  const reason = reasonOf(cancelledByParent({ runId, parentRunId: parent.run }));
  const ended = isLive(found.head.status) ? await cancelLiveRun(services, found.head, reason) : found;
  const app = registry.apps.get(appOfRun(runId));
  if (!app || !ended || ended.head.effects.length === 0) return [];
  const wake = { v: 1, run: runId, fn: ended.head.functionId, why: "arrival" } as const;
  return [{ queueUrl: app.stepQueueUrl, wake, delayMs: 0 }];
}

type Refusal = Extract<ArriveRequest["outcome"], { err: unknown }>;

function functionOf({ registry }: DispatchRoom, { app, fn, depth }: InvokeRequest): RegisteredFunction | Refusal {
  const about = { function: `${app}/${fn}` };
  if (depth > MAX_INVOKE_DEPTH) {
    return { err: outcomeError(invokeTooDeep({ ...about, depth, limit: MAX_INVOKE_DEPTH })) };
  }
  const registered = registry.apps.get(app);
  const found = registered?.functions.find(({ config }) => config.id === fn);
  if (found) return found;
  const known = registered ? `app "${app}" has no such function` : `there is no app "${app}"`;
  return { err: outcomeError(invokeUnknownFunction({ ...about, known })) };
}

async function eventOf({ services }: DispatchRoom, request: InvokeMessage): Promise<AcceptedEvent> {
  const { parent, createdAtMs, sentAtMs, dataKey } = request;
  const id = invokeEventId(parent, createdAtMs);
  // Written by the worker that asks, as the data of an invoke, and by nothing else.
  const data =
    dataKey === undefined
      ? (request.data ?? {})
      : (JSON.parse(await getPayloadObject(services, dataKey)) as { [key: string]: Json });
  // A clock that is ahead must not put the start off.
  const ts = Math.min(sentAtMs, services.clock.now());
  const event = { name: INVOKED_EVENT, data, id, ts };
  return { id, receivedAtMs: sentAtMs, event, ...traceMember(request.trace) };
}

function answer(
  { services, registry }: DispatchRoom,
  { parent, createdAtMs }: InvokeRequest,
  outcome: ArriveRequest["outcome"],
): Promise<QueuedWake[]> {
  return arrive(services, registry, { ...parent, by: invokeEventId(parent, createdAtMs), outcome });
}

async function answerIfEnded(room: DispatchRoom, request: InvokeMessage, runId: string): Promise<QueuedWake[]> {
  const child = await new RunStore(room.services).get(runId);
  if (!child || isLive(child.head.status)) return [];
  return answer(room, request, await outcomeOf(room.services, child));
}

/** A gate of the function holds the child back: what became of the run that came first stands for it, once it has ended. */
async function earlierOutcome(
  { services }: DispatchRoom,
  { app, fn }: InvokeRequest,
  { run, skipped }: Extract<Route, { skipped: unknown }>,
): Promise<ArriveRequest["outcome"]> {
  const earlier = await new RunStore(services).get(run);
  if (earlier && !isLive(earlier.head.status)) return outcomeOf(services, earlier);
  const about = { function: `${app}/${fn}`, runId: run, status: earlier?.head.status ?? "not kept any more" };
  const why = skipped === "idempotent" ? "idempotency" : "event";
  return { err: outcomeError(invokeSkipped({ ...about, why })) };
}

/** The parent ended before its child began, or waits for it no longer; and it did not ask to leave the child alone. */
async function isUnwanted(services: Services, parent: ParentOp): Promise<boolean> {
  if (parent.detached) return false;
  const run = await new RunStore(services).get(parent.run);
  if (!run || !isLive(run.head.status)) return true;
  const arrival = await new InboxStore(services).get(parent.run, parent.op);
  return arrival?.by === LET_GO;
}

/** For who listens to invokes: an event of its own, since the child's holds what it was invoked with and nothing else. */
async function announceInvoke(
  room: DispatchRoom,
  { parent, app, fn, createdAtMs }: InvokeRequest,
  { event, receivedAtMs, trace }: AcceptedEvent,
  run: string,
): Promise<QueuedWake[]> {
  if (!(await room.isListenedTo(INVOKED_EVENT))) return [];
  const id = childEventId(`${INVOKED_EVENT}\n${run}`, 0, createdAtMs);
  const data = { appId: app, functionId: fn, runId: run, parentRunId: parent.run, data: event.data };
  const announced = { name: INVOKED_EVENT, data, id, ts: event.ts };
  return room.route({ id, receivedAtMs, event: announced, ...traceMember(trace) });
}
