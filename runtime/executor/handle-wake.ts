/**
 * Owns: what happens to one wake message: claim or steal and run a turn, or do what PROTOCOL §4 says (core/acknowledge.ts),
 * and whether the message may go.
 */
import type { FunctionHost } from "../../sdk/protocol.js";
import { decideWake, type Delivery } from "../core/acknowledge.js";
import { LEASE_MS, MISSING_PARK_MS, MISSING_RETRY_MS, SWEEP_FIRST_MS } from "../core/limits.js";
import { isLive, type RunHead } from "../core/run.js";
import { appOfRun } from "../core/ids.js";
import { freeSlots } from "../flow/free-slots.js";
import { hadPlaces } from "../flow/had-places.js";
import { tracedServices } from "../observe/trace.js";
import type { WakeMessage } from "../queue/messages.js";
import type { Services } from "../services.js";
import type { StoredRun } from "../state/head-item.js";
import { LogStore, type LoadedRun } from "../state/log-store.js";
import { RunStore, type Claim } from "../state/run-store.js";
import { Deadline } from "./deadline.js";
import { performEffects } from "./effects.js";
import { runBranch } from "./branch-turn.js";
import type { Heart, Receipt } from "./heartbeat.js";
import { Lease } from "./lease.js";
import { Turn } from "./turn.js";

export interface WakeDelivery {
  wake: WakeMessage;
  messageId: string;
  receives: number;
  sentAtMs: number;
  receipt: Receipt;
  /** Ms left of the invocation. */
  remainingMs: number;
  /** Asks for this sandbox to be ended after the invocation. */
  retireSandbox: () => void;
}

/** Whether the message may go. `visibleInMs` null leaves its visibility as it is: another delivery's turn owns it. */
export type Disposition = { acknowledge: true } | { acknowledge: false; visibleInMs: number | null };

const GONE: Disposition = { acknowledge: true };

/** A claim that keeps losing its races comes back as a message rather than spin. */
const MAX_ROUNDS = 5;

export interface Executor {
  services: Services;
  host: FunctionHost;
  heart: Heart;
}

export async function handleWake(untraced: Executor, delivery: WakeDelivery): Promise<Disposition> {
  const executor = { ...untraced, services: tracedServices(untraced.services, delivery.wake.trace) };
  const { services, host } = executor;
  const nowMs = services.clock.now();
  const { wake } = delivery;
  if (wake.dueMs !== undefined && wake.dueMs > nowMs) return { acknowledge: false, visibleInMs: wake.dueMs - nowMs };
  if (!host.get(wake.fn)) return handleMissing(services, delivery, nowMs);
  if (wake.branch) return runBranch(executor, delivery, wake.branch);
  const runs = new RunStore(services);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    // A run that nobody has claimed has no history: its first turn claims without reading anything.
    const claimed = await (round === 0 && wake.why === "start"
      ? claimFirst(executor, runs, delivery)
      : readAndClaim(executor, runs, delivery));
    if ("disposition" in claimed) return claimed.disposition;
    if (claimed.granted) return runTurn(executor, delivery, claimed.granted);
  }
  return { acknowledge: false, visibleInMs: 1_000 };
}

/** A function this worker does not have: a deployment may be bringing it. Later the sweeper looks (its due entry stands). */
function handleMissing(services: Services, delivery: WakeDelivery, nowMs: number): Disposition {
  const { wake, sentAtMs } = delivery;
  // A delayed wake was sent long ago, but nobody has missed its function before it was due.
  if (nowMs - Math.max(sentAtMs, wake.dueMs ?? 0) < MISSING_PARK_MS)
    return { acknowledge: false, visibleInMs: MISSING_RETRY_MS };
  services.metrics.count("FunctionsMissing", {
    message: `Cannot run "${wake.run}": this worker has no function "${wake.fn}"; it is looked at again later`,
    app: appOfRun(wake.run),
    functionId: wake.fn,
    about: { runId: wake.run },
  });
  return GONE;
}

interface Granted {
  run: StoredRun;
  lease: Lease;
  loaded: LoadedRun | null;
  /** The turn before was lost. */
  stolen: boolean;
}

