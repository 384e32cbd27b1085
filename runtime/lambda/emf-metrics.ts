/**
 * Owns: metrics as Lambda keeps them without a call: lines in CloudWatch's embedded metric format, which AWS Lambda Powertools
 * puts into form. The line is the log's line as well: level, message and ids stand beside the number.
 * Dimensions: `service` (the platform's name); or with `app`, and with `app` and `function`, where there are any.
 */
import { Metrics as Powertools, MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Clock } from "../../sdk/clock.js";
import { visibleJson } from "../../sdk/error-catalogue.js";
import { loggedMetrics, METRIC_NAMESPACE, METRICS, partsOf, type Metrics } from "../observe/metrics.js";
import { jsonLogger, logRecord, writeLine } from "./json-logger.js";

/** Powertools would warn, in a line of its own, of a name that is in two sets of dimensions: here it is meant to be. */
const nothing = (): void => undefined;
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Metrics of the platform of this name; without a name log lines alone. `write` gets each line, without its end. */
export function emfMetrics(platform: string, clock: Clock, write: typeof writeLine = writeLine): Metrics {
  if (platform === "") return loggedMetrics(jsonLogger);
  const form = new Powertools({ namespace: METRIC_NAMESPACE, serviceName: platform, logger: silent });
  return {
    count: (name, occurrence) => {
      const nowMs = clock.now();
      const { level } = METRICS[name];
      const { app, functionId } = occurrence;
      form.setTimestamp(nowMs);
      form.addMetric(name, MetricUnit.Count, 1);
      if (app !== undefined) form.addDimensions({ app });
      if (app !== undefined && functionId !== undefined) form.addDimensions({ app, function: functionId });
      const metric = form.serializeMetrics();
      form.clearMetrics();
      form.clearDimensions();
      // With level and timestamp, or Lambda takes the line for INFO and drops it where only warnings are kept.
      const record = logRecord(level, new Date(nowMs).toISOString(), partsOf(name, occurrence));
      write(level, visibleJson(JSON.stringify({ ...record, ...metric })));
    },
  };
}
