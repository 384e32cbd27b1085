/**
 * Owns: the worker's half of a wait for a signal: taking the signal's name, and giving it back.
 * S1 One operation at a time waits for a name. What loses it, or never gets it, is told so in its inbox.
 * S2 The name is a pointer, no more: whether a signal or the timeout was first is decided in the inbox of the run
 *    (send-signal.ts). So a pointer that is left behind, or written late by a worker that has lost its lease, makes nobody
 *    believe that a signal was received.
 */
import type { PerdureError } from "../../sdk/error-catalogue.js";
import type { SerializedError } from "../../sdk/protocol.js";
import { appOfRun } from "../core/ids.js";
import { isLive } from "../core/run.js";
import { sendMessage } from "../queue/send.js";
import type { Services } from "../services.js";
import { InboxStore } from "../state/inbox-store.js";
import { packInline } from "../state/payloads.js";
import { RunStore } from "../state/run-store.js";
import {
  isSameTarget,
  SignalStore,
  type ReplacedWait,
  type SignalTarget,
  type SignalWait,
} from "../state/signal-store.js";
import type { ArmedOperation, Arming, OperationContext, OpOf } from "./operation.js";
import { signalConflict, signalReplaced } from "./signal-errors.js";

type SignalOperation = ArmedOperation<OpOf<"signal">>;

export const signalArming: Arming<"signal"> = {
  async arm(context, operations) {
    // A race that is run again and again in one turn lets a name go and asks for it at once.
    await leavingOf(context.services).get(context.head.runId);
    // One after the other: two of one run may be after the same name.
    for (const operation of operations) await takeName(context, operation);
  },
  async disarm(context, operations) {
    const { services, head } = context;
    const runs = leavingOf(services);
    const left = Promise.all(operations.map((operation) => leave(context, operation)));
    const settled = Promise.allSettled([runs.get(head.runId), left]);
    runs.set(head.runId, settled);
    void settled.then(() => {
      if (runs.get(head.runId) === settled) runs.delete(head.runId);
    });
    await left;
  },
  timeout: () => Promise.resolve(null),
};

type Leaving = Map<string, Promise<unknown>>;

const leavingBy = new WeakMap<Services, Leaving>();

/** What a worker is about to let go, by run. */
function leavingOf(services: Services): Leaving {
  const runs = leavingBy.get(services) ?? new Map<string, Promise<unknown>>();
  leavingBy.set(services, runs);
  return runs;
}

/** A name outlives its wait by this: who looks at it late still sees whose it was. */
const KEPT_AFTER_MS = 86_400_000;

/** Waits come and go between a look and a write; this often, and others have the better of this one. */
const MAX_ROUNDS = 8;

async function takeName(context: OperationContext, operation: SignalOperation): Promise<void> {
  const { services } = context;
  const { op } = operation;
  const ttlSeconds = Math.ceil((op.untilMs + KEPT_AFTER_MS) / 1_000);
  const own = waitOf(context, operation);
  const store = new SignalStore(services);
  let from: SignalWait | undefined;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const wait = { ...own, replaced: from ? replacedBy(op, from) : [] };
    const holder = await store.take(op.signal, wait, ttlSeconds, from);
    if (holder && isSameTarget(holder, wait)) return confirm(services, op.signal, holder);
    from = holder ?? undefined;
    if (!holder) continue;
    if (op.onConflict === "fail" && !(await isOver(services, own.run, holder))) {
      return answer(context, operation, "conflict", signalConflict({ signal: op.signal, runId: holder.run }));
    }
    // Armed again, it must not take back what it has lost: who asked last has the name.
    if (holder.askedAtMs > own.askedAtMs) break;
  }
  const runId = from?.run ?? "";
  await answer(context, operation, "replaced", signalReplaced({ signal: op.signal, runId }));
}

/** The name is taken. Armed again after a crash, the wait may be over already: then its name is another's to take. */
async function confirm(services: Services, signal: string, wait: SignalWait): Promise<void> {
  await tellReplaced(services, signal, wait);
  if (await new InboxStore(services).get(wait.run, wait.op)) await new SignalStore(services).leave(signal, wait);
}

function waitOf({ head }: OperationContext, { hash, op, askedAtMs }: SignalOperation): SignalWait {
  return { run: head.runId, fn: head.functionId, op: hash, askedAtMs, untilMs: op.untilMs, replaced: [] };
}

/** Whom a wait that takes the name from another has to tell. A wait that is over, as any is that "fail" takes from, knows. */
function replacedBy(op: SignalOperation["op"], { run, fn, op: hash, replaced }: SignalWait): readonly ReplacedWait[] {
  return op.onConflict === "fail" ? replaced : [...replaced, { run, fn, op: hash }];
}

/** Whether a wait that still has the name has ended. Of another app's runs a worker knows nothing: those count as waiting. */
async function isOver(services: Services, ownRunId: string, { run, op }: SignalTarget): Promise<boolean> {
  if (appOfRun(run) !== appOfRun(ownRunId)) return false;
  if (await new InboxStore(services).get(run, op)) return true;
  const found = await new RunStore(services).get(run);
  return !found || !isLive(found.head.status);
}

/**
 * Through dispatch, since the other waits may be another app's. They stand on this wait until they are told: should its worker
 * die before, whoever arms it again, or takes the name from it, tells them.
 */
async function tellReplaced(services: Services, signal: string, wait: SignalWait): Promise<void> {
  const { run: runId, op, replaced } = wait;
  const outcome = { err: withoutStack(signalReplaced({ signal, runId })) };
  for (const other of replaced) {
    const message = { v: 1, kind: "arrive", ...other, by: `replaced\n${runId}\n${op}`, outcome } as const;
    await sendMessage(services, services.settings.eventsQueueUrl, message);
  }
  if (replaced.length > 0) await new SignalStore(services).told(signal, wait);
}

/** What the wait comes to without a name. An answer it has got before stands. */
async function answer(
  { services, head, ttlSeconds }: OperationContext,
  { hash }: SignalOperation,
  by: string,
  error: PerdureError,
): Promise<void> {
  const err = withoutStack(error);
  await new InboxStore(services).put(head.runId, hash, { why: "answer", by, err }, ttlSeconds);
}

/**
 * The run no longer waits. The mark in the inbox comes first: whoever sends the signal at this moment then finds that it was
 * not received, and does not say that it was.
 */
async function leave({ services, head, ttlSeconds }: OperationContext, { hash, op }: SignalOperation): Promise<void> {
  const mark = { why: "timeout", by: "let-go", ok: packInline("null") } as const;
  await new InboxStore(services).put(head.runId, hash, mark, ttlSeconds);
  await new SignalStore(services).leave(op.signal, { run: head.runId, op: hash });
}

/** The platform's own stack tells a function's author nothing. */
function withoutStack({ name, message, code }: PerdureError): SerializedError {
  return { name, message, code };
}
