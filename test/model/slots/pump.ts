/**
 * Owns: what anybody may do who has put a ticket, given back or removed a place: the pump, which grants free places to the
 * tickets in their order; and the cleaning up after a run that has ended. Every read, write and send is a step of its own.
 */
import { at, landed, ownSlots, sent, spent, withActor, withRun } from "./state.js";
import type { Actor, Grant, Held, Job, Pump, Setup, State, Write } from "./state.js";

export interface Step {
  state: State;
  index: number;
  actor: Actor;
  setup: Setup;
  /** How writes go: once and at once; also once more, later; or only later, and the worker is gone. */
  mode: "once" | "again" | "late";
  emit(label: string, state: State): void;
}

type Pumping = Step & { pump: Pump };

/** One write. What comes next may depend on whether its condition held. */
export function perform(step: Step, label: string, write: Write, next: (held: boolean) => Actor | null): void {
  const { state, index, setup, mode } = step;
  if (mode === "late") return outlived(step, write);
  const after = landed(state, write, setup);
  const then = withActor(after ?? state, index, mayGoOn(step) ? next(after !== null) : null);
  const outcome = after === null ? `${label}: refused` : label;
  if (mode === "once") return step.emit(outcome, then);
  const isDelete = write.do === "delete" || write.do === "unticket";
  const budget = isDelete ? "lateDeletes" : "latePuts";
  if (state.budget[budget] === 0) return;
  const copies = [...state.copies, write];
  step.emit(`${outcome}, and a copy stays on its way`, spent({ ...then, copies }, budget));
}

/** The worker is gone, and what it was about to write is on its way. */
function outlived(step: Step, write: Write): void {
  const { state, emit } = step;
  const died = dead({ ...step, state: { ...state, copies: [...state.copies, write] } });
  emit("is so slow that its lease runs out, its write is on its way", spent(died, "stalls"));
}

/** Its message is visible again, its lease runs out. */
export function dead({ state, index, actor: { run, message, turn } }: Step): State {
  const gone = withActor(state, index, null);
  const visible = message === null ? gone : sent(gone, message);
  return turn?.mine === true && at(state.runs, run).live ? withRun(visible, run, { lease: "out" }) : visible;
}

/** What is not a write: nothing of it can come late. */
export function tell(step: Step, label: string, next: State): void {
  if (step.mode !== "once") return;
  if (mayGoOn(step)) step.emit(label, next);
  else stop(step);
}

/** A turn looks at its deadline before each write, so at most the one that it was about to send comes after it. */
function mayGoOn({ actor, setup }: Step): boolean {
  return actor.turn?.valid !== false || setup.faults.has("a turn goes on after its deadline");
}

/** Its run is somebody else's, or cancelled. Whose lease the cancel met knows that no other turn can be running. */
export function stop(step: Step): void {
  const { actor, state, setup, mode } = step;
  if (mode !== "once") return;
  const mayClean = actor.turn?.cancelled || setup.faults.has("a zombie gives back for a cancelled run");
  if (at(state.runs, actor.run).effects === "later" && mayClean)
    return step.emit("was cancelled and gives back", become(step, cleaner(actor, setup)));
  step.emit("has lost its lease and stops", become(step, null));
}

export function cleaner(actor: Actor, setup: Setup): Actor {
  const keys = setup.keys.map((_, key) => key);
  return { ...actor, turn: null, pump: null, job: { at: "clean", keys, isEffect: true } };
}

export function become(step: Step, actor: Actor | null): State {
  return withActor(step.state, step.index, actor);
}

export function newToken(step: Step): { token: string; step: Step } {
  const { state } = step;
  return { token: `t${state.tokens}`, step: { ...step, state: { ...state, tokens: state.tokens + 1 } } };
}

export function startPump(key: number): Pump {
  return { key, at: "slots", slots: [], plan: [], got: null, found: null };
}

export function pumpStep(step: Step, pump: Pump, then: (actor: Actor) => Actor): void {
  const pumping = { ...step, pump };
  const { state, actor } = step;
  if (pump.at === "slots") {
    const { slots } = at(state.keys, pump.key);
    return tell(step, "pump: reads the places", become(step, { ...actor, pump: { ...pump, slots, at: "tickets" } }));
  }
  if (pump.at === "tickets") {
    const plan = planOf(pumping);
    return tell(
      step,
      "pump: reads the tickets",
      become(step, next({ ...pumping, pump: { ...pump, slots: [], plan } }, then)),
    );
  }
  const [grant] = pump.plan;
  if (grant === undefined) throw new Error("Cannot grant: the plan is empty; expected a ticket");
  if (pump.at === "put") putGrant(pumping, grant);
  if (pump.at === "wake") wakeGrant(pumping, grant, then);
  if (pump.at === "delete") deleteTicket(pumping, grant, then);
}

/** In the order of the tickets: who has a place already is woken once more; the others get what is free, the first of them first. */
function planOf({ state, pump, setup }: Pumping): Grant[] {
  const free = pump.slots.flatMap((slot, index) => (slot === null ? [index] : []));
  const plan: Grant[] = [];
  for (const [run, ticket] of at(state.keys, pump.key).tickets.entries()) {
    if (ticket === null) continue;
    const has = pump.slots.findIndex((slot) => slot?.run === run);
    if (has !== -1) {
      if (setup.faults.has("do not wake again who was granted a place")) continue;
      plan.push({ run, ticket, index: null, found: { index: has, token: pump.slots[has]?.token ?? "" } });
      continue;
    }
    const index = free.shift() ?? (setup.faults.has("grant a place that is taken") ? 0 : undefined);
    if (index !== undefined) plan.push({ run, ticket, index, found: null });
  }
  return plan;
}

