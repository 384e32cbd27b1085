/**
 * Owns: what goes wrong in one world and how often, drawn by seed. Each fault is off in half of the worlds: with all of them
 * on in every world, one would hide what another breaks (swarm testing).
 */
import type { Random } from "../../sdk/clock.js";
import type { SqsBehaviour } from "../../local/aws/sqs/behaviour.js";
import { MINUTE, SECOND } from "../scenario/world.js";

/** Probability of each fault at each call of a function. */
export interface CallRates {
  crashBefore: number;
  crashAfter: number;
  lost: number;
  drop: number;
  throttle: number;
  double: number;
  /** The call takes up to `slowMs`, before it is applied or after. */
  slow: number;
  /** The whole sandbox stands still for up to a minute, before or after. */
  freeze: number;
  /** At a write of a place of a concurrency limit the sandbox stands still for longer than a lease. */
  place: number;
  /** A query of an index answers from before the latest write to each item. */
  stale: number;
}

export interface Swarm {
  /**
   * Connections break, services throttle and queues do what they may, but nothing dies, freezes or takes long: no worker may
   * seem lost, and no run may need the sweeper. No answer is lost either: a claim whose answer is, and which another wake
   * overwrites before it is repeated, waits for its own lease to end, which is slow and safe.
   */
  isGentle: boolean;
  calls: CallRates;
  slowMs: number;
  /** The event source mappings' own connections. */
  mappings: number;
  queues: SqsBehaviour;
  schedulesLateMs: number;
  schedulesTwice: number;
  /** Clocks of sandboxes are wrong by up to this, either way. */
  skewMs: number;
  /** Timers due in the same millisecond fire in a drawn order. */
  shufflesTies: boolean;
  workers: number;
  workerTimeoutMs: number;
  /** How many sweepers look each minute: none, one, or two at the same instant. */
  sweepers: number;
  chaosMs: number;
  requests: number;
  /** How often in the chaos each of these happens. */
  kills: number;
  freezes: number;
  redeploys: number;
  cancels: number;
  /** Functions may be cancelled by events, and are, instead of by operators. */
  cancelsByEvent: boolean;
  /** Requests that cancel many runs of a function at once. */
  bulkCancels: number;
  /** Requests with many events at once for one function, one that is limited where there is one. */
  crowds: number;
  purges: number;
  /** The step queue is purged and the latest sandboxes are killed, in the same instant. */
  disasters: number;
  /** A service answers nothing but that it is asked too much, for minutes. */
  outages: number;
}

const LOWEST_RATE = 0.002;
const HIGHEST_RATE = 0.08;

/** The shortest is not much longer than the longest body: turns hand over to a continuation. */
const WORKER_TIMEOUTS_S = [60, 25, 14] as const;
const GENTLE_SHARE = 0.2;
const MAX_BULK_CANCELS = 3;
const MAX_CROWDS = 3;
const MAX_DISASTERS = 4;
/** Rarely met by chance: whose lease runs out just as it takes a place, or gives one back. */
const JAM_SHARE = 0.3;
const LEAST_JAM = 0.03;
const MOST_JAM = 0.2;
/**
 * Of each message on the way of a wake. A schedule that is late, two such messages, and a connection that breaks, after which a
 * message comes again when it is visible: all that is less than the two minutes after which a sweeper looks.
 */
const GENTLE_LATE_MS = 15 * SECOND;
const GENTLE_SLOW_MS = 100;
/** A crowd is done by so many before a sweeper takes those at its end for forgotten. */
const GENTLE_WORKERS = 5;

