/**
 * Owns: the run-log model: its actors, the world they live in, and what must always hold (PROTOCOL §1–3).
 * The workers are alike, so two states that differ only in who is who are one state.
 */
import type { Action, Model } from "../explore.js";
import {
  answered,
  beginTurn,
  dropTurn,
  land,
  newWrite,
  readableItems,
  withoutTokens,
  withWorker,
} from "./head-writes.js";
import { canonical, normalised } from "./normal.js";
import { isSleep } from "./programs.js";
import {
  boundToShow,
  effectiveEntries,
  isPrefix,
  RAN_OUT,
  replay,
  type HeadWrite,
  type Setup,
  type State,
  type Worker,
} from "./state.js";
import { landOwnPut, reacted, turnSteps, withItem } from "./worker.js";

export function runLogModel(setup: Setup, maxStates: number): Model<State> {
  const names = [...setup.faults].join(", ");
  const all = [
    readHead(setup),
    readLogAndClaim(setup),
    work(setup),
    headLands(setup),
    putLands(setup),
    beat(setup),
    world(),
    crash(),
    strays(setup),
  ];
  return {
    name: `run log · ${setup.program.name} · ${setup.workers} workers${names === "" ? "" : ` · ${names}`}`,
    initial: [initialState(setup)],
    actions: all.map((action) => normalising(action, setup)),
    invariants: invariants(setup),
    sometimes: {
      "a run ends": (state) => state.status === "ended",
      "a lease is stolen": (state) => state.seals.some((seal) => seal !== null),
      "a lease is stolen while an item is in flight": (state) =>
        state.strayPuts.length > 0 && (state.lease ?? 0) === RAN_OUT,
      "a run is cancelled": (state) => setup.budget.cancels === 0 || state.status === "cancelled",
    },
    canonical,
    maxStates,
  };
}

function normalising(action: Action<State>, setup: Setup): Action<State> {
  return {
    kind: action.kind,
    apply: (state, emit) => action.apply(state, (label, next) => emit(label, normalised(next, setup))),
  };
}

function initialState(setup: Setup): State {
  return {
    status: "live",
    epoch: 0,
    lease: null,
    seals: [],
    result: null,
    log: [],
    due: [],
    workers: Array.from({ length: setup.workers }, (): Worker => ({ phase: "idle" })),
    strayWrites: [],
    strayPuts: [],
    budget: setup.budget,
    acted: [],
    settled: 0,
    broken: null,
  };
}

function invariants(setup: Setup): Model<State>["invariants"] {
  const noted = (name: string) => (state: State) => (state.broken?.invariant === name ? state.broken.detail : null);
  return {
    "terminal is final": noted("terminal is final"),
    "one claim makes one epoch": noted("one claim makes one epoch"),
    "a settled epoch holds no lease": noted("a settled epoch holds no lease"),
    "a completed step never runs again": noted("a completed step never runs again"),
    "nothing is shown that is not durable": noted("nothing is shown that is not durable"),
    "every replay observes the same": (state) =>
      noted("every replay observes the same")(state) ?? replayDiffers(state, setup),
    "a step has one result": (state) => {
      const done = effectiveEntries(state)
        .filter((entry) => entry.includes("="))
        .map((entry) => entry.split("=")[0]);
      return new Set(done).size === done.length ? null : `the log holds [${effectiveEntries(state).join(" ")}]`;
    },
    "the result follows from the log": (state) => {
      if (state.status !== "ended") return null;
      const result = setup.program.result(boundToShow(setup.program, state).shown);
      return result === state.result ? null : `the run ended with "${state.result}", the log says "${result}"`;
    },
  };
}

/** Prefix stability: whatever a body was started on is what every later replay shows first. */
function replayDiffers(state: State, setup: Setup): string | null {
  const bound = boundToShow(setup.program, state);
  if (bound.diverged !== null) return `a replay meets ${bound.diverged}, which was not asked for`;
  if (isPrefix(state.acted, bound.shown)) return null;
  return `a body was started on [${state.acted.join(" ")}], a replay now shows [${bound.shown.join(" ")}]`;
}

type OnWorker = (state: State, worker: Worker, index: number, emit: (label: string, next: State) => void) => void;

function eachWorker(kind: Action<State>["kind"], visit: OnWorker): Action<State> {
  return {
    kind,
    apply: (state, emit) => {
      state.workers.forEach((worker, index) =>
        visit(state, worker, index, (label, next) =>
          emit(`worker ${index + 1}${label.startsWith("'") ? "" : " "}${label}`, next),
        ),
      );
    },
  };
}

