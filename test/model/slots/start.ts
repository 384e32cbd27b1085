/**
 * Owns: where a search begins, and what a turn knows when it begins. A search from the beginning finds all of these states, but
 * is large; what is rare in it is begun with.
 */
import { ALL, at, mayRedeliver, withRun } from "./state.js";
import type { Actor, Fault, Message, Setup, State, Turn } from "./state.js";

export function initialState(setup: Setup): State {
  const fresh = freshState(setup);
  if (setup.start === "contended") {
    return setup.passes.reduce((state, _, run) => begunBefore(state, run, setup), fresh);
  }
  if (setup.start === "granted twice" || setup.start === "granted again") return grantedTwice(fresh, setup.start);
  if (setup.start === "granted ahead") return grantedAhead(fresh);
  if (setup.start === "kept") return kept(fresh);
  return setup.start === "kept and queued" ? keptAndQueued(fresh) : fresh;
}

function freshState({ keys, passes, budget }: Setup): State {
  return {
    keys: keys.map(({ limit }) => ({
      slots: Array.from({ length: limit }, () => null),
      tickets: passes.map(() => null),
    })),
    runs: passes.map((todo) => ({
      live: true,
      lease: "released",
      held: keys.map(() => null),
      queued: null,
      todo,
      ready: true,
      asleep: false,
      effects: "none",
      late: false,
    })),
    messages: passes.map((_, run) => ({ run, slot: null, sweep: false })),
    actors: [],
    copies: [],
    budget,
    tokens: 0,
  };
}

/** Run 0 has had its first pass and sleeps; it keeps its place of key 0. Run 1 is new. */
function kept(state: State): State {
  const { slots } = at(state.keys, 0);
  const place = { index: 0, token: "t0" };
  const keys = state.keys.with(0, { ...at(state.keys, 0), slots: slots.with(0, { run: 0, token: "t0" }) });
  const messages = state.messages.filter(({ run }) => run !== 0);
  const rests = { held: at(state.runs, 0).held.with(0, place), todo: 1, ready: false, asleep: true };
  return withRun({ ...state, tokens: 1, keys, messages }, 0, rests);
}

/** Run 0 has not begun; it has a place of key 0 that it keeps, was queued for key 1, and is woken twice at once. */
function keptAndQueued(state: State): State {
  const keys = state.keys.map((_, key) => ({ slots: [{ run: 0, token: `t${key}` }], tickets: [null] }));
  const messages = [null, 1].map((slot) => ({ run: 0, slot, sweep: slot === null }));
  const waits = { held: [{ index: 0, token: "t0" }, null], queued: 1 };
  return withRun({ ...state, tokens: 2, keys, messages }, 0, waits);
}

/**
 * A slow pumper has given run 0 a place of key 1, which it does not need any more; it sleeps. Run 1 has the place of key 0 and is
 * queued for key 1.
 */
function grantedAhead(state: State): State {
  const first = at(state.keys, 0);
  const keys = [
    { ...first, slots: [{ run: 1, token: "t0" }] },
    { slots: [{ run: 0, token: "t1" }], tickets: [null, "t2"] },
  ];
  const messages = [{ run: 0, slot: 1, sweep: false }];
  const waits = { held: [{ index: 0, token: "t0" }, null], queued: 1 };
  const rests = { todo: 1, ready: false, asleep: true };
  return withRun(withRun({ ...state, tokens: 3, keys, messages }, 1, waits), 0, rests);
}

/**
 * Two pumpers have raced, and have ended since: both places are run 0's, which has looked at neither, or at the first before the
 * second was there. Run 1 is queued. A search with the pumpers finds these states, too, but is large.
 */
function grantedTwice(state: State, start: Setup["start"]): State {
  const slots = ["t0", "t1"].map((token) => ({ run: 0, token }));
  const told = { run: 0, slot: 0, sweep: false };
  const keys = [{ slots, tickets: [null, "t2"] }];
  const queued = withRun({ ...state, tokens: 3, keys, messages: [told, told] }, 1, { queued: 0 });
  if (start === "granted twice") return withRun(queued, 0, { queued: 0 });
  const asleep = { held: [{ index: 0, token: "t0" }], todo: 1, ready: false, asleep: true };
  return withRun({ ...queued, messages: [told] }, 0, asleep);
}

/** The run has a place of key 0 and its body runs, or it is queued: one of the states that a fresh start reaches. */
function begunBefore(state: State, run: number, setup: Setup): State {
  const token = `t${state.tokens}`;
  const key = at(state.keys, 0);
  const index = key.slots.indexOf(null);
  const next = { ...state, tokens: state.tokens + 1, messages: state.messages.filter((one) => one.run !== run) };
  if (index === -1) {
    const tickets = key.tickets.with(run, token);
    return withRun({ ...next, keys: state.keys.with(0, { ...key, tickets }) }, run, { queued: 0 });
  }
  const message = { run, slot: null, sweep: false };
  const turn = { ...begun(state, message, false, setup), held: at(state.runs, run).held.with(0, { index, token }) };
  const actor: Actor = { run, message: heldBy(state, message), job: { at: "body" }, pump: null, turn };
  const keys = state.keys.with(0, { ...key, slots: key.slots.with(index, { run, token }) });
  return withRun({ ...next, keys, actors: [...state.actors, actor] }, run, { lease: "valid" });
}

/** What a turn knows when it has claimed its run. */
export function begun(state: State, { run, slot, sweep }: Message, stolen: boolean, setup: Setup): Turn {
  const { held, queued, todo } = at(state.runs, run);
  const trusts = (key: number): boolean => {
    if (held[key] === null || !stolen) return held[key] !== null;
    const isKept = at(setup.keys, key).hold === "run";
    return setup.faults.has("a stolen turn believes the head") || (isKept && setup.faults.has(TRUSTS_KEPT));
  };
  const careful = setup.keys.map((_, key) => {
    const isTold = slot === key || slot === ALL || sweep || stolen || queued === key;
    const believes = setup.faults.has(
      stolen ? "a stolen turn believes the head" : "a wake with a place believes the head",
    );
    return isTold && !(trusts(key) && believes);
  });
  const older = setup.order ? at(state.keys, 0).tickets.slice(0, run) : [];
  const restarts = setup.restarts && sweep && queued !== null;
  return {
    stolen: stolen && setup.faults.size > 0,
    mine: true,
    valid: true,
    fresh: true,
    cancelled: false,
    sweep,
    careful,
    held: held.map((one, key) => (trusts(key) ? one : null)),
    restarting: !restarts ? "no" : todo < at(setup.passes, run) ? "steps" : "all",
    behind: older.find((ticket) => ticket !== null) ?? null,
    jumped: false,
  };
}

const TRUSTS_KEPT: Fault = "a thief trusts the head with what is kept to the end";

export const heldBy = ({ budget }: State, message: Message): Message | null => (mayRedeliver(budget) ? message : null);
