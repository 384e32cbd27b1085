/**
 * Owns: the model of distributed steps (PROTOCOL §5): a group's branches, each a message; its arrival; the sets of names still
 * missing, shard by shard, and the top set of shards; the wakes that the first of a shard and the last of the group send; the run,
 * which may be at work when they come. Branches fail once and are tried again, their messages come twice, hosts die anywhere.
 * What other models have shown is one step here: read and claim (run log, waits).
 */
import type { Action, Emit, Model } from "./explore.js";

export type Fault =
  | "send the messages before the sets are there"
  | "put a set over what is left of it"
  | "take out before the arrival"
  | "an arrival found ends the delivery"
  | "an arrival found is only taken out"
  | "count what is missing"
  | "acknowledge before the wake"
  | "acknowledge before the next attempt is sent"
  | "release without the wakes condition"
  | "do not arm again after a steal"
  | "a shard wakes for its last only";

export interface Setup {
  /** The branches of each shard. */
  shards: readonly (readonly number[])[];
  /** Branches whose bodies never come to an end: then the run is a race, and one arrival is enough. */
  endless: readonly number[];
  /** Turns of the run that die; after each, its branches are armed again. */
  lostTurns: number;
  /** Hosts of branches that die. */
  kills: number;
  /** Messages that are delivered again, whatever became of them. */
  duplicates: number;
  /** Copies of the write of a set that land late. */
  lateCopies: number;
  /** Attempts that fail. */
  failures: number;
  faults: ReadonlySet<Fault>;
}

interface Sets {
  /** Names still missing, by shard; null before the set was put. */
  shards: readonly (readonly number[] | null)[];
  /** How many names each began with. */
  names: readonly number[];
  top: readonly number[] | null;
}

interface Message {
  branch: number;
  group: number;
}

interface Delivery extends Message {
  todo: "body" | "arrive" | "shard" | "top" | "wake" | "retry" | "done";
  /** The arrival was there already: whoever put it may have died before its wake. */
  found: boolean;
}

type Run =
  | { phase: "released" | "dead" | "ran out" | "ended" }
  /** `arms`: calls still to be made for its group. `fresh`: no wake was absorbed since it loaded. */
  | { phase: "turn"; arms: readonly Arm[]; group: number; sees: readonly number[]; fresh: boolean };

type Arm = { call: "sets" | "top" } | { call: "send"; branch: number };

interface State {
  run: Run;
  wakes: number;
  arrivals: readonly number[];
  groups: readonly Sets[];
  messages: readonly Message[];
  deliveries: readonly Delivery[];
  /** Messages that were acknowledged, and may come again. */
  done: readonly Message[];
  kills: number;
  duplicates: number;
  lateCopies: number;
  failures: number;
  lostTurns: number;
}

export function fanInModel(setup: Setup): Model<State> {
  const names = [...setup.faults].join(", ");
  const all = setup.shards.flat().filter((branch) => !setup.endless.includes(branch));
  return {
    name: `fan-in${setup.endless.length === 0 ? "" : " · race"}${names === "" ? "" : ` · ${names}`}`,
    initial: [{ ...initialState(setup), run: beginTurn(setup, 0, [], setup.shards.flat()) }],
    actions: [work(setup), receive(setup), deliver(setup), faults(setup)].map(untilEnded),
    invariants: {
      "a run that is released has its messages": (state) => unsent(state, setup),
    },
    liveness: { name: "the run sees what it waits for", goal: (state) => state.run.phase === "ended" },
    sometimes: {
      "a wake is absorbed": ({ run }) => run.phase === "turn" && !run.fresh,
      "a group is armed again": ({ groups }) => setup.lostTurns === 0 || groups.length === 2,
      "everything has arrived": ({ arrivals }) => arrivals.length === all.length,
    },
    canonical: (state) => {
      const { messages, deliveries, done, ...rest } = state;
      return `${JSON.stringify(Object.values(rest))}|${sorted(messages)}|${sorted(deliveries)}|${sorted(done)}`;
    },
    maxStates: 200_000,
  };
}

