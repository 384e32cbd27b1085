/**
 * Owns: one app on a platform: its step queue, its worker, what the platform's functions may do for it, and its registration.
 * The same construct whether the platform is in this stack or in another: it knows the platform by its links only.
 */
import { createHash } from "node:crypto";
import { CustomResource, Duration, Lazy, Names, type RemovalPolicy, Stack } from "aws-cdk-lib";
import { type IRole, Policy, type PolicyStatement, Role } from "aws-cdk-lib/aws-iam";
import { type ApplicationLogLevel, CfnFunction } from "aws-cdk-lib/aws-lambda";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { AppAlarms } from "./alarms.js";
import { appIdPattern } from "../runtime/core/ids.js";
import { WORKER_HANDLER, workerCode, type BundlingOptions } from "./bundling.js";
import { durableQueue } from "./durable-queue.js";
import { settingRefused } from "./errors.js";
import { commonEnvironment, type PlatformLinks } from "./links.js";
import { loopFunction, mapQueue, type LoopFunction, type Network } from "./loop-function.js";
import { allow, consume, send, workerPermissions } from "./permissions.js";
import { DEAD_LETTER_BATCH, DEAD_LETTER_CONCURRENCY, REGISTER_ANSWER_SECONDS, workerSizes } from "./sizes.js";

export interface AppOptions extends Partial<Network> {
  /** The module whose `handler` is `serve({ … })`. Relative to where the CDK app runs. */
  entry: string;
  /** In MB; 512 by default. */
  memorySize?: number;
  /** 60 seconds by default. A turn that is cut off goes on in the next: longer is needed only for longer steps. */
  timeout?: Duration;
  environment?: Record<string, string>;
  /** Turns side by side at most, 2 to 1,000; 50 by default. */
  maxConcurrency?: number;
  /** Of the account's concurrency set aside for this worker; at least `maxConcurrency`. Nothing by default. */
  reservedConcurrency?: number;
  /** Wakes an invocation takes, 1 to 10; 1 by default: each run its own sandbox. */
  batchSize?: number;
  bundling?: BundlingOptions;
  /**
   * The least level your code's lines must have to be kept; INFO by default. The platform's own lines are WARN and ERROR and
   * carry its metrics: with ERROR those on retries and lost workers are gone, with FATAL the alarm on failed runs as well.
   */
  logLevel?: ApplicationLogLevel;
}

export interface PlatformAppProps extends AppOptions {
  appId: string;
  links: PlatformLinks;
  logRetention: RetentionDays;
  removalPolicy: RemovalPolicy;
  platformName: string;
  alarms: boolean;
  alarmTopic: ITopic | undefined;
}

/** Roles of the platform as an app sees them: from outside, policies can be attached to them all the same. */
interface PlatformRoles {
  dispatch: IRole;
  sweep: IRole;
  deadLetter: IRole;
  register: IRole;
}

export class PlatformApp extends Construct {
  readonly worker: LoopFunction;
  readonly steps: Queue;
  readonly stepsDead: Queue;
  constructor(scope: Construct, id: string, props: PlatformAppProps) {
    super(scope, id);
    requireAppId(props.appId);
    const sizes = workerSizes(props.appId, {
      ...(props.timeout === undefined ? {} : { timeoutSeconds: props.timeout.toSeconds() }),
      ...(props.memorySize === undefined ? {} : { memoryMb: props.memorySize }),
      ...(props.batchSize === undefined ? {} : { batchSize: props.batchSize }),
      ...(props.maxConcurrency === undefined ? {} : { maxConcurrency: props.maxConcurrency }),
      ...(props.reservedConcurrency === undefined ? {} : { reservedConcurrency: props.reservedConcurrency }),
    });
    const { queue, deadLetters } = durableQueue(this, "Steps", {
      timeoutSeconds: sizes.timeoutSeconds,
      removalPolicy: props.removalPolicy,
    });
    this.steps = queue;
    this.stepsDead = deadLetters;
    this.worker = this.#addWorker(props, sizes);
    const mapping = mapQueue(this, "StepsMapping", {
      queueArn: queue.queueArn,
      functionArn: this.worker.lambda.functionArn,
      batchSize: sizes.batchSize,
      maximumConcurrency: sizes.maxConcurrency,
    });
    // Lambda refuses a mapping whose function may not read the queue yet.
    mapping.node.addDependency(this.worker.role);
    this.#admit(props);
    const { appId, platformName, alarmTopic: topic } = props;
    const parts = { worker: this.worker, steps: this.steps, stepsDead: this.stepsDead };
    if (props.alarms) new AppAlarms(this, "Alarms", { appId, platformName, topic, ...parts });
  }

