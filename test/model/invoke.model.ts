/**
 * Owns: the model of one run that invokes another: the op entry, the message that asks for the child, dispatch that makes it and
 * then looks at the parent, the child's end and what follows it, the answer in the parent's inbox; the parent that is cancelled
 * or lets go, an operator who cancels the child. Each read, write and send is a step of its own.
 * How the parent sees its inbox is in the waits model, in what order effects go in the effects model.
 */
import type { Action, Emit, Model } from "./explore.js";

export type Fault =
  | "ask before the op entry"
  | "draw the child's id"
  | "do not ask again after a steal"
  | "leave an unknown function unanswered"
  | "do not look at the parent"
  | "look at the parent before the child is made"
  | "look only when the child was not claimed"
  | "ask for the cancel before it is known"
  | "cancel the child with no effects pending"
  | "remove the announcement before it is sent"
  | "wake the parent before its answer"
  | "answer over what arrived"
  | "do not wake for an answer that is there";

export interface Setup {
  /** The invoked function is registered. */
  known: boolean;
  /** The child comes to an end by itself. */
  childEnds: boolean;
  timesOut: boolean;
  /** The parent is cancelled, or lets the operation go. */
  parentCancels: number;
  operatorCancels: number;
  kills: number;
  duplicates: number;
  faults: ReadonlySet<Fault>;
}

type Kind = "invoke" | "disown" | "ended" | "wake child";

/** A message that somebody works on. `todo` is the call it comes to next. */
interface Delivery {
  kind: Kind;
  todo: "make" | "look" | "wake" | "cancel" | "answer" | "tell" | "announce" | "remove";
  /** What a look at the parent said, or the outcome that is on its way to it. */
  says: string;
}

interface State {
  parent: "live" | "unwanted";
  /** Of the parent's turn: what it does next; "code changed" when a replay asked for nothing. */
  turn: "log" | "ask" | "parked" | "dead" | "code changed";
  logged: boolean;
  /** What follows the parent's cancel: the request that its child be cancelled. */
  parentEffects: "none" | "pending" | "removed";
  inbox: string;
  /** The parent was woken after its answer stood. */
  saw: boolean;
  child: "absent" | "queued" | "running" | "completed" | "cancelled";
  children: number;
  effects: "none" | "pending" | "removed";
  messages: readonly Kind[];
  deliveries: readonly Delivery[];
  broken: string | null;
  parentCancels: number;
  operatorCancels: number;
  kills: number;
  duplicates: number;
}

export function invokeModel(setup: Setup): Model<State> {
  const names = [...setup.faults].join(", ");
  return {
    name: `invoke${names === "" ? "" : ` · ${names}`}`,
    initial: [initialState(setup)],
    actions: [parentTurn(setup), receive(setup), deliver(setup), world(setup), cancels(setup), faults()],
    invariants: {
      "a parent is answered once": ({ broken }) => broken,
      "one child, and its parent's log names it": ({ children, logged }) => {
        if (children > 1) return `there are ${children} children`;
        return children === 1 && !logged ? "there is a child that no log entry asked for" : null;
      },
    },
    liveness: {
      name: "a parent is answered, a child that is not wanted ends",
      goal: (state) => {
        const childEnded = state.child !== "queued" && state.child !== "running";
        if (!isQuiet(state)) return false;
        if (state.parent === "unwanted") return childEnded;
        // A child that does not end is waited for as long as it is there.
        return state.saw || state.turn === "code changed" || (!setup.childEnds && !childEnded);
      },
    },
    sometimes: {
      "the child completes": ({ child }) => !setup.childEnds || child === "completed",
      "the child is cancelled": ({ child }) =>
        setup.parentCancels + setup.operatorCancels === 0 || child === "cancelled",
      "the parent is unwanted before its child is there": (state) =>
        setup.parentCancels === 0 || (state.parent === "unwanted" && state.child === "absent"),
    },
    canonical: (state) => {
      const { messages, deliveries, ...rest } = state;
      return `${JSON.stringify(Object.values(rest))}|${messages.join()}|${sorted(deliveries)}`;
    },
    maxStates: 200_000,
  };
}

function initialState(setup: Setup): State {
  const { parentCancels, operatorCancels, kills, duplicates } = setup;
  return {
    parent: "live",
    turn: setup.faults.has("ask before the op entry") ? "ask" : "log",
    logged: false,
    parentEffects: "none",
    inbox: "",
    saw: false,
    child: "absent",
    children: 0,
    effects: "none",
    messages: [],
    deliveries: [],
    broken: null,
    parentCancels,
    operatorCancels,
    kills,
    duplicates,
  };
}

const sorted = (values: readonly unknown[]): string =>
  values
    .map((value) => JSON.stringify(value))
    .sort()
    .join();

const isQuiet = (state: State): boolean => state.messages.length === 0 && state.deliveries.length === 0;

/** One on the queue stands for any number: what is received later sees no less. */
const sent = (state: State, kind: Kind): State =>
  state.messages.includes(kind) ? state : { ...state, messages: [...state.messages, kind].sort() };

// The parent

