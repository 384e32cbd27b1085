/**
 * Owns: a function of the platform as Lambda has it: runtime, architecture, log group, a role of its own that begins empty,
 * and the leave to call in circles, which is what this platform does for a living.
 */
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { ISecurityGroup, IVpc, SubnetSelection } from "aws-cdk-lib/aws-ec2";
import { type PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  ApplicationLogLevel,
  Architecture,
  CfnEventSourceMapping,
  type Code,
  Function as LambdaFunction,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
  SystemLogLevel,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { acknowledge, acknowledgeWildcards } from "./acknowledgements.js";
import { allow, networkPermissions } from "./permissions.js";

export interface LoopFunctionProps {
  description: string;
  code: Code;
  handler: string;
  timeoutSeconds: number;
  memoryMb: number;
  environment: Record<string, string>;
  logRetention: RetentionDays;
  permissions: readonly PolicyStatement[];
  reservedConcurrency?: number | null;
  /** Of what the code logs; INFO by default. */
  logLevel?: ApplicationLogLevel | undefined;
  network?: Network | undefined;
}

export interface Network {
  vpc: IVpc;
  vpcSubnets?: SubnetSelection;
  securityGroups?: ISecurityGroup[];
}

export interface LoopFunction {
  lambda: LambdaFunction;
  role: Role;
  logGroup: LogGroup;
}

/** The function `id`, its role `id`Role and its log group `id`Logs. */
export function loopFunction(scope: Construct, id: string, props: LoopFunctionProps): LoopFunction {
  const logGroup = new LogGroup(scope, `${id}Logs`, {
    retention: props.logRetention,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
  // A log group's ARN ends in ":*", which stands for its streams.
  role.addToPolicy(allow("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [logGroup.logGroupArn]));
  const permissions = [...props.permissions, ...(props.network ? networkPermissions() : [])];
  for (const statement of permissions) role.addToPolicy(statement);
  const lambda = new LambdaFunction(scope, id, {
    description: props.description,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    code: props.code,
    handler: props.handler,
    role,
    logGroup,
    // START, END and REPORT of every invocation would cost more than all lines of the platform; those of failures stay.
    loggingFormat: LoggingFormat.JSON,
    systemLogLevelV2: SystemLogLevel.WARN,
    applicationLogLevelV2: props.logLevel ?? ApplicationLogLevel.INFO,
    timeout: Duration.seconds(props.timeoutSeconds),
    memorySize: props.memoryMb,
    environment: props.environment,
    // Lambda stops a chain of messages and invocations after about 16 hops; a run of many turns is such a chain (aws.md §1.4).
    recursiveLoop: RecursiveLoop.ALLOW,
    ...(props.reservedConcurrency ? { reservedConcurrentExecutions: props.reservedConcurrency } : {}),
    ...props.network,
  });
  acknowledgeWildcards(role, permissions);
  acknowledge(lambda, "Serverless::Serverless-LambdaDLQ", "Serverless::Serverless-LambdaTracing");
  return { lambda, role, logGroup };
}

export interface QueueMapping {
  queueArn: string;
  functionArn: string;
  batchSize: number;
  maximumConcurrency: number;
}

/** From a queue to a function. Only what failed comes again; what a mapping starts has an upper bound. */
export function mapQueue(scope: Construct, id: string, mapping: QueueMapping): CfnEventSourceMapping {
  const resource = new CfnEventSourceMapping(scope, id, {
    eventSourceArn: mapping.queueArn,
    functionName: mapping.functionArn,
    batchSize: mapping.batchSize,
    functionResponseTypes: ["ReportBatchItemFailures"],
    scalingConfig: { maximumConcurrency: mapping.maximumConcurrency },
  });
  acknowledge(resource, "Serverless::Serverless-LambdaEventSourceMappingDestination");
  return resource;
}
