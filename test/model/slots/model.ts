/**
 * Owns: the slots model: concurrency limits, whose places runs take, queue for, are given and give back. Here: who receives which
 * message, and what the world may do. take.ts, turn.ts and pump.ts say what is done, goals.ts what must hold.
 */
import type { Action, Model } from "../explore.js";
import { invariantsOf, isFinished, MEETINGS } from "./goals.js";
import { dead, type Step } from "./pump.js";
import { ALL, at, canonical, landed, sent, spent, withActor, withRun } from "./state.js";
import type { Message, Setup, State } from "./state.js";
import { begun, heldBy, initialState } from "./start.js";
import { proceed } from "./take.js";
import { actorStep, giveBack, logged, passed, yieldTurn } from "./turn.js";

export function slotsModel(setup: Setup, maxStates: number): Model<State> {
  const names = [...setup.faults].join(", ");
  const limits = setup.keys.map(({ limit, hold }) => `${limit} a ${hold}`).join(", ");
  return {
    name: `slots · ${setup.passes.length} runs · ${limits}${names === "" ? "" : ` · ${names}`}`,
    initial: [initialState(setup)],
    actions: [
      receive(setup),
      work(setup),
      time(setup),
      sweeper(setup),
      earlySweeper(),
      copiesLeft(setup),
      copiesLand(setup),
      kills(setup),
      stallsAndYields(setup),
      messageFaults(),
      cancels(setup),
    ],
    invariants: invariantsOf(setup),
    liveness: { name: "every queued run runs", goal: (state) => isFinished(state, setup) },
    sometimes: Object.fromEntries(setup.meets.map((name) => [name, MEETINGS[name]])),
    canonical,
    maxStates,
  };
}

function receive(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      state.messages.forEach((message, index) => {
        const taken = { ...state, messages: state.messages.toSpliced(index, 1) };
        deliver(taken, message, setup, (label, next) => emit(`run ${message.run}: ${label}`, next));
      });
    },
  };
}

function deliver(state: State, message: Message, setup: Setup, emit: (label: string, next: State) => void): void {
  const run = at(state.runs, message.run);
  if (!run.live) return deliverToEnded(state, message, setup, emit);
  if (run.lease === "valid") {
    const actors = state.actors.map((actor) =>
      actor.run === message.run && actor.turn?.mine === true
        ? { ...actor, turn: { ...actor.turn, fresh: false } }
        : actor,
    );
    return emit("absorbs a wake", { ...state, actors });
  }
  const stolen = run.lease === "out";
  const actors = state.actors.map((actor) =>
    actor.run === message.run && actor.turn !== null ? { ...actor, turn: { ...actor.turn, mine: false } } : actor,
  );
  const claimed = withRun({ ...state, actors }, message.run, { lease: "valid" });
  const turn = begun(state, message, stolen, setup);
  const actor = { run: message.run, message: heldBy(state, message), job: { at: "pass" as const }, pump: null, turn };
  const begins = turn.restarting === "no" ? proceed(actor, setup) : giveBack(actor, turn, setup);
  const with1 = { ...claimed, actors: [...claimed.actors, begins] };
  emit(`${stolen ? "steals" : "claims"} by ${textOf(message)}`, withBegun(with1, setup));
}

function textOf({ slot, sweep }: Message): string {
  if (sweep) return "the sweeper's wake";
  return slot === null ? "a wake" : "a wake with a place";
}

/** A wake with a place gives it back; but not while a turn may go on: the effect that waits for its lease does it then. */
function deliverToEnded(
  state: State,
  message: Message,
  setup: Setup,
  emit: (label: string, next: State) => void,
): void {
  const { effects, late } = at(state.runs, message.run);
  const clean = (keys: number[], isEffect: boolean): State => {
    const job = { at: "clean" as const, keys, isEffect };
    return {
      ...state,
      actors: [...state.actors, { run: message.run, message: heldBy(state, message), job, pump: null, turn: null }],
    };
  };
  const all = setup.keys.map((_, key) => key);
  if (effects === "slots" || (effects === "later" && late)) return emit("begins its effects", clean(all, true));
  const named = message.slot === ALL ? all : message.slot === null ? [] : [message.slot];
  const tooEarly = effects === "later" && !setup.faults.has("an ended run gives back while its turn may go on");
  if (tooEarly || (effects === "later" && named.length === 0)) return;
  if (named.length === 0 || setup.faults.has("an ended run acknowledges a grant"))
    return emit("has ended: acknowledges", state);
  emit("has ended, was given a place", clean(named, false));
}

function eachActor(
  state: State,
  setup: Setup,
  mode: Step["mode"],
  visit: (step: Step) => void,
  emit: Step["emit"],
): void {
  state.actors.forEach((actor, index) => {
    const zombie = actor.turn !== null && !actor.turn.valid ? " (zombie)" : "";
    const say = (label: string, next: State): void => emit(`run ${actor.run}${zombie}: ${label}`, next);
    visit({ state, index, actor, setup, mode, emit: say });
  });
}

/** A pass begins with the step before it, unless a yield may come between. */
function withBegun(state: State, setup: Setup): State {
  if (state.budget.yields > 0) return state;
  const index = state.actors.findIndex(({ job, turn }) => job.at === "pass" && turn?.valid === true);
  const actor = state.actors[index];
  if (actor === undefined || actor.turn === null) return state;
  return withActor(state, index, passed({ ...actor, turn: actor.turn }, state, setup));
}

