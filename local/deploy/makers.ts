/** Owns: which resource types can be deployed here, and what makes each. A type that is not listed is refused. */
import type { Maker } from "./resource.js";
import { makePolicy, makeRole } from "./resources/access.js";
import { makeFunction, makeMapping, makePermission } from "./resources/compute.js";
import { makeCustomResource } from "./resources/custom.js";
import { makeApi, makeIntegration, makeRoute, makeStage } from "./resources/http.js";
import { makeQueue, makeQueuePolicy, makeSchedule, makeScheduleGroup } from "./resources/messaging.js";
import { makeAlarm, makeDashboard, makeLogGroup, makeMetricFilter } from "./resources/observed.js";
import { makeBucket, makeBucketPolicy, makeSecret, makeTable } from "./resources/storage.js";

const MAKERS: ReadonlyMap<string, Maker> = new Map([
  ["AWS::ApiGatewayV2::Api", makeApi],
  ["AWS::ApiGatewayV2::Integration", makeIntegration],
  ["AWS::ApiGatewayV2::Route", makeRoute],
  ["AWS::ApiGatewayV2::Stage", makeStage],
  ["AWS::CloudFormation::CustomResource", makeCustomResource],
  ["AWS::CloudWatch::Alarm", makeAlarm],
  ["AWS::CloudWatch::Dashboard", makeDashboard],
  ["AWS::DynamoDB::Table", makeTable],
  ["AWS::IAM::Policy", makePolicy],
  ["AWS::IAM::Role", makeRole],
  ["AWS::Lambda::EventSourceMapping", makeMapping],
  ["AWS::Lambda::Function", makeFunction],
  ["AWS::Lambda::Permission", makePermission],
  ["AWS::Logs::LogGroup", makeLogGroup],
  ["AWS::Logs::MetricFilter", makeMetricFilter],
  ["AWS::S3::Bucket", makeBucket],
  ["AWS::S3::BucketPolicy", makeBucketPolicy],
  ["AWS::SQS::Queue", makeQueue],
  ["AWS::SQS::QueuePolicy", makeQueuePolicy],
  ["AWS::Scheduler::Schedule", makeSchedule],
  ["AWS::Scheduler::ScheduleGroup", makeScheduleGroup],
  ["AWS::SecretsManager::Secret", makeSecret],
  // Tells AWS which constructs a stack was made with; makes nothing.
  ["AWS::CDK::Metadata", ({ logicalId }) => ({ ref: logicalId, attributes: {} })],
]);

export function isCustomResource(type: string): boolean {
  return type.startsWith("Custom::") || type === "AWS::CloudFormation::CustomResource";
}

export function makerOf(type: string): Maker | undefined {
  return isCustomResource(type) ? makeCustomResource : MAKERS.get(type);
}