  #addWorker(props: PlatformAppProps, sizes: ReturnType<typeof workerSizes>): LoopFunction {
    const { appId, links, vpc, vpcSubnets, securityGroups } = props;
    const network: Network | undefined = vpc && {
      vpc,
      ...(vpcSubnets ? { vpcSubnets } : {}),
      ...(securityGroups ? { securityGroups } : {}),
    };
    const sourceMap = props.bundling?.sourceMap === true ? { NODE_OPTIONS: "--enable-source-maps" } : {};
    return loopFunction(this, "Worker", {
      description: `Perdure: runs the functions of app ${appId}`,
      code: workerCode(appId, props.entry, props.bundling),
      handler: WORKER_HANDLER,
      environment: {
        ...sourceMap,
        ...props.environment,
        ...commonEnvironment(links, props.platformName),
        PERDURE_STEP_QUEUE_URL: this.steps.queueUrl,
      },
      logRetention: props.logRetention,
      permissions: workerPermissions(this, links, { appId, stepQueueArn: this.steps.queueArn }),
      logLevel: props.logLevel,
      network,
      ...sizes,
    });
  }

  /** Lets the platform work for this app: exactly for its queues and its worker. */
  #admit({ appId, links }: PlatformAppProps): void {
    const roles = rolesOf(this, links);
    const wakes = attach(
      this,
      "Wake",
      [roles.dispatch, roles.sweep, roles.deadLetter],
      [send("SendWakes", this.steps.queueArn)],
    );
    const dead = attach(this, "TakeDead", [roles.deadLetter], [consume("TakeDeadWakes", this.stepsDead.queueArn)]);
    const describe = attach(
      this,
      "Describe",
      [roles.register],
      [allow("DescribeWorker", ["lambda:InvokeFunction"], [this.worker.lambda.functionArn])],
    );
    const mapping = mapQueue(this, "StepsDeadMapping", {
      queueArn: this.stepsDead.queueArn,
      functionArn: links.deadLetterFunctionArn,
      batchSize: DEAD_LETTER_BATCH,
      maximumConcurrency: DEAD_LETTER_CONCURRENCY,
    });
    mapping.node.addDependency(dead);
    const registration = new CustomResource(this, "Registration", {
      resourceType: "Custom::PerdureApp",
      serviceToken: links.registerFunctionArn,
      serviceTimeout: Duration.seconds(REGISTER_ANSWER_SECONDS),
      properties: {
        App: appId,
        Worker: this.worker.lambda.functionArn,
        StepQueueUrl: this.steps.queueUrl,
        // A registration happens when this changes: whenever what the worker answers may be another.
        Code: codeVersion(this.worker),
      },
    });
    // Not before its events could be served: an event that comes right after the registration starts a run.
    registration.node.addDependency(this.worker.lambda, wakes, describe);
  }
}

function requireAppId(appId: string): void {
  if (appIdPattern.test(appId)) return;
  const expected = "lowercase letters, digits and hyphens, at most 40, as the client's own id";
  throw settingRefused({ what: "app", id: appId, is: "its id is not usable", expected });
}

function rolesOf(scope: Construct, links: PlatformLinks): PlatformRoles {
  const role = (id: string, name: string): IRole => Role.fromRoleName(scope, id, name);
  return {
    dispatch: role("DispatchRole", links.dispatchRoleName),
    sweep: role("SweepRole", links.sweepRoleName),
    deadLetter: role("DeadLetterRole", links.deadLetterRoleName),
    register: role("RegisterRole", links.registerRoleName),
  };
}

/**
 * A policy of its own, removed with the app, and named after the stack as well: an app that moves to another stack must not
 * lose with the old one what the new one gave it. Inline policies of a role may have 10,240 characters: some 60 apps.
 */
function attach(scope: Construct, id: string, roles: IRole[], statements: PolicyStatement[]): Policy {
  const policyName = `${Names.uniqueResourceName(scope, { maxLength: 100 })}-${id}`;
  return new Policy(scope, id, { policyName, roles, statements });
}

/** Of code and environment: a worker may decide by its environment which functions it has. */
function codeVersion({ lambda }: LoopFunction): string {
  const resource = lambda.node.defaultChild;
  return Lazy.string({
    produce: () => {
      if (!CfnFunction.isCfnFunction(resource)) return "";
      const { code, environment } = resource;
      return createHash("sha256")
        .update(JSON.stringify(Stack.of(lambda).resolve([code, environment])))
        .digest("hex")
        .slice(0, 32);
    },
  });
}