type Attempt = { disposition: Disposition } | { granted: Granted | null };

/** Claims a run in its first epoch. When somebody has claimed it before, what the refusal tells decides what else to do. */
async function claimFirst(executor: Executor, runs: RunStore, delivery: WakeDelivery): Promise<Attempt> {
  const { services } = executor;
  const sentAtMonotonicMs = services.clock.monotonic();
  const write = await runs.claim(delivery.wake.run, 0, newClaim(services, delivery.messageId));
  if (write.done) return { granted: grant(services, write.run, sentAtMonotonicMs, null, false) };
  return decide(executor, runs, delivery, write.run);
}

/** Reads the run, decides, and claims in the epoch that was read. */
async function readAndClaim(executor: Executor, runs: RunStore, delivery: WakeDelivery): Promise<Attempt> {
  const run = await runs.get(delivery.wake.run);
  const about: Delivery = aboutOf(delivery);
  const decision = decideWake(run?.head ?? null, about, executor.services.clock.now());
  if (!run || (decision.do !== "claim" && decision.do !== "steal")) return decide(executor, runs, delivery, run);
  return { granted: await take(executor, runs, delivery, run, decision.do) };
}

/** Everything PROTOCOL §4 knows besides a claim or a steal. `granted: null` means: look again. */
async function decide(
  executor: Executor,
  runs: RunStore,
  delivery: WakeDelivery,
  run: StoredRun | null,
): Promise<Attempt> {
  const { services } = executor;
  const head = run?.head ?? null;
  const decision = decideWake(head, aboutOf(delivery), services.clock.now());
  switch (decision.do) {
    case "claim":
    case "steal":
      return { granted: null };
    case "absorb":
      return absorb(runs, head);
    case "effects":
      return { disposition: head ? await finish(executor, delivery, head, false) : GONE };
    case "acknowledge":
      if (head) return { disposition: await finish(executor, delivery, head, false) };
      if (decision.because === "absent")
        services.logger.warn(`Run "${delivery.wake.run}" does not exist; its wake is dropped`);
      return { disposition: GONE };
    case "wait":
      return { disposition: { acknowledge: false, visibleInMs: decision.visibleInMs } };
  }
}

/** Does what an ended run has left to do. `isHolder`: the turn that learns of the end was its own. */
async function finish(
  { services, host }: Executor,
  { wake, receipt }: WakeDelivery,
  head: RunHead,
  isHolder: boolean,
): Promise<Disposition> {
  const reach = { config: host.get(head.functionId), stepQueueUrl: receipt.queueUrl };
  const laterMs = head.effects.length > 0 ? await performEffects(services, head, { ...reach, isHolder }) : null;
  if (laterMs !== null) return { acknowledge: false, visibleInMs: laterMs };
  // A place was given to it when it had ended: it goes to the next one.
  if (wake.slot !== undefined) await freeSlots(services, head, reach);
  return GONE;
}

function aboutOf({ wake, messageId, receives }: WakeDelivery): Delivery {
  return { messageId, receives, dueMs: wake.dueMs ?? null };
}

async function absorb(runs: RunStore, head: RunHead | null): Promise<Attempt> {
  if (!head) return { granted: null };
  const write = await runs.absorb(head.runId, head.epoch, head.leaseUntilMs + SWEEP_FIRST_MS);
  return write.done ? { disposition: GONE } : { granted: null };
}

/**
 * Claims a released run, or takes over a lease that ran out. The log is read between the head and the write, whose condition
 * says that nothing has happened since the head was read; a steal seals what was read (PROTOCOL §2.3).
 */
async function take(
  executor: Executor,
  runs: RunStore,
  delivery: WakeDelivery,
  run: StoredRun,
  how: "claim" | "steal",
): Promise<Granted | null> {
  const { services } = executor;
  const loaded = await new LogStore(services).loadLog(run);
  const crashes = how === "steal" ? await crashesAfter(executor, loaded) : 0;
  const sentAtMonotonicMs = services.clock.monotonic();
  const claim = newClaim(services, delivery.messageId);
  const write =
    how === "claim"
      ? await runs.claim(run.head.runId, run.head.epoch, claim)
      : await runs.steal(run.head, claim, loaded.epochItems, crashes);
  if (!write.done || !write.run) return null;
  if (how === "steal") countSteal(services, write.run.head);
  return grant(services, write.run, sentAtMonotonicMs, loaded, how === "steal");
}

