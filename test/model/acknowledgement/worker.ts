/**
 * Owns: what a worker does with a delivery: PROTOCOL §4, row by row, and the turn that a claim begins.
 * Every read, write, send and acknowledgement is a step of its own, so that a kill or another worker can come between any two.
 * Must not: deliver, lose or repeat messages; messages.ts does.
 */
import { END, SLEEP, STEP, WAIT, epochRaised, messageOf, sent, wakesRaised, withMessage, withWorker } from "./state.js";
import type { Setup, State, Turn, Worker } from "./state.js";

type Emit = (label: string, state: State) => void;
type With<Phase extends Worker["phase"]> = Extract<Worker, { phase: Phase }>;

export function workerSteps(state: State, index: number, worker: Worker, setup: Setup, emit: Emit): void {
  if (worker.phase === "got") look(state, index, worker, setup, emit);
  if (worker.phase === "decided") act(state, index, worker, setup, emit);
  if (worker.phase === "turn") turn(state, index, worker, setup, emit);
  if (worker.phase === "then") finish(state, index, worker, setup, emit);
}

/** Deletes the message if the receipt still does, and is free again. */
function acknowledged(state: State, index: number, worker: Exclude<Worker, { phase: "idle" }>, setup: Setup): State {
  const deletes = worker.latest || setup.oldReceiptsDelete;
  return withWorker(deletes ? withMessage(state, worker.message, { where: "gone" }) : state, index, { phase: "idle" });
}

/** Reports failure: the message becomes visible again, unless a later delivery has it now. */
function failed(state: State, index: number, worker: Exclude<Worker, { phase: "idle" }>, setup: Setup): State {
  const message = messageOf(state, worker.message);
  const idle = withWorker(state, index, { phase: "idle" });
  if (message === undefined || !worker.latest || message.where !== "held") return idle;
  if (!setup.faults.has("acknowledge by receive count")) return withMessage(idle, message.id, { where: "visible" });
  const isTooOften = message.failures >= 1;
  return withMessage(idle, message.id, { where: isTooOften ? "gone" : "visible", failures: 1 });
}

/** Reads the run and decides by the table. */
function look(state: State, index: number, worker: With<"got">, setup: Setup, emit: Emit): void {
  const { message, latest } = worker;
  const then = (todo: With<"then">["todo"]): State =>
    withWorker(state, index, { phase: "then", message, latest, todo });
  const decide = (to: With<"decided">["to"]): State =>
    withWorker(state, index, {
      phase: "decided",
      message,
      latest,
      to,
      current: true,
      fresh: true,
      arrived: state.arrived,
    });
  if (!state.live) {
    if (state.effects === "pending") return emit("finds the run ended, effects pending", then("effects"));
    return emit("finds the run ended and acknowledges", acknowledged(state, index, worker, setup));
  }
  if (messageOf(state, message)?.kind === "timer" && !state.sleepOver) {
    if (setup.faults.has("acknowledge a timer that is not yet due")) {
      return emit("acknowledges a timer that is not yet due", acknowledged(state, index, worker, setup));
    }
    return emit("fails a timer that is not yet due", failed(state, index, worker, setup));
  }
  if (state.lease === "ran out") return emit("reads a lease that ran out", decide("steal"));
  const isClaimMsg = state.claimMsg === message;
  if (state.lease === "released") return emit("reads a released run", decide("claim"));
  if (!isClaimMsg) return emit("reads a valid lease of another message", decide("absorb"));
  if (setup.faults.has("acknowledge the claimMsg on seeing a valid lease")) {
    return emit("acknowledges the claimMsg of a valid lease", acknowledged(state, index, worker, setup));
  }
  emit("fails the claimMsg of a valid lease", failed(state, index, worker, setup));
}

/** The conditional write that was decided on; a failed condition starts over. */
function act(state: State, index: number, worker: With<"decided">, setup: Setup, emit: Emit): void {
  const { message, latest } = worker;
  const over: Worker = { phase: "got", message, latest };
  if (worker.to === "absorb") {
    const holds = worker.current && (state.lease !== "released" || setup.faults.has("absorb IF epoch = read only"));
    if (!holds || !state.live) return emit("fails to absorb and starts over", withWorker(state, index, over));
    const due = setup.faults.has("absorb without moving due") ? state.due : "soon";
    const absorbed = withWorker(wakesRaised({ ...state, due }), index, {
      phase: "then",
      message,
      latest,
      todo: "acknowledge",
    });
    return emit("absorbs", absorbed);
  }
  const wanted = worker.to === "claim" ? "released" : "ran out";
  if (!worker.current || !state.live || state.lease !== wanted) {
    return emit(`fails to ${worker.to} and starts over`, withWorker(state, index, over));
  }
  const isSteal = worker.to === "steal";
  const claimed: Turn = {
    phase: "turn",
    current: true,
    fresh: worker.fresh,
    arrived: worker.arrived,
    mustArm: isSteal && state.progress === SLEEP && !setup.faults.has("do not arm again after a steal"),
    continued: false,
  };
  const head = epochRaised({ ...state, lease: "valid", claimMsg: message });
  emit(isSteal ? "steals" : "claims", withWorker(head, index, { ...claimed, message, latest }));
}