function initialState(setup: Setup): State {
  const { kills, duplicates, lateCopies, failures, lostTurns } = setup;
  return {
    run: { phase: "released" },
    wakes: 0,
    arrivals: [],
    groups: [emptySets(setup)],
    messages: [],
    deliveries: [],
    done: [],
    kills,
    duplicates,
    lateCopies,
    failures,
    lostTurns,
  };
}

const emptySets = (setup: Setup): Sets => ({
  shards: setup.shards.map(() => null),
  names: setup.shards.map(() => 0),
  top: null,
});

const sorted = (values: readonly unknown[]): string =>
  values
    .map((value) => JSON.stringify(value))
    .sort()
    .join();

const untilEnded = (action: Action<State>): Action<State> => ({
  kind: action.kind,
  apply: (state, emit) => {
    if (state.run.phase !== "ended") action.apply(state, emit);
  },
});

/** Nothing of the last group may be lost before it arrived: it is on the queue, or somebody works on it. */
function unsent(state: State, setup: Setup): string | null {
  if (state.run.phase !== "released") return null;
  const lost = setup.shards
    .flat()
    .find(
      (branch) =>
        !state.arrivals.includes(branch) &&
        ![...state.messages, ...state.deliveries].some((message) => message.branch === branch),
    );
  return lost === undefined ? null : `branch ${lost} has no message and has not arrived`;
}

// The run

/** Arms what is not in the inbox: the sets first, the top set after them, then the messages. */
function beginTurn(setup: Setup, group: number, sees: readonly number[], branches: readonly number[]): Run {
  const sets: Arm[] = [{ call: "sets" }, { call: "top" }];
  const sends = branches.map((branch): Arm => ({ call: "send", branch }));
  const early = setup.faults.has("send the messages before the sets are there");
  return { phase: "turn", arms: early ? [...sends, ...sets] : [...sets, ...sends], group, sees, fresh: true };
}

function work(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      const { run } = state;
      if (run.phase === "turn") return turn(state, run, setup, emit);
      // The message that made the claim comes again when the lease has run out.
      if (run.phase === "dead") {
        return emit("the lease runs out", { ...state, run: { phase: "ran out" }, wakes: Math.min(2, state.wakes + 1) });
      }
      if (state.wakes === 0) return;
      const woken = { ...state, wakes: state.wakes - 1 };
      const sees = state.arrivals;
      if (run.phase === "released") {
        return emit("the run is claimed", { ...woken, run: { phase: "turn", arms: [], group: 0, sees, fresh: true } });
      }
      const group = state.groups.length;
      const stolen: Run = { phase: "turn", arms: [], group, sees, fresh: true };
      if (setup.faults.has("do not arm again after a steal"))
        return emit("the run is stolen", { ...woken, run: stolen });
      const missing = setup.shards.flat().filter((branch) => !sees.includes(branch));
      const groups = [...state.groups, emptySets(setup)];
      emit("the run is stolen", { ...woken, groups, run: beginTurn(setup, group, sees, missing) });
    },
  };
}

function turn(state: State, run: Extract<Run, { phase: "turn" }>, setup: Setup, emit: Emit<State>): void {
  if (state.wakes > 0)
    emit("the turn absorbs a wake", { ...state, wakes: state.wakes - 1, run: { ...run, fresh: false } });
  const [arm, ...arms] = run.arms;
  if (arm !== undefined) return armNext(state, { ...run, arms }, arm, setup, emit);
  const enough = setup.endless.length > 0 ? run.sees.length > 0 : run.sees.length === setup.shards.flat().length;
  if (enough) return emit("the run ends", { ...state, run: { phase: "ended" } });
  if (!run.fresh && !setup.faults.has("release without the wakes condition")) {
    return emit("the turn loads again", { ...state, run: { ...run, fresh: true, sees: state.arrivals } });
  }
  emit("the turn releases", { ...state, run: { phase: "released" } });
}

