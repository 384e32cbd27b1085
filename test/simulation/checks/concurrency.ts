/**
 * Owns: what must hold of functions with `concurrency`: never more at work than a limit says, every body has its place, runs are
 * counted by what their keys say, and nobody waits beside a place that nobody has.
 *
 * A body is at work from its beginning until it returns or is told to stop. One whose worker was lost no longer counts once
 * its run was taken over; of a cancelled run, after a lease; of a distributed step, when the time is up for which its worker has
 * last kept the place.
 */
import { LEASE_MS } from "../../../runtime/core/limits.js";
import { stepHash } from "../../../runtime/core/ids.js";
import type { RunLimit } from "../../../runtime/flow/limits-of-run.js";
import type { ConcurrencyConfig } from "../../../sdk/protocol.js";
import type { Evidence, RunEvidence } from "../evidence.js";
import type { BodyStart } from "../ledger.js";
import { groupOf, limitsIn, limitsOfRun } from "../options/concurrency.js";
import type { SlotRecord } from "../slot-watch.js";
import { programOf, type Check } from "./check.js";

/** Workers of an older version go on for so long: their time, a freeze, and what their clocks are wrong by. */
const OLD_WORKERS_MS = 3 * 60_000;
const FOREVER = Number.POSITIVE_INFINITY;

/** A body, and until when it is at work. */
interface Work {
  body: BodyStart;
  /** How many bodies began before it. */
  order: number;
  run: RunEvidence;
  limits: readonly RunLimit[];
  untilMs: number;
}

/** At no time are more bodies at work than the highest of the limits says that were in force since the oldest place was taken. */
export const limitsOfStepsHold: Check = (evidence) => {
  const works = worksOf(evidence);
  return works.flatMap((begun) =>
    begun.limits.flatMap(({ hash, hold }) => {
      if (hold !== "step") return [];
      const { body } = begun;
      const others = works.filter(
        (work) => isUnder(work.limits, hash, "step") && isAtWork(work, hash, begun, evidence),
      );
      const allowed = limitAt(evidence, hash, runsOf(others), body.atMs);
      if (others.length <= allowed) return [];
      return [
        `${others.length} bodies were at work under ${hash} as ${body.site} of run ${body.runId} began, not ${allowed}`,
      ];
    }),
  );
};

/** The same of limits that count runs, from their first body to their end. Where one was removed for a while, it was nobody's. */
export const limitsOfRunsHold: Check = (evidence) => {
  const firsts = firstWorks(worksOf(evidence));
  return firsts.flatMap(({ body, limits }) =>
    limits.flatMap(({ hash, hold }) => {
      if (hold !== "run") return [];
      const begun = firsts.filter(
        (work) =>
          isUnderAlways(evidence, work.run, hash) &&
          work.body.atMs <= body.atMs &&
          (work.run.times.endedAtMs ?? FOREVER) > body.atMs,
      );
      const allowed = limitAt(evidence, hash, runsOf(begun), body.atMs);
      if (begun.length <= allowed) return [];
      return [`${begun.length} runs had begun under ${hash} as run ${body.runId} did, not ${allowed}`];
    }),
  );
};

/** A body begins only while its run has as many places as bodies at work under each limit. */
export const bodiesHavePlaces: Check = (evidence) => {
  const works = worksOf(evidence);
  return works.flatMap((work) =>
    work.limits.flatMap(({ hash, hold }) => {
      const { body } = work;
      const isDistributed = body.kind === "distributed";
      if (isDistributed && hold === "run") return [];
      const own = works.filter((other) => other.body.runId === body.runId && isSameTurn(other.body, body));
      const needed =
        isDistributed || hold === "run" ? 1 : own.filter((other) => isAtWork(other, hash, work, evidence)).length;
      const places = evidence.slots.filter((slot) => slot.hash === hash && isPlaceOf(slot, body)).length;
      if (places >= needed) return [];
      return [`${body.site} of run ${body.runId} began with ${places} places under ${hash}, and ${needed} bodies`];
    }),
  );
};

/**
 * A run that sleeps or waits has given back what it had for work: its further bodies' places, and the one with which its last
 * body began. What it was given meanwhile, and has not heard of, is not asked about here.
 */