/** The op entry, then the message. A turn that dies is followed by one that asks again, if the log says that it asked. */
function parentTurn(setup: Setup): Action<State> {
  const asksFirst = setup.faults.has("ask before the op entry");
  return {
    kind: "progress",
    apply: (state, emit) => {
      if (state.parent === "unwanted") return;
      if (state.turn === "log")
        emit("the parent logs the op", { ...state, logged: true, turn: asksFirst ? "parked" : "ask" });
      if (state.turn === "ask")
        emit("the parent asks for the child", { ...sent(state, "invoke"), turn: asksFirst ? "log" : "parked" });
      if (state.turn !== "dead") return;
      const again = setup.faults.has("do not ask again after a steal") ? "parked" : "ask";
      if (state.logged) emit("the next turn finds the op", { ...state, turn: again });
      else emit("the next turn runs other code", { ...state, turn: "code changed" });
    },
  };
}

/** The first answer stands. */
function answered(state: State, outcome: string, setup: Setup): State {
  if (state.inbox === "") return { ...state, inbox: outcome };
  if (state.inbox === outcome || !setup.faults.has("answer over what arrived")) return state;
  return { ...state, inbox: outcome, broken: `the parent was answered ${state.inbox}, then ${outcome}` };
}

// Messages

/** Received, and what it has to read is read. */
function receive(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      for (const kind of state.messages) {
        const rest = { ...state, messages: state.messages.filter((other) => other !== kind) };
        begin(rest, kind, setup, (label, next, delivery) => {
          const deliveries =
            delivery === null ? next.deliveries : [...next.deliveries, { kind, says: "", ...delivery }];
          emit(`"${kind}" ${label}`, { ...next, deliveries });
        });
      }
    },
  };
}

type Then = (next: Partial<Delivery> | null, world?: State) => State;

function deliver(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      state.deliveries.forEach((delivery, index) => {
        const say = (label: string, next: State): void => emit(`"${delivery.kind}" ${label}`, next);
        const then: Then = (next, world = state) => {
          const { deliveries } = state;
          const left =
            next === null ? deliveries.toSpliced(index, 1) : deliveries.with(index, { ...delivery, ...next });
          return { ...world, deliveries: left };
        };
        if (delivery.todo === "make") make(state, delivery, setup, then, say);
        if (delivery.todo === "look") lookAtParent(state, setup, then, say);
        if (delivery.todo === "cancel") cancelChild(state, setup, then, say);
        if (delivery.todo === "wake") say("wakes the child", then(null, sent(state, "wake child")));
        if (delivery.todo === "answer") answer(state, delivery, setup, then, say);
        if (delivery.todo === "tell") tell(state, delivery, setup, then, say);
        if (delivery.todo === "announce" || delivery.todo === "remove") childEffects(state, delivery, setup, then, say);
      });
    },
  };
}

type Begin = (label: string, next: State, delivery: (Partial<Delivery> & Pick<Delivery, "todo">) | null) => void;

function begin(state: State, kind: Kind, setup: Setup, say: Begin): void {
  if (kind === "invoke" && setup.known) {
    const early = setup.faults.has("look at the parent before the child is made");
    return say("knows the function", state, { todo: early ? "look" : "make" });
  }
  if (kind === "invoke") {
    const silent = setup.faults.has("leave an unknown function unanswered");
    return say("does not know it", state, silent ? null : { todo: firstOfAnswer(setup), says: "unknown" });
  }
  if (kind === "disown") return say("is received", state, { todo: "cancel" });
  if (kind === "ended") {
    return say(`reads a child that is ${state.child}`, state, { todo: firstOfAnswer(setup), says: state.child });
  }
  if (state.child === "queued") return say("starts it", { ...state, child: "running" }, null);
  if (state.effects !== "pending") return say("finds nothing to do", state, null);
  const early = setup.faults.has("remove the announcement before it is sent");
  say("finds effects pending", state, { todo: early ? "remove" : "announce" });
}

const firstOfAnswer = (setup: Setup): Delivery["todo"] =>
  setup.faults.has("wake the parent before its answer") ? "tell" : "answer";

/** Its id derives from the parent and the operation, so a second message finds the first one's child. */
function make(state: State, { says }: Delivery, setup: Setup, then: Then, emit: Emit<State>): void {
  const isNew = state.child === "absent";
  const children = isNew || setup.faults.has("draw the child's id") ? state.children + 1 : state.children;
  const made: State = { ...state, children, child: isNew ? "queued" : state.child };
  const looked = setup.faults.has("do not look at the parent") || says !== "";
  const claimed = !isNew && state.child !== "queued";
  if (claimed && setup.faults.has("look only when the child was not claimed"))
    return emit("finds a child that was claimed", then(null, made));
  const wanted = says !== "unwanted";
  emit(
    isNew ? "makes the child" : "finds the child",
    then({ todo: !looked ? "look" : wanted ? "wake" : "cancel" }, made),
  );
}

