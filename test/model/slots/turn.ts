/**
 * Owns: a turn's pass: its body, what it gives back afterwards, and how it is settled: released, queued, yielded, ended, or lost.
 * A turn whose run was cancelled does not know that before it writes to the head, and goes on with places until then.
 */
import {
  become,
  cleaner,
  cleanStep,
  deletion,
  isEmpty,
  perform,
  pumpStep,
  startPump,
  stop,
  tell,
  type Step,
} from "./pump.js";
import { ALL, at, ownSlots, sent, withActor, withRun } from "./state.js";
import type { Actor, Held, Job, Run, Setup, State, Turn } from "./state.js";
import { proceed, takeStep, withTurn, type TurnStep } from "./take.js";

type At<Name extends Job["at"]> = Extract<Job, { at: Name }>;

export function actorStep(step: Step): void {
  const { actor } = step;
  const { job, turn } = actor;
  if (job.at === "clean" || job.at === "cleaning") return cleanStep(step, job);
  if (turn === null) return;
  const mine = { ...step, turn };
  if (job.at === "pass") pass(mine);
  if (job.at === "body") body(mine);
  if (job.at === "give") give(mine, job.key);
  if (job.at === "given") given(mine, job.key);
  if (job.at === "settle") settle(mine);
  if (job.at === "queued") queue(mine, job.key);
  if (job.at === "shed") shed(mine, job.key);
  if (job.at === "shedding") shedding(mine, job);
  takeStep(mine);
}

/** Nobody else sees a body begin, so it begins with the step that came before, unless a yield may come between. */
export function passed(actor: Actor & { turn: Turn }, state: State, setup: Setup): Actor {
  const { ready, todo } = at(state.runs, actor.run);
  if (!actor.turn.valid) return actor;
  return ready && todo > 0 ? { ...actor, job: { at: "body" } } : giveBack(actor, actor.turn, setup);
}

function pass(step: TurnStep): void {
  const { actor, turn, state, setup } = step;
  if (!turn.valid) return stop(step);
  tell(step, "begins its pass", become(step, passed({ ...actor, turn }, state, setup)));
}

/** Nobody else sees a body end either: its result is written with what comes next. */
function body(step: TurnStep): void {
  if (!step.turn.valid && !step.setup.faults.has("a turn goes on after its deadline")) return stop(step);
  const next = logged(step);
  actorStep({ ...next, emit: (label, state) => step.emit(`ends its body, ${label}`, state) });
}

export function logged(step: TurnStep): TurnStep {
  const { actor, turn, state, setup } = step;
  const { todo } = at(state.runs, actor.run);
  const next = giveBack(actor, turn, setup);
  const written = turn.mine ? withRun(state, actor.run, { todo: todo - 1, ready: false }) : state;
  return { ...step, actor: next, state: withActor(written, step.index, next) };
}

/** Time is nearly up: what is held stays held, and a message follows. If it was woken meanwhile, the next turn looks. */
export function yieldTurn(step: TurnStep): void {
  const { actor, turn, state, setup } = step;
  if (actor.job.at !== "pass" || !turn.mine || !turn.valid) return;
  const looks = !turn.fresh && !setup.faults.has("yield without a look at wakes");
  const released = withRun(state, actor.run, { lease: "released", held: turn.held, queued: null });
  const mailed = sent(released, { run: actor.run, slot: looks ? ALL : null, sweep: false });
  step.emit("yields", withActor(mailed, step.index, null));
}

// Giving back

function mustGive(turn: Turn, key: number, setup: Setup): boolean {
  return turn.restarting === "all" || at(setup.keys, key).hold === "step";
}

export function giveBack(actor: Actor, turn: Turn, setup: Setup): Actor {
  const key = turn.held.findIndex((held, one) => held !== null && mustGive(turn, one, setup));
  if (key === -1) return allGiven(actor, turn, setup);
  const early = setup.faults.has("look, then give back");
  return { ...actor, turn, pump: null, job: { at: early ? "given" : "give", key } };
}

function allGiven(actor: Actor, turn: Turn, setup: Setup): Actor {
  if (turn.restarting === "no") return { ...actor, turn, pump: null, job: { at: "settle" } };
  const careful = turn.careful.map(() => true);
  return proceed(withTurn(actor, turn, { restarting: "no", careful }), setup);
}

function give(step: TurnStep, key: number): void {
  const { actor, turn, setup } = step;
  const held = turn.held[key] ?? null;
  if (held === null) return;
  const without: Turn = { ...turn, held: turn.held.with(key, null) };
  const isLast = setup.faults.has("give back without a look") || setup.faults.has("look, then give back");
  const next: Actor = isLast
    ? giveBack(actor, without, setup)
    : { ...actor, turn: without, pump: null, job: { at: "given", key } };
  perform(step, `gives back place ${held.index}`, deletion(key, actor.run, held), () => next);
}