export const restHoldsNothing: Check = (evidence) => {
  const works = worksOf(evidence);
  return evidence.runs.flatMap(({ runId, times }) =>
    times.rests.flatMap(({ atMs, epoch }) => {
      const own = works.filter(({ body }) => body.runId === runId && body.epoch === epoch && body.atMs <= atMs);
      const last = own.filter(({ body }) => body.kind !== "distributed").at(-1);
      if (!last) return [];
      const counted = last.limits.filter(({ hold }) => hold === "step").map(({ hash }) => hash);
      const had = evidence.slots.filter((slot) => counted.includes(slot.hash) && isPlaceOf(slot, last.body));
      const kept = had.filter(({ goneAtMs }) => (goneAtMs ?? FOREVER) > atMs);
      return kept
        .filter((slot) => had.every((other) => other === slot || other.hash !== slot.hash || other.seat !== slot.seat))
        .map(({ hash, seat }) => `run ${runId} rested with a place ("${seat}") under ${hash}`);
    }),
  );
};

/** Runs share places as their keys say, and only then. */
export const keysAreToldApart: Check = (evidence) => {
  const known = new Map<string, string>();
  const agree = (one: string, other: string): string[] => {
    const before = known.get(one) ?? other;
    known.set(one, before);
    return before === other ? [] : [`${one} is ${before}, and ${other} too`];
  };
  return evidence.runs.flatMap((run) =>
    rulesOf(evidence, run).flatMap(([rule, hash]) => {
      const group = groupOf(rule, run.head.functionId, run.canary);
      if (hash === undefined) {
        const wasAlways = evidence.deploys.length === 1;
        return wasAlways ? [`run ${run.runId} is not counted by ${group}`] : [];
      }
      return [...agree(`group ${group}`, `hash ${hash}`), ...agree(`hash ${hash}`, `group ${group}`)];
    }),
  );
};

/** Nobody is left in a queue, and nobody waits for long beside a place that nobody needs. */
export const queuesAreServed: Check = ({ stranded }) => [...stranded];

/** Where no worker dies, whoever ends has given back what it had. */
export const placesAreGivenBack: Check = ({ swarm, slots }) =>
  swarm.isGentle
    ? slots
        .filter(({ goneAtMs }) => goneAtMs === null)
        .map(({ hash, run, seat }) => `run ${run} left a place ("${seat}") under ${hash}`)
    : [];

function worksOf(evidence: Evidence): Work[] {
  const byId = new Map(evidence.runs.map((run) => [run.runId, run]));
  return evidence.ledger.bodies.flatMap((body, order) => {
    const run = byId.get(body.runId);
    const program = run && programOf(evidence, run);
    if (!run || !program) return [];
    const limits = limitsOfRun(run.head, program, body.version);
    return limits.length === 0 ? [] : [{ body, order, run, limits, untilMs: untilOf(body, run) }];
  });
}

function untilOf({ kind, epoch, endedAtMs, toldAtMs }: BodyStart, { head, times }: RunEvidence): number {
  const overAtMs = Math.min(endedAtMs ?? FOREVER, toldAtMs ?? FOREVER);
  if (kind === "distributed") return overAtMs;
  const later = [...times.epochs].filter(([each]) => each > epoch).map(([, atMs]) => atMs);
  const endMs = times.endedAtMs ?? FOREVER;
  const leaseMs = head.status === "Cancelled" ? LEASE_MS : 0;
  // A cancel is an epoch, too: what was under way then has its lease.
  const lostAtMs = Math.min(FOREVER, ...later.filter((atMs) => atMs < endMs));
  return Math.min(overAtMs, lostAtMs, endMs + leaseMs);
}

/** Whether a body is at work as another one begins, which is itself. */
function isAtWork({ body, order, run, untilMs }: Work, hash: string, begun: Work, evidence: Evidence): boolean {
  if (order === begun.order) return true;
  const { atMs } = begun.body;
  const isLater = body.atMs > atMs || (body.atMs === atMs && order > begun.order);
  if (isLater || untilMs <= atMs) return false;
  return body.kind !== "distributed" || keptUntilMs(evidence, body, run.runId, hash) > atMs;
}

