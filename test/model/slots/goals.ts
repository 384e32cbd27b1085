/** Owns: what must hold in the slots model, where it must arrive, and what a search is to have met. */
import type { Model } from "../explore.js";
import { at, ownSlots } from "./state.js";
import type { Actor, Setup, State } from "./state.js";

export function invariantsOf(setup: Setup): Model<State>["invariants"] {
  return {
    "who runs has a place of its own": (state) => withoutPlace(state, setup),
    "wakes do not multiply": ({ actors, messages }) =>
      actors.length + messages.length > MANY ? "they are more and more" : null,
    "who comes later goes later": ({ actors }) =>
      actors.some(({ turn }) => turn?.jumped === true) ? "a run took a place before one that was queued" : null,
  };
}

/** More deliveries at once than the runs and faults of any search here account for. */
const MANY = 9;

/** A body of a worker whose lease has run out does not count: the run log takes nothing from it. */
const isRunning = ({ job, turn }: Actor): boolean => job.at === "body" && turn?.valid === true;

/** Then no more bodies run than there are places; and of these there are as many as the limit says. */
function withoutPlace({ actors, keys }: State, { orders }: Setup): string | null {
  const taken: string[] = [];
  for (const { run, turn } of actors.filter(isRunning)) {
    for (const key of at(orders, run)) {
      const held = turn?.held[key] ?? null;
      const isOwn = held !== null && at(keys, key).slots[held.index]?.token === held.token;
      if (!isOwn || taken.includes(held.token)) return `run ${run} runs without a place of key ${key}`;
      taken.push(held.token);
    }
  }
  return null;
}

export function isFinished({ runs, actors, messages, keys }: State, { tidy }: Setup): boolean {
  if (actors.length > 0 || messages.length > 0) return false;
  if (runs.some(({ live, effects }) => live || effects !== "none")) return false;
  return !tidy || keys.every(({ slots, tickets }) => [...slots, ...tickets].every((one) => one === null));
}

const tokenAt = (state: State, key: number, index: number): string | undefined =>
  at(state.keys, key).slots[index]?.token;

/** Each is a race, or a rescue, without which "no violation" would say little. */
export const MEETINGS = {
  "a run is queued": ({ runs }) => runs.some(({ queued }) => queued !== null),
  "a run has two places": (state) =>
    state.keys.some((_, key) => state.runs.some((__, run) => ownSlots(state, key, run).length > 1)),
  "two pumpers are after one place": (state) =>
    state.actors.some(({ pump }) => {
      const index = pump?.plan[0]?.index ?? null;
      return pump?.at === "put" && index !== null && tokenAt(state, pump.key, index) !== undefined;
    }),
  "what was given twice goes back": ({ actors }) => actors.some(({ job }) => job.at === "drop"),
  "a stamp comes too late": (state) =>
    state.actors.some(({ job }) => job.at === "stamp" && tokenAt(state, job.key, job.found.index) !== job.found.token),
  "a zombie's give-back misses the place": (state) =>
    state.copies.some((write) => {
      const token = write.do === "delete" ? tokenAt(state, write.key, write.index) : undefined;
      return write.do === "delete" && token !== undefined && token !== write.slot.token;
    }),
  "a ticket's deletion misses the new one": (state) =>
    state.actors.some(({ pump }) => {
      const grant = pump?.at === "delete" ? pump.plan[0] : undefined;
      const ticket = pump && grant ? at(state.keys, pump.key).tickets[grant.run] : null;
      return typeof ticket === "string" && ticket !== grant?.ticket;
    }),
  "a run that rests has a place it does not know": (state) =>
    state.runs.some(({ live, lease, held }, run) => {
      const isForgotten = (_: unknown, key: number): boolean =>
        ownSlots(state, key, run).some(({ token }) => token !== held[key]?.token);
      return live && lease === "released" && state.keys.some(isForgotten);
    }),
  "an ended run was given a place": ({ actors }) => actors.some(({ job }) => job.at === "clean" && !job.isEffect),
  "a cancelled body goes on": ({ actors }) =>
    actors.some((actor) => isRunning(actor) && actor.turn?.cancelled === true),
  "a cancelled turn was waited for": ({ runs }) => runs.some(({ effects, late }) => effects === "later" && late),
  "check takes a place back": (state) =>
    state.actors.some(({ job }) => {
      const slot = job.at === "remove" ? job.left[0] : undefined;
      return job.at === "remove" && slot !== undefined && tokenAt(state, job.key, slot.index) === slot.token;
    }),
  "a place of a later key goes back": ({ actors }) => actors.some(({ job }) => job.at === "shedding"),
  "a run lets go and starts again": ({ actors }) =>
    actors.some(({ turn }) => turn !== null && turn.restarting !== "no"),
} as const satisfies Readonly<Record<string, (state: State) => boolean>>;

export type Meeting = keyof typeof MEETINGS;
