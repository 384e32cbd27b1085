/**
 * Owns: the model of signals: waits that are after one name, armed once or again; senders that repeat under their token, one try
 * beside another; timeouts; dispatch, which tells a wait that it was replaced. Every read and write is a step of its own.
 *
 * The name is a pointer, no more. What a wait got is decided in its inbox, where the first arrival stands; what a sending was
 * aimed at, nobody included, stands under its token. Waking a run is in the waits model.
 */
import type { Action, Emit, Model } from "./explore.js";

export type Fault =
  | "believe the name, not the inbox"
  | "send without aiming"
  | "do not aim at nobody"
  | "free the name before the signal is put"
  | "free the name whoever has it"
  | "tell nobody that it was replaced"
  | "take the name before its holder is told"
  | "a wait armed again takes its name back"
  | "put the signal over what arrived";

export interface Setup {
  /** What each wait does when another has the name; they are asked for in this order. */
  waits: readonly ("replace" | "fail")[];
  tokens: readonly string[];
  timesOut: boolean;
  /** Tries of a sending after its first; `beside` also while the first goes on. */
  repeats: number;
  beside: boolean;
  /** Senders that die. */
  kills: number;
  /** Arming that dies on its way, and is done again. */
  lostTurns: number;
  /** Arming that is done once more though it was done: a zombie beside its thief, or a thief after it. */
  rearms: number;
  faults: ReadonlySet<Fault>;
}

/** A token, or what else a wait ended with; "" while it has not. */
type Arrival = string;

type Arming =
  | { wait: number; todo: "look" | "refuse" | "own replaced" }
  | { wait: number; todo: "tell" | "take" | "tell late"; from: number | null };

interface Try {
  token: string;
  todo: "look" | "aim" | "put" | "leave";
  /** The wait it goes to: as it was looked up, then as it is aimed. */
  target: number | null;
  /** A wait that it was aimed at and that had ended otherwise. */
  missed: number | null;
  received: boolean;
}

type Answer = number | "nobody";

interface State {
  /** How many waits have been asked for. */
  asked: number;
  /** The wait that has the name. */
  name: number | null;
  inboxes: readonly Arrival[];
  armings: readonly Arming[];
  /** Messages to dispatch: this wait was replaced. */
  tells: readonly number[];
  /** By token: what it is aimed at; "nobody" is an answer, too. */
  aimed: Readonly<Record<string, Answer>>;
  tries: readonly Try[];
  /** By token: what its senders were told. */
  told: Readonly<Record<string, readonly Answer[]>>;
  unsent: readonly string[];
  repeats: number;
  kills: number;
  lostTurns: number;
  rearms: number;
}

export function signalsModel(setup: Setup): Model<State> {
  const names = [...setup.faults].join(", ");
  return {
    name: `signals · ${setup.waits.join(", ")}${names === "" ? "" : ` · ${names}`}`,
    initial: [initialState(setup)],
    actions: [ask(setup), arm(setup), dispatch(), timeOut(setup), send(setup), faults(setup)],
    invariants: {
      "a sender is told what its signal came to": wronglyTold,
      "a signal is received once": receivedTwice,
      "a wait without the name is answered": (state) => forgotten(state, setup),
      "who asks last is not replaced": ({ asked, inboxes }) =>
        inboxes[asked - 1] === "replaced" ? `wait ${asked - 1} was replaced, and nobody asked after it` : null,
    },
    sometimes: {
      "a wait is replaced": (state) => !setup.waits.includes("replace", 1) || state.inboxes.includes("replaced"),
      "a sender is told that a wait took it": (state) => Object.values(state.told).some((told) => told.includes(0)),
      "a signal comes too late": (state) => !setup.timesOut || state.tries.some(({ missed }) => missed !== null),
    },
    canonical: (state) => {
      const { armings, tries, ...rest } = state;
      return `${JSON.stringify(Object.values(rest))}|${sorted(armings)}|${sorted(tries)}`;
    },
    maxStates: 200_000,
  };
}

function initialState(setup: Setup): State {
  return {
    asked: 0,
    name: null,
    inboxes: setup.waits.map(() => ""),
    armings: [],
    tells: [],
    aimed: {},
    tries: [],
    told: Object.fromEntries(setup.tokens.map((token) => [token, []])),
    unsent: setup.tokens,
    repeats: setup.repeats,
    kills: setup.kills,
    lostTurns: setup.lostTurns,
    rearms: setup.rearms,
  };
}

const sorted = (values: readonly unknown[]): string =>
  values
    .map((value) => JSON.stringify(value))
    .sort()
    .join();

// What must hold

function wronglyTold(state: State): string | null {
  for (const [token, answers] of Object.entries(state.told)) {
    const got = state.inboxes.indexOf(token);
    for (const answer of answers) {
      if (answer === "nobody" ? got !== -1 : state.inboxes[answer] !== token)
        return `the sender of ${token} was told ${answer}, and the inboxes hold ${state.inboxes.join(", ")}`;
    }
  }
  return null;
}

