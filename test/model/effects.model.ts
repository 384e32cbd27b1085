/**
 * Owns: the model of what follows the end of a run (PROTOCOL §3, "Ending has effects"): end against cancel, two workers with the
 * same message, an operator's request, kills between any two writes. Effects go in order, each under a name derived from the
 * run: putting one that is there already changes nothing.
 */
import type { Action, Model } from "./explore.js";

export type Fault =
  | "do the effects before the end is written"
  | "remove the effects before doing them"
  | "end with no effects pending"
  | "cancel with no effects pending"
  | "cancel without moving due"
  | "name an effect by who does it"
  | "do the effects of a cancel that failed"
  | "end whatever the epoch"
  | "acknowledge a message of an ended run with effects pending";

export interface Setup {
  sweeper: boolean;
  cancels: number;
  kills: number;
  faults: ReadonlySet<Fault>;
}

const EFFECTS = ["the parent's arrival", "the system event"] as const;

type Status = "live" | "completed" | "cancelled";

type Actor =
  | { phase: "idle" }
  | { phase: "turn"; current: boolean; didEffects: boolean }
  | { phase: "effects"; next: number; says: Status }
  | { phase: "remove" }
  | { phase: "undo"; next: number; says: Status }
  | { phase: "answer" };

interface State {
  status: Status;
  lease: "released" | "valid" | "ran out";
  effects: "none" | "pending" | "removed";
  due: "soon" | "far";
  message: "visible" | "held" | "gone";
  /** What each effect told the world, "" while it has not happened. */
  told: string[];
  /** Two workers, then the operator's request. */
  actors: Actor[];
  cancels: number;
  kills: number;
  broken: string | null;
}

const OPERATOR = 2;

export function effectsModel(setup: Setup): Model<State> {
  const names = [...setup.faults].join(", ");
  return {
    name: `effects · sweeper ${setup.sweeper ? "on" : "off"}${names === "" ? "" : ` · ${names}`}`,
    // With a wake to handle; and parked, with nothing to come for a long time but a cancel.
    initial: [initialState(setup, "visible"), initialState(setup, "gone")],
    actions: [receive(setup), act(setup), world(setup), operator(setup), kills()],
    invariants: {
      "effects happen once and tell the final status": (state) => {
        if (state.broken !== null) return state.broken;
        const wrong = state.told.findIndex((says) => says !== "" && says !== state.status);
        return wrong === -1 ? null : `${EFFECTS[wrong]} tells "${state.told[wrong]}" of a run that is ${state.status}`;
      },
      "effects are removed only when all are done": (state) =>
        state.effects === "removed" && state.told.includes("") ? "an effect that was never done was removed" : null,
    },
    liveness: {
      name: "every end has its effects",
      goal: (state) => {
        const quiet = state.message === "gone" && state.actors.every((actor) => actor.phase === "idle");
        return quiet && (state.status === "live" || state.effects === "removed");
      },
    },
    sometimes: { "a run is cancelled": (state) => setup.cancels === 0 || state.status === "cancelled" },
    maxStates: 100_000,
  };
}

function initialState(setup: Setup, message: State["message"]): State {
  return {
    status: "live",
    lease: "released",
    effects: "none",
    due: "far",
    message,
    told: EFFECTS.map(() => ""),
    actors: [{ phase: "idle" }, { phase: "idle" }, { phase: "idle" }],
    cancels: setup.cancels,
    kills: setup.kills,
    broken: null,
  };
}

const withActor = (state: State, index: number, actor: Actor): State => ({
  ...state,
  actors: state.actors.with(index, actor),
});

const raised = (state: State): State => ({
  ...state,
  actors: state.actors.map((actor): Actor => (actor.phase === "turn" ? { ...actor, current: false } : actor)),
});

const nameOf = (index: number): string => (index === OPERATOR ? "the operator's request" : `worker ${index + 1}`);

function receive(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      if (state.message !== "visible") return;
      const index = state.actors.findIndex((actor, at) => at !== OPERATOR && actor.phase === "idle");
      if (index === -1) return;
      const held: State = { ...state, message: "held" };
      if (state.status === "live") {
        if (state.lease === "valid") return;
        const claimed = withActor(raised({ ...held, lease: "valid" }), index, {
          phase: "turn",
          current: true,
          didEffects: false,
        });
        return emit(`${nameOf(index)} claims`, claimed);
      }
      const ignores = setup.faults.has("acknowledge a message of an ended run with effects pending");
      if (state.effects !== "pending" || ignores)
        return emit(`${nameOf(index)} acknowledges`, { ...state, message: "gone" });
      emit(`${nameOf(index)} finds effects pending`, withActor(held, index, begins(setup, state.status)));
    },
  };
}

function begins(setup: Setup, says: Status): Actor {
  return setup.faults.has("remove the effects before doing them")
    ? { phase: "undo", next: 0, says }
    : { phase: "effects", next: 0, says };
}

