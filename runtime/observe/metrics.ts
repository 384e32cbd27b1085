/**
 * Owns: what is worth a number beside a log line: what went wrong, or nearly. Each has a name, a level and a meaning, and is
 * said in one line that is both the log's and the metric's.
 * Must not: know how a metric is written down (runtime/lambda/emf-metrics.ts does), or count what is ordinary: a run that goes
 * well writes no line and costs nothing; how many there are, the metrics of Lambda, SQS and DynamoDB say already.
 */
import type { Logger } from "../../sdk/logger.js";

export const METRIC_NAMESPACE = "Perdure";

interface MetricMeaning {
  level: "warn" | "error";
  means: string;
}

/** All are counts. Names are a promise: alarms and dashboards outside this repository are built on them. */
export const METRICS = {
  RunsFailed: { level: "error", means: "Runs that failed for good: every attempt is used up" },
  AttemptsFailed: { level: "warn", means: "Attempts of a step, or of a function, that failed; most are tried again" },
  RunsDiverged: { level: "error", means: "Runs that rest because their code no longer fits their history" },
  LeasesStolen: { level: "warn", means: "Runs taken over from a worker that was lost: crash, timeout, freeze" },
  TurnsUnanswered: { level: "warn", means: "Turns that ended without an answer from AWS: outage, lasting throttling" },
  TimersRefused: { level: "error", means: "Schedules that could not be created; the sweeper wakes those runs instead" },
  FunctionsMissing: { level: "error", means: "Wakes of runs whose function the worker no longer has" },
  HistoriesShrunk: { level: "error", means: "Loads that found less of a run's log than was written: data was removed" },
  WakesSwept: { level: "warn", means: "Runs the sweeper had to wake because their own wake did not come" },
  SlotsReclaimed: {
    level: "warn",
    means: "Places of a concurrency limit that were freed because their run was no more",
  },
  DeadLetters: { level: "warn", means: "Messages that were received too often and are sent anew" },
  MessagesQuarantined: { level: "error", means: "Messages nobody can read, or that never succeed, put on record" },
} as const satisfies Record<string, MetricMeaning>;

export type MetricName = keyof typeof METRICS;

/** One thing that happened: where, in words, and what identifies it. No payloads, no secrets, no error's text. */
export interface Occurrence {
  message: string;
  /** Dimensions of the metric; what belongs to no app has none. */
  app?: string;
  functionId?: string;
  /** Run, step, attempt and the like: searchable in the log, no dimensions of the metric. */
  about?: Record<string, unknown>;
  /** Described with its text and stack; only for errors of AWS and of the platform, never of the user's code. */
  error?: unknown;
}

export interface Metrics {
  /** Counts one occurrence and says it in the log. Never throws, never waits. */
  count(name: MetricName, occurrence: Occurrence): void;
}

/** Where no metrics are kept (a laptop, a test): the log's line alone. */
export function loggedMetrics(logger: Logger): Metrics {
  return {
    count: (name, occurrence) => logger[METRICS[name].level](...partsOf(name, occurrence)),
  };
}

/** An occurrence as the parts of a log line: the message, then what identifies it. */
export function partsOf(name: MetricName, { message, app, functionId, about, error }: Occurrence): unknown[] {
  const where = {
    ...(app === undefined ? {} : { app }),
    ...(functionId === undefined ? {} : { function: functionId }),
  };
  return [message, { metric: name, ...where, ...about }, ...(error === undefined ? [] : [error])];
}