function receivedTwice(state: State): string | null {
  const twice = Object.keys(state.told).find(
    (token) => state.inboxes.indexOf(token) !== state.inboxes.lastIndexOf(token),
  );
  return twice === undefined ? null : `${twice} stands in two inboxes`;
}

/** Nothing is under way for it, and nobody who sends the signal would find it. */
function forgotten(state: State, setup: Setup): string | null {
  if (state.armings.length > 0 || state.tells.length > 0 || state.tries.length > 0) return null;
  const isForgotten = (wait: number): boolean => state.inboxes[wait] === "" && state.name !== wait;
  const wait = setup.waits.findIndex((_, index) => index < state.asked && isForgotten(index));
  return wait === -1 ? null : `wait ${wait} has neither the name nor an answer`;
}

// Waits

function ask(setup: Setup): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      const wait = state.asked;
      if (wait === setup.waits.length) return;
      const armings: State["armings"] = [...state.armings, { wait, todo: "look" }];
      emit(`wait ${wait} is asked for`, { ...state, asked: wait + 1, armings });
    },
  };
}

function arm(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      state.armings.forEach((arming, index) => {
        const say = (label: string, next: State): void => emit(`wait ${arming.wait} ${label}`, next);
        const then = (next: Arming | null, change: Partial<State> = {}): State => {
          const armings = next === null ? state.armings.toSpliced(index, 1) : state.armings.with(index, next);
          return { ...state, ...change, armings };
        };
        const { wait, todo } = arming;
        if (todo === "look") look(state, wait, setup, then, say);
        if (todo === "tell" || todo === "tell late") tell(state, arming, setup, then, say);
        if (todo === "take") take(state, arming, setup, then, say);
        if (todo === "refuse") say("is refused", then(null, put(state, wait, "conflict")));
        if (todo === "own replaced") say("was replaced", then(null, put(state, wait, "replaced")));
      });
    },
  };
}

type Then = (next: Arming | null, change?: Partial<State>) => State;

/** What was asked for later keeps the name: a wait that is armed again must not take back what it has lost. */
function look(state: State, wait: number, setup: Setup, then: Then, emit: Emit<State>): void {
  const { name } = state;
  if (name === null) return emit("takes the free name", then(null, { name: wait }));
  if (name === wait) return emit("has the name", then(null));
  const from = name;
  const isOver = state.inboxes[from] !== "";
  if (isOver) return emit(`finds the name with wait ${from}, which is over`, then({ wait, todo: "take", from }));
  if (setup.waits[wait] === "fail") return emit("finds the name taken", then({ wait, todo: "refuse" }));
  if (from > wait && !setup.faults.has("a wait armed again takes its name back"))
    return emit("finds the name with a later wait", then({ wait, todo: "own replaced" }));
  const late = setup.faults.has("take the name before its holder is told");
  emit(`finds the name with wait ${from}`, then({ wait, todo: late ? "take" : "tell", from }));
}

/** Told first, taken then. Who dies between leaves a wait that is told, and is armed again; never one that is not told. */
function tell(state: State, arming: Arming, setup: Setup, then: Then, emit: Emit<State>): void {
  if (!("from" in arming)) return;
  const { wait, from, todo } = arming;
  const silent = setup.faults.has("tell nobody that it was replaced") || from === null;
  const tells = silent ? state.tells : [...new Set([...state.tells, from])].sort();
  emit(`sends wait ${from} word`, then(todo === "tell" ? { wait, todo: "take", from } : null, { tells }));
}

/** If it is free, or still with the wait that it was seen with. */
function take(state: State, arming: Arming, setup: Setup, then: Then, emit: Emit<State>): void {
  if (!("from" in arming)) return;
  const { wait, from } = arming;
  if (state.name !== null && state.name !== from && state.name !== wait)
    return emit("finds that the name has changed hands", then({ wait, todo: "look" }));
  const late = setup.faults.has("take the name before its holder is told");
  emit("takes the name", then(late ? { wait, todo: "tell late", from } : null, { name: wait }));
}

/** If absent: the first arrival stands. */
function put(state: State, wait: number, arrival: Arrival): Pick<State, "inboxes"> {
  return { inboxes: state.inboxes[wait] === "" ? state.inboxes.with(wait, arrival) : state.inboxes };
}

const without = (name: number | null, wait: number): number | null => (name === wait ? null : name);

function dispatch(): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      state.tells.forEach((wait, index) => {
        const tells = state.tells.toSpliced(index, 1);
        emit(`dispatch tells wait ${wait} that it was replaced`, { ...state, ...put(state, wait, "replaced"), tells });
      });
    },
  };
}

/** A name whose wait is over in time counts as free: it need not be given back. */
function timeOut(setup: Setup): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      if (!setup.timesOut) return;
      state.inboxes.forEach((arrival, wait) => {
        if (wait >= state.asked || arrival !== "") return;
        emit(`the time of wait ${wait} is up`, { ...state, ...put(state, wait, "timeout") });
      });
    },
  };
}

// Senders

