/**
 * Owns: the waits model: who acts when, time, and what must hold: a wait has one outcome, whoever shows it; a released run's wait
 * has its waiter; no event ends two waits; and it always ends, by an event alone as well as by the time alone.
 */
import type { Action, Model } from "../explore.js";
import { dispatchFaults, dispatchSteps, receiveEvents } from "./dispatch.js";
import { canonical, waitOf, withAt, withWorker, woken, WAITS } from "./state.js";
import type { Setup, State, Worker } from "./state.js";
import { loseRace, workerSteps, yieldTurn } from "./worker.js";

export function waitsModel(setup: Setup): Model<State> {
  const names = [...setup.faults].join(", ");
  return {
    name: `waits · events ${setup.events}${names === "" ? "" : ` · ${names}`}`,
    initial: [initialState(setup)],
    actions: [work(setup), dispatch(setup), time(setup), events(setup), faults(setup)].map(whileLive),
    invariants: {
      "a wait has one outcome": outcomeOf,
      "no event ends two waits": ({ shown: [first, second] }) =>
        first === second && (first === "a" || first === "b") ? `both waits were shown ${first}` : null,
      "a released wait has its waiter": unarmed,
    },
    liveness: { name: "every wait ends", goal: (state) => !state.live },
    sometimes: {
      "a lease is stolen": (state) =>
        setup.budget.kills + setup.budget.stalls === 0 || state.workers.some((one) => "steal" in one && one.steal),
      "a wake is absorbed": (state) => state.workers.some((worker) => worker.phase === "turn" && !worker.fresh),
      "an event ends a wait": ({ shown }) => shown.includes("a") || shown.includes("b"),
      "the time ends a wait": ({ shown }) => setup.events !== "any time" || shown.includes("timeout"),
    },
    canonical,
    fairness: (label) => label.replace(/^worker \d+/, ""),
    maxStates: 200_000,
  };
}

function initialState(setup: Setup): State {
  return {
    live: true,
    lease: "released",
    log: setup.waits === 2 ? [] : ["gone0"],
    inbox: ["", ""],
    waiters: [null, null],
    timeUp: [false, false],
    timers: [false, false],
    wakes: 1,
    workers: Array.from({ length: setup.workers }, (): Worker => ({ phase: "idle" })),
    messages: { a: "unsent", b: "unsent" },
    deliveries: [],
    stored: "",
    shown: ["", ""],
    broken: null,
    budget: setup.budget,
  };
}

/** What comes for a run that has ended is only acknowledged: nothing of it is about waits. */
const whileLive = (action: Action<State>): Action<State> => ({
  kind: action.kind,
  apply: (state, emit) => {
    if (state.live) action.apply(state, emit);
  },
});

/** One value for all, and it is the first arrival. */
function outcomeOf(state: State): string | null {
  if (state.broken !== null) return state.broken;
  const wrong = WAITS.find((wait) => state.shown[wait] !== "" && state.shown[wait] !== state.inbox[wait]);
  return wrong === undefined
    ? null
    : `wait ${wrong} was shown ${state.shown[wrong]}, its inbox holds ${state.inbox[wrong]}`;
}

function unarmed(state: State): string | null {
  if (!state.live || state.lease !== "released") return null;
  const wait = waitOf(state.log);
  const isOpen = wait !== -1 && state.log.includes(`op${wait}`) && state.inbox[wait] === "";
  return isOpen && state.waiters[wait] === null ? `the run is released, wait ${wait} has no waiter` : null;
}

function work(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      state.workers.forEach((_, index) =>
        workerSteps(state, index, setup, (label, next) => emit(`worker ${index + 1} ${label}`, next)),
      );
    },
  };
}

function dispatch(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      receiveEvents(state, emit);
      state.deliveries.forEach((delivery, index) => dispatchSteps(state, index, delivery, setup, emit));
    },
  };
}

/** The time of a wait comes, then its timer. A lease runs out when nobody is there to lengthen it. */
function time(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      const held = state.workers.some((worker) => worker.phase === "turn" && worker.held && worker.current);
      // The message that made the claim is never absorbed: it comes again when the lease has run out (acknowledgement).
      if (state.lease === "valid" && !held)
        emit("the lease runs out, its message comes again", woken({ ...state, lease: "ran out" }));
      if (setup.events !== "any time") return;
      for (const wait of WAITS) {
        if (state.log.includes(`op${wait}`) && !state.timeUp[wait])
          emit(`the time of wait ${wait} is up`, { ...state, timeUp: withAt(state.timeUp, wait, true) });
        if (state.timers[wait] && state.timeUp[wait])
          emit(`the timer of wait ${wait} comes`, woken({ ...state, timers: withAt(state.timers, wait, false) }));
      }
    },
  };
}

/** Events as the world likes; or as answers, which somebody is sure to give. */
function events(setup: Setup): Action<State> {
  return {
    kind: setup.events === "any time" ? "fault" : "progress",
    apply: (state, emit) => {
      const wait = waitOf(state.log);
      for (const event of ["a", "b"] as const) {
        if (state.messages[event] !== "unsent") continue;
        const sent = { ...state, messages: { ...state.messages, [event]: "visible" as const } };
        if (setup.events === "any time") emit(`event ${event} is sent`, sent);
        if (wait !== (event === "a" ? 0 : 1)) continue;
        if (setup.events === "when parked" && state.lease === "released" && state.log.includes(`op${wait}`))
          emit(`event ${event} answers the parked run`, sent);
        if (setup.events === "once asked" && state.log.includes(`op${wait}`))
          emit(`event ${event} answers what the log asks for`, sent);
        if (setup.events === "by a body" && bodyRuns(state, setup)) emit(`a body sends event ${event}`, sent);
      }
    },
  };
}

/** A body asked for beside the wait: it begins when what was asked for is armed. */
function bodyRuns(state: State, setup: Setup): boolean {
  const early = setup.faults.has("bodies do not wait for the arming");
  return state.workers.some((worker) => {
    if (worker.phase !== "turn" || !worker.held) return false;
    return worker.knows.includes(`op${waitOf(worker.knows)}`) && (worker.armed === "yes" || early);
  });
}

function faults(setup: Setup): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      const { budget } = state;
      state.workers.forEach((worker, index) => {
        const say = (label: string, next: State): void => emit(`worker ${index + 1} ${label}`, next);
        if (worker.phase === "idle") return;
        const idle = withWorker(state, index, { phase: "idle" });
        const back = worker.phase === "turn" ? idle : woken(idle);
        if (budget.kills > 0) say("dies", { ...back, budget: { ...budget, kills: budget.kills - 1 } });
        if (worker.phase !== "turn") return;
        if (budget.yields > 0) yieldTurn(state, index, worker, setup, say);
        if (budget.letGo > 0) loseRace(state, index, worker, setup, say);
        if (budget.stalls === 0 || !worker.held) return;
        const zombie = woken(withWorker(state, index, { ...worker, held: false }));
        const stalls = budget.stalls - 1;
        say("freezes past its lease", { ...zombie, lease: "ran out", budget: { ...budget, stalls } });
      });
      dispatchFaults(state, emit);
    },
  };
}
