/**
 * Owns: the model of long and short sleeps (PROTOCOL §5 timer, DESIGN §6): a schedule two minutes early, dispatch, a message with
 * the exact rest, a worker that believes only the table's due time and its clock. One run sleeps four minutes, then three.
 * Time is relative: every `in` is the minutes left until a moment, and a minute that passes lowers them all, so no horizon cuts
 * the search short. Schedules fire on time or any later, once or twice; dispatch's clock is a minute off either way.
 */
import type { Action, Emit, Model } from "./explore.js";

export type Fault =
  | "trust the message"
  | "acknowledge a timer that is not yet due"
  | "a schedule's name leaves the operation out"
  | "arm after the release"
  | "do not arm again after a steal"
  | "no due entry"
  | "send the step message for now";

export interface Setup {
  sweeper: boolean;
  kills: number;
  /** Schedules that cannot be created. */
  throttles: number;
  /** Schedules that fire once more, at any later time. */
  repeats: number;
  faults: ReadonlySet<Fault>;
}

const FIRST_SLEEP = 4;
const SECOND_SLEEP = 3;
const EARLY = 2;

interface Schedule {
  name: string;
  sleep: number;
  in: number;
}

interface State {
  /** Which sleep the run is in: 0, 1; 2 when it has ended. */
  sleep: number;
  dueIn: number;
  lease: "released" | "valid" | "ran out";
  turn: { todo: "arm" | "release" | "acknowledge"; arms: boolean } | null;
  /** The message of the turn is still there. */
  held: boolean;
  /** Wakes and timers on the step queue: from when they are visible, and for which sleep (-1: any). */
  step: { in: number; sleep: number }[];
  /** On the events queue: sleeps whose schedule has fired. */
  fired: number[];
  schedules: Schedule[];
  /** When the sweeper looks, null when it does not. */
  sweepIn: number | null;
  kills: number;
  throttles: number;
  repeats: number;
  early: string | null;
}

export function timersModel(setup: Setup): Model<State> {
  const names = [...setup.faults].join(", ");
  return {
    name: `timers · sweeper ${setup.sweeper ? "on" : "off"}${names === "" ? "" : ` · ${names}`}`,
    initial: [initialState(setup)],
    actions: [timePasses(), fire(), dispatch(setup), receive(setup), work(setup), sweep(setup), faults()],
    invariants: { "no sleep ends early": (state) => state.early },
    liveness: { name: "every sleep ends", goal: (state) => state.sleep === 2 && state.turn === null },
    sometimes: {
      "a schedule fires after its sleep": (state) =>
        setup.repeats === 0 || state.fired.some((sleep) => sleep < state.sleep),
      "a timer comes too soon": (state) =>
        state.step.some((message) => message.sleep === state.sleep && message.in < state.dueIn),
    },
    canonical: (state) =>
      JSON.stringify({
        ...state,
        step: sorted(state.step),
        schedules: sorted(state.schedules),
        fired: sorted(state.fired),
      }),
    maxStates: 200_000,
  };
}

/** The turn that logged the first sleep; its message is held. */
function initialState(setup: Setup): State {
  return {
    sleep: 0,
    dueIn: FIRST_SLEEP,
    lease: "valid",
    turn: firstTurn(setup, true),
    held: true,
    step: [],
    fired: [],
    schedules: [],
    sweepIn: null,
    kills: setup.kills,
    throttles: setup.throttles,
    repeats: setup.repeats,
    early: null,
  };
}

const sorted = (values: readonly unknown[]): string[] => values.map((value) => JSON.stringify(value)).sort();

function firstTurn(setup: Setup, arms: boolean): State["turn"] {
  return { todo: arms && !setup.faults.has("arm after the release") ? "arm" : "release", arms };
}

/** A minute passes whatever anybody does: every delay is among the interleavings. */
function timePasses(): Action<State> {
  const sooner = (left: number): number => Math.max(0, left - 1);
  return {
    kind: "progress",
    apply: (state, emit) => {
      emit("a minute passes", {
        ...state,
        dueIn: sooner(state.dueIn),
        step: state.step.map((message) => ({ ...message, in: sooner(message.in) })),
        schedules: state.schedules.map((schedule) => ({ ...schedule, in: sooner(schedule.in) })),
        sweepIn: state.sweepIn === null ? null : sooner(state.sweepIn),
      });
      if (state.lease === "valid" && state.turn === null) emit("the lease runs out", { ...state, lease: "ran out" });
    },
  };
}

/** A schedule fires at its time or later; fired, it deletes itself. Nothing says that it fires only once. */
function fire(): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      for (const schedule of state.schedules) {
        if (schedule.in > 0) continue;
        const fired = { ...state, fired: [...state.fired, schedule.sleep] };
        emit(`schedule ${schedule.name} fires`, {
          ...fired,
          schedules: state.schedules.filter((other) => other !== schedule),
        });
        if (state.repeats > 0)
          emit(`schedule ${schedule.name} fires, and will again`, { ...fired, repeats: state.repeats - 1 });
      }
    },
  };
}

