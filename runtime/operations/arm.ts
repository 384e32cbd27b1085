/** Owns: which kind of operation is armed by what. Must not: know how any of them is. */
import type { WaitingStep } from "../../sdk/protocol.js";
import { stepHash } from "../core/ids.js";
import type { StoredArrival } from "../state/inbox-store.js";
import { packInline } from "../state/payloads.js";
import { branchArming } from "./branch.js";
import { invokeArming } from "./invoke.js";
import { signalArming } from "./signal.js";
import { eventArming } from "./wait-event.js";
import type { ArmedOperation, Arming, OperationContext, OperationKind } from "./operation.js";

/** Each kind with its own. */
const ARMINGS: { [Kind in OperationKind]: Arming<Kind> } = {
  branch: branchArming,
  event: eventArming,
  invoke: invokeArming,
  signal: signalArming,
};

/** Makes it so that whatever ends these waits reaches the run. */
export async function armOperations(context: OperationContext, steps: readonly WaitingStep[]): Promise<void> {
  await forEachKind(context, steps, (arming, operations) => arming.arm(context, operations));
}

/** Nobody waits for these any more. */
export async function disarmOperations(context: OperationContext, steps: readonly WaitingStep[]): Promise<void> {
  await forEachKind(context, steps, (arming, operations) => arming.disarm(context, operations));
}

/** What is put into the inbox when the time of a wait is up. */
export async function timeoutOf(context: OperationContext, step: WaitingStep): Promise<StoredArrival> {
  const [operation] = armedOperations(context, [step]);
  const own = operation && (await armingOf(operation.kind).timeout(context, operation.armed));
  return own ?? { why: "timeout", by: "timeout", ok: packInline("null") };
}

async function forEachKind(
  context: OperationContext,
  steps: readonly WaitingStep[],
  work: (arming: Arming<OperationKind>, operations: readonly ArmedOperation<never>[]) => Promise<void>,
): Promise<void> {
  const kinds = new Map<OperationKind, ArmedOperation<never>[]>();
  for (const { kind, armed } of armedOperations(context, steps)) {
    const operations = kinds.get(kind) ?? [];
    kinds.set(kind, operations);
    operations.push(armed);
  }
  await Promise.all([...kinds].map(([kind, operations]) => work(armingOf(kind), operations)));
}

function armedOperations(
  { entries, services }: OperationContext,
  steps: readonly WaitingStep[],
): { kind: OperationKind; armed: ArmedOperation<never> }[] {
  const askedAtMs = new Map<string, number>();
  for (const entry of entries) if (entry.k === "op") askedAtMs.set(`${entry.i}:${entry.id}`, entry.atMs);
  return steps.flatMap(({ name, op }) => {
    if (op.kind === "sleep") return [];
    const armed = {
      ...name,
      hash: stepHash(name.id, name.i),
      op,
      askedAtMs: askedAtMs.get(`${name.i}:${name.id}`) ?? services.clock.now(),
    };
    // Handed to the arming of its own kind and to no other.
    return [{ kind: op.kind, armed: armed as ArmedOperation<never> }];
  });
}

/** The table above is keyed by the kind, which the compiler cannot follow through a variable. */
function armingOf(kind: OperationKind): Arming<OperationKind> {
  return ARMINGS[kind] as unknown as Arming<OperationKind>;
}