function turn(state: State, index: number, worker: With<"turn">, setup: Setup, emit: Emit): void {
  if (!worker.current || state.lease !== "valid") return stop(state, index, worker, setup, emit);
  const logged = (progress: number, change: Partial<Turn> = {}): State =>
    withWorker({ ...state, progress }, index, { ...worker, ...change });
  if (state.progress === STEP) emit("logs the step", logged(WAIT));
  if (state.progress === WAIT && worker.arrived)
    emit("takes in the arrival and logs the sleep", logged(SLEEP, { mustArm: true }));
  if (worker.mustArm) {
    return emit("arms the timer", withWorker(sent(state, "timer"), index, { ...worker, mustArm: false }));
  }
  if (state.progress === SLEEP && state.sleepOver) emit("wakes from the sleep", logged(END));
  if (state.progress === END) return end(state, index, worker, emit, setup);
  const waits = (state.progress === WAIT && !worker.arrived) || (state.progress === SLEEP && !state.sleepOver);
  if (waits) park(state, index, worker, setup, emit);
}

/** Release IF epoch = mine AND wakes = read; else load again and go on. */
function park(state: State, index: number, worker: With<"turn">, setup: Setup, emit: Emit): void {
  const { message, latest } = worker;
  if (!worker.fresh && !setup.faults.has("release without the wakes condition")) {
    return emit(
      "fails to release: woken; loads again",
      withWorker(state, index, { ...worker, fresh: true, arrived: state.arrived }),
    );
  }
  const due = state.progress === SLEEP ? "sleep" : "far";
  const released: State = { ...state, lease: "released", due };
  if (!setup.faults.has("acknowledge before the release")) {
    return emit("releases", withWorker(released, index, { phase: "then", message, latest, todo: "acknowledge" }));
  }
  if (messageOf(state, message)?.where === "held")
    return emit("acknowledges, not yet released", withMessage(state, message, { where: "gone" }));
  emit("releases", withWorker(released, index, { phase: "idle" }));
}

function end(state: State, index: number, worker: With<"turn">, emit: Emit, setup: Setup): void {
  const { message, latest } = worker;
  const todo = setup.faults.has("do effects after the acknowledgement") ? "acknowledge" : "effects";
  const ended: State = { ...state, live: false, lease: "released", effects: "pending", due: "soon" };
  emit("ends the run", withWorker(ended, index, { phase: "then", message, latest, todo }));
}

/** Time is nearly up: released whatever wakes says, then the continuation is sent. */
export function yieldTurn(state: State, index: number, worker: With<"turn">, setup: Setup, emit: Emit): void {
  if (!worker.current || state.lease !== "valid" || worker.mustArm || state.progress === END) return;
  const budget = { ...state.budget, yields: state.budget.yields - 1 };
  const { message, latest } = worker;
  const released: State = { ...state, lease: "released", due: "soon" };
  if (setup.faults.has("send the continuation before the release") && !worker.continued) {
    return emit(
      "sends the continuation, not yet released",
      withWorker(sent(state, "wake"), index, { ...worker, continued: true }),
    );
  }
  const todo = worker.continued ? "acknowledge" : "continue";
  emit("yields", { ...withWorker(released, index, { phase: "then", message, latest, todo }), budget });
}

/** The lease is lost, or the deadline has passed and nothing is known. */
function stop(state: State, index: number, worker: With<"turn">, setup: Setup, emit: Emit): void {
  const isMine = worker.current || state.claimMsg === worker.message;
  if (isMine && !setup.faults.has("acknowledge when the lease was lost, whoever holds the claimMsg")) {
    return emit("has lost its lease and fails its message", failed(state, index, worker, setup));
  }
  emit("has lost its lease and acknowledges", acknowledged(state, index, worker, setup));
}

function finish(state: State, index: number, worker: With<"then">, setup: Setup, emit: Emit): void {
  const next = (change: Partial<State>, todo: With<"then">["todo"]): State =>
    withWorker({ ...state, ...change }, index, { ...worker, todo });
  if (worker.todo === "continue") {
    return emit("sends a fresh wake", withWorker(sent(state, "wake"), index, { ...worker, todo: "acknowledge" }));
  }
  if (worker.todo === "effects") return emit("does the effects", next({ effectsDone: true }, "done"));
  if (worker.todo === "done")
    return emit("removes the effects", next({ effects: "removed", due: "far" }, "acknowledge"));
  emit("acknowledges", acknowledged(state, index, worker, setup));
}