/** Until when the worker of a distributed step kept its place: the first of its times that went by without another one. */
function keptUntilMs({ slots }: Evidence, body: BodyStart, runId: string, hash: string): number {
  const own = slots.filter((slot) => slot.run === runId && slot.hash === hash && isSeatOf(slot, body));
  const before = own.filter(({ takenAtMs }) => takenAtMs <= body.atMs).at(-1);
  let untilMs = body.atMs;
  for (const stamp of before?.stamps ?? []) {
    if (stamp.untilMs !== null && (stamp.atMs <= body.atMs || stamp.atMs <= untilMs)) untilMs = stamp.untilMs;
  }
  return untilMs;
}

function isSeatOf({ seat }: SlotRecord, { kind, step }: BodyStart): boolean {
  if (kind !== "distributed") return !seat.startsWith("b");
  const colon = step.lastIndexOf(":");
  return seat === `b${stepHash(step.slice(0, colon), Number(step.slice(colon + 1)))}`;
}

function isPlaceOf(slot: SlotRecord, body: BodyStart): boolean {
  const isThere = slot.takenAtMs <= body.atMs && (slot.goneAtMs ?? FOREVER) >= body.atMs;
  return isThere && slot.run === body.runId && isSeatOf(slot, body);
}

function isSameTurn(one: BodyStart, other: BodyStart): boolean {
  return one.epoch === other.epoch && (one.kind === "distributed") === (other.kind === "distributed");
}

function isUnder(limits: readonly RunLimit[], hash: string, hold: RunLimit["hold"]): boolean {
  return limits.some((limit) => limit.hash === hash && limit.hold === hold);
}

function isUnderAlways(evidence: Evidence, run: RunEvidence, hash: string): boolean {
  const program = programOf(evidence, run);
  if (!program) return false;
  return evidence.deploys.every(({ version }) => isUnder(limitsOfRun(run.head, program, version), hash, "run"));
}

function runsOf(works: readonly Work[]): RunEvidence[] {
  return [...new Set(works.map(({ run }) => run))];
}

/** Of each run the body that began first. */
function firstWorks(works: readonly Work[]): Work[] {
  const firsts = new Map<string, Work>();
  for (const work of works) {
    const known = firsts.get(work.body.runId);
    if (!known || work.body.atMs < known.body.atMs) firsts.set(work.body.runId, work);
  }
  return [...firsts.values()];
}

/** The highest limit in force under a key, for any of these runs, since the oldest of their places was taken. */
function limitAt(evidence: Evidence, hash: string, runs: readonly RunEvidence[], atMs: number): number {
  const ids = new Set(runs.map(({ runId }) => runId));
  const taken = evidence.slots.filter(
    (slot) => slot.hash === hash && ids.has(slot.run) && slot.takenAtMs <= atMs && (slot.goneAtMs ?? FOREVER) >= atMs,
  );
  const sinceMs = Math.min(atMs, ...taken.map(({ takenAtMs }) => takenAtMs)) - OLD_WORKERS_MS;
  const versions = evidence.deploys.filter(
    (deploy, place, all) => deploy.atMs <= atMs && (all[place + 1]?.atMs ?? FOREVER) >= sinceMs,
  );
  const limits = runs.flatMap((run) => {
    const program = programOf(evidence, run);
    return program ? versions.flatMap(({ version }) => limitsOfRun(run.head, program, version)) : [];
  });
  return Math.max(0, ...limits.filter((limit) => limit.hash === hash).map(({ limit }) => limit));
}

/**
 * Each rule its function had in some version, and what the run has of it. One that counted steps in a version and runs in another
 * is not asked about: what it was when the run was made stays.
 */
function rulesOf(evidence: Evidence, run: RunEvidence): [ConcurrencyConfig, string | undefined][] {
  const program = programOf(evidence, run);
  if (!program) return [];
  const rules = evidence.deploys.flatMap(({ version }) => limitsIn(program, version));
  const isSteady = ({ scope, key, hold }: ConcurrencyConfig): boolean =>
    rules.every((rule) => rule.scope !== scope || rule.key !== key || rule.hold === hold);
  return rules
    .filter(isSteady)
    .map((rule) => [rule, limitsOfRun(run.head, { ...program, concurrency: [[rule]] }, 0)[0]?.hash]);
}