function countSteal(services: Services, { runId, functionId, epoch, crashes }: RunHead): void {
  services.metrics.count("LeasesStolen", {
    message: `Run "${runId}" goes on after its worker was lost`,
    app: appOfRun(runId),
    functionId,
    about: { runId, turn: epoch, crashes },
  });
}

/**
 * Crashes to be charged to the function: a body that was begun and has no outcome is charged itself; an epoch that got
 * something done starts the count anew (PROTOCOL §2.5). A worker that died while its run waited for a place under a limit was not
 * brought down by the function, nothing of which ran.
 */
async function crashesAfter({ services, host }: Executor, loaded: LoadedRun): Promise<number> {
  const { head, epochProgressed, epochInterrupted } = loaded;
  const config = host.get(head.functionId);
  const worked = !config || (await hadPlaces(services, head, config));
  if (!worked) return epochProgressed ? 0 : head.crashes;
  if (epochProgressed) return 1;
  return epochInterrupted ? Math.max(1, head.crashes) : head.crashes + 1;
}

function newClaim(services: Services, messageId: string): Claim {
  const nowMs = services.clock.now();
  const holder = Buffer.from(services.random.bytes(9)).toString("base64url");
  return { holder, messageId, leaseUntilMs: nowMs + LEASE_MS, nowMs };
}

function grant(
  services: Services,
  run: StoredRun | null,
  sentAtMonotonicMs: number,
  loaded: LoadedRun | null,
  stolen: boolean,
): Granted | null {
  if (!run) return null;
  const { runId, epoch, wakes } = run.head;
  return { run, lease: new Lease(services.clock, { runId, epoch, wakes, sentAtMonotonicMs }), loaded, stolen };
}

async function runTurn(executor: Executor, delivery: WakeDelivery, granted: Granted): Promise<Disposition> {
  const { services, host, heart } = executor;
  const config = host.get(granted.run.head.functionId);
  if (!config) return { acknowledge: false, visibleInMs: MISSING_RETRY_MS };
  const deadline = new Deadline(services.clock, delivery.remainingMs);
  let hasStopped = true;
  const turn = new Turn(services, host, {
    ...granted,
    deadline,
    config,
    stepQueueUrl: delivery.receipt.queueUrl,
    retireSandbox: () => {
      hasStopped = false;
      delivery.retireSandbox();
    },
    swept: delivery.wake.why === "sweep",
    slot: delivery.wake.slot ?? null,
  });
  const beating = heart.start(granted.lease, delivery.receipt, (wakes) => turn.noticeWakes(wakes));
  try {
    const result = await turn.run();
    await beating.stop();
    if (result === "settled") return GONE;
    if (result === "unknown") return { acknowledge: false, visibleInMs: null };
    return afterLoss(executor, delivery, hasStopped ? granted.lease.epoch : null);
  } finally {
    deadline.close();
    await beating.stop();
  }
}

/**
 * The lease was lost while the turn ran: the message goes, unless it is still the life line of whoever holds the run.
 * `epoch`: the turn's own; null when bodies that it told to stop still run.
 */
async function afterLoss(executor: Executor, delivery: WakeDelivery, epoch: number | null): Promise<Disposition> {
  const { services } = executor;
  const current = await new RunStore(services).get(delivery.wake.run);
  if (!current) return GONE;
  const { head } = current;
  // A cancel is one epoch: it has taken the lease from this turn, and from no thief of it that may be at work.
  if (!isLive(head.status)) return finish(executor, delivery, head, epoch !== null && head.epoch === epoch + 1);
  return head.claimMessageId === delivery.messageId ? { acknowledge: false, visibleInMs: null } : GONE;
}
