/**
 * Owns: the conditional writes to the head (PROTOCOL §3) and what their answers mean to the worker that sent them.
 * A request may land at any later time, its answer may be lost, and a repeated request is two copies on their way.
 * Must not: decide when a worker sends one; worker.ts does.
 */
import { RAN_OUT, replay, type HeadWrite, type Setup, type State, type Turn, type Worker } from "./state.js";
import { effectiveEntries, itemsBeforeGap } from "./state.js";

/** Sends a head write: one copy on its way. */
export function newWrite(
  kind: HeadWrite["kind"],
  epoch: number,
  left: number,
  more: Partial<HeadWrite> = {},
): HeadWrite {
  const plain = { kind, epoch, left, steal: false, seal: null, result: null, copies: 1, applied: 0, isLatest: false };
  return { ...plain, ...more };
}

function conditionHolds(state: State, write: HeadWrite, faults: Setup["faults"]): boolean {
  const isMine = state.epoch === write.epoch;
  if (write.kind === "release") return isMine;
  if (write.kind === "end") return state.status === "live" && isMine;
  if (write.kind === "beat") {
    if (faults.has("beat IF epoch = mine only")) return isMine;
    const lengthens = faults.has("a beat may shorten the lease") || (state.lease ?? 0) <= write.left;
    return isMine && state.lease !== null && lengthens;
  }
  if (state.status !== "live") return false;
  if (!write.steal && faults.has("claim IF leaseUntil = 0 only")) return state.lease === null;
  if (!isMine) return false;
  if (!write.steal) return state.lease === null;
  return faults.has("steal a lease that has not run out") ? state.lease !== null : state.lease === RAN_OUT;
}

/** The head after the write, with what must never happen to a head noted in `broken`. */
function applied(state: State, write: HeadWrite): State {
  const next = { ...withoutTokens(state), broken: state.broken ?? breach(state, write) };
  switch (write.kind) {
    case "claim": {
      const seals = state.epoch === 0 ? [] : state.seals.with(state.epoch - 1, write.seal);
      return { ...next, epoch: state.epoch + 1, lease: write.left, seals: [...seals, null], log: [...state.log, []] };
    }
    case "beat":
      return { ...next, lease: write.left };
    case "release": {
      const seals = write.seal === null ? state.seals : state.seals.with(write.epoch - 2, write.seal);
      return { ...next, lease: null, settled: write.epoch, seals };
    }
    case "end":
      return { ...next, status: "ended", lease: null, result: write.result };
  }
}

function breach(state: State, write: HeadWrite): State["broken"] {
  if (state.status !== "live")
    return { invariant: "terminal is final", detail: `a ${write.kind} changed a head that is ${state.status}` };
  if (write.kind === "claim" && write.applied > 0) {
    return { invariant: "one claim makes one epoch", detail: `a late copy of a claim made epoch ${state.epoch + 1}` };
  }
  if (write.kind === "beat" && state.settled === state.epoch) {
    return {
      invariant: "a settled epoch holds no lease",
      detail: `a beat of epoch ${write.epoch} landed after its release`,
    };
  }
  return null;
}

/** The token on the head is now another write's. */
export function withoutTokens(state: State): State {
  const older = (write: HeadWrite): HeadWrite => (write.isLatest ? { ...write, isLatest: false } : write);
  const workers = state.workers.map((worker): Worker => {
    if (worker.phase === "claiming") return { ...worker, write: older(worker.write) };
    return worker.phase === "turn" && worker.write !== null ? { ...worker, write: older(worker.write) } : worker;
  });
  return { ...state, workers, strayWrites: state.strayWrites.map(older) };
}

/** One copy of the write reaches the table. */
export function land(state: State, write: HeadWrite, faults: Setup["faults"]): { state: State; write: HeadWrite } {
  const rest = { ...write, copies: write.copies - 1 };
  if (!conditionHolds(state, write, faults)) return { state, write: rest };
  // A claim that names no epoch (a fault) learns here which one it got; for any other this is the epoch it named.
  const epoch = write.kind === "claim" ? state.epoch : write.epoch;
  return { state: applied(state, write), write: { ...rest, epoch, applied: write.applied + 1, isLatest: true } };
}

/** The answer reaches the worker. A failed condition with one's own token on the head is success. */
export function answered(state: State, index: number, write: HeadWrite, setup: Setup): State {
  const worker = state.workers[index];
  if (worker === undefined) return state;
  const strayWrites = write.copies > 0 ? [...state.strayWrites, write] : state.strayWrites;
  const next = { ...state, strayWrites };
  if (worker.phase === "claiming") return afterClaim(next, index, worker, write, setup);
  if (worker.phase !== "turn") return next;
  if (write.isLatest && write.kind === "beat")
    return withWorker(next, index, { ...worker, write: null, left: write.left });
  return dropTurn(withWorker(next, index, { ...worker, write: null }), index);
}

function afterClaim(
  state: State,
  index: number,
  worker: Extract<Worker, { phase: "claiming" }>,
  write: HeadWrite,
  setup: Setup,
): State {
  if (!write.isLatest) return withWorker(state, index, { phase: "idle" });
  // These two read again later; a worker that keeps the protocol has read everything before it claimed.
  if (setup.faults.has("read what the seal covers after the claim") && write.steal) {
    return withWorker(state, index, { ...worker, write: { ...write, copies: 0 } });
  }
  const loadsAfterClaim = setup.faults.has("claim IF leaseUntil = 0 only") && !write.steal;
  const entries = loadsAfterClaim ? effectiveEntries(state) : worker.entries;
  return beginTurn(state, index, { epoch: write.epoch + 1, entries, left: worker.left, lateSeal: null }, setup);
}

export interface Claimed {
  epoch: number;
  entries: string[];
  left: number;
  /** What a fault has still to store. */
  lateSeal: number | null;
}

/** The claim is mine: what was read is replayed before anything else. */
export function beginTurn(state: State, index: number, claimed: Claimed, setup: Setup): State {
  const { epoch, entries, left, lateSeal } = claimed;
  const stepwise = setup.faults.has("start bodies before the log is exhausted");
  const { shown, armed, diverged } = replay(setup.program, stepwise ? [] : entries);
  const turn: Turn = {
    phase: "turn",
    epoch,
    left,
    shown,
    unread: stepwise ? entries : [],
    armed,
    carried: [],
    buffer: [],
    flying: [],
    next: 1,
    bodies: [],
    lateSeal,
    write: null,
  };
  const broken =
    diverged === null
      ? null
      : { invariant: "every replay observes the same", detail: `${diverged} is in the log and was not asked for` };
  return { ...withWorker(state, index, turn), broken: state.broken ?? broken };
}

/** The worker is gone or has stopped: what it has sent stays on its way. */
export function dropTurn(state: State, index: number): State {
  const worker = state.workers[index];
  if (worker === undefined || worker.phase === "idle") return state;
  const write = worker.phase === "read" ? null : worker.write;
  const strayWrites = write === null || write.copies === 0 ? state.strayWrites : [...state.strayWrites, write];
  const strayPuts = worker.phase === "turn" ? [...state.strayPuts, ...worker.flying] : state.strayPuts;
  return { ...withWorker(state, index, { phase: "idle" }), strayWrites, strayPuts };
}

export function withWorker(state: State, index: number, worker: Worker): State {
  return { ...state, workers: state.workers.with(index, worker) };
}

/** How many items of the epoch that was read would be covered by a seal now. */
export function readableItems(state: State, epoch: number): number {
  return itemsBeforeGap(state.log[epoch - 1] ?? []);
}
