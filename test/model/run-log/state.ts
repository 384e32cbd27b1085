/**
 * Owns: the state of the run-log model and what follows from it alone: which log entries exist, and what a replay shows.
 * Must not: change anything; actors do (worker.ts, head-writes.ts).
 *
 * Time is relative: `left` counts the ticks until a moment, and a tick lowers every `left` by one, never below RAN_OUT. So the
 * model needs no clock and no horizon. `left` of the head is the lease's; `left` of a worker is its own deadline, taken before
 * the claim was sent. A worker is late at 0, one tick before the lease may be stolen: that is the margin between two clocks.
 */
import { isSleep, operationOf, type Program } from "./programs.js";

export const RAN_OUT = -1;

/** Rules that can be broken on purpose. Each must be found out. */
export type Fault =
  | "drop the seal"
  | "read what the seal covers after the claim"
  | "read the log before the head"
  | "steal a lease that has not run out"
  | "show a result before it is durable"
  | "show a result before the ones with smaller n are durable"
  | "release while a log write is unsettled"
  | "start bodies before the log is exhausted"
  | "do not carry what was shown without seen"
  | "show an arrival without seen though it can be ordered against something"
  | "take a failed condition on one's own log write for a failure"
  | "beat IF epoch = mine only"
  | "a beat may shorten the lease"
  | "claim IF leaseUntil = 0 only"
  | "cancel without raising the epoch"
  | "start bodies past the deadline";

/** A request for the head on its way. Copies arise when it is repeated because no answer came. */
export interface HeadWrite {
  kind: "claim" | "beat" | "release" | "end";
  /** The epoch the condition names; for a claim the one that was read. */
  epoch: number;
  /** Claim: the lease that was read had run out, so this is a steal. */
  steal: boolean;
  /** Claim of a run-out lease: how many items of `epoch` were read, else null. Release: a seal stored late (a fault). */
  seal: number | null;
  left: number;
  result: string | null;
  copies: number;
  applied: number;
  /** Whether the token on the head is this write's. */
  isLatest: boolean;
}

export interface LogPut {
  epoch: number;
  n: number;
  entries: string[];
}

export interface Turn {
  phase: "turn";
  epoch: number;
  left: number;
  /** Outcomes shown to user code, in order. */
  shown: string[];
  /** Entries that replay has still to show; only a fault lets this stay behind while bodies start. */
  unread: string[];
  /** Sleeps whose `op` entry is durable. */
  armed: string[];
  /** `seen` entries of arrivals shown without, to go first in the next item. */
  carried: string[];
  /** What came up while an item was in flight. */
  buffer: string[];
  flying: LogPut[];
  next: number;
  bodies: string[];
  /** A seal that a fault stores late. */
  lateSeal: number | null;
  write: HeadWrite | null;
}

export type Worker =
  | { phase: "idle" }
  | { phase: "read"; epoch: number; steal: boolean; entries: string[] | null; seal: number | null }
  | { phase: "claiming"; entries: string[]; left: number; write: HeadWrite }
  | Turn;

export interface State {
  status: "live" | "ended" | "cancelled";
  epoch: number;
  /** Null: released. */
  lease: number | null;
  /** By epoch - 1: how many items exist; null: complete or still being written. */
  seals: (number | null)[];
  result: string | null;
  /** By epoch - 1, then n - 1. */
  log: (string[] | null)[][];
  due: string[];
  workers: Worker[];
  /** Requests whose sender no longer waits. */
  strayWrites: HeadWrite[];
  strayPuts: LogPut[];
  budget: { crashes: number; repeats: number; cancels: number; yields: number; beats: number };
  /** Not in the table, for checking: the longest sequence on which a body was started; the last epoch that was settled. */
  acted: string[];
  settled: number;
  broken: { invariant: string; detail: string } | null;
}

export interface Setup {
  program: Program;
  workers: number;
  maxEpoch: number;
  leaseTicks: number;
  budget: State["budget"];
  faults: ReadonlySet<Fault>;
}

/** The entries that exist, in (epoch, n) order: of a sealed epoch those inside the seal, else all up to the first gap. */
export function effectiveEntries(state: Pick<State, "log" | "seals">): string[] {
  return state.log.flatMap((items, index) =>
    items.slice(0, state.seals[index] ?? itemsBeforeGap(items)).flatMap((item) => item ?? []),
  );
}

export function itemsBeforeGap(items: readonly (string[] | null)[]): number {
  const gap = items.indexOf(null);
  return gap === -1 ? items.length : gap;
}

/** The outcome an entry shows, null for one that shows nothing. */
export function outcomeIn(entry: string): string | null {
  if (entry.startsWith("op ")) return null;
  return entry.startsWith("seen ") ? `${entry.slice(5)}=due` : entry;
}

/** Requested and not shown: what the function is waiting for. */
export function open(program: Program, shown: readonly string[]): string[] {
  const resolved = shown.map(operationOf);
  return program.requested(shown).filter((operation) => !resolved.includes(operation));
}

export interface Replay {
  shown: string[];
  armed: string[];
  /** An outcome in the log that user code had not asked for when its turn came. */
  diverged: string | null;
}

/** What a replay of these entries shows: the log, strictly in order, and nothing else. */
export function replay(program: Program, entries: readonly string[]): Replay {
  const shown: string[] = [];
  const armed = entries.filter((entry) => entry.startsWith("op ")).map((entry) => entry.slice(3));
  for (const entry of entries) {
    const outcome = outcomeIn(entry);
    if (outcome === null) continue;
    if (!open(program, shown).includes(operationOf(outcome))) return { shown, armed, diverged: outcome };
    shown.push(outcome);
  }
  return { shown, armed, diverged: null };
}

/** An arrival that may be shown without `seen`: it is due, and its operation is the single one open. */
export function loneArrival(
  program: Program,
  shown: readonly string[],
  armed: readonly string[],
  due: readonly string[],
): string | null {
  const [only, ...others] = open(program, shown);
  if (only === undefined || others.length > 0 || !isSleep(only)) return null;
  return armed.includes(only) && due.includes(only) ? only : null;
}

/** What a turn that begins now is bound to show before it does anything new. */
export function boundToShow(program: Program, state: Pick<State, "log" | "seals" | "due">): Replay {
  const result = replay(program, effectiveEntries(state));
  if (result.diverged !== null) return result;
  const shown = [...result.shown];
  for (let lone = loneArrival(program, shown, result.armed, state.due); lone !== null;) {
    shown.push(`${lone}=due`);
    lone = loneArrival(program, shown, result.armed, state.due);
  }
  return { ...result, shown };
}

export function isPrefix(shorter: readonly string[], longer: readonly string[]): boolean {
  return shorter.length <= longer.length && shorter.every((outcome, index) => outcome === longer[index]);
}
