/**
 * Owns: how a turn takes its places before user code, key by key; how it queues; and the check of a run that the sweeper woke.
 * Must not: grant anything to others but by the pump.
 */
import { become, deletion, isEmpty, newToken, perform, pumpStep, startPump, tell, type Step } from "./pump.js";
import { at, ownSlots, sent, withActor } from "./state.js";
import type { Actor, Held, Job, Setup, Turn, Write } from "./state.js";

export type TurnStep = Step & { turn: Turn };
type At<Name extends Job["at"]> = Extract<Job, { at: Name }>;

export function withTurn(actor: Actor, turn: Turn, change: Partial<Turn>): Actor & { turn: Turn } {
  return { ...actor, turn: { ...turn, ...change } };
}

/** The next key to take, or the pass. */
export function proceed(actor: Actor & { turn: Turn }, setup: Setup): Actor {
  const { careful, held } = actor.turn;
  for (const key of at(setup.orders, actor.run)) {
    if (careful[key]) return { ...actor, pump: null, job: { at: "look", key } };
    if (held[key] === null) return { ...actor, pump: null, job: { at: "peek", key } };
  }
  return { ...actor, pump: null, job: { at: "pass" } };
}

export function takeStep(step: TurnStep): void {
  const { job } = step.actor;
  if (job.at === "peek") peek(step, job.key);
  if (job.at === "probe") probe(step, job);
  if (job.at === "look") look(step, job.key);
  if (job.at === "stamp") stamp(step, job);
  if (job.at === "drop") drop(step, job);
  if (job.at === "tidy") tidy(step, job.key);
  if (job.at === "unticket") unticket(step, job);
  if (job.at === "line") line(step, job);
  if (job.at === "sit") sit(step, job);
  if (job.at === "ticket") ticket(step, job.key);
  if (job.at === "pumped")
    pumpStep(step, step.actor.pump ?? startPump(job.key), (actor) => pumped(actor, step, job.key));
  if (job.at === "dropped") dropped(step, job.key);
  if (job.at === "check") check(step, job.key);
  if (job.at === "judge") judge(step, job);
  if (job.at === "remove") remove(step, job);
}

function to(step: TurnStep, job: Job): Actor {
  return { ...step.actor, job };
}

function holds({ actor, turn, setup, state }: TurnStep, key: number, held: Held, byItself: boolean): Actor {
  const mayNot = byItself && turn.behind !== null && at(state.keys, key).tickets.includes(turn.behind);
  const isHeld = { held: turn.held.with(key, held), careful: turn.careful.with(key, false) };
  return proceed(withTurn(actor, turn, { ...isHeld, jumped: turn.jumped || mayNot }), setup);
}

function lookAt(step: TurnStep, key: number): Actor {
  const careful = step.turn.careful.with(key, true);
  return { ...withTurn(step.actor, step.turn, { careful }), job: { at: "look", key } };
}

/** Neither stolen nor queued: one look at the queue, then a try or two. */
function peek(step: TurnStep, key: number): void {
  if (!isEmpty(step.state, key) && !step.setup.faults.has("a newcomer does not look at the queue"))
    return tell(step, "finds a queue", become(step, lookAt(step, key)));
  tell(step, "finds no queue", become(step, to(step, { at: "probe", key, tries: 0 })));
}

function probe(step: TurnStep, { key, tries }: At<"probe">): void {
  const { token, step: fresh } = newToken(step);
  const { limit } = at(step.setup.keys, key);
  const index = (step.actor.run + tries) % limit;
  const write: Write = { do: "put", key, index, slot: { run: step.actor.run, token } };
  perform(fresh, `tries place ${index}`, write, (held) => {
    if (held) return holds(step, key, { index, token }, true);
    return tries + 1 < Math.min(limit, 2) ? to(step, { at: "probe", key, tries: tries + 1 }) : lookAt(step, key);
  });
}

function look(step: TurnStep, key: number): void {
  const { state, actor, turn, setup } = step;
  const own = ownSlots(state, key, actor.run);
  const inHand = turn.held[key] ?? null;
  const [found, ...others] = own;
  const say = (label: string, next: Actor): void => tell(step, label, become(step, next));
  if (inHand !== null) {
    const surplus = own.filter(({ token }) => token !== inHand.token);
    return say("looks for what it has beside its place", dropOf(step, key, surplus));
  }
  if (found !== undefined) {
    const asItIs = setup.faults.has(turn.stolen ? "a thief does not stamp" : "what is found is held as it is");
    if (!asItIs) return say("finds a place of its own", to(step, { at: "stamp", key, found, others }));
    const kept = withTurn(actor, turn, { held: turn.held.with(key, found) });
    return say("finds a place of its own", dropOf({ ...step, actor: kept, turn: kept.turn }, key, others));
  }
  const free = at(state.keys, key).slots.indexOf(null);
  say("finds no place of its own", to(step, { at: "line", key, free: free === -1 ? null : free }));
}

function dropOf(step: TurnStep, key: number, others: readonly Held[]): Actor {
  const keeps = others.length === 0 || step.setup.faults.has("keep what was granted twice");
  return to(step, keeps ? { at: "tidy", key } : { at: "drop", key, others });
}

function stamp(step: TurnStep, { key, found, others }: At<"stamp">): void {
  const { token, step: fresh } = newToken(step);
  const { index } = found;
  const write: Write = { do: "stamp", key, index, from: found.token, slot: { run: step.actor.run, token } };
  perform(fresh, "stamps it anew", write, (stamped) => {
    if (!stamped) return lookAt(step, key);
    const kept = withTurn(step.actor, step.turn, { held: step.turn.held.with(key, { index, token }) });
    return dropOf({ ...step, actor: kept, turn: kept.turn }, key, others);
  });
}

