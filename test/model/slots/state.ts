/**
 * Owns: the state of the slots model: keys with their places and tickets, runs, messages, actors, and writes that a copy of may
 * land late. A place is an item `A#<index>`, a ticket an item `Q#<run>`; both carry a token that is new with every put.
 * Must not: decide anything; what the actors do is in take.ts, pump.ts and turn.ts.
 *
 * Epochs and wakes are not numbers: a turn carries `mine` (the head has its epoch), `valid` (its own clock says that its lease
 * holds) and `fresh` (no wake was absorbed since it last looked). A run's number is its age: run 0 is the oldest.
 */

import type { Meeting } from "./goals.js";

/** "t" and a number, so that canonical can find it and name it anew. */
export type Token = string;

export type Fault =
  | "give back whatever token the place has"
  | "a thief does not stamp"
  | "a turn goes on after its deadline"
  | "what is found is held as it is"
  | "what the pump finds is held as it is"
  | "a thief trusts the head with what is kept to the end"
  | "a newcomer does not look at the queue"
  | "look, then put the ticket"
  | "look, then give back"
  | "give back without a look"
  | "grant a place that is taken"
  | "delete the ticket, then send the wake"
  | "delete a ticket whatever its token"
  | "do not wake again who was granted a place"
  | "an ended run acknowledges a grant"
  | "an ended run gives back while its turn may go on"
  | "an ended run leaves its ticket"
  | "a cancelled run's places are given back at once"
  | "a zombie gives back for a cancelled run"
  | "check removes the place of a live run"
  | "check removes the place of a run that has just ended"
  | "check leaves a live run's surplus"
  | "release without a look at wakes"
  | "end without a look at wakes"
  | "yield without a look at wakes"
  | "a wake with a place believes the head"
  | "a stolen turn believes the head"
  | "keep what was granted twice"
  | "give back what was granted twice without a look"
  | "places of later keys stay while an earlier is waited for";

export interface Budget {
  kills: number;
  /** A turn is so slow that its lease runs out; it goes on with what it was about to write. */
  stalls: number;
  /** A put, or a delete, of which a copy lands later. */
  latePuts: number;
  lateDeletes: number;
  lostWakes: number;
  duplicates: number;
  yields: number;
  cancels: number;
  /** The sweeper wakes a run though others are under way. */
  sweeps: number;
}

export interface Setup {
  keys: readonly { limit: number; hold: "step" | "run" }[];
  /** By run: how many bodies it has, one a pass, with a sleep between them; and the keys in the order in which it takes them. */
  passes: readonly number[];
  orders: readonly (readonly number[])[];
  sweeper: "off" | "quiet" | "any time";
  /** Woken by the sweeper, a queued run gives back what it holds, unless it keeps it to its end and has begun; and starts again. */
  restarts: boolean;
  /** From the beginning, or where start.ts says; contended: bodies run in every place of key 0, who found none is queued. */
  start: "fresh" | "contended" | "granted twice" | "granted again" | "granted ahead" | "kept" | "kept and queued";
  /** A sleeping run is woken when every other has ended, as one that waits for what they do. */
  waits: boolean;
  /** Whether turns remember whose ticket they came after. */
  order: boolean;
  /** Whether nothing may be left taken, or in the queue, when all is over. */
  tidy: boolean;
  budget: Budget;
  faults: ReadonlySet<Fault>;
  /** What the search is to meet. */
  meets: readonly Meeting[];
}

export interface Slot {
  run: number;
  token: Token;
}

export interface Held {
  index: number;
  token: Token;
}

export interface Key {
  slots: readonly (Slot | null)[];
  /** By run. */
  tickets: readonly (Token | null)[];
}

export interface Run {
  live: boolean;
  lease: "released" | "valid" | "out";
  /** By key: what the head says is held, and the key that is waited for. */
  held: readonly (Held | null)[];
  queued: number | null;
  /** Bodies still to run; whether the next may run now; whether a timer will say so. */
  todo: number;
  ready: boolean;
  asleep: boolean;
  effects: "none" | "slots" | "later";
  /** Ended so long ago that no lease of its turns can hold. */
  late: boolean;
}

/** `slot`: the key in which a place was granted; ALL where any may have been. */
export interface Message {
  run: number;
  slot: number | null;
  sweep: boolean;
}

export const ALL = -1;

export interface Turn {
  stolen: boolean;
  mine: boolean;
  valid: boolean;
  fresh: boolean;
  /** Its run was cancelled while the lease was this turn's. */
  cancelled: boolean;
  sweep: boolean;
  /** By key: the table is looked at, whatever the head says. */
  careful: readonly boolean[];
  held: readonly (Held | null)[];
  /** It gives back before it takes: its steps' places, or all. */
  restarting: "no" | "steps" | "all";
  behind: Token | null;
  jumped: boolean;
}

export type Job =
  | {
      at: "peek" | "look" | "dropped" | "tidy" | "ticket" | "pumped" | "check" | "queued" | "shed" | "give" | "given";
      key: number;
    }
  | { at: "probe"; key: number; tries: number }
  | { at: "stamp"; key: number; found: Held; others: readonly Held[] }
  | { at: "drop"; key: number; others: readonly Held[] }
  | { at: "line"; key: number; free: number | null }
  | { at: "sit"; key: number; index: number }
  | { at: "unticket"; key: number; token: Token }
  | { at: "judge"; key: number; left: readonly (Slot & Held)[] }
  | { at: "remove"; key: number; left: readonly (Slot & Held)[] }
  | { at: "shedding"; key: number; others: readonly Held[] }
  | { at: "pass" | "body" | "settle" }
  | { at: "clean"; keys: readonly number[]; isEffect: boolean }
  | { at: "cleaning"; keys: readonly number[]; isEffect: boolean; own: readonly Held[] };