export function drawSwarm(random: Random): Swarm {
  const any = drawAny(random);
  const isGentle = random.unit() < GENTLE_SHARE;
  const bulkCancels = random.unit() < 0.5 ? 1 + Math.floor(random.unit() * MAX_BULK_CANCELS) : 0;
  const crowds = random.unit() < 0.6 ? 1 + Math.floor(random.unit() * MAX_CROWDS) : 0;
  const place = random.unit() < JAM_SHARE ? LEAST_JAM + random.unit() * (MOST_JAM - LEAST_JAM) : 0;
  const disasters = random.unit() < 0.3 ? 1 + Math.floor(random.unit() * MAX_DISASTERS) : 0;
  const drawn = { ...any, calls: { ...any.calls, place }, bulkCancels, crowds, disasters };
  if (!isGentle) return drawn;
  const calls = { ...drawn.calls, crashBefore: 0, crashAfter: 0, freeze: 0, place: 0, lost: 0 };
  const none = { kills: 0, freezes: 0, redeploys: 0, purges: 0, disasters: 0, outages: 0 };
  const queues = { ...drawn.queues, lateByMs: Math.min(drawn.queues.lateByMs, GENTLE_LATE_MS) };
  const slow = { slowMs: Math.min(drawn.slowMs, GENTLE_SLOW_MS), schedulesLateMs: drawn.schedulesLateMs / 3 };
  const workers = Math.max(drawn.workers, GENTLE_WORKERS);
  return { ...drawn, ...none, ...slow, calls, queues, workers, isGentle: true };
}

function drawAny(random: Random): Omit<Swarm, "bulkCancels" | "crowds" | "disasters"> {
  const isOn = (): boolean => random.unit() < 0.5;
  const spread = (low: number, high: number): number => low * (high / low) ** random.unit();
  const rate = (highest = HIGHEST_RATE): number => (isOn() ? spread(LOWEST_RATE, highest) : 0);
  const times = (most: number): number => (isOn() ? 1 + Math.floor(random.unit() * most) : 0);
  return {
    isGentle: false,
    calls: {
      crashBefore: rate(),
      crashAfter: rate(),
      lost: rate(),
      drop: rate(),
      throttle: rate(),
      double: rate(),
      slow: rate(0.9),
      freeze: rate(0.03),
      place: 0,
      stale: rate(0.5),
    },
    slowMs: Math.round(spread(3, 4_000)),
    mappings: rate(),
    queues: drawQueues(rate, () => spread(SECOND, 2 * MINUTE)),
    schedulesLateMs: isOn() ? MINUTE : 0,
    schedulesTwice: rate(0.9),
    skewMs: isOn() ? Math.round(spread(10, 950)) : 0,
    shufflesTies: isOn(),
    workers: 1 + Math.floor(random.unit() * 8),
    workerTimeoutMs: (WORKER_TIMEOUTS_S[Math.floor(random.unit() * WORKER_TIMEOUTS_S.length)] ?? 60) * SECOND,
    sweepers: Math.floor(random.unit() * 3),
    chaosMs: Math.round(spread(2 * MINUTE, 40 * MINUTE)),
    requests: 1 + Math.floor(random.unit() * 5),
    kills: times(6),
    freezes: times(6),
    redeploys: times(4),
    cancels: times(4),
    cancelsByEvent: isOn(),
    purges: isOn() ? times(2) : 0,
    outages: isOn() ? times(2) : 0,
  };
}

function drawQueues(rate: (highest: number) => number, withinMs: () => number): SqsBehaviour {
  return {
    duplicateProbability: rate(0.6),
    reorderProbability: rate(0.9),
    lateProbability: rate(0.5),
    lateByMs: Math.round(withinMs()),
    redeliveryAfterDeleteProbability: rate(0.5),
    redeliveredWithinMs: Math.round(withinMs()),
  };
}

/** What is on, in one line. */
export function showSwarm(swarm: Swarm): string {
  const parts = (record: object): string[] =>
    Object.entries(record).flatMap(([name, value]: [string, unknown]) => {
      if (value === 0 || value === false) return [];
      if (typeof value === "object" && value !== null) return parts(value);
      const isRate = typeof value === "number" && !Number.isInteger(value);
      return [`${name} ${isRate ? value.toFixed(3) : String(value)}`];
    });
  return parts(swarm).join(", ");
}
