/**
 * Owns: the acknowledgement model: the workers, the queue and what it may do to a message, dispatch's arrival, the sweeper, and
 * what must hold: a live run always has something that will wake it, and once faults stop it ends, effects done, queue empty.
 */
import type { Action, Model } from "../explore.js";
import { canonical, sent, withMessage, withWorker, type Setup, type State, type Worker } from "./state.js";
import { workerSteps, yieldTurn } from "./worker.js";

export function acknowledgementModel(setup: Setup, maxStates: number): Model<State> {
  const names = [...setup.faults].join(", ");
  const lifeLine = { "a live run has a message, or will get one": lostLifeLine };
  return {
    name: `acknowledgement · ${setup.workers} workers · sweeper ${setup.sweeper ? "on" : "off"}${names === "" ? "" : ` · ${names}`}`,
    initial: [initialState(setup)],
    actions: [
      receive(),
      work(setup),
      outside(),
      time(),
      deadLetterHandler(setup),
      sweeper(setup),
      kills(),
      queueFaults(),
      stallsAndYields(setup),
    ],
    invariants: setup.sweeper ? {} : lifeLine,
    liveness: { name: "every run ends, its effects done", goal: isFinished },
    sometimes: {
      "a run ends": isFinished,
      "a wake is absorbed": (state) =>
        state.workers.some((worker) => worker.phase === "decided" && worker.to === "absorb"),
      "a lease runs out": (state) => setup.budget.crashes + setup.budget.stalls === 0 || state.lease === "ran out",
    },
    canonical,
    fairness: (label) => label.replace(/\d+/g, ""),
    maxStates,
  };
}

function initialState(setup: Setup): State {
  return {
    live: true,
    lease: "released",
    claimMsg: null,
    effects: "none",
    due: "soon",
    progress: 0,
    arrived: false,
    outside: "put",
    sleepOver: false,
    effectsDone: false,
    messages: [{ id: 0, kind: "wake", where: "visible", failures: 0 }],
    workers: Array.from({ length: setup.workers }, (): Worker => ({ phase: "idle" })),
    budget: setup.budget,
  };
}

function lostLifeLine(state: State): string | null {
  const hasMessage = state.messages.some((message) => message.where !== "gone");
  return !state.live || hasMessage || state.outside !== "nothing"
    ? null
    : `the run is live at ${state.progress}, no message is left`;
}

function isFinished(state: State): boolean {
  const quiet =
    state.messages.every((message) => message.where === "gone") &&
    state.workers.every((worker) => worker.phase === "idle");
  return !state.live && state.effects === "removed" && state.effectsDone && quiet;
}

function receive(): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      // The workers are alike: the first idle one stands for all.
      const index = state.workers.findIndex((worker) => worker.phase === "idle");
      if (index === -1) return;
      for (const message of state.messages.filter(({ where }) => where === "visible")) {
        const older = state.workers.map((worker): Worker =>
          "message" in worker && worker.message === message.id ? { ...worker, latest: false } : worker,
        );
        const got = withWorker({ ...state, workers: older }, index, {
          phase: "got",
          message: message.id,
          latest: true,
        });
        emit(
          `worker ${index + 1} receives ${message.kind} ${message.id}`,
          withMessage(got, message.id, { where: "held" }),
        );
      }
    },
  };
}

function eachWorker(
  kind: Action<State>["kind"],
  visit: (state: State, worker: Worker, index: number, emit: (label: string, next: State) => void) => void,
): Action<State> {
  return {
    kind,
    apply: (state, emit) => {
      state.workers.forEach((worker, index) =>
        visit(state, worker, index, (label, next) => emit(`worker ${index + 1} ${label}`, next)),
      );
    },
  };
}

function work(setup: Setup): Action<State> {
  return eachWorker("progress", (state, worker, index, emit) => workerSteps(state, index, worker, setup, emit));
}