/** Sends the step message with the rest of the delay by its own clock. The message of the schedule carries the due time. */
function dispatch(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      state.fired.forEach((sleep, index) => {
        const exact = sleep === state.sleep ? state.dueIn : 0;
        const byItsClock = [exact - 1, exact, exact + 1].map((rest) => Math.max(0, rest));
        for (const rest of setup.faults.has("send the step message for now") ? [0] : byItsClock) {
          const next = { ...state, step: [...state.step, { in: rest, sleep }], fired: state.fired.toSpliced(index, 1) };
          emit(`dispatch sends the timer of sleep ${sleep + 1} with a delay of ${rest}`, next);
        }
      });
    },
  };
}

/** The table decides: the message only says where to look. */
function receive(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      if (state.turn !== null) return;
      state.step.forEach((message, index) => {
        if (message.in > 0) return;
        const rest = { ...state, step: state.step.toSpliced(index, 1) };
        if (state.sleep === 2) return emit("a message finds the run ended", rest);
        const isTimer = message.sleep === state.sleep && state.dueIn > 0;
        if (isTimer && setup.faults.has("acknowledge a timer that is not yet due"))
          return emit("a worker acknowledges an early timer", rest);
        if (isTimer && !setup.faults.has("trust the message")) {
          const failed = { ...rest, step: [...rest.step, { in: state.dueIn, sleep: message.sleep }] };
          return emit("a worker fails a timer that is not yet due", failed);
        }
        begin(rest, message.sleep, setup, emit);
      });
    },
  };
}

function begin(state: State, cause: number, setup: Setup, emit: Emit<State>): void {
  const isSteal = state.lease === "ran out";
  if (state.lease === "valid") return;
  const claimed: State = { ...state, lease: "valid", held: true };
  const trusts = setup.faults.has("trust the message") && cause !== -1;
  if (state.dueIn > 0 && !trusts) {
    const arms = isSteal && !setup.faults.has("do not arm again after a steal");
    return emit(`a worker ${isSteal ? "steals" : "claims"}, the sleep is not over`, {
      ...claimed,
      turn: firstTurn(setup, arms),
    });
  }
  const early = state.dueIn > 0 ? `sleep ${state.sleep + 1} ended ${state.dueIn} minutes early` : null;
  if (state.sleep === 1) {
    const ended: State = {
      ...claimed,
      sleep: 2,
      lease: "released",
      sweepIn: null,
      early,
      turn: { todo: "acknowledge", arms: false },
    };
    return emit("a worker wakes the run, which ends", ended);
  }
  const next: State = { ...claimed, sleep: 1, dueIn: SECOND_SLEEP, early, turn: firstTurn(setup, true) };
  emit("a worker wakes the run, which sleeps again", next);
}

/** Arm, release, acknowledge: each a write that a kill may come before. */
function work(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      const { turn } = state;
      if (turn === null) return;
      const late = setup.faults.has("arm after the release");
      if (turn.todo === "arm") return arm(state, { todo: late ? "acknowledge" : "release", arms: false }, setup, emit);
      if (turn.todo === "release") {
        const sweepIn = setup.faults.has("no due entry") ? null : state.dueIn + 1;
        const todo = late && turn.arms ? "arm" : "acknowledge";
        return emit("the worker releases", { ...state, lease: "released", sweepIn, turn: { ...turn, todo } });
      }
      emit("the worker acknowledges", { ...state, turn: null, held: false });
    },
  };
}

function arm(state: State, turn: State["turn"], setup: Setup, emit: Emit<State>): void {
  const next = { ...state, turn };
  if (state.dueIn <= EARLY) {
    return emit("the worker sends a delayed message", {
      ...next,
      step: [...state.step, { in: state.dueIn, sleep: state.sleep }],
    });
  }
  const name = setup.faults.has("a schedule's name leaves the operation out") ? "run" : `run-${state.sleep + 1}`;
  if (state.throttles > 0) emit("the schedule cannot be created", { ...next, throttles: state.throttles - 1 });
  // A schedule of this name is there already: it was created by a turn that crashed.
  const isThere = state.schedules.some((schedule) => schedule.name === name);
  const left = Math.max(1, state.dueIn - EARLY);
  const schedules = isThere ? state.schedules : [...state.schedules, { name, sleep: state.sleep, in: left }];
  emit(`the worker creates schedule ${name}${isThere ? ", which is there" : ` in ${left}`}`, {
    ...next,
    schedules,
  });
}

function sweep(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      if (!setup.sweeper || state.sweepIn === null || state.sweepIn > 0 || state.lease === "valid") return;
      // A second wake beside one that is still there is one hint more among hints.
      if (state.step.some((message) => message.sleep === -1)) return;
      emit("the sweeper wakes the run", {
        ...state,
        sweepIn: 1,
        step: [...state.step, { in: 0, sleep: -1 }],
      });
    },
  };
}

function faults(): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      if (state.turn === null || state.kills === 0) return;
      const again = state.held ? [...state.step, { in: 0, sleep: -1 }] : state.step;
      emit("the worker dies, its message is delivered again", {
        ...state,
        turn: null,
        held: false,
        step: again,
        kills: state.kills - 1,
      });
    },
  };
}