export interface Grant {
  run: number;
  ticket: Token;
  /** Where the place is put; null: the run has been found to have one. */
  index: number | null;
  found: Held | null;
}

export interface Pump {
  key: number;
  at: "slots" | "tickets" | "put" | "wake" | "delete";
  slots: readonly (Slot | null)[];
  plan: readonly Grant[];
  /** What it came to for the run that pumps: a place that it has put itself, or found. */
  got: Held | null;
  found: Held | null;
}

export interface Actor {
  run: number;
  /** The delivery that it settles; null once it is visible to others. */
  message: Message | null;
  job: Job;
  pump: Pump | null;
  turn: Turn | null;
}

export type Write =
  | { do: "put"; key: number; index: number; slot: Slot; blind?: true }
  | { do: "stamp"; key: number; index: number; from: Token; slot: Slot }
  | { do: "delete"; key: number; index: number; slot: Slot }
  | { do: "ticket"; key: number; run: number; token: Token }
  | { do: "unticket"; key: number; run: number; token: Token };

export interface State {
  keys: readonly Key[];
  runs: readonly Run[];
  messages: readonly Message[];
  actors: readonly Actor[];
  copies: readonly Write[];
  budget: Budget;
  /** Tokens given out so far. */
  tokens: number;
}

/** What nothing can bring back any more need not be remembered: fewer states, the same search. */
export function spent(state: State, name: keyof Budget): State {
  const budget = { ...state.budget, [name]: state.budget[name] - 1 };
  if (mayRedeliver(budget)) return { ...state, budget };
  return { ...state, budget, actors: state.actors.map((actor) => ({ ...actor, message: null })) };
}

export const mayRedeliver = ({ kills, stalls }: Budget): boolean => kills + stalls > 0;

export function withActor(state: State, index: number, actor: Actor | null): State {
  return { ...state, actors: actor === null ? state.actors.toSpliced(index, 1) : state.actors.with(index, actor) };
}

export function withRun(state: State, run: number, change: Partial<Run>): State {
  return { ...state, runs: state.runs.map((one, index) => (index === run ? { ...one, ...change } : one)) };
}

export function sent(state: State, message: Message): State {
  return { ...state, messages: [...state.messages, message] };
}

/** An array made by the setup and indexed by what the setup counts. */
export function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new Error(`Cannot read entry ${index}: there are ${list.length}; expected more`);
  return found;
}

export function ownSlots(state: State, key: number, run: number): Held[] {
  return at(state.keys, key).slots.flatMap((slot, index) => (slot?.run === run ? [{ index, token: slot.token }] : []));
}

/** The write as the table carries it out; null: its condition was refused. */
export function landed(state: State, write: Write, setup: Setup): State | null {
  const { slots, tickets } = at(state.keys, write.key);
  const withKey = (change: Partial<Key>): State => ({
    ...state,
    keys: state.keys.map((one, index) => (index === write.key ? { ...one, ...change } : one)),
  });
  if (write.do === "ticket") return withKey({ tickets: tickets.with(write.run, write.token) });
  if (write.do === "unticket") {
    const anyToken = setup.faults.has("delete a ticket whatever its token");
    if (tickets[write.run] !== write.token && !anyToken) return null;
    return withKey({ tickets: tickets.with(write.run, null) });
  }
  const slot = slots[write.index] ?? null;
  if (write.do === "put") {
    return slot === null || write.blind === true ? withKey({ slots: slots.with(write.index, write.slot) }) : null;
  }
  if (write.do === "stamp") {
    return slot?.token === write.from ? withKey({ slots: slots.with(write.index, write.slot) }) : null;
  }
  const byRun = setup.faults.has("give back whatever token the place has") && slot?.run === write.slot.run;
  return slot?.token === write.slot.token || byRun ? withKey({ slots: slots.with(write.index, null) }) : null;
}

const TOKEN = /t\d+/g;

/** What did not change from one state to the next is the same object, and is not written again. */
const texts = new WeakMap<object, string>();
const blanks = new WeakMap<object, string>();

function textOf(value: unknown): string {
  if (value === null) return "-";
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value !== "object") return String(value);
  const known = texts.get(value);
  if (known !== undefined) return known;
  let text = "(";
  for (const part of Object.values(value)) text += `${textOf(part)} `;
  text += ")";
  texts.set(value, text);
  return text;
}

function blankOf(value: object): string {
  const known = blanks.get(value);
  if (known !== undefined) return known;
  const blank = textOf(value).replace(TOKEN, "t");
  blanks.set(value, blank);
  return blank;
}

/** Actors, messages and copies stand in the order of their texts; then tokens are named in the order in which they are met. */
export function canonical(state: State): string {
  let text = textOf(state.keys) + textOf(state.runs) + textOf(state.budget);
  for (const group of [state.messages, state.actors, state.copies]) {
    text += "|";
    for (const one of sorted<object>(group)) text += textOf(one);
  }
  const names = new Map<string, string>();
  return text.replace(TOKEN, (token) => {
    const known = names.get(token);
    if (known !== undefined) return known;
    const name = `t${names.size}`;
    names.set(token, name);
    return name;
  });
}

function sorted<T extends object>(list: readonly T[]): readonly T[] {
  if (list.length < 2) return list;
  return list.toSorted((a, b) => {
    const [one, other] = [blankOf(a), blankOf(b)];
    return one < other ? -1 : one > other ? 1 : 0;
  });
}