/** Nobody has a ticket. */
export function isEmpty(state: State, key: number): boolean {
  return at(state.keys, key).tickets.every((ticket) => ticket === null);
}

/** The actor at the next ticket of its plan, or done. */
function next({ actor, pump, setup }: Pumping, then: (actor: Actor) => Actor): Actor {
  const [grant] = pump.plan;
  if (grant === undefined) return then({ ...actor, pump });
  const own = isOwn(actor, pump, grant);
  const found = own && grant.index === null ? grant.found : pump.found;
  return { ...actor, pump: { ...pump, found, at: grant.index === null ? afterPut(own, setup) : "put" } };
}

const afterPut = (own: boolean, setup: Setup): Pump["at"] =>
  own || setup.faults.has("delete the ticket, then send the wake") ? "delete" : "wake";

/** A run that pumps for itself needs no wake. */
const isOwn = (actor: Actor, pump: Pump, grant: Grant): boolean =>
  (actor.job.at === "pumped" || actor.job.at === "dropped") && actor.job.key === pump.key && grant.run === actor.run;

function putGrant(pumping: Pumping, grant: Grant): void {
  const { token, step } = newToken(pumping);
  const { actor, pump, setup } = pumping;
  const index = grant.index ?? 0;
  const blind = setup.faults.has("grant a place that is taken");
  const slot = { run: grant.run, token };
  const write: Write = { do: "put", key: pump.key, index, slot, ...(blind && { blind: true }) };
  const own = isOwn(actor, pump, grant);
  const got = own ? { index, token } : pump.got;
  perform(step, `pump: puts place ${index} for run ${grant.run}`, write, (held) => {
    if (!held) return { ...actor, pump: { ...startPump(pump.key), got: pump.got, found: pump.found } };
    return { ...actor, pump: { ...pump, got, at: afterPut(own, setup) } };
  });
}

function wakeGrant(pumping: Pumping, grant: Grant, then: (actor: Actor) => Actor): void {
  const { actor, pump, state } = pumping;
  const wakesLast = pumping.setup.faults.has("delete the ticket, then send the wake");
  const woken = wakesLast ? nextTicket(pumping, then) : { ...actor, pump: { ...pump, at: "delete" as const } };
  const mailed = sent(state, { run: grant.run, slot: pump.key, sweep: false });
  const next = mayGoOn(pumping) ? woken : null;
  if (pumping.mode === "once") pumping.emit(`pump: wakes run ${grant.run}`, withActor(mailed, pumping.index, next));
}

function deleteTicket(pumping: Pumping, grant: Grant, then: (actor: Actor) => Actor): void {
  const { actor, pump, setup } = pumping;
  const write: Write = { do: "unticket", key: pump.key, run: grant.run, token: grant.ticket };
  const wakesLast = setup.faults.has("delete the ticket, then send the wake") && !isOwn(actor, pump, grant);
  const deleted = wakesLast ? { ...actor, pump: { ...pump, at: "wake" as const } } : nextTicket(pumping, then);
  perform(pumping, `pump: deletes the ticket of run ${grant.run}`, write, () => deleted);
}

const nextTicket = (pumping: Pumping, then: (actor: Actor) => Actor): Actor =>
  next({ ...pumping, pump: { ...pumping.pump, plan: pumping.pump.plan.slice(1) } }, then);

// After a run that has ended

type Clean = Extract<Job, { at: "clean" }>;
type Cleaning = Extract<Job, { at: "cleaning" }>;

export function cleanStep(step: Step, job: Clean | Cleaning): void {
  const { actor, state } = step;
  const [key, ...rest] = job.keys;
  if (key === undefined) {
    const done = job.isEffect ? withRun(state, actor.run, { effects: "none" }) : state;
    return tell(step, "is done cleaning up, acknowledges", withActor(done, step.index, null));
  }
  const ticket = at(at(state.keys, key).tickets, actor.run);
  if (
    job.at === "clean" &&
    ticket !== null &&
    (job.isEffect || !step.setup.faults.has("an ended run leaves its ticket"))
  ) {
    const write: Write = { do: "unticket", key, run: actor.run, token: ticket };
    return perform(step, "deletes its ticket", write, () => actor);
  }
  if (job.at === "clean") {
    const own = ownSlots(state, key, actor.run);
    return tell(step, "looks for its places", become(step, { ...actor, ...cleaningOf(job, own) }));
  }
  const [first, ...others] = job.own;
  if (first === undefined) return pumpStep(step, actor.pump ?? startPump(key), (over) => cleaned(over, job, rest));
  const write = deletion(key, actor.run, first);
  perform(step, `gives back place ${first.index}`, write, () => ({ ...actor, ...cleaningOf(job, others) }));
  function cleaningOf({ keys, isEffect }: Clean | Cleaning, own: readonly Held[]): Pick<Actor, "job" | "pump"> {
    return { job: { at: "cleaning", keys, isEffect, own }, pump: own.length === 0 ? startPump(at(keys, 0)) : null };
  }
}

function cleaned(actor: Actor, { isEffect }: Cleaning, keys: readonly number[]): Actor {
  return { ...actor, pump: null, job: { at: "clean", keys, isEffect } };
}

export function deletion(key: number, run: number, { index, token }: Held): Write {
  return { do: "delete", key, index, slot: { run, token } };
}
