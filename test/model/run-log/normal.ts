/**
 * Owns: the normal form of a state and its text. Dropped is what can never matter again: a request whose condition can never
 * hold, a log item outside a seal, a worker that has lost its epoch and is past its deadline. Smaller searches, never blinder.
 * Must not: drop anything under a fault that would let it matter; each rule names the faults that switch it off.
 */
import { dropTurn } from "./head-writes.js";
import type { HeadWrite, LogPut, Setup, State, Worker } from "./state.js";

export function normalised(state: State, setup: Setup): State {
  let next = state;
  for (let index = 0; index < state.workers.length; index += 1) {
    if (hasNothingToDo(next, index, setup)) next = dropTurn(next, index);
  }
  const exists = (put: LogPut): boolean => put.n <= (next.seals[put.epoch - 1] ?? Infinity);
  return {
    ...next,
    log: next.log.map((items, index) => items.slice(0, next.seals[index] ?? items.length)),
    strayPuts: next.strayPuts.filter(exists),
    strayWrites: next.strayWrites.filter((write) => mayStillApply(next, write, setup)),
  };
}

function hasNothingToDo(state: State, index: number, setup: Setup): boolean {
  const worker = state.workers[index];
  if (worker === undefined || worker.phase === "idle") return false;
  if (state.status === "ended") return true;
  if (worker.phase === "read") {
    if (worker.entries !== null) return false;
    return state.status !== "live" || worker.epoch !== state.epoch || (worker.steal && state.lease === null);
  }
  const { write } = worker;
  const isHopeless = write !== null && write.copies > 0 && !write.isLatest && !mayStillApply(state, write, setup);
  if (worker.phase === "claiming") return isHopeless;
  // Past its deadline it starts nothing, and what it logs lies outside the seal of its epoch.
  const isOver =
    worker.epoch !== state.epoch && worker.left <= 0 && !setup.faults.has("start bodies past the deadline");
  return isHopeless || isOver;
}

function mayStillApply(state: State, write: HeadWrite, setup: Setup): boolean {
  const isMine = write.epoch === state.epoch;
  if (write.kind === "beat" || write.kind === "release") return isMine;
  if (state.status !== "live") return false;
  if (write.kind === "end") return isMine;
  if (!write.steal && setup.faults.has("claim IF leaseUntil = 0 only")) return true;
  return isMine && write.steal === (state.lease !== null);
}

/**
 * The workers are alike, so two states that differ only in who is who have one text. Put together by hand: this is where a
 * search spends its time, and JSON takes three times as long.
 */
export function canonical(state: State): string {
  const { budget } = state;
  const table = `${state.status[0]}${state.epoch},${state.lease},${state.seals.join()},${state.settled},${state.result}`;
  const log = state.log.map((items) => items.map((item) => item?.join("+") ?? "-").join()).join(";");
  const left = `${budget.crashes}${budget.repeats}${budget.cancels}${budget.yields}${budget.beats}`;
  const checked = `${state.acted.join()}:${state.broken === null ? "" : JSON.stringify(state.broken)}`;
  const workers = state.workers.map(workerText).sort().join("/");
  const strays = `${state.strayWrites.map(writeText).sort().join()}/${state.strayPuts.map(putText).sort().join()}`;
  return `${table}|${log}|${state.due.join()}|${left}|${checked}|${workers}|${strays}`;
}

function workerText(worker: Worker): string {
  if (worker.phase === "idle") return "i";
  if (worker.phase === "read") return `r${worker.epoch},${worker.steal},${worker.entries?.join("+")},${worker.seal}`;
  if (worker.phase === "claiming") return `c${worker.left},${worker.entries.join("+")},${writeText(worker.write)}`;
  const history = `${worker.shown.join("+")},${worker.unread.join("+")},${worker.armed.join("+")},${worker.carried.join("+")}`;
  const doing = `${worker.buffer.join("+")},${worker.flying.map(putText).join("&")},${worker.next},${worker.bodies.join("+")}`;
  return `t${worker.epoch},${worker.left},${history},${doing},${worker.lateSeal},${worker.write === null ? "" : writeText(worker.write)}`;
}

function writeText(write: HeadWrite): string {
  const { kind, epoch, steal, seal, left, result, copies, applied, isLatest } = write;
  return `${kind[0]}${epoch}.${steal ? "s" : ""}${seal}.${left}.${result}.${copies}.${applied}${isLatest ? "*" : ""}`;
}

const putText = (put: LogPut): string => `${put.epoch}#${put.n}[${put.entries.join("+")}]`;
