/**
 * Owns: what a worker does in a turn: replay, bodies, log items, arrivals, parking, ending (PROTOCOL §1, §2).
 * Must not: apply head writes; head-writes.ts does. Pure: every function answers the next state.
 *
 * An epoch has one log item in flight at a time; entries that come up meanwhile share the next item. So a repeat of a lost
 * answer needs no actor of its own here: landing again changes nothing, and the worker goes on once the outcome is known.
 */
import { dropTurn, newWrite, withWorker } from "./head-writes.js";
import { isSleep, operationOf } from "./programs.js";
import {
  boundToShow,
  effectiveEntries,
  isPrefix,
  loneArrival,
  open,
  outcomeIn,
  type LogPut,
  type Setup,
  type State,
  type Turn,
} from "./state.js";

type TurnStep = { label: string; state: State };

/** Everything the holder of this turn can do next by itself. */
export function turnSteps(state: State, index: number, turn: Turn, setup: Setup): TurnStep[] {
  if (isSettling(turn)) return [];
  return [
    ...showUnread(state, index, turn, setup),
    ...turn.bodies.map((step) => finishBody(state, index, turn, step, setup)),
    ...takeInArrivals(state, index, turn, setup),
    ...release(state, index, turn, setup),
    ...stopWhenLate(state, index, turn),
  ];
}

const isSettling = (turn: Turn): boolean => turn.write !== null && turn.write.kind !== "beat";

/**
 * What a worker does at once when something was shown or came up: puts the next item, starts bodies, ends. To do these later
 * would add nothing: a worker that is slow here is one whose deadline passed before, or whose request lands later.
 */
export function reacted(state: State, index: number, setup: Setup): State {
  const worker = state.workers[index];
  if (worker?.phase !== "turn" || isSettling(worker)) return state;
  const turn = putNext(worker, setup);
  const started = startBodies(withWorker(state, index, turn), index, turn, setup);
  const result = setup.program.result(turn.shown);
  if (result === null || turn.left <= 0 || turn.unread.length > 0 || turn.write !== null) return started;
  const write = newWrite("end", turn.epoch, 0, { result });
  return withWorker(started, index, { ...turn, bodies: [], buffer: [], write });
}

const reactedWith = (state: State, index: number, turn: Turn, setup: Setup): State =>
  reacted(withWorker(state, index, turn), index, setup);

/** Asks for the sleeps that are newly open, and puts the next item when none is in flight. */
function putNext(turn: Turn, setup: Setup): Turn {
  if (turn.unread.length > 0) return turn;
  const underWay = [...turn.buffer, ...turn.flying.flatMap((put) => put.entries)];
  const asked = open(setup.program, turn.shown)
    .filter((operation) => isSleep(operation) && !turn.armed.includes(operation))
    .map((operation) => `op ${operation}`)
    .filter((entry) => !underWay.includes(entry));
  const buffer = [...turn.buffer, ...asked];
  if (setup.faults.has("show a result before the ones with smaller n are durable"))
    return putEachAtOnce({ ...turn, buffer });
  if (turn.flying.length > 0 || buffer.length === 0) return { ...turn, buffer };
  const entries = setup.faults.has("do not carry what was shown without seen") ? buffer : [...turn.carried, ...buffer];
  return {
    ...turn,
    buffer: [],
    carried: [],
    flying: [{ epoch: turn.epoch, n: turn.next, entries }],
    next: turn.next + 1,
  };
}

function putEachAtOnce(turn: Turn): Turn {
  const puts = turn.buffer.map((entry, i): LogPut => ({ epoch: turn.epoch, n: turn.next + i, entries: [entry] }));
  return { ...turn, buffer: [], flying: [...turn.flying, ...puts], next: turn.next + puts.length };
}

function showUnread(state: State, index: number, turn: Turn, setup: Setup): TurnStep[] {
  const [entry, ...unread] = turn.unread;
  if (entry === undefined) return [];
  const outcome = outcomeIn(entry);
  const shown = outcome === null ? turn.shown : [...turn.shown, outcome];
  const armed = outcome === null ? [...turn.armed, entry.slice(3)] : turn.armed;
  return [
    {
      label: `shows ${entry} from the log`,
      state: reactedWith(state, index, { ...turn, unread, shown, armed }, setup),
    },
  ];
}

/** The deadline is checked and the bodies begin in one move: nothing can stop a process between the two but a freeze. */
function startBodies(state: State, index: number, turn: Turn, setup: Setup): State {
  if (turn.left <= 0 && !setup.faults.has("start bodies past the deadline")) return state;
  const underWay = [...turn.bodies, ...[...turn.buffer, ...turn.flying.flatMap((put) => put.entries)].map(operationOf)];
  const ready = open(setup.program, turn.shown).filter((step) => !isSleep(step) && !underWay.includes(step));
  if (ready.length === 0) return state;
  const acted = turn.shown.length > state.acted.length ? turn.shown : state.acted;
  const broken = state.broken ?? startBreach(state, turn.shown, ready, setup);
  return { ...withWorker(state, index, { ...turn, bodies: [...turn.bodies, ...ready] }), acted, broken };
}

