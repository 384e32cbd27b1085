/**
 * Owns: what holds data: the table, the payload bucket, the events queue with its dead letters, the keys, the schedules'
 * group. Its logical ids are for ever: a changed one replaces the data (test/infra has them on file).
 * Must not: contain code that changes with a version.
 */
import { Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  Table,
  TableEncryption,
  type Attribute,
} from "aws-cdk-lib/aws-dynamodb";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from "aws-cdk-lib/aws-s3";
import { CfnScheduleGroup } from "aws-cdk-lib/aws-scheduler";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { TABLE_SHAPE } from "../runtime/state/table.js";
import { acknowledge } from "./acknowledgements.js";
import { send } from "./permissions.js";
import { durableQueue } from "./durable-queue.js";
import { PAYLOAD_DAYS, PLATFORM_TIMEOUT_SECONDS, QUARANTINE_DAYS } from "./sizes.js";

export interface PlatformStateProps {
  retentionDays: number;
  removalPolicy: RemovalPolicy;
  tableKey?: IKey | undefined;
  payloadKey?: IKey | undefined;
}

export class PlatformState extends Construct {
  readonly table: Table;
  readonly payloads: Bucket;
  readonly events: Queue;
  readonly eventsDead: Queue;
  readonly eventKeys: Secret;
  readonly signingKeys: Secret;
  readonly scheduleGroup: CfnScheduleGroup;
  /** What EventBridge Scheduler puts messages on the events queue with. */
  readonly scheduleRole: Role;

  constructor(scope: Construct, id: string, props: PlatformStateProps) {
    super(scope, id);
    this.table = stateTable(this, props);
    this.payloads = payloadBucket(this, props);
    acknowledge(this.payloads, "AwsSolutions::AwsSolutions-S1");
    const { queue, deadLetters } = durableQueue(this, "Events", {
      timeoutSeconds: PLATFORM_TIMEOUT_SECONDS,
      removalPolicy: props.removalPolicy,
    });
    this.events = queue;
    this.eventsDead = deadLetters;
    this.eventKeys = keys(
      this,
      "EventKeys",
      props.removalPolicy,
      "Keys that events are sent with (POST /e/:eventKey).",
    );
    this.signingKeys = keys(this, "SigningKeys", props.removalPolicy, "Keys of the API, given as Bearer tokens.");
    for (const secret of [this.eventKeys, this.signingKeys]) acknowledge(secret, "AwsSolutions::AwsSolutions-SMG4");
    this.scheduleGroup = new CfnScheduleGroup(this, "Schedules");
    this.scheduleGroup.applyRemovalPolicy(props.removalPolicy);
    this.scheduleRole = scheduleRole(this, this.scheduleGroup);
    this.scheduleRole.addToPolicy(send("SendTimers", this.events.queueArn));
  }
}

function stateTable(scope: Construct, { tableKey, removalPolicy }: PlatformStateProps): Table {
  const kept = removalPolicy !== RemovalPolicy.DESTROY;
  const key = (name: string, type: "S" | "N"): Attribute => ({
    name,
    type: type === "N" ? AttributeType.NUMBER : AttributeType.STRING,
  });
  const table = new Table(scope, "Table", {
    partitionKey: key(TABLE_SHAPE.partitionKey, "S"),
    sortKey: key(TABLE_SHAPE.sortKey, "S"),
    billingMode: BillingMode.PAY_PER_REQUEST,
    timeToLiveAttribute: TABLE_SHAPE.ttlAttribute,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: kept,
    removalPolicy,
    ...(tableKey ? { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey: tableKey } : {}),
  });
  for (const index of TABLE_SHAPE.indexes) {
    table.addGlobalSecondaryIndex({
      indexName: index.name,
      partitionKey: key(index.partitionKey, "S"),
      sortKey: key(index.sortKey, index.sortKeyType),
      projectionType: ProjectionType.KEYS_ONLY,
    });
  }
  return table;
}

function payloadBucket(scope: Construct, { payloadKey, removalPolicy, retentionDays }: PlatformStateProps): Bucket {
  return new Bucket(scope, "Payloads", {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    removalPolicy,
    ...(payloadKey
      ? { encryption: BucketEncryption.KMS, encryptionKey: payloadKey, bucketKeyEnabled: true }
      : { encryption: BucketEncryption.S3_MANAGED }),
    lifecycleRules: [
      { id: "ended-runs", tagFilters: { perdure: "ended" }, expiration: Duration.days(retentionDays) },
      { id: "quarantine", prefix: "quarantine/", expiration: Duration.days(QUARANTINE_DAYS) },
      // What no run refers to: written by an invocation that died before its item, or of an event long past.
      { id: "everything-else", expiration: Duration.days(PAYLOAD_DAYS) },
    ],
  });
}

const KEY_CHARACTERS = 48;

/** `{"current": "…", "previous": ""}`: both are accepted (docs/security.md, "Rotating keys"). */
function keys(scope: Construct, id: string, removalPolicy: RemovalPolicy, description: string): Secret {
  return new Secret(scope, id, {
    description,
    removalPolicy,
    generateSecretString: {
      secretStringTemplate: JSON.stringify({ previous: "" }),
      generateStringKey: "current",
      // An event key is a part of a URL.
      excludePunctuation: true,
      passwordLength: KEY_CHARACTERS,
    },
  });
}

/** Only schedules of this group may take the role on: another account's, or another group's, may not. */
function scheduleRole(scope: Construct, group: CfnScheduleGroup): Role {
  return new Role(scope, "ScheduleRole", {
    description: "EventBridge Scheduler: crons and long timers onto the events queue",
    assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
      conditions: {
        StringEquals: { "aws:SourceAccount": Stack.of(scope).account },
        ArnEquals: { "aws:SourceArn": group.attrArn },
      },
    }),
  });
}
