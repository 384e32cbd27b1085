/**
 * Owns: the state of the acknowledgement model: one run, its messages, the workers that hold them.
 * Must not: change anything; messages.ts and worker.ts do.
 *
 * The run: a step, then a wait for an arrival from outside, then a sleep, then its end with effects. `progress` counts what its
 * log holds. Epochs and wakes are not numbers here: all that a condition asks is "is it still what I read?", so each worker
 * carries that answer (`current`, `fresh`) and every claim and absorb withdraws it from the others.
 */

export const STEP = 0;
export const WAIT = 1;
export const SLEEP = 2;
export const END = 3;

export type Fault =
  | "acknowledge the claimMsg on seeing a valid lease"
  | "acknowledge by receive count"
  | "release without the wakes condition"
  | "send the continuation before the release"
  | "acknowledge before the release"
  | "absorb IF epoch = read only"
  | "do not arm again after a steal"
  | "acknowledge when the lease was lost, whoever holds the claimMsg"
  | "do effects after the acknowledgement"
  | "acknowledge a timer that is not yet due"
  | "answer a dead letter at once, whatever the lease"
  | "answer a dead timer with a plain wake"
  | "absorb without moving due";

export interface Message {
  id: number;
  kind: "wake" | "timer";
  where: "visible" | "held" | "dead" | "gone";
  /** Failed deliveries, counted only where a fault looks at them. */
  failures: number;
}

/** A delivery. `latest` is false once the message was delivered again: such a receipt deletes nothing (SQS, DeleteMessage). */
interface Delivery {
  message: number;
  latest: boolean;
}

export type Worker =
  | { phase: "idle" }
  | (Delivery & { phase: "got" })
  | (Delivery & {
      phase: "decided";
      to: "claim" | "steal" | "absorb";
      current: boolean;
      fresh: boolean;
      arrived: boolean;
    })
  | (Delivery & Turn)
  /** What remains after the head was settled. */
  | (Delivery & { phase: "then"; todo: "continue" | "effects" | "done" | "acknowledge" });

export interface Turn {
  phase: "turn";
  current: boolean;
  fresh: boolean;
  arrived: boolean;
  /** A sleep was logged in this turn or in one that crashed: its timer may not exist yet. */
  mustArm: boolean;
  continued: boolean;
}

export interface State {
  live: boolean;
  lease: "released" | "valid" | "ran out";
  claimMsg: number | null;
  effects: "none" | "pending" | "removed";
  /** When the sweeper looks: soon; when the sleep is over; so late that it does not count. */
  due: "soon" | "sleep" | "far";
  progress: number;
  arrived: boolean;
  /** What dispatch has still to do for the arrival. */
  outside: "put" | "wake" | "nothing";
  sleepOver: boolean;
  effectsDone: boolean;
  messages: Message[];
  workers: Worker[];
  budget: Budget;
}

/** How often each fault of the world may strike. */
export interface Budget {
  crashes: number;
  /** The visibility of a running turn's message lapses: it is delivered again beside its healthy holder. */
  lapses: number;
  /** SQS delivers a message twice at once, or again after its deletion. */
  duplicates: number;
  /** A message has been received too often. */
  deadLetters: number;
  /** A holder is so slow that its lease runs out. */
  stalls: number;
  yields: number;
}

export interface Setup {
  workers: number;
  sweeper: boolean;
  /** The documented receipt is not to be relied on: an old one may delete the message as well. */
  oldReceiptsDelete: boolean;
  budget: Budget;
  faults: ReadonlySet<Fault>;
}

export function withWorker(state: State, index: number, worker: Worker): State {
  return { ...state, workers: state.workers.with(index, worker) };
}

export function messageOf(state: State, id: number): Message | undefined {
  return state.messages.find((message) => message.id === id);
}

export function withMessage(state: State, id: number, change: Partial<Message>): State {
  return {
    ...state,
    messages: state.messages.map((message) => (message.id === id ? { ...message, ...change } : message)),
  };
}

export function sent(state: State, kind: Message["kind"]): State {
  const id = Math.max(-1, ...state.messages.map((message) => message.id)) + 1;
  return { ...state, messages: [...state.messages, { id, kind, where: "visible", failures: 0 }] };
}

/** Another claim: what the others have read is no longer true. */
export function epochRaised(state: State): State {
  return {
    ...state,
    workers: state.workers.map((worker): Worker => ("current" in worker ? { ...worker, current: false } : worker)),
  };
}

export function wakesRaised(state: State): State {
  return {
    ...state,
    workers: state.workers.map((worker): Worker => ("fresh" in worker ? { ...worker, fresh: false } : worker)),
  };
}

/**
 * One text for states that differ only in who is who, in the numbers of messages, or in messages that are gone and that nobody
 * refers to any more.
 */
export function canonical(state: State): string {
  const { messages, workers, claimMsg, ...rest } = state;
  const referred = (id: number): boolean =>
    id === claimMsg || workers.some((worker) => "message" in worker && worker.message === id);
  const holders = (id: number): string =>
    workers
      .filter((worker) => "message" in worker && worker.message === id)
      .map((worker) => JSON.stringify({ ...worker, message: 0 }))
      .sort()
      .join();
  const texts = messages
    .filter((message) => message.where !== "gone" || referred(message.id))
    .map(
      (message) =>
        `${message.kind}${message.where}${message.failures}${message.id === claimMsg ? "*" : ""}(${holders(message.id)})`,
    )
    .sort();
  return `${JSON.stringify(Object.values(rest))}|${texts.join(";")}|${workers.length}`;
}
