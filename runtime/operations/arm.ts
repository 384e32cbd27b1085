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
  await forEachKind(steps, (arming, operations) => arming.arm(context, operations));
}

/** Nobody waits for these any more. */
export async function disarmOperations(context: OperationContext, steps: readonly WaitingStep[]): Promise<void> {
  await forEachKind(steps, (arming, operations) => arming.disarm(context, operations));
}

/** What is put into the inbox when the time of a wait is up. */
export async function timeoutOf(context: OperationContext, operation: ArmedOperation): Promise<StoredArrival> {
  const { kind } = operation.op;
  const own = kind === "sleep" ? null : await armingOf(kind).timeout(context, operation as ArmedOperation<never>);
  return own ?? { why: "timeout", by: "timeout", ok: packInline("null") };
}

async function forEachKind(
  steps: readonly WaitingStep[],
  work: (arming: Arming<OperationKind>, operations: readonly ArmedOperation<never>[]) => Promise<void>,
): Promise<void> {
  const kinds = new Map<OperationKind, ArmedOperation[]>();
  for (const { name, op } of steps) {
    if (op.kind === "sleep") continue;
    const operations = kinds.get(op.kind) ?? [];
    kinds.set(op.kind, operations);
    operations.push({ ...name, hash: stepHash(name.id, name.i), op });
  }
  await Promise.all(
    [...kinds].map(([kind, operations]) =>
      // Grouped by kind: each arming gets its own kind's operations and no others.
      work(armingOf(kind), operations as ArmedOperation<never>[]),
    ),
  );
}

/** The table above is keyed by the kind, which the compiler cannot follow through a variable. */
function armingOf(kind: OperationKind): Arming<OperationKind> {
  return ARMINGS[kind] as unknown as Arming<OperationKind>;
}