function send(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      state.unsent.forEach((token, index) => {
        const sent = { ...state, unsent: state.unsent.toSpliced(index, 1) };
        emit(`${token} is sent`, { ...sent, tries: [...state.tries, firstTry(token)] });
      });
      state.tries.forEach((one, index) => {
        const say = (label: string, next: State): void => emit(`the sender of ${one.token} ${label}`, next);
        const then = (change: Partial<Try>, world: Partial<State> = {}): State => {
          return { ...state, ...world, tries: state.tries.with(index, { ...one, ...change }) };
        };
        if (one.todo === "look") {
          const target = state.name;
          say(target === null ? "finds nobody" : `finds wait ${target}`, then({ todo: "aim", target }));
        }
        if (one.todo === "aim") aim(state, one, index, setup, then, say);
        if (one.todo === "put") putSignal(state, one, setup, then, say);
        if (one.todo === "leave") freeName(state, one, index, setup, then, say);
      });
    },
  };
}

type ThenTry = (change: Partial<Try>, world?: Partial<State>) => State;

const firstTry = (token: string): Try => ({ token, todo: "look", target: null, missed: null, received: false });

function answered(state: State, index: number, { token }: Try, answer: Answer): State {
  const told: State["told"] = { ...state.told, [token]: [...new Set([...(state.told[token] ?? []), answer])] };
  return { ...state, told, tries: state.tries.toSpliced(index, 1) };
}

/** Once for all its tries, and anew only from what is known to have been missed. Who finds nobody writes that down, too. */
function aim(state: State, one: Try, index: number, setup: Setup, then: ThenTry, emit: Emit<State>): void {
  const { token, missed } = one;
  const wanted: Answer = one.target === null || one.target === missed ? "nobody" : one.target;
  const before = state.aimed[token];
  const free = before === undefined || (missed !== null && before === missed);
  const drops = setup.faults.has("send without aiming");
  const chosen = free || drops ? wanted : before;
  const writes = !drops && free && !(wanted === "nobody" && setup.faults.has("do not aim at nobody"));
  const aimed: State["aimed"] = writes ? { ...state.aimed, [token]: wanted } : state.aimed;
  if (chosen === "nobody" || chosen === missed) {
    return emit("is told that nobody waits", answered({ ...state, aimed }, index, one, "nobody"));
  }
  const early = setup.faults.has("free the name before the signal is put");
  emit(`aims at wait ${chosen}`, then({ todo: early ? "leave" : "put", target: chosen }, { aimed }));
}

function putSignal(state: State, one: Try, setup: Setup, then: ThenTry, emit: Emit<State>): void {
  const target = one.target ?? 0;
  const overwrites = setup.faults.has("put the signal over what arrived");
  const inboxes = overwrites ? state.inboxes.with(target, one.token) : put(state, target, one.token).inboxes;
  const received = inboxes[target] === one.token || setup.faults.has("believe the name, not the inbox");
  emit(`puts it for wait ${target}`, then({ todo: "leave", received }, { inboxes }));
}

/** The name of that wait, if it still has it. Then the answer; or, had the wait ended otherwise, another look. */
function freeName(state: State, one: Try, index: number, setup: Setup, then: ThenTry, emit: Emit<State>): void {
  const target = one.target ?? 0;
  const name = setup.faults.has("free the name whoever has it") ? null : without(state.name, target);
  if (setup.faults.has("free the name before the signal is put") && !one.received)
    return emit("frees the name", then({ todo: "put" }, { name }));
  if (one.received)
    return emit(`is told that wait ${target} took it`, answered({ ...state, name }, index, one, target));
  emit(`has missed wait ${target}`, then({ todo: "look", missed: target }, { name }));
}

function faults(setup: Setup): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      state.tries.forEach((one, index) => {
        if (state.kills === 0) return;
        const tries = state.tries.toSpliced(index, 1);
        emit(`the sender of ${one.token} dies`, { ...state, tries, kills: state.kills - 1 });
      });
      for (const token of Object.keys(state.told)) {
        const isTried = state.tries.some((one) => one.token === token) && !setup.beside;
        if (state.repeats === 0 || state.unsent.includes(token) || isTried || isAnswered(state, token)) continue;
        const tries = [...state.tries, firstTry(token)];
        emit(`${token} is sent once more`, { ...state, tries, repeats: state.repeats - 1 });
      }
      armingFaults(state, emit);
    },
  };
}

/** Who has an answer does not send again. */
const isAnswered = (state: State, token: string): boolean => (state.told[token] ?? []).length > 0;

function armingFaults(state: State, emit: Emit<State>): void {
  state.armings.forEach(({ wait }, index) => {
    if (state.lostTurns === 0) return;
    const armings = state.armings.with(index, { wait, todo: "look" });
    emit(`the turn of wait ${wait} dies, the next arms it again`, {
      ...state,
      armings,
      lostTurns: state.lostTurns - 1,
    });
  });
  for (let wait = 0; wait < state.asked && state.rearms > 0; wait += 1) {
    const armings: State["armings"] = [...state.armings, { wait, todo: "look" }];
    emit(`wait ${wait} is armed once more`, { ...state, armings, rearms: state.rearms - 1 });
  }
}
