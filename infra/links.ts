/**
 * Owns: what an app must know of its platform, and how it travels from one stack to another: as exports under the platform's
 * name. The names are a promise: other stacks import them.
 */
import { CfnOutput, Fn, type RemovalPolicy } from "aws-cdk-lib";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import { Key } from "aws-cdk-lib/aws-kms";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import type { Resources } from "./permissions.js";

/** The parts of a link that are text, with the name each is exported under. */
const EXPORT_NAMES = {
  tableName: "Table",
  tableArn: "TableArn",
  bucketName: "Payloads",
  bucketArn: "PayloadsArn",
  eventsQueueUrl: "EventsQueueUrl",
  eventsQueueArn: "EventsQueueArn",
  scheduleGroupName: "ScheduleGroup",
  scheduleRoleArn: "ScheduleRoleArn",
  dispatchRoleName: "DispatchRoleName",
  sweepRoleName: "SweepRoleName",
  deadLetterRoleName: "DeadLetterRoleName",
  registerRoleName: "RegisterRoleName",
  deadLetterFunctionArn: "DeadLetterFunctionArn",
  registerFunctionArn: "RegisterFunctionArn",
  retentionDays: "RetentionDays",
} as const;

type TextName = keyof typeof EXPORT_NAMES;

export type PlatformLinks = Record<TextName, string> & Pick<Resources, "tableKey" | "payloadKey">;

/** Of what holds data; the others are of functions, which are made from these. */
export type StateLinks = Omit<
  PlatformLinks,
  | "dispatchRoleName"
  | "sweepRoleName"
  | "deadLetterRoleName"
  | "registerRoleName"
  | "deadLetterFunctionArn"
  | "registerFunctionArn"
>;

/** What cannot be exported as text, or is a choice of the attaching stack. */
export interface AttachOptions {
  /** The platform's `name`. */
  name: string;
  logRetention?: RetentionDays;
  /** Of the apps' queues; RETAIN by default. */
  removalPolicy?: RemovalPolicy;
  alarmTopic?: ITopic;
  /** False: no alarms. */
  alarms?: boolean;
  /** Of the platform's own keys, where it has any. */
  tableKeyArn?: string;
  payloadKeyArn?: string;
}

const textNames = (): TextName[] =>
  // The keys of a constant.
  Object.keys(EXPORT_NAMES) as TextName[];

const exportName = (platform: string, name: TextName): string => `${platform}-${EXPORT_NAMES[name]}`;

export function exportLinks(scope: Construct, platform: string, links: PlatformLinks): void {
  for (const name of textNames()) {
    new CfnOutput(scope, EXPORT_NAMES[name], { value: links[name], exportName: exportName(platform, name) });
  }
}

export function importLinks(scope: Construct, options: AttachOptions): PlatformLinks {
  const text = (name: TextName): string => Fn.importValue(exportName(options.name, name));
  const { tableKeyArn, payloadKeyArn } = options;
  return {
    tableName: text("tableName"),
    tableArn: text("tableArn"),
    bucketName: text("bucketName"),
    bucketArn: text("bucketArn"),
    eventsQueueUrl: text("eventsQueueUrl"),
    eventsQueueArn: text("eventsQueueArn"),
    scheduleGroupName: text("scheduleGroupName"),
    scheduleRoleArn: text("scheduleRoleArn"),
    dispatchRoleName: text("dispatchRoleName"),
    sweepRoleName: text("sweepRoleName"),
    deadLetterRoleName: text("deadLetterRoleName"),
    registerRoleName: text("registerRoleName"),
    deadLetterFunctionArn: text("deadLetterFunctionArn"),
    registerFunctionArn: text("registerFunctionArn"),
    retentionDays: text("retentionDays"),
    tableKey: tableKeyArn === undefined ? undefined : Key.fromKeyArn(scope, "TableKey", tableKeyArn),
    payloadKey: payloadKeyArn === undefined ? undefined : Key.fromKeyArn(scope, "PayloadKey", payloadKeyArn),
  };
}

/** What every function of the platform is told (runtime/lambda/wiring.ts reads it). Metrics bear the platform's name. */
export function commonEnvironment(links: StateLinks, platformName: string): Record<string, string> {
  return {
    PERDURE_PLATFORM: platformName,
    PERDURE_TABLE: links.tableName,
    PERDURE_BUCKET: links.bucketName,
    PERDURE_EVENTS_QUEUE_URL: links.eventsQueueUrl,
    PERDURE_EVENTS_QUEUE_ARN: links.eventsQueueArn,
    PERDURE_SCHEDULE_GROUP: links.scheduleGroupName,
    PERDURE_SCHEDULE_ROLE_ARN: links.scheduleRoleArn,
    PERDURE_RETENTION_DAYS: links.retentionDays,
  };
}
