/**
 * Owns: the model of an event's way to its runs (PROTOCOL §5, events): two dispatchers, messages that are delivered again while
 * their dispatcher is healthy or after it died, events under one user id and under one idempotency key of the function's, a
 * function that is registered meanwhile.
 * Three events in two messages: "a" and "b" carry the same user id; where there are keys, "a" and "c" have the same one. "c"
 * travels with "b" and has no user id.
 */
import type { Action, Model } from "./explore.js";

export type Fault =
  | "create without sending the wake again"
  | "a dedup item without the internal id"
  | "acknowledge before the runs are created"
  | "each dispatcher goes by its own match"
  | "a run's id is drawn, not derived"
  | "take the dedup item after the run is created"
  | "put the event item over the one that is there"
  | "take the gates one after the other";

export interface Setup {
  kills: number;
  redeliveries: number;
  registers: boolean;
  /** The functions have an idempotency key. */
  keys: boolean;
  faults: ReadonlySet<Fault>;
}

const MESSAGES = [["a"], ["b", "c"]] as const;
const USER_ID: Readonly<Record<string, string>> = { a: "x", b: "x" };
const KEY: Readonly<Record<string, string>> = { a: "k", c: "k" };

/** What lets an event through to a function only once: in this order, so that a gate taken first and for nothing shows. */
function gatesOf(event: string, setup: Setup): string[] {
  return [setup.keys ? KEY[event] : undefined, USER_ID[event]].filter((gate) => gate !== undefined);
}

interface Dispatcher {
  message: number;
  /** Which event of the message. */
  at: number;
  todo: "dedup" | "event" | "create" | "wake" | "late dedup" | "acknowledge";
  /** Functions still to do in this stage. */
  functions: string[];
  /** Functions that passed their gates, then the list by which runs are created. */
  list: string[];
  /** Gates of the present function that are taken, where they are taken one after the other. */
  taken: number;
}

interface State {
  registered: string[];
  messages: ("visible" | "held" | "gone")[];
  dispatchers: (Dispatcher | null)[];
  /** By "function:gate": the event that holds it. */
  dedup: Record<string, string>;
  /** By event: the functions it went to. */
  events: Record<string, string[]>;
  /** By "function:event": how many runs, and whether one was started. */
  runs: Record<string, { count: number; epoch: 0 | 1 }>;
  wakes: string[];
  kills: number;
  redeliveries: number;
  registers: boolean;
}

export function eventRoutingModel(setup: Setup): Model<State> {
  return {
    name: `event routing${setup.faults.size === 0 ? "" : ` · ${[...setup.faults].join(", ")}`}`,
    initial: [initialState(setup)],
    actions: [receive(setup), dispatch(setup), startRuns(), faults()],
    invariants: {
      "one run per function and event": (state) => {
        const twice = Object.entries(state.runs).find(([, run]) => run.count > 1);
        return twice === undefined ? null : `${twice[0]} has ${twice[1].count} runs`;
      },
      "one run per function and user id": (state) => {
        const both = ["f", "g"].find(
          (fn) => state.runs[`${fn}:a`] !== undefined && state.runs[`${fn}:b`] !== undefined,
        );
        return both === undefined ? null : `${both} has runs for a and b, which carry one user id`;
      },
      "one run per function and key": (state) => {
        const both = ["f", "g"].find(
          (fn) => setup.keys && state.runs[`${fn}:a`] !== undefined && state.runs[`${fn}:c`] !== undefined,
        );
        return both === undefined ? null : `${both} has runs for a and c, which have one key`;
      },
      "the event item lists every run": (state) => {
        const unlisted = Object.keys(state.runs).find(
          (run) => state.events[run.slice(2)]?.includes(run.slice(0, 1)) !== true,
        );
        return unlisted === undefined ? null : `run ${unlisted} exists, the event item does not list it`;
      },
      "every accepted event has all its runs": (state) => (isQuiet(state) ? missing(state, setup) : null),
      "a gate that is closed was closed by a run": (state) => {
        // But for a function registered between two deliveries that are under way at once: the second may close its gate for an
        // event that the first has recorded without it.
        if (!isQuiet(state) || setup.registers) return null;
        const idle = Object.entries(state.dedup).find(([gate, event]) => !state.runs[`${gate.slice(0, 1)}:${event}`]);
        return idle === undefined ? null : `${idle[1]} holds ${idle[0]} and has no run`;
      },
    },
    liveness: { name: "every accepted event is routed", goal: isQuiet },
    canonical,
    fairness: (label) => label.replace(/\d+/, ""),
    maxStates: 200_000,
  };
}

