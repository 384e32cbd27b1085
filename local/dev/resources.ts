/**
 * Owns: the table, queues, bucket and schedules a platform stands on, created where they are missing. Safe to repeat: what
 * is there already is left as it is, except queue attributes, which follow this version.
 * Must not: delete or empty anything.
 */
import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { CreateScheduleCommand, CreateScheduleGroupCommand } from "@aws-sdk/client-scheduler";
import { CreateQueueCommand, GetQueueAttributesCommand, SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { AwsClients } from "../../runtime/aws/clients.js";
import { TABLE_SHAPE } from "../../runtime/state/table.js";
import { sleep } from "../../sdk/clock.js";
import type { Clock } from "../../sdk/clock.js";
import { functionArn } from "../lambda/invocation.js";
import type { QueueAddress } from "../lambda/message-source.js";
import { LOCAL_ACCOUNT, queueArn, queueUrl } from "../platform.js";
import type { Platform, PlatformQueue } from "../platform.js";

/** Where each queue really is; a service from outside may give other URLs than ours. By queue name. */
export type QueueAddresses = ReadonlyMap<string, QueueAddress>;

const RETENTION_SECONDS = 14 * 86_400;

export async function createResources(platform: Platform, clients: AwsClients, clock: Clock): Promise<QueueAddresses> {
  await createTable(platform.tableName, clients, clock);
  await unlessThere(clients.s3.send(new CreateBucketCommand({ Bucket: platform.bucketName })));
  await unlessThere(clients.scheduler.send(new CreateScheduleGroupCommand({ Name: platform.scheduleGroup })));
  await createSweepSchedule(platform, clients, "rate(1 minute)");
  const addresses = new Map<string, QueueAddress>();
  // Dead-letter queues come first in the description: a redrive policy names an existing queue.
  for (const queue of platform.queues) addresses.set(queue.name, await createQueue(queue, addresses, clients));
  return addresses;
}

/** What these services say when the thing is there already. */
const THERE_ALREADY = new Set([
  "ResourceInUseException",
  "BucketAlreadyOwnedByYou",
  "BucketAlreadyExists",
  "ConflictException",
]);

async function unlessThere(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!(error instanceof Error && THERE_ALREADY.has(error.name))) throw error;
  }
}

async function createTable(tableName: string, { dynamodb }: AwsClients, clock: Clock): Promise<void> {
  await unlessThere(dynamodb.send(new CreateTableCommand(tableDefinition(tableName))));
  await untilActive(tableName, dynamodb, clock);
  const ttl = await dynamodb.send(new DescribeTimeToLiveCommand({ TableName: tableName }));
  const status = ttl.TimeToLiveDescription?.TimeToLiveStatus;
  if (status === "ENABLED" || status === "ENABLING") return;
  const TimeToLiveSpecification = { Enabled: true, AttributeName: TABLE_SHAPE.ttlAttribute };
  await dynamodb.send(new UpdateTimeToLiveCommand({ TableName: tableName, TimeToLiveSpecification }));
}

function tableDefinition(tableName: string): CreateTableCommandInput {
  const { partitionKey, sortKey, indexes } = TABLE_SHAPE;
  const keys = (hash: string, range: string): CreateTableCommandInput["KeySchema"] => [
    { AttributeName: hash, KeyType: "HASH" },
    { AttributeName: range, KeyType: "RANGE" },
  ];
  const types = new Map<string, "S" | "N">([
    [partitionKey, "S"],
    [sortKey, "S"],
  ]);
  for (const index of indexes) types.set(index.partitionKey, "S").set(index.sortKey, index.sortKeyType);
  return {
    TableName: tableName,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [...types].map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
    KeySchema: keys(partitionKey, sortKey),
    GlobalSecondaryIndexes: indexes.map((index) => ({
      IndexName: index.name,
      KeySchema: keys(index.partitionKey, index.sortKey),
      Projection: { ProjectionType: "KEYS_ONLY" },
    })),
  };
}

const ACTIVE_TRIES = 60;

async function untilActive(tableName: string, dynamodb: AwsClients["dynamodb"], clock: Clock): Promise<void> {
  for (let tries = 0; tries < ACTIVE_TRIES; tries += 1) {
    const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: tableName }));
    if (Table?.TableStatus === "ACTIVE") return;
    await sleep(clock, 1_000);
  }
}

async function createQueue(queue: PlatformQueue, known: QueueAddresses, { sqs }: AwsClients): Promise<QueueAddress> {
  const created = await sqs.send(new CreateQueueCommand({ QueueName: queue.name })).catch(async (error: unknown) => {
    // An earlier version created it with other attributes: the name is enough to go on.
    if (error instanceof Error && error.name.includes("QueueNameExists")) return { QueueUrl: queue.name };
    throw error;
  });
  const queueUrl = created.QueueUrl ?? queue.name;
  const attributes = queueAttributes(queue, known);
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: attributes }));
  const answer = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ["QueueArn"] }));
  return { queueUrl, queueArn: answer.Attributes?.QueueArn ?? queue.name };
}

function queueAttributes(queue: PlatformQueue, known: QueueAddresses): Record<string, string> {
  const deadLetter = queue.deadLetterQueue === undefined ? undefined : known.get(queue.deadLetterQueue);
  const redrive = { deadLetterTargetArn: deadLetter?.queueArn, maxReceiveCount: queue.maxReceiveCount };
  return {
    VisibilityTimeout: String(queue.visibilityTimeoutSeconds),
    MessageRetentionPeriod: String(RETENTION_SECONDS),
    ...(deadLetter === undefined ? {} : { RedrivePolicy: JSON.stringify(redrive) }),
  };
}

/** The schedule that looks for overdue runs. */
export async function createSweepSchedule(
  platform: Platform,
  { scheduler }: AwsClients,
  rate: "rate(1 minute)" | "rate(12 hours)",
): Promise<void> {
  const schedule = new CreateScheduleCommand({
    Name: `every-minute-${platform.everyMinute}`,
    GroupName: platform.scheduleGroup,
    ScheduleExpression: rate,
    FlexibleTimeWindow: { Mode: "OFF" },
    Target: {
      Arn: functionArn(platform.everyMinute),
      RoleArn: `arn:aws:iam::${LOCAL_ACCOUNT}:role/perdure-scheduler`,
      Input: "{}",
    },
  });
  await unlessThere(scheduler.send(schedule));
}

/** The description with every queue's real address in the functions' environments: a service from outside may number accounts its own way. */
export function withRealAddresses(platform: Platform, addresses: QueueAddresses, sqsEndpoint: string): Platform {
  const real = new Map<string, string>();
  for (const [name, address] of addresses) {
    real.set(queueUrl(sqsEndpoint, name), address.queueUrl).set(queueArn(name), address.queueArn);
  }
  const translated = (environment: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, real.get(value) ?? value]));
  const functions = platform.functions.map((each) => ({ ...each, environment: translated(each.environment) }));
  return { ...platform, functions };
}
