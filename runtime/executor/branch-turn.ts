/**
 * Owns: one distributed step: replaying its run up to it, running its body once, and putting the outcome into the run's inbox.
 * No claim, no lease and no log entry: the run's own turn is where history is written. A message that comes twice runs the
 * body twice at worst; the first outcome is the only one.
 */
import { PATIENT_ATTEMPTS } from "../aws/until-known.js";
import { BranchSlots } from "../flow/branch-slots.js";
import { serializeError, stepInterrupted } from "../../sdk/errors.js";
import type { BackoffConfig, PassInput, PassOutcome, PassPort, StepName } from "../../sdk/protocol.js";
import { retryDelayMs } from "../core/backoff.js";
import { stepHash } from "../core/ids.js";
import { BEAT_MS, BRANCH_VISIBILITY_MS, FIRST_BEAT_MS, MISSING_PARK_MS, WAKE_GRACE_MS } from "../core/limits.js";
import { isLive, type RunHead } from "../core/run.js";
import { branchArrived } from "../operations/branch.js";
import type { BranchWork, WakeMessage } from "../queue/messages.js";
import { sendMessage } from "../queue/send.js";
import type { Services } from "../services.js";
import { BranchStore } from "../state/branch-store.js";
import { InboxStore, type StoredArrival } from "../state/inbox-store.js";
import { payloadObjectKey } from "../state/keys.js";
import { LogStore, type LoadedRun } from "../state/log-store.js";
import { pack, type Packed } from "../state/payloads.js";
import { RunStore } from "../state/run-store.js";
import { Deadline } from "./deadline.js";
import type { Disposition, Executor, WakeDelivery } from "./handle-wake.js";
import { setVisibility } from "./heartbeat.js";
import { readTriggeringEvents } from "./triggering-events.js";

const GONE: Disposition = { acknowledge: true };

export async function runBranch(executor: Executor, delivery: WakeDelivery, work: BranchWork): Promise<Disposition> {
  const { services } = executor;
  const { wake } = delivery;
  const hash = stepHash(work.id, work.i);
  const inbox = new InboxStore(services);
  const [run, arrived] = await Promise.all([
    new LogStore(services).loadWithoutInbox(wake.run),
    // On a first delivery, too: a turn that was taken over has its branches armed anew, by messages of their own.
    inbox.get(wake.run, hash),
  ]);
  if (!run) return GONE;
  const slots = slotsOf(executor, delivery, work, run);
  const isWanted = isLive(run.head.status) && !arrived && isAwaited(run, work);
  const laterMs = !isWanted && slots?.mayHave ? await slots.places.leave() : null;
  // Should the worker that has its place be dead, nobody else gives it back.
  const done: Disposition = laterMs === null ? GONE : { acknowledge: false, visibleInMs: laterMs };
  if (!isLive(run.head.status)) return done;
  if (!arrived) {
    // What the log does not hold never existed: a worker asked for it that had lost its lease.
    if (!isWanted) return done;
    const arrival = await attempt(executor, delivery, work, { run, slots: slots?.places ?? null });
    if (typeof arrival === "number") return { acknowledge: false, visibleInMs: arrival };
    if (arrival === "later") return { acknowledge: false, visibleInMs: null };
    if (arrival === "again") return GONE;
    await inbox.put(wake.run, hash, arrival, run.head.ttlSeconds);
  }
  await branchArrived(services, delivery.receipt.queueUrl, wake, arrived !== null);
  return done;
}

/** The places it needs under its function's limits; null where it has none. */
function slotsOf(
  { services, host }: Executor,
  { wake, receives, receipt }: WakeDelivery,
  work: BranchWork,
  { head }: LoadedRun,
): { places: BranchSlots; mayHave: boolean } | null {
  const config = host.get(head.functionId);
  if (!config || head.slots.length === 0) return null;
  const mayHave = wake.slot !== undefined || receives > 1;
  const opHash = stepHash(work.id, work.i);
  const input = { head, config, wake, opHash, stepQueueUrl: receipt.queueUrl, mayHave };
  return { places: new BranchSlots(services, input), mayHave };
}