function given(step: TurnStep, key: number): void {
  const { actor, turn, setup, state } = step;
  const early = setup.faults.has("look, then give back");
  const next = (from: Actor): Actor =>
    early ? { ...from, pump: null, job: { at: "give", key } } : giveBack({ ...from, pump: null }, turn, setup);
  if (actor.pump !== null) return pumpStep(step, actor.pump, next);
  if (isEmpty(state, key)) return tell(step, "finds nobody queued", become(step, next(actor)));
  tell(step, "finds a queue", become(step, { ...actor, pump: startPump(key) }));
}

// Settling

function settle(step: TurnStep): void {
  const { actor, turn, state, setup } = step;
  if (!turn.mine || !turn.valid) return stop(step);
  if (at(state.runs, actor.run).todo === 0) return end(step);
  if (!turn.fresh && !setup.faults.has("release without a look at wakes")) return lookAgain(step);
  const { ready } = at(state.runs, actor.run);
  release(step, "releases", { queued: null, asleep: !ready });
}

function release(step: TurnStep, label: string, change: Partial<Run>): void {
  const { actor, turn, state } = step;
  const released = withRun(state, actor.run, { lease: "released", held: turn.held, ...change });
  tell(step, label, withActor(released, step.index, null));
}

function lookAgain(step: TurnStep): void {
  const { actor, turn, setup } = step;
  const careful = turn.careful.map(() => true);
  const again = proceed(withTurn(actor, turn, { fresh: true, careful }), setup);
  tell(step, "was woken meanwhile: looks again", become(step, again));
}

function end(step: TurnStep): void {
  const { actor, turn, state, setup } = step;
  const holdsRun = setup.keys.some(({ hold }) => hold === "run");
  const isWoken = !turn.fresh && !setup.faults.has("end without a look at wakes");
  const effects = holdsRun || isWoken ? "slots" : "none";
  const held = turn.held.map(() => null);
  const ended = withRun(state, actor.run, { live: false, lease: "released", late: true, held, queued: null, effects });
  const next = effects === "none" ? null : cleaner(actor, setup);
  tell(step, "ends the run", withActor(ended, step.index, next));
}

/** Before it waits for a key, it gives back what it was given of later keys, if it may have been. */
function queue(step: TurnStep, key: number): void {
  const { actor, turn, setup } = step;
  if (!turn.mine || !turn.valid) return stop(step);
  const order = at(setup.orders, actor.run);
  const later = order.slice(order.indexOf(key) + 1).find((one) => turn.careful[one]);
  if (later !== undefined && !setup.faults.has("places of later keys stay while an earlier is waited for"))
    return shed(step, key);
  if (!turn.fresh && !setup.faults.has("release without a look at wakes")) return lookAgain(step);
  release(step, "is queued", { queued: key });
}

function shed(step: TurnStep, key: number): void {
  const { actor, turn, setup, state } = step;
  const order = at(setup.orders, actor.run);
  const later = order.slice(order.indexOf(key) + 1).find((one) => turn.careful[one]);
  if (later === undefined) return;
  const others = ownSlots(state, later, actor.run);
  tell(step, `looks for places of key ${later}`, become(step, shedded(step, key, later, others)));
}

function shedded({ actor, turn }: TurnStep, key: number, later: number, others: readonly Held[]): Actor {
  if (others.length > 0) return { ...actor, job: { at: "shedding", key, others } };
  const careful = turn.careful.with(later, false);
  return { ...withTurn(actor, turn, { careful, held: turn.held.with(later, null) }), job: { at: "queued", key } };
}

function shedding(step: TurnStep, { key, others }: At<"shedding">): void {
  const { actor, turn, setup } = step;
  const order = at(setup.orders, actor.run);
  const later = order.slice(order.indexOf(key) + 1).find((one) => turn.careful[one]);
  if (later === undefined) return;
  if (actor.pump !== null) {
    return pumpStep(step, actor.pump, (from) => shedded({ ...step, actor: { ...from, pump: null } }, key, later, []));
  }
  const [first, ...rest] = others;
  if (first === undefined) return;
  const next: Actor =
    rest.length > 0
      ? { ...actor, job: { at: "shedding", key, others: rest } }
      : { ...actor, pump: startPump(later), job: { at: "shedding", key, others: rest } };
  perform(step, `gives back place ${first.index} of key ${later}`, deletion(later, actor.run, first), () => next);
}