/** Any worker may look at any time: messages are hints. The head is read first, then the log. */
function readHead(setup: Setup): Action<State> {
  return eachWorker("progress", (state, worker, index, emit) => {
    if (worker.phase !== "idle" || state.status !== "live" || state.epoch >= setup.maxEpoch) return;
    if (setup.faults.has("read the log before the head")) {
      const entries = effectiveEntries(state);
      const seal = readableItems(state, state.epoch);
      emit(
        "reads the log",
        withWorker(state, index, { phase: "read", epoch: state.epoch, steal: false, entries, seal }),
      );
      return;
    }
    if (!mayTake(state, setup)) return;
    const read: Worker = { phase: "read", epoch: state.epoch, steal: state.lease !== null, entries: null, seal: null };
    emit(
      `reads the head: epoch ${state.epoch}, ${read.steal ? "lease ran out" : "released"}`,
      withWorker(state, index, read),
    );
  });
}

function mayTake(state: State, setup: Setup): boolean {
  return state.lease === null || state.lease === RAN_OUT || setup.faults.has("steal a lease that has not run out");
}

function readLogAndClaim(setup: Setup): Action<State> {
  const dropsSeal = setup.faults.has("drop the seal") || setup.faults.has("read what the seal covers after the claim");
  return eachWorker("progress", (state, worker, index, emit) => {
    if (worker.phase === "claiming" && worker.write.copies === 0) {
      const epoch = worker.write.epoch + 1;
      const lateSeal = readableItems(state, worker.write.epoch);
      const begun = beginTurn(
        state,
        index,
        { epoch, entries: effectiveEntries(state), left: worker.left, lateSeal },
        setup,
      );
      return emit("reads the log after its claim", reacted(begun, index, setup));
    }
    if (worker.phase !== "read") return;
    let { epoch, steal, entries, seal } = worker;
    if (entries === null) {
      entries = effectiveEntries(state);
      seal = steal ? readableItems(state, epoch) : null;
    } else {
      // Only the fault comes here: the log was read first, so what was read of a newer epoch is nothing.
      if (state.status !== "live" || !mayTake(state, setup))
        return emit("turns away", withWorker(state, index, { phase: "idle" }));
      seal = state.lease === null ? null : state.epoch === epoch ? seal : 0;
      epoch = state.epoch;
      steal = state.lease !== null;
    }
    const write = newWrite("claim", epoch, setup.leaseTicks, { steal, seal: dropsSeal ? null : seal });
    const claiming: Worker = { phase: "claiming", entries, left: setup.leaseTicks, write };
    emit(
      `reads the log [${entries.join(" ")}] and sends ${steal ? `steal of epoch ${epoch}` : `claim of epoch ${epoch}`}`,
      withWorker(state, index, claiming),
    );
  });
}

function work(setup: Setup): Action<State> {
  return eachWorker("progress", (state, worker, index, emit) => {
    if (worker.phase !== "turn") return;
    for (const step of turnSteps(state, index, worker, setup)) emit(step.label, step.state);
  });
}

/** A copy of a head write lands; its answer arrives, or is lost and the repeat's will tell. */
function headLands(setup: Setup): Action<State> {
  return eachWorker("progress", (state, worker, index, emit) => {
    if (worker.phase !== "claiming" && worker.phase !== "turn") return;
    const { write } = worker;
    if (write === null || write.copies === 0) return;
    const landed = land(state, write, setup.faults);
    const verdict = landed.write.isLatest ? "succeeds" : "fails its condition";
    const known = answered(landed.state, index, landed.write, setup);
    emit(`'s ${write.kind} lands and ${verdict}`, reacted(known, index, setup));
    if (write.copies < 2) return;
    const waiting: Worker = { ...worker, write: landed.write };
    emit(`'s ${write.kind} lands (${verdict}), the answer is lost`, withWorker(landed.state, index, waiting));
  });
}

function putLands(setup: Setup): Action<State> {
  return eachWorker("progress", (state, worker, index, emit) => {
    if (worker.phase !== "turn") return;
    for (const put of worker.flying) {
      const item = `LOG#${put.epoch}#${put.n} [${put.entries.join(" ")}]`;
      emit(`'s ${item} lands`, landOwnPut(state, index, worker, put, setup));
      if (!setup.faults.has("take a failed condition on one's own log write for a failure")) continue;
      const again = { ...put, n: worker.next };
      const flying = worker.flying.map((other) => (other === put ? again : other));
      emit(
        `'s ${item} lands, the repeat fails and it tries the next n`,
        withWorker(withItem(state, put), index, { ...worker, flying, next: worker.next + 1 }),
      );
    }
  });
}