function isAwaited({ entries }: LoadedRun, { id, i }: StepName): boolean {
  const own = entries.filter((entry) => entry.k !== "thrown" && entry.id === id && entry.i === i);
  return own.some(({ k }) => k === "op") && !own.some(({ k }) => k === "seen" || k === "gone" || k === "done");
}

/** A step, its run, and the places it needs. */
interface Branch {
  run: LoadedRun;
  slots: BranchSlots | null;
}

/** One attempt. "again": another message goes on with it. "later": this message comes again; a number: after so many ms. */
async function attempt(
  executor: Executor,
  delivery: WakeDelivery,
  work: BranchWork,
  branch: Branch,
): Promise<StoredArrival | "again" | "later" | number> {
  const { services, host } = executor;
  const { run, slots } = branch;
  const { runId, functionId } = run.head;
  const retries = host.get(functionId)?.retries ?? 0;
  const admission = (await slots?.take()) ?? "held";
  if (admission === "queued") {
    // Its run may have ended, and given back what it had, just before the ticket was put.
    const now = await new RunStore(services).get(runId);
    if (!now || !isLive(now.head.status)) await slots?.leave();
    return "again";
  }
  if (admission !== "held") return admission;
  // Whoever had it may have died in the body. It is charged, so that a deadly body comes to an end. Under a limit a message also
  // comes again because it waited for its place; there, the place tells.
  const hash = stepHash(work.id, work.i);
  const branches = new BranchStore(services);
  const mayHaveDied = slots?.isLimited ? slots.foundLost : delivery.receives > 1;
  const died = mayHaveDied ? await branches.countTry(run.head, hash) : 0;
  if (died + work.attempt > retries + 1) {
    await slots?.giveBack();
    return { why: "answer", by: "branch", err: serializeError(stepInterrupted({ stepId: work.id })) };
  }
  const { outcome, stored } = await runBody(executor, delivery, work, branch).finally(() => slots?.giveBack());
  if (stored) return { why: "answer", by: "branch", ok: stored };
  if (outcome.kind === "absent") {
    services.logger.warn(
      `Step "${work.id}" of run "${runId}" is no longer asked for by the code; its branch is dropped`,
    );
    return "again";
  }
  if (outcome.kind === "diverged" || outcome.kind === "unreadable") {
    // No body has run, so nothing is charged: it is looked at again, as the run's own turn is, by a message that is new.
    services.logger.warn(`Step "${work.id}" of run "${runId}" rests: its run cannot be replayed up to it`);
    const next = { ...wakeOf(delivery), branch: work, dueMs: services.clock.now() + MISSING_PARK_MS };
    await sendMessage(services, delivery.receipt.queueUrl, next, MISSING_PARK_MS);
    return "again";
  }
  if (outcome.kind !== "branch" || "ok" in outcome.result) return "later";
  const { result } = outcome;
  if (result.retryAtMs === null) return { why: "answer", by: "branch", err: result.err };
  const again = { ...work, attempt: work.attempt + 1 };
  const next = { ...wakeOf(delivery), branch: again, dueMs: result.retryAtMs };
  const expectedUntilMs = result.retryAtMs + WAKE_GRACE_MS;
  await branches.expectAttempt(run.head, hash, { attempt: again.attempt, expectedUntilMs });
  await sendMessage(services, delivery.receipt.queueUrl, next, result.retryAtMs - services.clock.now());
  return "again";
}

/** The message without what it says of a place: the next attempt needs a new one. */
function wakeOf({ wake }: WakeDelivery): WakeMessage {
  const { slot: _given, ...rest } = wake;
  return rest;
}

