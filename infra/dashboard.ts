/**
 * Owns: the platform at a glance in CloudWatch: what comes in, what waits, what fails, what the table takes. What goes well is
 * read from the metrics AWS keeps of its own accord; what does not, from the platform's (runtime/observe/metrics.ts).
 */
import { Duration } from "aws-cdk-lib";
import type { HttpApi } from "aws-cdk-lib/aws-apigatewayv2";
import { Dashboard, GraphWidget, type IMetric, TextWidget } from "aws-cdk-lib/aws-cloudwatch";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { MetricName } from "../runtime/observe/metrics.js";
import { counted, throttles } from "./alarms.js";
import type { LoopFunction } from "./loop-function.js";
import type { PlatformFunctions } from "./platform-functions.js";
import type { PlatformState } from "./platform-state.js";

const WIDTH = 8;
const PERIOD = Duration.minutes(1);

const HOW_TO_READ = [
  "What goes well has no metric of its own, and costs none: **events accepted** are the events queue's sent messages",
  "(many to a message when sent together), **turns** the worker's invocations, **wakes** the step queue's sent messages,",
  "**writes** the table's consumed units. What does not go well is counted under `Perdure`, each with its log line.",
].join(" ");

/** Of an app, beside its failed runs. */
const TROUBLE: readonly MetricName[] = [
  "AttemptsFailed",
  "LeasesStolen",
  "WakesSwept",
  "DeadLetters",
  "TurnsUnanswered",
  "TimersRefused",
  "FunctionsMissing",
  "HistoriesShrunk",
];

export interface PlatformDashboardProps {
  platformName: string;
  state: PlatformState;
  functions: PlatformFunctions;
  httpApi: HttpApi;
}

export class PlatformDashboard extends Construct {
  readonly #dashboard: Dashboard;
  readonly #platformName: string;

  constructor(scope: Construct, id: string, { platformName, state, functions, httpApi }: PlatformDashboardProps) {
    super(scope, id);
    this.#platformName = platformName;
    this.#dashboard = new Dashboard(this, "Dashboard", { defaultInterval: Duration.hours(3) });
    this.#dashboard.addWidgets(new TextWidget({ markdown: HOW_TO_READ, width: 3 * WIDTH, height: 2 }));
    const sum = { statistic: "Sum", period: PERIOD };
    this.#row(
      graph("Requests", httpApi.metricCount(sum), httpApi.metricClientError(sum), httpApi.metricServerError(sum)),
      graph("Events: messages sent, waiting", sent(state.events), waiting(state.events)),
      graph(
        "Events: age of the oldest (s), sent anew, quarantined",
        age(state.events),
        counted("DeadLetters", { platformName }, PERIOD),
        counted("MessagesQuarantined", { platformName }, PERIOD),
      ),
    );
    const { ingest, dispatch, api, sweep } = functions;
    this.#row(
      graph("Platform functions: p99 (ms)", ...[ingest, dispatch, api, sweep].map(duration)),
      graph(
        "Table: consumed units",
        state.table.metricConsumedReadCapacityUnits({ period: PERIOD }),
        state.table.metricConsumedWriteCapacityUnits({ period: PERIOD }),
      ),
      graph("Table: throttled", throttles(state.table)),
    );
  }

  addApp(appId: string, app: { worker: LoopFunction; steps: Queue }): void {
    const { lambda } = app.worker;
    const platformName = this.#platformName;
    const count = (name: MetricName): IMetric => counted(name, { platformName, appId }, PERIOD);
    this.#dashboard.addWidgets(new TextWidget({ markdown: `## App ${appId}`, width: 3 * WIDTH, height: 1 }));
    this.#row(
      graph(
        "Turns, errors, throttles",
        lambda.metricInvocations({ period: PERIOD }),
        lambda.metricErrors({ period: PERIOD }),
        lambda.metricThrottles({ period: PERIOD }),
      ),
      graph("Wakes: messages sent, age of the oldest (s)", sent(app.steps), age(app.steps)),
      graph("Turns: p99 (ms)", duration(app.worker)),
    );
    this.#row(graph("Failed runs", count("RunsFailed")), graph("Trouble", ...TROUBLE.map(count)));
  }

  #row(...widgets: GraphWidget[]): void {
    this.#dashboard.addWidgets(...widgets);
  }
}

function graph(title: string, ...left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: WIDTH });
}

const age = (queue: Queue): IMetric => queue.metricApproximateAgeOfOldestMessage({ period: PERIOD });
const sent = (queue: Queue): IMetric => queue.metricNumberOfMessagesSent({ period: PERIOD, statistic: "Sum" });
const waiting = (queue: Queue): IMetric => queue.metricApproximateNumberOfMessagesVisible({ period: PERIOD });
const duration = ({ lambda }: LoopFunction): IMetric => lambda.metricDuration({ statistic: "p99", period: PERIOD });