/** After the child was made: a parent that gives up from here on finds it. */
function lookAtParent(state: State, setup: Setup, then: Then, emit: Emit<State>): void {
  const says = state.parent;
  const early = setup.faults.has("look at the parent before the child is made");
  const next = early ? "make" : says === "unwanted" ? "cancel" : "wake";
  emit(`reads a parent that is ${says}`, then({ todo: next, says }));
}

function cancelChild(state: State, setup: Setup, then: Then, emit: Emit<State>): void {
  const isLive = state.child === "queued" || state.child === "running";
  if (isLive) return emit("cancels the child", then({ todo: "wake" }, cancelled(state, setup)));
  if (state.effects === "pending") return emit("finds the child ended", then({ todo: "wake" }));
  emit("finds no child to cancel", then(null));
}

function cancelled(state: State, setup: Setup): State {
  const drops = setup.faults.has("cancel the child with no effects pending");
  return { ...state, child: "cancelled", effects: drops ? "removed" : "pending" };
}

function answer(state: State, { says }: Delivery, setup: Setup, then: Then, emit: Emit<State>): void {
  const drops = setup.faults.has("do not wake for an answer that is there") && state.inbox !== "";
  const wakes = !setup.faults.has("wake the parent before its answer") && !drops;
  emit(`answers the parent: ${says}`, then(wakes ? { todo: "tell" } : null, answered(state, says, setup)));
}

/** A woken parent sees what stands in its inbox. */
function tell(state: State, _delivery: Delivery, setup: Setup, then: Then, emit: Emit<State>): void {
  const early = setup.faults.has("wake the parent before its answer");
  const woken = { ...state, saw: state.saw || state.inbox !== "" };
  emit("wakes the parent", then(early ? { todo: "answer" } : null, woken));
}

function childEffects(state: State, { todo }: Delivery, setup: Setup, then: Then, emit: Emit<State>): void {
  const early = setup.faults.has("remove the announcement before it is sent");
  if (todo === "announce")
    return emit("announces the end", then(early ? null : { todo: "remove" }, sent(state, "ended")));
  emit("removes the effects", then(early ? { todo: "announce" } : null, { ...state, effects: "removed" }));
}

// The world

/** The child's turn ends it, its message held; the sweeper looks where effects are pending, or a child was never claimed. */
function world(setup: Setup): Action<State> {
  return {
    kind: "progress",
    apply: (state, emit) => {
      if (state.child === "running" && setup.childEnds) {
        const early = setup.faults.has("remove the announcement before it is sent");
        const worker: Delivery = { kind: "wake child", todo: early ? "remove" : "announce", says: "" };
        const deliveries = [...state.deliveries, worker];
        emit("the child completes", { ...state, child: "completed", effects: "pending", deliveries });
      }
      if (state.parentEffects === "pending")
        emit("the parent's effects ask for the cancel", { ...sent(state, "disown"), parentEffects: "removed" });
      const isWatched =
        state.messages.includes("wake child") || state.deliveries.some(({ kind }) => kind === "wake child");
      if (!isWatched && (state.effects === "pending" || state.child === "queued"))
        emit("the sweeper wakes the child", sent(state, "wake child"));
      // A parent that was answered by its own timeout saw it.
      if (state.inbox === "timeout" && !state.saw) emit("the parent sees its timeout", { ...state, saw: true });
    },
  };
}

/** Known first, asked for after: the end of the parent, or its mark in the inbox, is written before the request is sent. */
function cancels(setup: Setup): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      const early = setup.faults.has("ask for the cancel before it is known");
      if (state.parentCancels > 0 && state.parent === "live" && state.turn !== "code changed") {
        const parentCancels = state.parentCancels - 1;
        if (!early)
          emit("the parent is cancelled", { ...state, parentCancels, parent: "unwanted", parentEffects: "pending" });
        else if (state.parentEffects === "none")
          emit("the parent is about to be cancelled", { ...state, parentEffects: "pending" });
        else if (state.parentEffects === "removed")
          emit("the parent is cancelled", { ...state, parentCancels, parent: "unwanted" });
      }
      const isLive = state.child === "queued" || state.child === "running";
      if (state.operatorCancels > 0 && isLive) {
        const operatorCancels = state.operatorCancels - 1;
        emit("an operator cancels the child", { ...cancelled(state, setup), operatorCancels });
      }
      if (setup.timesOut && state.logged && state.inbox === "" && state.parent === "live")
        emit("the parent's time is up", { ...state, inbox: "timeout" });
    },
  };
}

function faults(): Action<State> {
  return {
    kind: "fault",
    apply: (state, emit) => {
      const kills = state.kills - 1;
      if (kills >= 0) {
        if (state.turn === "log" || state.turn === "ask")
          emit("the parent's turn dies", { ...state, kills, turn: "dead" });
        state.deliveries.forEach(({ kind }, index) => {
          const deliveries = state.deliveries.toSpliced(index, 1);
          emit(`"${kind}" dies and is delivered again`, { ...sent(state, kind), deliveries, kills });
        });
      }
      if (state.duplicates === 0) return;
      for (const kind of new Set(state.deliveries.map((one) => one.kind)))
        emit(`"${kind}" comes again beside itself`, { ...sent(state, kind), duplicates: state.duplicates - 1 });
    },
  };
}