function work(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      const begins: Step["emit"] = (label, next) => emit(label, withBegun(next, setup));
      eachActor(state, setup, "once", actorStep, begins);
    },
  };
}

/** The sleep ends. A cancelled turn's lease cannot hold for ever. */
function time({ waits }: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      state.runs.forEach(({ live, asleep, late }, run) => {
        const mayWake = !waits || state.runs.every((one, other) => other === run || !one.live);
        if (live && asleep && mayWake) {
          const awake = withRun(state, run, { asleep: false, ready: true });
          emit(`run ${run}: its sleep is over`, sent(awake, { run, slot: null, sweep: false }));
        }
        if (live || late) return;
        const actors = state.actors.filter((actor) => actor.run !== run || actor.turn === null);
        const over = { late: true, todo: 0, ready: false };
        emit(`run ${run}: its last lease must have run out`, withRun({ ...state, actors }, run, over));
      });
    },
  };
}

/** It comes when all else is quiet, or whenever a run has no message; a fault besides, for what its check races with. */
function sweeper(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      const known = [...state.actors, ...state.messages];
      if (setup.sweeper === "quiet" && known.length === 0) sweep(state, () => true, emit);
      if (setup.sweeper === "any time") sweep(state, (run) => known.every((one) => one.run !== run), emit);
    },
  };
}

function earlySweeper(): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      if (state.budget.sweeps > 0) sweep(spent(state, "sweeps"), () => true, emit);
    },
  };
}

function sweep(state: State, mayWake: (run: number) => boolean, emit: Step["emit"]): void {
  state.runs.forEach(({ live, lease, asleep, effects }, run) => {
    const isDue = live ? lease !== "valid" && !asleep : effects !== "none";
    if (isDue && mayWake(run)) emit(`run ${run}: the sweeper wakes it`, sent(state, { run, slot: null, sweep: true }));
  });
}

function copiesLeft(setup: Setup): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      const begins: Step["emit"] = (label, next) => emit(label, withBegun(next, setup));
      if (setup.budget.latePuts + setup.budget.lateDeletes > 0) eachActor(state, setup, "again", actorStep, begins);
    },
  };
}

function copiesLand(setup: Setup): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      state.copies.forEach((write, index) => {
        const without = { ...state, copies: state.copies.toSpliced(index, 1) };
        const after = landed(without, write, setup);
        if (after !== null) emit(`the copy of a ${write.do} lands`, after);
      });
    },
  };
}

function kills(setup: Setup): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      if (state.budget.kills === 0) return;
      const kill = (step: Step): void =>
        step.emit(`its worker dies (${step.actor.job.at})`, spent(dead(step), "kills"));
      eachActor(state, setup, "once", (step) => anyMoment(step, kill), emit);
    },
  };
}

/** A body's end is no step of its own, but something may strike right after it. */
function anyMoment(step: Step, strike: (step: Step) => void): void {
  strike(step);
  const { actor } = step;
  if (actor.job.at === "body" && actor.turn !== null) strike(logged({ ...step, turn: actor.turn }));
}

/** A worker that is too slow is as good as dead, but for the write that it was sending. */
function stallsAndYields(setup: Setup): Action<State> {
  const zombies =
    setup.faults.has("a turn goes on after its deadline") ||
    setup.faults.has("a zombie gives back for a cancelled run");
  const stall = (step: Step): void => {
    const { actor, state, emit } = step;
    const { turn } = actor;
    if (turn === null || state.budget.stalls === 0) return;
    if (!zombies) return actorStep({ ...step, mode: "late" });
    const goesOn = { ...actor, message: null, turn: { ...turn, mine: false, valid: false } };
    const left = dead(step);
    emit("is so slow that its lease runs out", spent({ ...left, actors: [...left.actors, goesOn] }, "stalls"));
  };
  return {
    kind: "fault",
    apply: (state, emit) => {
      const strike = (step: Step): void => {
        const { turn } = step.actor;
        anyMoment(step, stall);
        if (turn !== null && state.budget.yields > 0) yieldTurn({ ...step, state: spent(state, "yields"), turn });
      };
      eachActor(state, setup, "once", strike, emit);
    },
  };
}

function messageFaults(): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      state.messages.forEach((message, index) => {
        const { run } = message;
        const without = { ...state, messages: state.messages.toSpliced(index, 1) };
        if (state.budget.lostWakes > 0) emit(`run ${run}: a wake is lost`, spent(without, "lostWakes"));
        if (state.budget.duplicates > 0)
          emit(`run ${run}: a wake comes twice`, spent(sent(state, message), "duplicates"));
      });
    },
  };
}

function cancels(setup: Setup): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      if (state.budget.cancels === 0) return;
      state.runs.forEach(({ live, lease }, run) => {
        if (!live) return;
        const actors = state.actors.map((actor) =>
          actor.run === run && actor.turn?.mine === true
            ? { ...actor, turn: { ...actor.turn, mine: false, cancelled: actor.turn.valid } }
            : actor,
        );
        const isUnderWay = lease === "valid";
        const atOnce = !isUnderWay || setup.faults.has("a cancelled run's places are given back at once");
        const over = withRun(spent({ ...state, actors }, "cancels"), run, {
          live: false,
          lease: "released",
          effects: atOnce ? "slots" : "later",
          late: !isUnderWay,
          asleep: false,
          queued: null,
        });
        emit(`run ${run}: is cancelled`, sent(over, { run, slot: null, sweep: false }));
      });
    },
  };
}