function armNext(state: State, run: Extract<Run, { phase: "turn" }>, arm: Arm, setup: Setup, emit: Emit<State>): void {
  if (arm.call === "send") {
    const message = { branch: arm.branch, group: run.group };
    return emit(`sends branch ${arm.branch}`, { ...state, run, messages: [...state.messages, message] });
  }
  const put = putSets(state, run.group, arm.call, setup, run.sees);
  emit(arm.call === "top" ? "puts the top set" : "puts the sets", { ...put, run });
}

/** If absent: a copy that lands late finds it, emptied or not. A group that is armed again has sets of its own. */
function putSets(state: State, group: number, call: "sets" | "top", setup: Setup, arrived: readonly number[]): State {
  const sets = state.groups[group] ?? emptySets(setup);
  const full = setup.shards.map((names) => names.filter((branch) => !arrived.includes(branch)));
  const overwrites = setup.faults.has("put a set over what is left of it");
  if (call === "top") {
    const shards = full.flatMap((names, shard) => (names.length === 0 ? [] : [shard]));
    const top = overwrites ? shards : (sets.top ?? shards);
    return { ...state, groups: state.groups.with(group, { ...sets, top }) };
  }
  const shards = full.map((names, shard) => (overwrites ? names : (sets.shards[shard] ?? names)));
  return { ...state, groups: state.groups.with(group, { ...sets, shards, names: full.map(({ length }) => length) }) };
}

// The branches

/** Received, it looks first: an arrival that is there was put by a delivery that may have died after it, so the rest is done again. */
function receive(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      state.messages.forEach((message, index) => {
        const rest = { ...state, messages: state.messages.toSpliced(index, 1) };
        const found = state.arrivals.includes(message.branch);
        const delivery: Delivery = { ...message, found, todo: found ? "shard" : "body" };
        const deliver = (next: Delivery): State => ({ ...rest, deliveries: [...state.deliveries, next] });
        if (!found) return emit(`branch ${message.branch} begins`, deliver({ ...delivery, todo: "body" }));
        if (!setup.faults.has("an arrival found ends the delivery"))
          return emit(`branch ${message.branch} finds its arrival`, deliver(delivery));
        emit(`branch ${message.branch} finds its arrival and ends`, rest);
      });
    },
  };
}

function deliver(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      state.deliveries.forEach((delivery, index) => {
        const { branch, group } = delivery;
        const say = (label: string, next: State): void => emit(`branch ${branch} ${label}`, next);
        const then: Then = (todo, change = {}) => {
          if (todo === "done") return acknowledged({ ...state, ...change }, index);
          return { ...state, ...change, deliveries: state.deliveries.with(index, { ...delivery, todo }) };
        };
        if (delivery.todo === "body") body(state, delivery, setup, then, say);
        if (delivery.todo === "arrive") say("puts its arrival", then("done", { arrivals: arrived(state, branch) }));
        if (delivery.todo === "shard") takeOutOfShard(state, delivery, setup, then, say);
        if (delivery.todo === "top") takeOutOfTop(state, delivery, setup, then, say);
        if (delivery.todo === "wake") say("wakes the run", then(last(setup), { wakes: Math.min(2, state.wakes + 1) }));
        if (delivery.todo === "retry") {
          say("sends its next attempt", then("done", { messages: [...state.messages, { branch, group }] }));
        }
      });
    },
  };
}

type Then = (todo: Delivery["todo"], change?: Partial<State>) => State;

/** What comes when its name is out of the sets. */
const last = (setup: Setup): Delivery["todo"] => (setup.faults.has("take out before the arrival") ? "arrive" : "done");

function body(state: State, { branch }: Delivery, setup: Setup, then: Then, emit: Emit<State>): void {
  if (state.failures > 0) emit("fails", then("retry", { failures: state.failures - 1 }));
  if (setup.endless.includes(branch)) return;
  if (setup.faults.has("take out before the arrival")) return emit("has its result", then("shard"));
  emit("puts its arrival", then("shard", { arrivals: arrived(state, branch) }));
}

const arrived = (state: State, branch: number): readonly number[] => [...new Set([...state.arrivals, branch])].sort();

