/**
 * Owns: the crash-charging model (PROTOCOL §2.5): the turns of one run, one after the other, with bodies that kill their process,
 * functions that die before any body, steps that throw, and kills from outside. Leases and order are the run-log model's.
 * The steps of a group run together; a group begins when all before it have an outcome; a step out of attempts is caught by
 * the function, so a poison body must cost its step and never its run.
 */
import type { Action, Model } from "./explore.js";

export const ATTEMPTS = 2;

export type Fault =
  | "one logged result ends the care"
  | "only the stealing turn is careful"
  | "careful turns write no start"
  | "careful turns run bodies together"
  | "a started body without outcome is not charged"
  | "crashes before any body are not charged"
  | "progress does not reset the crashes";

export interface Setup {
  groups: readonly (readonly string[])[];
  /** Steps whose body kills the process each time. */
  poison: readonly string[];
  /** Steps whose first attempt throws. */
  flaky: readonly string[];
  /** The function dies before any body of this group, always. */
  diesBeforeGroup: number | null;
  kills: number;
  yields: number;
  faults: ReadonlySet<Fault>;
}

interface Step {
  used: number;
  outcome: "ok" | "failed" | null;
  /** A `start` entry without an outcome. */
  started: boolean;
  waits: boolean;
  /** For checking only: bodies that began. */
  runs: number;
}

interface State {
  steps: Record<string, Step>;
  turn: { running: string[]; careful: boolean } | null;
  crashed: boolean;
  crashes: number;
  /** Steps open at the last steal that had no outcome since: any of them may be what killed the worker. */
  suspects: string[];
  progress: boolean;
  ended: "returned" | "gave up" | null;
  kills: number;
  yields: number;
  /** For checking only: crashes since the last result, whoever was charged. */
  barren: number;
}

export function crashChargingModel(setup: Setup): Model<State> {
  const names = setup.groups.map((group) => group.join("+")).join(" then ");
  return {
    name: `crash charging · ${names}${setup.faults.size === 0 ? "" : ` · ${[...setup.faults].join(", ")}`}`,
    initial: [initialState(setup)],
    actions: [begin(setup), bodies(setup), leave(setup), kill(setup)],
    invariants: {
      "bodies are bounded": (state) => {
        const limit = ATTEMPTS + 1 + setup.kills;
        const over = Object.entries(state.steps).find(([, step]) => step.runs > limit);
        return over === undefined ? null : `the body of ${over[0]} began ${over[1].runs} times, the limit is ${limit}`;
      },
      "a poison body costs its step, not its neighbour": (state) => {
        if (setup.kills >= ATTEMPTS || setup.flaky.length > 0) return null;
        const victim = Object.entries(state.steps).find(
          ([id, step]) => step.outcome === "failed" && !setup.poison.includes(id),
        );
        return victim === undefined ? null : `${victim[0]} failed and is healthy`;
      },
      "a run gives up only after crashes without progress": (state) => {
        const justly = state.barren > ATTEMPTS && (setup.diesBeforeGroup !== null || setup.kills > ATTEMPTS);
        return state.ended !== "gave up" || justly ? null : `it gave up after ${state.barren} crashes without progress`;
      },
    },
    liveness: { name: "every run ends", goal: (state) => state.ended !== null },
    sometimes: {
      "a run gives up": (state) => setup.diesBeforeGroup === null || state.ended === "gave up",
      "a step is charged": (state) =>
        setup.poison.length === 0 ||
        setup.diesBeforeGroup === 0 ||
        Object.values(state.steps).some((step) => step.outcome === "failed"),
    },
    maxStates: 100_000,
  };
}

function initialState(setup: Setup): State {
  const fresh = (): Step => ({ used: 0, outcome: null, started: false, waits: false, runs: 0 });
  const steps = Object.fromEntries(setup.groups.flat().map((id) => [id, fresh()]));
  const { kills, yields } = setup;
  const rest = { crashes: 0, suspects: [], progress: false, ended: null, kills, yields, barren: 0 };
  return { steps, turn: null, crashed: false, ...rest };
}

const stepOf = (state: State, id: string): Step =>
  state.steps[id] ?? { used: 0, outcome: null, started: false, waits: false, runs: 0 };

function withStep(state: State, id: string, change: Partial<Step>): State {
  return { ...state, steps: { ...state.steps, [id]: { ...stepOf(state, id), ...change } } };
}

const groupIndex = (state: State, setup: Setup): number =>
  setup.groups.findIndex((group) => group.some((id) => stepOf(state, id).outcome === null));

/** The steps that user code waits for now. */
const openSteps = (state: State, setup: Setup): string[] =>
  (setup.groups[groupIndex(state, setup)] ?? []).filter((id) => stepOf(state, id).outcome === null);

