/**
 * Owns: what dispatch does for an event: read its waiters, and for each: put the arrival if absent, send the wake, delete the
 * waiter; then acknowledge. Each call is a step of its own, and a delivery may die or come twice.
 */
import { withAt, woken, WAITS } from "./state.js";
import type { Delivery, Setup, State } from "./state.js";

type Emit = (label: string, state: State) => void;

export function receiveEvents(state: State, emit: Emit): void {
  for (const event of ["a", "b"] as const) {
    if (state.messages[event] !== "visible") continue;
    emit(`dispatch receives event ${event}`, {
      ...state,
      messages: { ...state.messages, [event]: "held" },
      deliveries: [...state.deliveries, { event, stored: false, waits: null, todo: "put" }],
    });
  }
}

export function dispatchSteps(state: State, index: number, delivery: Delivery, setup: Setup, emit: Emit): void {
  const say = (label: string, next: State): void => emit(`dispatch of ${delivery.event} ${label}`, next);
  const storesFirst = !setup.faults.has("read the waiters before the event is stored");
  if (!delivery.stored && (storesFirst || delivery.waits !== null)) return store(state, index, delivery, say);
  if (delivery.waits === null) return readWaiters(state, index, delivery, setup, say);
  const [wait, ...rest] = delivery.waits;
  if (wait === undefined) return say("acknowledges", acknowledged(state, index, delivery));
  if (delivery.todo === "put") return putArrival(state, index, delivery, wait, setup, say);
  if (delivery.todo === "wake") {
    const isLast = setup.faults.has("delete the waiter before the wake");
    const next: Delivery = setup.faults.has("wake before the arrival")
      ? { ...delivery, todo: "put" }
      : { ...delivery, todo: isLast ? "put" : "delete", waits: isLast ? rest : delivery.waits };
    return say("sends a wake", withDelivery(woken(state), index, next));
  }
  const deleted = { ...state, waiters: withAt<string | null>(state.waiters, wait, null) };
  const early = setup.faults.has("delete the waiter before the wake");
  const next: Delivery = early ? { ...delivery, todo: "wake" } : { ...delivery, todo: "put", waits: rest };
  say(`deletes waiter ${wait}`, withDelivery(deleted, index, next));
}

function store(state: State, index: number, delivery: Delivery, emit: Emit): void {
  const stored = [...new Set([...state.stored, delivery.event])].sort().join("");
  emit("records the event", withDelivery({ ...state, stored }, index, { ...delivery, stored: true }));
}

function readWaiters(state: State, index: number, delivery: Delivery, setup: Setup, emit: Emit): void {
  const waits = WAITS.filter((wait) => {
    const excluded = state.waiters[wait];
    return excluded !== null && !excluded.includes(delivery.event);
  });
  const todo = setup.faults.has("wake before the arrival") ? "wake" : "put";
  const read = withDelivery(state, index, { ...delivery, waits, todo });
  const early = setup.faults.has("acknowledge the event before its waiters are answered");
  emit("reads waiters", early ? { ...read, messages: { ...state.messages, [delivery.event]: "gone" } } : read);
}

/** If absent. Its own arrival, found again, needs its wake; another's has had its own. */
function putArrival(state: State, index: number, delivery: Delivery, wait: number, setup: Setup, emit: Emit): void {
  const { event } = delivery;
  const there = state.inbox[wait] ?? "";
  const overwrites = setup.faults.has("put the arrival over the one that is there");
  const counts = there === "" || overwrites ? event : there;
  const knowsOwn = !setup.faults.has("do not wake for an arrival that is there");
  const wakes = counts === event && (there === "" || knowsOwn) && !setup.faults.has("wake before the arrival");
  const early = setup.faults.has("delete the waiter before the wake");
  const put = { ...state, inbox: withAt(state.inbox, wait, counts) };
  const todo = wakes && !early ? "wake" : "delete";
  emit(`puts its arrival for wait ${wait}, ${counts} counts`, withDelivery(put, index, { ...delivery, todo }));
}

function withDelivery(state: State, index: number, delivery: Delivery): State {
  return { ...state, deliveries: state.deliveries.with(index, delivery) };
}

function acknowledged(state: State, index: number, { event }: Delivery): State {
  const messages = { ...state.messages, [event]: "gone" as const };
  return { ...state, messages, deliveries: state.deliveries.toSpliced(index, 1) };
}

/** A delivery dies, or its message comes once more beside it. */
export function dispatchFaults(state: State, emit: Emit): void {
  const { budget } = state;
  state.deliveries.forEach(({ event }, index) => {
    const held = state.messages[event] === "held";
    const messages = held ? { ...state.messages, [event]: "visible" as const } : state.messages;
    if (budget.kills > 0) {
      const deliveries = state.deliveries.toSpliced(index, 1);
      const kills = budget.kills - 1;
      emit(`dispatch of ${event} dies`, { ...state, messages, deliveries, budget: { ...budget, kills } });
    }
  });
  for (const event of ["a", "b"] as const) {
    const where = state.messages[event];
    if (budget.redeliveries === 0 || (where !== "held" && where !== "gone")) continue;
    const redeliveries = budget.redeliveries - 1;
    const messages = { ...state.messages, [event]: "visible" as const };
    emit(`event ${event} is delivered again`, { ...state, messages, budget: { ...budget, redeliveries } });
  }
}