/** Taking out a name twice is taking it out once. The first of a shard may decide a race, an emptied shard leaves the top set. */
function takeOutOfShard(state: State, delivery: Delivery, setup: Setup, then: Then, emit: Emit<State>): void {
  const { branch, group } = delivery;
  const sets = state.groups[group] ?? emptySets(setup);
  const shard = setup.shards.findIndex((names) => names.includes(branch));
  const missing = sets.shards[shard] ?? [];
  const counts = setup.faults.has("count what is missing");
  const left = counts ? missing.slice(1) : missing.filter((name) => name !== branch);
  const isAbsent = sets.shards[shard] === null;
  const groups = isAbsent ? state.groups : state.groups.with(group, { ...sets, shards: sets.shards.with(shard, left) });
  // A count goes on below nothing.
  if (counts && missing.length === 0) return emit("counts its shard below nothing", then("done"));
  if (left.length === 0) return emit("empties its shard", then("top", { groups }));
  const isFirst = left.length === (sets.names[shard] ?? 0) - 1 && !setup.faults.has("a shard wakes for its last only");
  emit("leaves its shard", then(isFirst || wakesAnyway(delivery, setup) ? "wake" : last(setup), { groups }));
}

function takeOutOfTop(state: State, delivery: Delivery, setup: Setup, then: Then, emit: Emit<State>): void {
  const { branch, group } = delivery;
  const sets = state.groups[group] ?? emptySets(setup);
  const shard = setup.shards.findIndex((names) => names.includes(branch));
  const top = (sets.top ?? []).filter((other) => other !== shard);
  const groups = sets.top === null ? state.groups : state.groups.with(group, { ...sets, top });
  const isNews = top.length === 0 || wakesAnyway(delivery, setup);
  emit(`takes its shard out of the top set`, then(isNews ? "wake" : last(setup), { groups }));
}

/** Whether it was the first of its shard nobody can tell any more. */
const wakesAnyway = ({ found }: Delivery, setup: Setup): boolean =>
  found && !setup.faults.has("an arrival found is only taken out");

function acknowledged(state: State, index: number): State {
  const [delivery] = state.deliveries.slice(index, index + 1);
  const deliveries = state.deliveries.toSpliced(index, 1);
  if (delivery === undefined || state.duplicates === 0) return { ...state, deliveries };
  return { ...state, deliveries, done: [...state.done, { branch: delivery.branch, group: delivery.group }] };
}

function faults(setup: Setup): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      const lostTurns = state.lostTurns - 1;
      if (state.run.phase === "turn" && lostTurns >= 0)
        emit("the turn dies", { ...state, lostTurns, run: { phase: "dead" } });
      if (state.kills > 0) {
        const kills = state.kills - 1;
        state.deliveries.forEach(({ branch, group, todo }, index) => {
          const deliveries = state.deliveries.toSpliced(index, 1);
          const isGone =
            (todo === "wake" && setup.faults.has("acknowledge before the wake")) ||
            (todo === "retry" && setup.faults.has("acknowledge before the next attempt is sent"));
          const messages = isGone ? state.messages : [...state.messages, { branch, group }];
          emit(`branch ${branch} dies`, { ...state, kills, deliveries, messages });
        });
      }
      const seen = new Set([...state.done, ...state.deliveries].map(({ branch, group }) => `${branch}:${group}`));
      if (state.duplicates > 0) {
        for (const name of seen) {
          const [branch = 0, group = 0] = name.split(":").map(Number);
          const messages = [...state.messages, { branch, group }];
          emit(`branch ${branch} comes again`, { ...state, messages, duplicates: state.duplicates - 1 });
        }
      }
      if (state.lateCopies === 0 || state.groups[0]?.top === null) return;
      const lateCopies = state.lateCopies - 1;
      emit("a copy of the sets' write lands late", { ...putSets(state, 0, "sets", setup, []), lateCopies });
      emit("a copy of the top set's write lands late", { ...putSets(state, 0, "top", setup, []), lateCopies });
    },
  };
}