function initialState(setup: Setup): State {
  return {
    registered: ["f"],
    messages: MESSAGES.map(() => "visible"),
    dispatchers: [null, null],
    dedup: {},
    events: {},
    runs: {},
    wakes: [],
    kills: setup.kills,
    redeliveries: setup.redeliveries,
    registers: setup.registers,
  };
}

const isQuiet = (state: State): boolean =>
  state.messages.every((message) => message === "gone") &&
  state.wakes.length === 0 &&
  state.dispatchers.every((one) => one === null);

/** The dispatchers are alike, and records have one text in whatever order they were filled. */
function canonical(state: State): string {
  const { dispatchers, dedup, events, runs, ...rest } = state;
  const sorted = (values: readonly unknown[]): string =>
    values
      .map((value) => JSON.stringify(value))
      .sort()
      .join();
  const records = [dedup, events, runs].map((record) => sorted(Object.entries(record))).join("|");
  return `${JSON.stringify(rest)}|${records}|${sorted(dispatchers)}`;
}

function missing(state: State, setup: Setup): string | null {
  for (const event of ["a", "b", "c"]) {
    const list = state.events[event];
    if (list === undefined) return `${event} has no event item`;
    const lost = list.find((fn) => state.runs[`${fn}:${event}`]?.epoch !== 1);
    if (lost !== undefined) return `${event} went to ${lost}, whose run never started`;
  }
  const stands = setup.keys ? ["f:a", "f:c"] : ["f:c"];
  if (!stands.some((run) => state.runs[run])) return `f matches c and has none of the runs ${stands.join()}`;
  return state.runs["f:a"] === undefined && state.runs["f:b"] === undefined ? "f matches a and b and has no run" : null;
}

function receive(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      const index = state.dispatchers.indexOf(null);
      if (index === -1) return;
      state.messages.forEach((where, message) => {
        if (where !== "visible") return;
        const messages = state.messages.with(
          message,
          setup.faults.has("acknowledge before the runs are created") ? "gone" : "held",
        );
        const next = { ...state, messages, dispatchers: state.dispatchers.with(index, null) };
        emit(
          `dispatcher ${index + 1} receives message ${message + 1}`,
          proceed(next, index, beginEvent(state, message, 0, setup)),
        );
      });
    },
  };
}

function beginEvent(state: State, message: number, at: number, setup: Setup): Dispatcher {
  const event = MESSAGES[message]?.[at] ?? "";
  const isGated = gatesOf(event, setup).length > 0 && !setup.faults.has("take the dedup item after the run is created");
  const matching = [...state.registered];
  return isGated
    ? { message, at, todo: "dedup", functions: matching, list: [], taken: 0 }
    : { message, at, todo: "event", functions: [], list: matching, taken: 0 };
}

const proceed = (state: State, index: number, dispatcher: Dispatcher | null): State => ({
  ...state,
  dispatchers: state.dispatchers.with(index, dispatcher),
});

/** Every call is a step of its own: dedup items, the event item, each run, each wake, the acknowledgement. */
function dispatch(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      state.dispatchers.forEach((one, index) => {
        if (one === null) return;
        const event = MESSAGES[one.message]?.[one.at] ?? "";
        const [fn, ...functions] = one.functions;
        const say = (label: string, next: State): void => emit(`dispatcher ${index + 1} ${label}`, next);
        if (one.todo === "acknowledge") return say("acknowledges", acknowledge(state, index, one));
        if (one.todo === "event")
          return say(`puts the event item of ${event}`, putEvent(state, index, one, event, setup));
        if (fn === undefined) return;
        if (one.todo === "dedup")
          return say(`takes the gates of ${event} for ${fn}`, takeDedup(state, index, one, event, fn, setup));
        if (one.todo === "create")
          return say(`creates the run of ${fn} for ${event}`, create(state, index, one, event, fn, setup));
        if (one.todo === "late dedup") {
          const dedup = { ...state.dedup, [`${fn}:x`]: state.dedup[`${fn}:x`] ?? event };
          return say(
            `takes the user id of ${event} for ${fn}`,
            proceed({ ...state, dedup }, index, { ...one, todo: "wake" }),
          );
        }
        const woken = { ...state, wakes: [...new Set([...state.wakes, `${fn}:${event}`])].sort() };
        say(`wakes ${fn} for ${event}`, proceed(woken, index, nextRun(woken, { ...one, functions }, setup)));
      });
    },
  };
}