function startBreach(state: State, shown: readonly string[], ready: readonly string[], setup: Setup): State["broken"] {
  const done = effectiveEntries(state).map((entry) => operationOf(entry));
  const again = ready.find((step) => done.includes(step));
  if (again !== undefined)
    return {
      invariant: "a completed step never runs again",
      detail: `the body of ${again} starts though its result is in the log`,
    };
  if (!isPrefix(shown, state.acted) && !isPrefix(state.acted, shown)) {
    const detail = `a body starts on [${shown.join(" ")}], an earlier one had started on [${state.acted.join(" ")}]`;
    return { invariant: "every replay observes the same", detail };
  }
  const bound = boundToShow(setup.program, state).shown;
  if (!isPrefix(shown, bound)) {
    return {
      invariant: "nothing is shown that is not durable",
      detail: `[${shown.join(" ")}] was shown, durable is [${bound.join(" ")}]`,
    };
  }
  return null;
}

function finishBody(state: State, index: number, turn: Turn, step: string, setup: Setup): TurnStep {
  const outcome = `${step}=${turn.epoch}`;
  const shown = setup.faults.has("show a result before it is durable") ? [...turn.shown, outcome] : turn.shown;
  const bodies = turn.bodies.filter((running) => running !== step);
  const next = { ...turn, bodies, shown, buffer: [...turn.buffer, outcome] };
  return { label: `finishes ${step}`, state: reactedWith(state, index, next, setup) };
}

/** An arrival needs a `seen` entry unless its operation is the single one open; then the next item carries the `seen`. */
function takeInArrivals(state: State, index: number, turn: Turn, setup: Setup): TurnStep[] {
  if (turn.unread.length > 0) return [];
  const underWay = [...turn.buffer, ...turn.flying.flatMap((put) => put.entries)];
  const arrived = open(setup.program, turn.shown).filter(
    (operation) =>
      turn.armed.includes(operation) && state.due.includes(operation) && !underWay.includes(`seen ${operation}`),
  );
  const always = setup.faults.has("show an arrival without seen though it can be ordered against something");
  const lone = loneArrival(setup.program, turn.shown, turn.armed, state.due);
  return arrived.map((sleep) => {
    const entry = `seen ${sleep}`;
    if (always || lone === sleep) {
      const next = { ...turn, shown: [...turn.shown, `${sleep}=due`], carried: [...turn.carried, entry] };
      return { label: `shows ${sleep}, which is due, without seen`, state: reactedWith(state, index, next, setup) };
    }
    const next = { ...turn, buffer: [...turn.buffer, entry] };
    return { label: `takes in ${sleep}, which is due`, state: reactedWith(state, index, next, setup) };
  });
}

/** Park or yield: only before the deadline, and only when every write of the epoch has settled. */
function release(state: State, index: number, turn: Turn, setup: Setup): TurnStep[] {
  if (turn.left <= 0 || turn.write !== null || turn.unread.length > 0) return [];
  const writesSettled = turn.flying.length === 0 && turn.buffer.length === 0;
  if (!writesSettled && !setup.faults.has("release while a log write is unsettled")) return [];
  const settled = withWorker(state, index, {
    ...turn,
    write: newWrite("release", turn.epoch, 0, { seal: turn.lateSeal }),
  });
  const waitsOnly = open(setup.program, turn.shown).every(
    (operation) => isSleep(operation) && turn.armed.includes(operation),
  );
  if (waitsOnly && turn.bodies.length === 0) return [{ label: "parks: sends release", state: settled }];
  if (state.budget.yields === 0) return [];
  return [
    {
      label: "yields: sends release",
      state: { ...settled, budget: { ...state.budget, yields: state.budget.yields - 1 } },
    },
  ];
}

function stopWhenLate(state: State, index: number, turn: Turn): TurnStep[] {
  return turn.left > 0 ? [] : [{ label: "stops: its deadline has passed", state: dropTurn(state, index) }];
}

/** The table has the item; the holder learns of it, now or by repeating, and shows its entries in order. */
export function landOwnPut(state: State, index: number, turn: Turn, put: LogPut, setup: Setup): State {
  const stored = withItem(state, put);
  const outcomes = put.entries.map(outcomeIn).filter((outcome) => outcome !== null && !turn.shown.includes(outcome));
  const armed = put.entries.filter((entry) => entry.startsWith("op ")).map((entry) => entry.slice(3));
  const next = {
    ...turn,
    flying: turn.flying.filter((other) => other !== put),
    shown: [...turn.shown, ...outcomes.flatMap((outcome) => outcome ?? [])],
    armed: [...turn.armed, ...armed],
  };
  return reactedWith(stored, index, next, setup);
}

/** Stores the item unless its key exists: the key belongs to one epoch's holder, so it can only be its own copy. */
export function withItem(state: State, put: LogPut): State {
  const items = [...(state.log[put.epoch - 1] ?? [])];
  while (items.length < put.n) items.push(null);
  items[put.n - 1] ??= put.entries;
  return { ...state, log: state.log.with(put.epoch - 1, items) };
}
