/**
 * Owns: what every role may do, action by action, on which resource. Each statement is what one file of the runtime calls;
 * the deploy test names a statement that nothing uses.
 * Must not: use a grant method of the CDK (they allow more than is called), or a wildcard in an action.
 */
import { Stack } from "aws-cdk-lib";
import { Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import { KEY_FENCES } from "../runtime/state/keys.js";

/** What statements are about. */
export interface Resources {
  tableArn: string;
  bucketArn: string;
  eventsQueueArn: string;
  scheduleGroupName: string;
  scheduleRoleArn: string;
  tableKey?: IKey | undefined;
  payloadKey?: IKey | undefined;
}

export type Conditions = Record<string, Record<string, string | string[]>>;

export function allow(sid: string, actions: string[], resources: string[], conditions?: Conditions): PolicyStatement {
  return new PolicyStatement({
    sid,
    effect: Effect.ALLOW,
    actions,
    resources,
    ...(conditions === undefined ? {} : { conditions }),
  });
}

/** Items whose partition key begins as given, and no others (state/keys.ts spells the keys). */
function onItems(
  { tableArn }: Resources,
  sid: string,
  actions: readonly ItemAction[],
  ...keys: string[]
): PolicyStatement {
  return allow(
    sid,
    actions.map((action) => `dynamodb:${action}`),
    [tableArn],
    { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": keys } },
  );
}

type ItemAction = "GetItem" | "BatchGetItem" | "PutItem" | "UpdateItem" | "DeleteItem" | "Query";

/** Which apps there are and what they consist of (registry/registry.ts). */
const readRegistry = (resources: Resources): PolicyStatement[] => [
  onItems(resources, "ReadAppList", ["GetItem"], KEY_FENCES.appLists),
  onItems(resources, "ReadApps", ["Query"], KEY_FENCES.apps),
];

const objects = ({ bucketArn }: Resources, ...prefixes: string[]): string[] =>
  prefixes.map((prefix) => `${bucketArn}/${prefix}`);

const putQuarantine = (resources: Resources): PolicyStatement[] => [
  onItems(resources, "Quarantine", ["PutItem"], KEY_FENCES.quarantine),
  allow("QuarantinePayloads", ["s3:PutObject"], objects(resources, "quarantine/*")),
];

/** Schedules of the platform's own group. */
function schedules(scope: Construct, resources: Resources, ...verbs: ("Create" | "Delete")[]): PolicyStatement[] {
  const schedule = Stack.of(scope).formatArn({
    service: "scheduler",
    resource: "schedule",
    resourceName: `${resources.scheduleGroupName}/*`,
  });
  const write = allow(
    "Schedules",
    verbs.map((verb) => `scheduler:${verb}Schedule`),
    [schedule],
  );
  if (!verbs.includes("Create")) return [write];
  const pass = allow("PassScheduleRole", ["iam:PassRole"], [resources.scheduleRoleArn], {
    StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" },
  });
  return [write, pass];
}

/** What reads and writes need of a customer's own keys: through the service that holds the data, and only there. */
function useKeys(scope: Construct, { tableKey, payloadKey }: Resources): PolicyStatement[] {
  const { region } = Stack.of(scope);
  const through = (service: string): Conditions => ({
    StringEquals: { "kms:ViaService": `${service}.${region}.amazonaws.com` },
  });
  const read = ["kms:Decrypt", "kms:DescribeKey"];
  const write = ["kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"];
  return [
    ...(tableKey ? [allow("TableKey", [...read, ...write], [tableKey.keyArn], through("dynamodb"))] : []),
    ...(payloadKey
      ? [allow("PayloadKey", ["kms:Decrypt", "kms:GenerateDataKey"], [payloadKey.keyArn], through("s3"))]
      : []),
  ];
}

/** What the poller of a queue does in its function's name. */
export function consume(sid: string, queueArn: string): PolicyStatement {
  return allow(sid, ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], [queueArn]);
}

export function send(sid: string, ...queueArns: string[]): PolicyStatement {
  return allow(sid, ["sqs:SendMessage"], queueArns);
}

const readSecret = (sid: string, secretArn: string): PolicyStatement =>
  allow(sid, ["secretsmanager:GetSecretValue"], [secretArn]);

/** Puts events on the queue, large requests into the bucket first. */
export function ingestPermissions(scope: Construct, resources: Resources, eventKeysArn: string): PolicyStatement[] {
  const { payloadKey } = resources;
  return [
    send("SendEvents", resources.eventsQueueArn),
    allow("LargeRequests", ["s3:PutObject"], objects(resources, "requests/*")),
    readSecret("EventKeys", eventKeysArn),
    ...useKeys(scope, { ...resources, tableKey: undefined, payloadKey }),
  ];
}

/** Makes runs of events, gives events and results to those who wait for them, and cancels runs that are not to go on. */
export function dispatchPermissions(scope: Construct, resources: Resources): PolicyStatement[] {
  return [
    consume("TakeEvents", resources.eventsQueueArn),
    ...readRegistry(resources),
    onItems(
      resources,
      "RecordEventsAndCreateRuns",
      ["PutItem"],
      KEY_FENCES.events,
      KEY_FENCES.senderIds,
      KEY_FENCES.runs,
      KEY_FENCES.waiters,
      KEY_FENCES.shapes,
    ),
    onItems(resources, "SeeWhoWaits", ["Query"], KEY_FENCES.shapes, KEY_FENCES.waiters),
    onItems(resources, "RemoveWaiters", ["DeleteItem"], KEY_FENCES.waiters),
    onItems(resources, "ReadEvents", ["GetItem"], KEY_FENCES.events),
    allow("LookBack", ["dynamodb:Query"], [`${resources.tableArn}/index/byTime`]),
    onItems(resources, "CancelRuns", ["GetItem", "UpdateItem", "Query"], KEY_FENCES.runs),
    allow("FindRunsToCancel", ["dynamodb:Query"], [`${resources.tableArn}/index/byFunction`]),
    onItems(resources, "LookAtRunsToCancel", ["BatchGetItem"], KEY_FENCES.runs),
    onItems(resources, "BulkCancels", ["GetItem", "UpdateItem"], KEY_FENCES.cancellations),
    onItems(resources, "PassSignals", ["GetItem", "PutItem", "UpdateItem", "DeleteItem"], KEY_FENCES.signals),
    send("GoOn", resources.eventsQueueArn),
    allow("EventPayloads", ["s3:GetObject", "s3:PutObject"], objects(resources, "events/*")),
    allow("BringResults", ["s3:GetObject", "s3:PutObject"], objects(resources, "runs/*")),
    allow("ReadLargeRequests", ["s3:GetObject"], objects(resources, "requests/*")),
    ...putQuarantine(resources),
    ...schedules(scope, resources, "Create"),
    ...useKeys(scope, resources),
  ];
}

/** Looks at overdue runs. What it sends to is added with each app. */
export function sweepPermissions(scope: Construct, resources: Resources): PolicyStatement[] {
  return [
    ...readRegistry(resources),
    allow("FindOverdueRuns", ["dynamodb:Query"], [`${resources.tableArn}/index/byDue`]),
    onItems(resources, "MoveDueTimes", ["GetItem", "UpdateItem"], KEY_FENCES.runs),
    ...useKeys(scope, { ...resources, payloadKey: undefined }),
  ];
}

/** Sends back what was received too often. */
export function deadLetterPermissions(
  scope: Construct,
  resources: Resources,
  eventsDeadArn: string,
): PolicyStatement[] {
  return [
    consume("TakeDeadEvents", eventsDeadArn),
    send("SendBack", resources.eventsQueueArn),
    ...readRegistry(resources),
    onItems(resources, "ReadRuns", ["GetItem"], KEY_FENCES.runs),
    ...putQuarantine(resources),
    ...useKeys(scope, resources),
  ];
}

/** Answers what is; cancels, which removes a run's timer and marks its payloads; gives signals to runs that wait for them. */
export function apiPermissions(
  scope: Construct,
  resources: Resources,
  keys: { signingKeysArn: string; eventKeysArn: string },
): PolicyStatement[] {
  return [
    ...readRegistry(resources),
    onItems(resources, "ReadRunsAndEvents", ["GetItem"], KEY_FENCES.runs, KEY_FENCES.events),
    onItems(resources, "ReadManyRunsAndTheirLogs", ["BatchGetItem", "Query"], KEY_FENCES.runs),
    allow("ListRuns", ["dynamodb:Query"], [`${resources.tableArn}/index/byFunction`]),
    onItems(resources, "CancelRuns", ["UpdateItem"], KEY_FENCES.runs),
    onItems(resources, "BulkCancels", ["GetItem", "PutItem"], KEY_FENCES.cancellations),
    onItems(resources, "Signals", ["GetItem", "PutItem", "DeleteItem"], KEY_FENCES.signals),
    onItems(resources, "SignalsReceived", ["PutItem"], KEY_FENCES.runs),
    send("LeaveToDispatch", resources.eventsQueueArn),
    allow("ReadPayloads", ["s3:GetObject"], objects(resources, "runs/*", "events/*")),
    allow("MarkEndedPayloads", ["s3:PutObjectTagging"], objects(resources, "runs/*")),
    ...schedules(scope, resources, "Delete"),
    readSecret("SigningKeys", keys.signingKeysArn),
    readSecret("EventKeys", keys.eventKeysArn),
    ...useKeys(scope, resources),
  ];
}

/** Brings registry and crons in line. Which workers it may ask is added with each app. */
export function registerPermissions(scope: Construct, resources: Resources): PolicyStatement[] {
  return [
    onItems(resources, "Apps", ["Query", "PutItem", "DeleteItem"], KEY_FENCES.apps),
    onItems(resources, "AppList", ["PutItem", "UpdateItem"], KEY_FENCES.appLists),
    ...schedules(scope, resources, "Create", "Delete"),
    ...useKeys(scope, { ...resources, payloadKey: undefined }),
  ];
}

/**
 * Runs one app's runs, and touches no other app's: its keys and its objects begin with the app's id. Events are shared by
 * the functions they start.
 */
export function workerPermissions(
  scope: Construct,
  resources: Resources,
  app: { appId: string; stepQueueArn: string },
): PolicyStatement[] {
  const { appId, stepQueueArn } = app;
  return [
    consume("TakeWakes", stepQueueArn),
    allow("HoldWakes", ["sqs:ChangeMessageVisibility"], [stepQueueArn]),
    send("SendWakesAndEvents", stepQueueArn, resources.eventsQueueArn),
    onItems(resources, "OwnRuns", ["GetItem", "Query", "PutItem", "UpdateItem"], KEY_FENCES.runsOf(appId)),
    onItems(resources, "OwnWaiters", ["PutItem", "DeleteItem"], KEY_FENCES.waitersOf(appId)),
    onItems(resources, "OwnPlaces", ["Query", "PutItem", "DeleteItem"], KEY_FENCES.slotsOf(appId)),
    onItems(resources, "WhatIsWaitedFor", ["PutItem", "Query"], KEY_FENCES.shapes),
    onItems(resources, "WhoListens", ["GetItem"], KEY_FENCES.appLists),
    onItems(resources, "Signals", ["GetItem", "PutItem", "UpdateItem", "DeleteItem"], KEY_FENCES.signals),
    onItems(resources, "EventsOfRuns", ["GetItem", "UpdateItem"], KEY_FENCES.events),
    allow(
      "OwnPayloads",
      ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"],
      objects(resources, `runs/${appId}_*`),
    ),
    allow("EventPayloads", ["s3:GetObject", "s3:PutObject"], objects(resources, "events/*")),
    allow("LargeRequests", ["s3:PutObject"], objects(resources, "requests/*")),
    ...putQuarantine(resources),
    ...schedules(scope, resources, "Create", "Delete"),
    ...useKeys(scope, resources),
  ];
}

/**
 * What Lambda does in the worker's name to put it into a network. EC2 knows no resources for these before they exist.
 */
export function networkPermissions(): PolicyStatement[] {
  const actions = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ];
  return [allow("NetworkInterfaces", actions, ["*"])];
}