/** The internal id in the item tells a redelivery of the same event from another event. All gates in one write, or none. */
function takeDedup(state: State, index: number, one: Dispatcher, event: string, fn: string, setup: Setup): State {
  const gates = gatesOf(event, setup).map((gate) => `${fn}:${gate}`);
  const isSplit = setup.faults.has("take the gates one after the other");
  const asked = isSplit ? gates.slice(one.taken, one.taken + 1) : gates;
  const knowsItself = !setup.faults.has("a dedup item without the internal id");
  const isMine = asked.every((gate) => {
    const holder = state.dedup[gate];
    return holder === undefined || (holder === event && knowsItself);
  });
  const dedup = isMine
    ? { ...state.dedup, ...Object.fromEntries(asked.map((gate) => [gate, state.dedup[gate] ?? event])) }
    : state.dedup;
  const taken = one.taken + asked.length;
  if (isMine && taken < gates.length) return proceed({ ...state, dedup }, index, { ...one, taken });
  const functions = one.functions.slice(1);
  const list = isMine ? [...one.list, fn] : one.list;
  const todo = functions.length > 0 ? "dedup" : "event";
  return proceed({ ...state, dedup }, index, { ...one, functions, list, todo, taken: 0 });
}

/** Put once; whoever comes later goes by the list that is there, whatever is registered by then. */
function putEvent(state: State, index: number, one: Dispatcher, event: string, setup: Setup): State {
  const overwrites = setup.faults.has("put the event item over the one that is there");
  const list = overwrites ? one.list : (state.events[event] ?? one.list);
  const goesBy = setup.faults.has("each dispatcher goes by its own match") ? one.list : list;
  const next = { ...state, events: { ...state.events, [event]: list } };
  return proceed(next, index, nextRun(next, { ...one, list: goesBy, functions: goesBy }, setup));
}

function create(state: State, index: number, one: Dispatcher, event: string, fn: string, setup: Setup): State {
  const key = `${fn}:${event}`;
  const there = state.runs[key];
  if (setup.faults.has("take the dedup item after the run is created")) {
    const holder = state.dedup[`${fn}:x`];
    if (USER_ID[event] !== undefined && holder !== undefined && holder !== event) {
      return proceed(state, index, nextRun(state, { ...one, functions: one.functions.slice(1) }, setup));
    }
  }
  const isDrawn = setup.faults.has("a run's id is drawn, not derived");
  const run = { count: there === undefined ? 1 : there.count + (isDrawn ? 1 : 0), epoch: there?.epoch ?? 0 };
  const created = { ...state, runs: { ...state.runs, [key]: run } };
  // Exists with epoch 0: nobody has claimed it yet, so its wake may never have been sent.
  const wakes =
    there === undefined || (there.epoch === 0 && !setup.faults.has("create without sending the wake again"));
  if (!wakes) return proceed(created, index, nextRun(created, { ...one, functions: one.functions.slice(1) }, setup));
  const late = setup.faults.has("take the dedup item after the run is created") && USER_ID[event] !== undefined;
  return proceed(created, index, { ...one, todo: late ? "late dedup" : "wake" });
}

function nextRun(state: State, one: Dispatcher, setup: Setup): Dispatcher {
  if (one.functions.length > 0) return { ...one, todo: "create" };
  const hasMore = one.at + 1 < (MESSAGES[one.message]?.length ?? 0);
  return hasMore ? beginEvent(state, one.message, one.at + 1, setup) : { ...one, todo: "acknowledge", list: [] };
}

function acknowledge(state: State, index: number, one: Dispatcher): State {
  return proceed({ ...state, messages: state.messages.with(one.message, "gone") }, index, null);
}

function startRuns(): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      for (const key of state.wakes) {
        const run = state.runs[key];
        const started = run === undefined ? state.runs : { ...state.runs, [key]: { ...run, epoch: 1 as const } };
        emit(`a worker claims ${key}`, {
          ...state,
          runs: started,
          wakes: state.wakes.filter((other) => other !== key),
        });
      }
    },
  };
}

function faults(): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      if (state.registers) emit("function g is registered", { ...state, registered: ["f", "g"], registers: false });
      state.dispatchers.forEach((one, index) => {
        if (one === null) return;
        const again =
          state.messages[one.message] === "held" ? state.messages.with(one.message, "visible") : state.messages;
        if (state.kills > 0)
          emit(
            `dispatcher ${index + 1} dies`,
            proceed({ ...state, messages: again, kills: state.kills - 1 }, index, null),
          );
        if (state.redeliveries === 0 || again === state.messages) return;
        const redelivered = { ...state, messages: again, redeliveries: state.redeliveries - 1 };
        emit(`message ${one.message + 1} is delivered again`, redelivered);
      });
    },
  };
}
