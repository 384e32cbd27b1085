/**
 * Owns: the worker's half of an invoke: asking dispatch for the child, and letting it go. A worker may write its own app's
 * runs only, so dispatch starts the child (dispatch/invoke.ts) and brings its end back (dispatch/ended.ts).
 * N1 The child's event, and so its run, derive from the parent and its operation: asking again asks for the same child.
 */
import { childEventId, parseRunId, runIdOf } from "../core/ids.js";
import { forEachLimited } from "../core/limited.js";
import type { ParentOp, RunHead } from "../core/run.js";
import { traceMember } from "../observe/trace.js";
import { encodeMessage, type DispatchMessage, type InvokeRequest } from "../queue/messages.js";
import { MAX_MESSAGE_BYTES, sendMessage } from "../queue/send.js";
import { InboxStore, type StoredArrival } from "../state/inbox-store.js";
import { payloadObjectKey } from "../state/keys.js";
import { putPayloadObject } from "../state/payloads.js";
import { invokeLetGo, invokeTimedOut, outcomeError } from "./errors.js";
import { isQuiet } from "./quiet.js";
import type { ArmedOperation, Arming, OperationContext, OpOf } from "./operation.js";

type InvokeOperation = ArmedOperation<OpOf<"invoke">>;

/** Messages sent side by side: a function that invokes a thousand others at once is done in a second. */
const PARALLEL_SENDS = 20;

export const invokeArming: Arming<"invoke"> = {
  /** Asks dispatch to start the functions. Repeating it starts nothing twice. */
  arm: (context, operations) => forEachLimited(operations, PARALLEL_SENDS, (operation) => ask(context, operation)),
  /** The run no longer waits: the children are cancelled, unless they were asked to be left alone. */
  disarm: (context, operations) => forEachLimited(operations, PARALLEL_SENDS, (operation) => letGo(context, operation)),
  timeout: (_context, { op }): Promise<StoredArrival> =>
    Promise.resolve({ why: "timeout", by: "timeout", err: outcomeError(invokeTimedOut(nameOf(op))) }),
};

/** The internal id of the event that starts the child of an operation (N1). */
export function invokeEventId(parent: Pick<ParentOp, "run" | "op">, parentCreatedAtMs: number): string {
  return childEventId(`invoke\n${parent.run}\n${parent.op}`, 0, parentCreatedAtMs);
}

async function ask({ services, head, events }: OperationContext, operation: InvokeOperation): Promise<void> {
  const { op } = operation;
  const parent = parentOf(head, operation);
  const request: Omit<InvokeRequest, "data" | "dataKey"> = {
    parent,
    app: op.appId,
    fn: op.functionId,
    depth: head.depth + 1,
    createdAtMs: head.createdAtMs,
    sentAtMs: services.clock.now(),
    ...(events.some((event) => isQuiet(head, event.name)) ? { quiet: true } : {}),
  };
  const { eventsQueueUrl } = services.settings;
  const common = { v: 1, ...traceMember(head.trace), kind: "invoke", ...request } as const;
  const message: DispatchMessage = { ...common, data: op.data };
  if (Buffer.byteLength(encodeMessage(message)) <= MAX_MESSAGE_BYTES) {
    return sendMessage(services, eventsQueueUrl, message);
  }
  const dataKey = payloadObjectKey("requests", `${parent.run}-${parent.op}`);
  await putPayloadObject(services, dataKey, JSON.stringify(op.data));
  return sendMessage(services, eventsQueueUrl, { ...common, dataKey });
}

/** Whose arrival says that nobody waits any more. */
export const LET_GO = "let-go";

/**
 * The mark in the inbox is for a child that is not there yet: dispatch looks for it after it has made one.
 *
 *   dispatch: make child ── look at the parent ── wake child     either the look finds the mark,
 *   worker:         mark ── ask for the cancel                   or the cancel finds the child
 */
async function letGo({ services, head, ttlSeconds }: OperationContext, operation: InvokeOperation): Promise<void> {
  const { op, hash } = operation;
  if (op.onCancel === "detach") return;
  const parent = parentOf(head, operation);
  const err = outcomeError(invokeLetGo(nameOf(op)));
  await new InboxStore(services).put(head.runId, hash, { why: "answer", by: LET_GO, err }, ttlSeconds);
  const run = runIdOf(op.appId, op.functionId, invokeEventId(parent, head.createdAtMs));
  // What is no app's id has no runs.
  if (!parseRunId(run)) return;
  await sendMessage(services, services.settings.eventsQueueUrl, { v: 1, kind: "disown", run, parent });
}

function parentOf(head: RunHead, { hash, op }: InvokeOperation): ParentOp {
  return {
    run: head.runId,
    fn: head.functionId,
    op: hash,
    ...(op.onCancel === "detach" ? { detached: true } : {}),
  };
}

const nameOf = (op: OpOf<"invoke">): { function: string } => ({ function: `${op.appId}/${op.functionId}` });