function act(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      state.actors.forEach((actor, index) => {
        const say = (label: string, next: State): void => emit(`${nameOf(index)} ${label}`, next);
        if (actor.phase === "turn") end(state, index, actor, setup, say);
        if (actor.phase === "undo") {
          say(
            "removes the effects",
            withActor({ ...state, effects: "removed", due: "far" }, index, { ...actor, phase: "effects" }),
          );
        }
        if (actor.phase === "effects") effect(state, index, actor, setup, say);
        if (actor.phase === "remove") {
          const removed: State = state.effects === "pending" ? { ...state, effects: "removed", due: "far" } : state;
          say("removes the effects", withActor(removed, index, { phase: "answer" }));
        }
        if (actor.phase !== "answer") return;
        const idle = withActor(state, index, { phase: "idle" });
        say(index === OPERATOR ? "answers" : "acknowledges", index === OPERATOR ? idle : { ...idle, message: "gone" });
      });
    },
  };
}

function end(
  state: State,
  index: number,
  turn: Extract<Actor, { phase: "turn" }>,
  setup: Setup,
  say: (label: string, next: State) => void,
): void {
  if (setup.faults.has("do the effects before the end is written") && !turn.didEffects) {
    const told = state.told.map((says) => (says === "" ? "completed" : says));
    return say("does the effects", withActor({ ...state, told }, index, { ...turn, didEffects: true }));
  }
  const holds = setup.faults.has("end whatever the epoch") ? true : state.status === "live" && turn.current;
  // Its message stays unacknowledged: it is visible again, and whoever gets it finds out what is left to do.
  if (!holds) return say("has lost its lease", withActor({ ...state, message: "visible" }, index, { phase: "idle" }));
  if (setup.faults.has("end with no effects pending")) {
    const ended: State = { ...state, status: "completed", lease: "released" };
    return say("ends the run", withActor(ended, index, { phase: "effects", next: 0, says: "completed" }));
  }
  const ended: State = { ...raised(state), status: "completed", lease: "released", effects: "pending", due: "soon" };
  say("ends the run", withActor(ended, index, begins(setup, "completed")));
}

function effect(
  state: State,
  index: number,
  actor: Extract<Actor, { phase: "effects" }>,
  setup: Setup,
  say: (label: string, next: State) => void,
): void {
  const { next, says } = actor;
  const wasTold = state.told[next] !== "";
  const again = wasTold && setup.faults.has("name an effect by who does it") ? `${EFFECTS[next]} happened twice` : null;
  const told = wasTold ? state.told : state.told.with(next, says);
  const broken =
    state.broken ?? again ?? (state.status === "live" ? `${EFFECTS[next]} happened while the run was live` : null);
  const following: Actor = next + 1 < EFFECTS.length ? { ...actor, next: next + 1 } : { phase: "remove" };
  say(`does ${EFFECTS[next]}`, withActor({ ...state, told, broken }, index, following));
}

function operator(setup: Setup): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      if (state.cancels === 0 || state.actors[OPERATOR]?.phase !== "idle") return;
      const asked = { ...state, cancels: state.cancels - 1 };
      if (state.status !== "live") {
        if (!setup.faults.has("do the effects of a cancel that failed")) return;
        return emit(
          "an operator cancels too late",
          withActor(asked, OPERATOR, { phase: "effects", next: 0, says: "cancelled" }),
        );
      }
      const due = setup.faults.has("cancel without moving due") ? state.due : "soon";
      const effects = setup.faults.has("cancel with no effects pending") ? "none" : "pending";
      const cancelled: State = { ...raised(asked), status: "cancelled", lease: "released", effects, due };
      emit("an operator cancels", withActor(cancelled, OPERATOR, begins(setup, "cancelled")));
    },
  };
}

/** A lease runs out when nobody is there to lengthen it; the sweeper looks where no message is left. */
function world(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      const held = state.actors.some((actor) => actor.phase === "turn" && actor.current);
      if (state.status === "live" && state.lease === "valid" && !held)
        emit("the lease runs out", { ...state, lease: "ran out" });
      if (setup.sweeper && state.due === "soon" && state.effects === "pending" && state.message === "gone") {
        emit("the sweeper sends a wake", { ...state, message: "visible" });
      }
    },
  };
}

function kills(): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      if (state.kills === 0) return;
      state.actors.forEach((actor, index) => {
        if (actor.phase === "idle") return;
        const dead = withActor({ ...state, kills: state.kills - 1 }, index, { phase: "idle" });
        const redelivered = index !== OPERATOR && state.message === "held";
        emit(`${nameOf(index)} dies`, redelivered ? { ...dead, message: "visible" } : dead);
        if (redelivered && actor.phase === "turn") {
          emit(`the message of ${nameOf(index)} is delivered again`, {
            ...state,
            kills: state.kills - 1,
            message: "visible",
          });
        }
      });
    },
  };
}