function beat(setup: Setup): Action<State> {
  return eachWorker("fault", (state, worker, index, emit) => {
    if (worker.phase !== "turn" || worker.write !== null || worker.left <= 0 || state.budget.beats === 0) return;
    const budget = { ...state.budget, beats: state.budget.beats - 1 };
    const write = newWrite("beat", worker.epoch, setup.leaseTicks);
    emit("sends a beat", { ...withWorker(state, index, { ...worker, write }), budget });
  });
}

/** Time passes, sleeps fall due, an operator cancels. */
function world(): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      if (state.status === "live" && isTimed(state)) emit("time passes", ticked(state));
      const { armed } = replay({ name: "", requested: () => [], result: () => null }, effectiveEntries(state));
      for (const sleep of armed.filter((operation) => isSleep(operation) && !state.due.includes(operation))) {
        emit(`${sleep} falls due`, { ...state, due: [...state.due, sleep].sort() });
      }
    },
  };
}

/** Whether a tick changes anything that somebody goes by. */
function isTimed(state: State): boolean {
  const runs = (left: number): boolean => left > RAN_OUT;
  return (
    runs(state.lease ?? RAN_OUT) ||
    state.workers.some(
      (worker) => (worker.phase === "claiming" && runs(worker.left)) || (worker.phase === "turn" && worker.left > 0),
    )
  );
}

function ticked(state: State): State {
  const lower = (left: number): number => Math.max(RAN_OUT, left - 1);
  const older = (write: HeadWrite): HeadWrite => ({ ...write, left: lower(write.left) });
  const workers = state.workers.map((worker): Worker => {
    if (worker.phase === "claiming") return { ...worker, left: lower(worker.left), write: older(worker.write) };
    if (worker.phase !== "turn") return worker;
    return { ...worker, left: Math.max(0, worker.left - 1), write: worker.write === null ? null : older(worker.write) };
  });
  return {
    ...state,
    lease: state.lease === null ? null : lower(state.lease),
    workers,
    strayWrites: state.strayWrites.map(older),
  };
}

/** A kill runs no code of ours: only what was sent remains. A request may be repeated when its answer is slow. */
function crash(): Action<State> {
  return eachWorker("fault", (state, worker, index, emit) => {
    if (worker.phase === "idle" || worker.phase === "read") return;
    if (state.budget.crashes > 0) {
      emit("dies", { ...dropTurn(state, index), budget: { ...state.budget, crashes: state.budget.crashes - 1 } });
    }
    if (state.budget.repeats === 0 || worker.write === null || worker.write.copies !== 1) return;
    const repeated: Worker = { ...worker, write: { ...worker.write, copies: 2 } };
    emit(`hears nothing and repeats its ${worker.write.kind}`, {
      ...withWorker(state, index, repeated),
      budget: { ...state.budget, repeats: state.budget.repeats - 1 },
    });
  });
}

/** What dead or stopped workers have sent lands at any time, or never. */
function strays(setup: Setup): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      state.strayPuts.forEach((put, index) => {
        const next = { ...withItem(state, put), strayPuts: state.strayPuts.toSpliced(index, 1) };
        emit(`a late LOG#${put.epoch}#${put.n} [${put.entries.join(" ")}] lands`, next);
      });
      state.strayWrites.forEach((write, index) => {
        const rest = { ...state, strayWrites: state.strayWrites.toSpliced(index, 1) };
        const landed = land(rest, write, setup.faults);
        const left = landed.write.copies > 0 ? [...landed.state.strayWrites, landed.write] : landed.state.strayWrites;
        emit(`a late ${write.kind} of epoch ${write.epoch} lands`, { ...landed.state, strayWrites: left });
      });
      if (state.status === "live" && state.epoch > 0 && state.budget.cancels > 0)
        emit("an operator cancels", cancelled(state, setup));
    },
  };
}

function cancelled(state: State, setup: Setup): State {
  const keepsEpoch = setup.faults.has("cancel without raising the epoch");
  const budget = { ...state.budget, cancels: state.budget.cancels - 1 };
  return { ...withoutTokens(state), status: "cancelled", epoch: keepsEpoch ? state.epoch : state.epoch + 1, budget };
}