/** Dispatch puts the arrival, then sends the wake. Its own redelivery is why it always comes to the second. */
function outside(): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      if (state.outside === "put") emit("dispatch puts the arrival", { ...state, arrived: true, outside: "wake" });
      if (state.outside === "wake") emit("dispatch sends the wake", sent({ ...state, outside: "nothing" }, "wake"));
    },
  };
}

/** The sleep ends. A lease runs out when nobody is there to lengthen it. */
function time(): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      if (state.progress === 2 && !state.sleepOver) emit("the sleep is over", { ...state, sleepOver: true });
      const held = state.workers.some((worker) => worker.phase === "turn" && worker.current);
      if (state.live && state.lease === "valid" && !held) emit("the lease runs out", { ...state, lease: "ran out" });
    },
  };
}

/**
 * A dead letter is answered with a fresh copy of itself: a timer stays a timer, or it would be used up as a wake before it is
 * due. The claimMsg of a valid lease stays where it is until the lease ends: it is still the life line.
 */
function deadLetterHandler(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      for (const message of state.messages.filter(({ where }) => where === "dead")) {
        const isLifeLine = state.live && state.lease === "valid" && state.claimMsg === message.id;
        if (isLifeLine && !setup.faults.has("answer a dead letter at once, whatever the lease")) continue;
        const answered = withMessage(state, message.id, { where: "gone" });
        const kind = setup.faults.has("answer a dead timer with a plain wake") ? "wake" : message.kind;
        emit(
          `dead letter ${message.id} is answered with a fresh ${kind}`,
          state.live || state.effects === "pending" ? sent(answered, kind) : answered,
        );
      }
    },
  };
}

/** Only where no message is left: elsewhere its wake would be one hint more among hints. */
function sweeper(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      if (!setup.sweeper || state.messages.some(({ where }) => where !== "gone")) return;
      const isDue = state.due === "soon" || (state.due === "sleep" && state.sleepOver);
      if (!isDue || state.lease === "valid") return;
      if (state.live || state.effects === "pending") emit("the sweeper wakes the run", sent(state, "wake"));
    },
  };
}

function kills(): Action<State> {
  return eachWorker("fault", (state, worker, index, emit) => {
    if (worker.phase === "idle" || state.budget.crashes === 0) return;
    const dead = withWorker({ ...state, budget: { ...state.budget, crashes: state.budget.crashes - 1 } }, index, {
      phase: "idle",
    });
    const held = worker.latest && state.messages.some(({ id, where }) => id === worker.message && where === "held");
    emit("dies", held ? withMessage(dead, worker.message, { where: "visible" }) : dead);
  });
}

function queueFaults(): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      const { budget } = state;
      for (const { id, where } of state.messages) {
        const again = (change: Partial<State["budget"]>): State =>
          withMessage({ ...state, budget: { ...budget, ...change } }, id, { where: "visible" });
        const inTurn = state.workers.some((worker) => worker.phase === "turn" && worker.message === id);
        if (budget.lapses > 0 && where === "held" && inTurn) {
          emit(`message ${id} becomes visible beside its holder`, again({ lapses: budget.lapses - 1 }));
        }
        if (budget.duplicates > 0 && (where === "held" || where === "gone")) {
          emit(`SQS delivers message ${id} once more`, again({ duplicates: budget.duplicates - 1 }));
        }
        if (budget.deadLetters > 0 && where === "visible") {
          const dead = withMessage({ ...state, budget: { ...budget, deadLetters: budget.deadLetters - 1 } }, id, {
            where: "dead",
          });
          emit(`message ${id} was received too often`, dead);
        }
      }
    },
  };
}

function stallsAndYields(setup: Setup): Action<State> {
  return eachWorker("fault", (state, worker, index, emit) => {
    if (worker.phase !== "turn") return;
    if (state.budget.stalls > 0 && worker.current && state.lease === "valid") {
      const budget = { ...state.budget, stalls: state.budget.stalls - 1 };
      emit("is so slow that its lease runs out", { ...state, lease: "ran out", budget });
    }
    if (state.budget.yields > 0) yieldTurn(state, index, worker, setup, emit);
  });
}
