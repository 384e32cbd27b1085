/**
 * Owns: when somebody must look: few alarms, each of something that does not heal by itself, each with a page that says what
 * to do (docs/runbooks/).
 */
import { Duration } from "aws-cdk-lib";
import type { HttpApi } from "aws-cdk-lib/aws-apigatewayv2";
import {
  Alarm,
  ComparisonOperator,
  MathExpression,
  Metric,
  TreatMissingData,
  type IMetric,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { METRIC_NAMESPACE, type MetricName } from "../runtime/observe/metrics.js";
import type { LoopFunction } from "./loop-function.js";
import type { PlatformFunctions } from "./platform-functions.js";
import type { PlatformState } from "./platform-state.js";

const MINUTE = Duration.minutes(1);
const FIVE_MINUTES = Duration.minutes(5);

/** Dispatch takes events as they come: one that waits this long is not being taken. */
const EVENTS_WAIT_SECONDS = 300;
/** A wake may have been sent 15 minutes before it is due. */
const WAKES_WAIT_SECONDS = 1_800;
const SWEEPS_MISSED_MINUTES = 15;
const FAILED_RUNS_PERCENT = 10;
/** Below, a percentage says nothing. */
const FAILED_RUNS_LEAST = 5;
const HTTP_ERRORS = 5;

type Runbook =
  | "dead-letters"
  | "failed-runs"
  | "function-errors"
  | "http-errors"
  | "messages-waiting"
  | "quarantined"
  | "sweeper-silent"
  | "table-throttled";

interface AlarmSettings {
  metric: IMetric;
  says: string;
  runbook: Runbook;
  threshold: number;
  /** Periods in a row; 1 by default. */
  periods?: number;
  /** "below": no data is as bad as too little. */
  when?: "above" | "below";
}

/** Alarms of one construct, all told to the same topic. */
class Alarms extends Construct {
  readonly #topic: ITopic | undefined;

  constructor(scope: Construct, id: string, topic: ITopic | undefined) {
    super(scope, id);
    this.#topic = topic;
  }

  protected alarm(id: string, settings: AlarmSettings): void {
    const below = settings.when === "below";
    const alarm = new Alarm(this, id, {
      alarmDescription: `Perdure: ${settings.says}. Runbook: docs/runbooks/${settings.runbook}.md`,
      metric: settings.metric,
      threshold: settings.threshold,
      evaluationPeriods: settings.periods ?? 1,
      comparisonOperator: below
        ? ComparisonOperator.LESS_THAN_THRESHOLD
        : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: below ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    if (this.#topic) alarm.addAlarmAction(new SnsAction(this.#topic));
  }

  protected queue(id: string, what: string, queue: Queue, deadLetters: Queue, waitSeconds: number): void {
    this.alarm(`${id}Waiting`, {
      metric: queue.metricApproximateAgeOfOldestMessage({ period: MINUTE }),
      says: `${what} have been waiting for ${waitSeconds / 60} minutes`,
      runbook: "messages-waiting",
      threshold: waitSeconds,
      periods: 3,
    });
    this.alarm(`${id}Dead`, {
      // What the redrive policy moves is not counted as sent; it is taken at once, so it is not seen waiting either.
      metric: deadLetters.metricNumberOfMessagesReceived({ period: FIVE_MINUTES, statistic: "Sum" }),
      says: `${what} were received too often and have become dead letters`,
      runbook: "dead-letters",
      threshold: 1,
    });
  }
}

export interface PlatformAlarmsProps {
  platformName: string;
  state: PlatformState;
  functions: PlatformFunctions;
  httpApi: HttpApi;
  topic: ITopic | undefined;
}

export class PlatformAlarms extends Alarms {
  constructor(scope: Construct, id: string, props: PlatformAlarmsProps) {
    super(scope, id, props.topic);
    const { platformName, state, functions, httpApi } = props;
    this.queue("Events", "Events", state.events, state.eventsDead, EVENTS_WAIT_SECONDS);
    this.alarm("TableThrottled", {
      metric: throttles(state.table),
      says: "DynamoDB throttles the state table",
      runbook: "table-throttled",
      threshold: 1,
      periods: 3,
    });
    this.alarm("SweeperSilent", {
      metric: functions.sweep.lambda.metricInvocations({ period: Duration.minutes(SWEEPS_MISSED_MINUTES) }),
      says: `The sweeper has not run for ${SWEEPS_MISSED_MINUTES} minutes: a lost wake would stay lost`,
      runbook: "sweeper-silent",
      threshold: 1,
      when: "below",
    });
    this.alarm("Quarantined", {
      metric: counted("MessagesQuarantined", { platformName }, FIVE_MINUTES),
      says: "Messages nobody can read, or that never succeed, were put on record: somebody must look at them",
      runbook: "quarantined",
      threshold: 1,
    });
    this.alarm("FunctionErrors", {
      metric: errorsOf(functions),
      says: "Functions of the platform itself crash or time out",
      runbook: "function-errors",
      threshold: 1,
      periods: 3,
    });
    this.alarm("HttpErrors", {
      metric: httpApi.metricServerError({ period: FIVE_MINUTES, statistic: "Sum" }),
      says: "The HTTP API answers with server errors: events may not be accepted",
      runbook: "http-errors",
      threshold: HTTP_ERRORS,
    });
  }
}

export interface AppAlarmsProps {
  appId: string;
  /** Of the platform: its metrics bear it. */
  platformName: string;
  worker: LoopFunction;
  steps: Queue;
  stepsDead: Queue;
  topic: ITopic | undefined;
}

export class AppAlarms extends Alarms {
  constructor(scope: Construct, id: string, props: AppAlarmsProps) {
    super(scope, id, props.topic);
    const { appId, platformName, worker } = props;
    this.queue("Steps", `Wakes of app ${appId}`, props.steps, props.stepsDead, WAKES_WAIT_SECONDS);
    this.alarm("FailedRuns", {
      metric: new MathExpression({
        label: "Failed runs in % of turns",
        expression: `IF(failed >= ${FAILED_RUNS_LEAST}, 100 * failed / turns, 0)`,
        usingMetrics: {
          failed: counted("RunsFailed", { platformName, appId }, FIVE_MINUTES),
          turns: worker.lambda.metricInvocations({ period: FIVE_MINUTES }),
        },
        period: FIVE_MINUTES,
      }),
      says: `More than ${FAILED_RUNS_PERCENT} % of what app ${appId} does ends in a failed run`,
      runbook: "failed-runs",
      threshold: FAILED_RUNS_PERCENT,
    });
  }
}

/** What the platform's functions count (runtime/observe/metrics.ts), of one app or of what belongs to none. */
export function counted(name: MetricName, of: { platformName: string; appId?: string }, period: Duration): Metric {
  const { platformName, appId } = of;
  return new Metric({
    namespace: METRIC_NAMESPACE,
    metricName: name,
    dimensionsMap: { service: platformName, ...(appId === undefined ? {} : { app: appId }) },
    statistic: "Sum",
    period,
    label: name,
  });
}

export function throttles(table: Table): IMetric {
  const events = (metricName: string): Metric =>
    new Metric({
      namespace: "AWS/DynamoDB",
      metricName,
      dimensionsMap: { TableName: table.tableName },
      statistic: "Sum",
      period: MINUTE,
    });
  return new MathExpression({
    label: "Throttled",
    expression: "FILL(reads, 0) + FILL(writes, 0)",
    usingMetrics: { reads: events("ReadThrottleEvents"), writes: events("WriteThrottleEvents") },
    period: MINUTE,
  });
}

function errorsOf(functions: PlatformFunctions): IMetric {
  const { ingest, dispatch, api, sweep, deadLetter } = functions;
  const named = Object.entries({ ingest, dispatch, api, sweep, deadLetter });
  return new MathExpression({
    label: "Errors",
    expression: named.map(([name]) => `FILL(${name}, 0)`).join(" + "),
    usingMetrics: Object.fromEntries(
      named.map(([name, { lambda }]) => [name, lambda.metricErrors({ period: FIVE_MINUTES })]),
    ),
    period: FIVE_MINUTES,
  });
}
