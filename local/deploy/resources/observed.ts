/**
 * Owns: resources that only watch: log groups, alarms, dashboards. No call of the platform reaches them here; they exist so
 * that what refers to them resolves.
 */
import { arn, physicalName, propertiesOf, type Maker } from "../resource.js";

export const makeLogGroup: Maker = (resource, world) => {
  const properties = propertiesOf(resource, ["LogGroupName", "RetentionInDays", "LogGroupClass", "KmsKeyId", "Tags"]);
  const name = properties.text("LogGroupName") ?? physicalName(world, resource.logicalId, 512);
  return { ref: name, attributes: { Arn: arn("logs", `log-group:${name}:*`) } };
};

/** Named by `property`, with an ARN of `service` and `kind`. Its other properties are CloudWatch's alone. */
const watching =
  (property: string, kind: string): Maker =>
  (resource, world) => {
    const given = resource.properties[property];
    const name = typeof given === "string" ? given : physicalName(world, resource.logicalId, 255);
    return { ref: name, attributes: { Arn: arn("cloudwatch", `${kind}${name}`) } };
  };

export const makeAlarm = watching("AlarmName", "alarm:");
export const makeDashboard = watching("DashboardName", "dashboard/");
export const makeMetricFilter: Maker = ({ logicalId }) => ({ ref: logicalId, attributes: {} });