/** What the body comes to; its result is stored while its message and its place are still kept. */
async function runBody(
  { services, host }: Executor,
  delivery: WakeDelivery,
  { id, i, attempt: number }: BranchWork,
  { run, slots }: Branch,
): Promise<{ outcome: PassOutcome; stored: Packed | null }> {
  const { head, entries, resultBytes } = run;
  const input: PassInput = {
    functionId: head.functionId,
    runId: head.runId,
    events: await readTriggeringEvents(services, run),
    history: entries,
    historyBytes: resultBytes,
    careful: false,
    only: { name: { id, i }, attempt: number },
  };
  const deadline = new Deadline(services.clock, delivery.remainingMs);
  const cancelled = new AbortController();
  const beat = startBeat(services, delivery, { head, hash: stepHash(id, i), slots }, cancelled);
  try {
    const stopped = AbortSignal.any([cancelled.signal, deadline.over]);
    const outcome = await host.run(input, branchPort(services, delivery, stopped, host.get(head.functionId)?.backoff));
    if (outcome.kind !== "branch" || !("ok" in outcome.result)) return { outcome, stored: null };
    const objectKey = (): string => payloadObjectKey(`runs/${head.runId}`, `in-${stepHash(id, i)}`);
    const patience = { giveUp: () => stopped.aborted, maxAttempts: PATIENT_ATTEMPTS };
    return { outcome, stored: await pack(services, JSON.stringify(outcome.result.ok), objectKey, patience) };
  } finally {
    beat.stop();
    deadline.close();
  }
}

/** A body that runs for so many beats is on record as under way, and again after as many: half a minute each. */
const BEATS_A_RECORD = 6;
/** Its place under a limit is kept for another minute four times as often as it must be. */
const BEATS_A_PLACE = 3;

/** Keeps the message hidden while the body runs, and looks whether the run was cancelled. */
function startBeat(
  services: Services,
  { wake, receipt }: WakeDelivery,
  { head, hash, slots }: { head: RunHead; hash: string; slots: BranchSlots | null },
  cancelled: AbortController,
): { stop(): void } {
  let stopped = false;
  let beats = 0;
  let cancel = (): void => undefined;
  slots?.lost.addEventListener("abort", () => cancelled.abort("lost"));
  if (slots?.lost.aborted) cancelled.abort("lost");
  const beat = async (): Promise<void> => {
    beats += 1;
    try {
      await setVisibility(services, receipt, BRANCH_VISIBILITY_MS);
      if (beats % BEATS_A_RECORD === 0) {
        await new BranchStore(services).expectUntil(head, hash, services.clock.now() + WAKE_GRACE_MS);
      }
      if (beats % BEATS_A_PLACE === 0) await slots?.extend();
      const run = await new RunStore(services).get(wake.run);
      if (!run || !isLive(run.head.status)) cancelled.abort("lost");
    } catch (error) {
      services.logger.warn(`Cannot keep a branch of run "${wake.run}" hidden now`, error);
    }
    if (!stopped) cancel = services.clock.after(BEAT_MS, () => void beat());
  };
  cancel = services.clock.after(FIRST_BEAT_MS, () => void beat());
  return {
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}

/** What a pass for one step may ask for. It writes nothing and waits for nothing. */
function branchPort(
  services: Services,
  delivery: WakeDelivery,
  stopped: AbortSignal,
  functionBackoff: BackoffConfig | undefined,
): PassPort {
  const never = (): Promise<never> => new Promise(() => undefined);
  return {
    clock: services.clock,
    random: services.random,
    logger: services.logger,
    append: never,
    arm: never,
    expire: never,
    arrivalOf: () => null,
    onArrival: () => undefined,
    disarm: () => undefined,
    sendEvents: never,
    sendSignal: never,
    mayStartBody: () => false,
    stopped,
    graceMs: 0,
    inTurnWaitMs: 0,
    retryDelayMs: (number, backoff = functionBackoff) => retryDelayMs(number, services.random.unit(), backoff),
    maxParallelBodies: () => 1,
    wantBodies: () => undefined,
    crashAnswered: () => undefined,
    abandoned: () => delivery.retireSandbox(),
  };
}