function begin(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      if (state.turn !== null || state.ended !== null) return;
      if (!state.crashed) {
        const careful = state.suspects.length > 0 && !setup.faults.has("only the stealing turn is careful");
        return emit("a turn claims", { ...state, turn: { running: [], careful } });
      }
      const charged = charge(state, setup);
      if (charged.crashes > ATTEMPTS)
        return emit("a turn steals and gives the run up", { ...charged, ended: "gave up" });
      const suspects = openSteps(charged, setup).filter((id) => !stepOf(charged, id).waits);
      emit("a turn steals", { ...charged, suspects, turn: { running: [], careful: true } });
    },
  };
}

/** Who pays for the crash: the started body without outcome; without one, the function's own attempts. */
function charge(state: State, setup: Setup): State {
  const started = Object.keys(state.steps).filter((id) => stepOf(state, id).started);
  let next: State = { ...state, crashed: false, progress: false };
  for (const id of started) {
    const used = stepOf(state, id).used + (setup.faults.has("a started body without outcome is not charged") ? 0 : 1);
    next = withStep(next, id, { used, started: false, outcome: used >= ATTEMPTS ? "failed" : null });
  }
  if (started.length > 0 || setup.faults.has("crashes before any body are not charged")) return next;
  const resets = state.progress && !setup.faults.has("progress does not reset the crashes");
  return { ...next, crashes: resets ? 1 : state.crashes + 1 };
}

function crashed(state: State): State {
  return { ...state, turn: null, crashed: true, barren: state.progress ? 1 : Math.min(9, state.barren + 1) };
}

function bodies(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      const { turn } = state;
      if (turn === null) return;
      if (turn.running.length === 0 && groupIndex(state, setup) === setup.diesBeforeGroup)
        return emit("dies before any body", crashed(state));
      for (const id of turn.running) finishBody(state, turn, id, setup, emit);
      startBodies(state, turn, setup, emit);
    },
  };
}

function startBodies(
  state: State,
  turn: { running: string[]; careful: boolean },
  setup: Setup,
  emit: (label: string, next: State) => void,
): void {
  const ready = openSteps(state, setup).filter((id) => !turn.running.includes(id) && !stepOf(state, id).waits);
  const alone = turn.careful && !setup.faults.has("careful turns run bodies together");
  const [first] = ready;
  if (first === undefined || (alone && turn.running.length > 0)) return;
  const starting = alone ? [first] : ready;
  // The `start` entry is durable before the body begins: a kill between the two charges a body that never ran.
  const unwritten = starting.filter((id) => !stepOf(state, id).started);
  if (turn.careful && unwritten.length > 0 && !setup.faults.has("careful turns write no start")) {
    return emit(
      `writes start of ${unwritten.join(" and ")}`,
      unwritten.reduce((next, id) => withStep(next, id, { started: true }), state),
    );
  }
  const begun = starting.reduce((next, id) => withStep(next, id, { runs: stepOf(next, id).runs + 1 }), state);
  emit(`starts ${starting.join(" and ")}`, { ...begun, turn: { ...turn, running: [...turn.running, ...starting] } });
}

function finishBody(
  state: State,
  turn: { running: string[]; careful: boolean },
  id: string,
  setup: Setup,
  emit: (label: string, next: State) => void,
): void {
  if (setup.poison.includes(id)) return emit(`the body of ${id} kills its process`, crashed(state));
  const step = stepOf(state, id);
  const throws = setup.flaky.includes(id) && step.used === 0;
  const used = step.used + 1;
  const failed: Partial<Step> = used >= ATTEMPTS ? { outcome: "failed" } : { waits: true };
  const logged = withStep(state, id, { used, started: false, ...(throws ? failed : { outcome: "ok" }) });
  const suspects = state.suspects.filter((suspect) => suspect !== id);
  const stays = suspects.length > 0 && !setup.faults.has("one logged result ends the care");
  const running = turn.running.filter((other) => other !== id);
  const cleared = suspects.length === 0 ? { crashes: 0 } : {};
  const keeps = setup.faults.has("progress does not reset the crashes") ? {} : cleared;
  emit(`${throws ? "logs the failure of" : "logs the result of"} ${id}`, {
    ...logged,
    ...keeps,
    suspects,
    progress: true,
    barren: 0,
    turn: { running, careful: turn.careful && stays },
  });
}

/** Returns, parks until a retry is due, or yields. */
function leave(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      const { turn } = state;
      if (turn === null || turn.running.length > 0) return;
      const open = openSteps(state, setup);
      if (open.length === 0) return emit("the function returns", { ...state, turn: null, ended: "returned" });
      if (open.every((id) => stepOf(state, id).waits)) {
        const due = open.reduce((next, id) => withStep(next, id, { waits: false }), state);
        emit("parks until the retry is due", { ...due, turn: null });
      }
    },
  };
}

function kill(setup: Setup): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      if (state.turn === null) return;
      if (state.kills > 0) emit("the worker is killed", { ...crashed(state), kills: state.kills - 1 });
      const quiet =
        state.turn.running.length === 0 && openSteps(state, setup).every((id) => !stepOf(state, id).started);
      if (state.yields > 0 && quiet) emit("yields", { ...state, turn: null, yields: state.yields - 1 });
    },
  };
}
