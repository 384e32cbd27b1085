/** Owns: the platform at a glance in CloudWatch: what comes in, what waits, what fails, what the table takes. */
import { Duration } from "aws-cdk-lib";
import type { HttpApi } from "aws-cdk-lib/aws-apigatewayv2";
import { Dashboard, GraphWidget, type IMetric, TextWidget } from "aws-cdk-lib/aws-cloudwatch";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { throttles } from "./alarms.js";
import type { LoopFunction } from "./loop-function.js";
import type { PlatformFunctions } from "./platform-functions.js";
import type { PlatformState } from "./platform-state.js";

const WIDTH = 8;
const PERIOD = Duration.minutes(1);

export interface PlatformDashboardProps {
  state: PlatformState;
  functions: PlatformFunctions;
  httpApi: HttpApi;
}

export class PlatformDashboard extends Construct {
  readonly #dashboard: Dashboard;

  constructor(scope: Construct, id: string, { state, functions, httpApi }: PlatformDashboardProps) {
    super(scope, id);
    this.#dashboard = new Dashboard(this, "Dashboard", { defaultInterval: Duration.hours(3) });
    const sum = { statistic: "Sum", period: PERIOD };
    this.#row(
      graph("Requests", httpApi.metricCount(sum), httpApi.metricClientError(sum), httpApi.metricServerError(sum)),
      graph("Events: age of the oldest (s)", age(state.events)),
      graph("Events: waiting, dead", waiting(state.events), waiting(state.eventsDead)),
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

  addApp(
    appId: string,
    app: { worker: LoopFunction; steps: Queue; stepsDead: Queue; failedRuns: IMetric | null },
  ): void {
    const { lambda } = app.worker;
    this.#dashboard.addWidgets(new TextWidget({ markdown: `## App ${appId}`, width: 3 * WIDTH, height: 1 }));
    this.#row(
      graph(
        "Turns, errors, throttles",
        lambda.metricInvocations({ period: PERIOD }),
        lambda.metricErrors({ period: PERIOD }),
        lambda.metricThrottles({ period: PERIOD }),
      ),
      graph("Wakes: age of the oldest (s), dead", age(app.steps), waiting(app.stepsDead)),
      graph("Turns: p99 (ms), failed runs", duration(app.worker), ...(app.failedRuns ? [app.failedRuns] : [])),
    );
  }

  #row(...widgets: GraphWidget[]): void {
    this.#dashboard.addWidgets(...widgets);
  }
}

function graph(title: string, ...left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: WIDTH });
}

const age = (queue: Queue): IMetric => queue.metricApproximateAgeOfOldestMessage({ period: PERIOD });
const waiting = (queue: Queue): IMetric => queue.metricApproximateNumberOfMessagesVisible({ period: PERIOD });
const duration = ({ lambda }: LoopFunction): IMetric => lambda.metricDuration({ statistic: "p99", period: PERIOD });