function drop(step: TurnStep, { key, others }: At<"drop">): void {
  const [first, ...rest] = others;
  if (first === undefined) return;
  const last: Actor = step.setup.faults.has("give back what was granted twice without a look")
    ? to(step, { at: "tidy", key })
    : { ...to(step, { at: "dropped", key }), pump: startPump(key) };
  const next = rest.length > 0 ? to(step, { at: "drop", key, others: rest }) : last;
  perform(step, "gives back what it has twice", deletion(key, step.actor.run, first), () => next);
}

/** What it has given back may be what somebody is waiting for. */
function dropped(step: TurnStep, key: number): void {
  pumpStep(step, step.actor.pump ?? startPump(key), (actor) => ({ ...actor, pump: null, job: { at: "tidy", key } }));
}

/** It has a place: its ticket, if there is one, goes. */
function tidy(step: TurnStep, key: number): void {
  const { actor, turn, setup, state } = step;
  const token = at(at(state.keys, key).tickets, actor.run);
  if (token !== null) return tell(step, "finds its ticket", become(step, to(step, { at: "unticket", key, token })));
  const careful = turn.careful.with(key, false);
  tell(step, "finds no ticket", become(step, proceed(withTurn(actor, turn, { careful }), setup)));
}

function unticket(step: TurnStep, { key, token }: At<"unticket">): void {
  const { actor, turn, setup } = step;
  const write: Write = { do: "unticket", key, run: actor.run, token };
  const careful = turn.careful.with(key, false);
  perform(step, "deletes its ticket", write, () => proceed(withTurn(actor, turn, { careful }), setup));
}

/** A place is free, and nobody waits for one, not even it: else the pump says who gets it. */
function line(step: TurnStep, { key, free }: At<"line">): void {
  const mayTake = free !== null && isEmpty(step.state, key);
  const job: Job = mayTake ? { at: "sit", key, index: free } : { at: "ticket", key };
  tell(step, mayTake ? "finds a free place and nobody queued" : "has to queue", become(step, to(step, job)));
}

function sit(step: TurnStep, { key, index }: At<"sit">): void {
  const { token, step: fresh } = newToken(step);
  const write: Write = { do: "put", key, index, slot: { run: step.actor.run, token } };
  perform(fresh, `takes place ${index}`, write, (held) =>
    held ? holds(step, key, { index, token }, true) : lookAt(step, key),
  );
}

/** First the ticket, then the look: who gives back does it the other way round, so one of them sees the other. */
function ticket(step: TurnStep, key: number): void {
  const { token, step: fresh } = newToken(step);
  const write: Write = { do: "ticket", key, run: step.actor.run, token };
  const blind = step.setup.faults.has("look, then put the ticket");
  const next: Actor = blind ? queued(step.actor, key) : { ...to(step, { at: "pumped", key }), pump: startPump(key) };
  perform(fresh, "puts its ticket", write, () => next);
}

function pumped(actor: Actor, step: TurnStep, key: number): Actor {
  const { pump } = actor;
  const over: Actor = { ...actor, pump: null };
  if (pump === null) return queued(over, key);
  if (pump.got !== null) return holds({ ...step, actor: over }, key, pump.got, false);
  if (pump.found !== null) {
    const asItIs = step.setup.faults.has("what the pump finds is held as it is");
    return asItIs ? holds({ ...step, actor: over }, key, pump.found, false) : lookAt({ ...step, actor: over }, key);
  }
  return step.turn.sweep ? { ...over, job: { at: "check", key } } : queued(over, key);
}

function queued(actor: Actor, key: number): Actor {
  return { ...actor, pump: null, job: { at: "queued", key } };
}

// The check of a queued run that the sweeper has woken

function check(step: TurnStep, key: number): void {
  const left = at(step.state.keys, key).slots.flatMap((slot, index) =>
    slot === null || slot.run === step.actor.run ? [] : [{ ...slot, index }],
  );
  tell(step, "check: reads the places", become(step, judged(step, key, left)));
}

/** Checked: once more the pump. */
function judged(step: TurnStep, key: number, left: At<"judge">["left"]): Actor {
  const { actor, turn } = step;
  if (left.length > 0) return { ...actor, job: { at: "judge", key, left } };
  return { ...withTurn(actor, turn, { sweep: false }), job: { at: "pumped", key }, pump: startPump(key) };
}

/** Reads the owner; a live one that knows nothing of its place is woken. */
function judge(step: TurnStep, { key, left }: At<"judge">): void {
  const { state, setup } = step;
  const [slot, ...rest] = left;
  if (slot === undefined) return;
  const { live, late, lease, held } = at(state.runs, slot.run);
  const isOver = !live && (late || setup.faults.has("check removes the place of a run that has just ended"));
  if (isOver || (live && lease === "released" && setup.faults.has("check removes the place of a live run"))) {
    return tell(step, `check: run ${slot.run} is over`, become(step, to(step, { at: "remove", key, left })));
  }
  const isSurplus = live && lease === "released" && held[key]?.token !== slot.token;
  const next = judged(step, key, rest);
  if (!isSurplus || setup.faults.has("check leaves a live run's surplus"))
    return tell(step, `check: run ${slot.run} may have its place`, become(step, next));
  const mailed = sent(state, { run: slot.run, slot: key, sweep: false });
  tell(step, `check: wakes run ${slot.run}`, withActor(mailed, step.index, next));
}

function remove(step: TurnStep, { key, left }: At<"remove">): void {
  const [slot, ...rest] = left;
  if (slot === undefined) return;
  perform(step, `check: removes the place of run ${slot.run}`, deletion(key, slot.run, slot), () =>
    judged(step, key, rest),
  );
}
