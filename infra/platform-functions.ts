/**
 * Owns: what runs: the platform's functions with their roles, the mappings from the queues to them, the sweeper's schedule.
 * Holds no data: it may be replaced as a whole.
 */
import { Stack } from "aws-cdk-lib";
import { type PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import { CfnSchedule } from "aws-cdk-lib/aws-scheduler";
import { Construct } from "constructs";
import { runtimeCode } from "./bundling.js";
import { loopFunction, mapQueue, type LoopFunction } from "./loop-function.js";
import * as permissions from "./permissions.js";
import type { PlatformState } from "./platform-state.js";
import * as sizes from "./sizes.js";

export interface PlatformFunctionsProps {
  state: PlatformState;
  resources: permissions.Resources;
  environment: Record<string, string>;
  logRetention: RetentionDays;
}

type Name = "Ingest" | "Dispatch" | "Api" | "Sweep" | "DeadLetter" | "Register";

interface OwnSettings {
  description: string;
  permissions: readonly PolicyStatement[];
  timeoutSeconds?: number;
  environment?: Record<string, string>;
}

export class PlatformFunctions extends Construct {
  readonly ingest: LoopFunction;
  readonly dispatch: LoopFunction;
  readonly api: LoopFunction;
  readonly sweep: LoopFunction;
  readonly deadLetter: LoopFunction;
  readonly register: LoopFunction;

  constructor(scope: Construct, id: string, props: PlatformFunctionsProps) {
    super(scope, id);
    const { state, resources } = props;
    this.ingest = this.#function("Ingest", "ingest", props, {
      description: "Takes events over HTTP and puts them on the events queue",
      permissions: permissions.ingestPermissions(this, resources, state.eventKeys.secretArn),
      environment: { PERDURE_EVENT_KEYS_SECRET: state.eventKeys.secretArn },
    });
    this.dispatch = this.#function("Dispatch", "dispatch", props, {
      description: "Makes runs of events and wakes them",
      permissions: permissions.dispatchPermissions(this, resources),
    });
    this.api = this.#function("Api", "api", props, {
      description: "Answers what is, cancels runs, and takes signals",
      permissions: permissions.apiPermissions(this, resources, {
        signingKeysArn: state.signingKeys.secretArn,
        eventKeysArn: state.eventKeys.secretArn,
      }),
      environment: {
        PERDURE_SIGNING_KEYS_SECRET: state.signingKeys.secretArn,
        PERDURE_EVENT_KEYS_SECRET: state.eventKeys.secretArn,
      },
    });
    this.sweep = this.#function("Sweep", "sweep", props, {
      description: "Once a minute: wakes runs whose wake is overdue",
      permissions: permissions.sweepPermissions(this, resources),
    });
    this.deadLetter = this.#function("DeadLetter", "dead-letter", props, {
      description: "Sends back what was received too often, quarantines what nobody can read",
      permissions: permissions.deadLetterPermissions(this, resources, state.eventsDead.queueArn),
    });
    this.register = this.#function("Register", "register", props, {
      description: "Brings the registry and the crons in line with a worker, at deploy",
      permissions: permissions.registerPermissions(this, resources),
      timeoutSeconds: sizes.REGISTER_TIMEOUT_SECONDS,
    });
    this.#mapQueues(state);
    everyMinute(this, this.sweep);
  }

  #function(id: Name, entry: string, props: PlatformFunctionsProps, own: OwnSettings): LoopFunction {
    return loopFunction(this, id, {
      description: `Perdure: ${own.description}`,
      code: runtimeCode(),
      handler: `${entry}.handler`,
      timeoutSeconds: own.timeoutSeconds ?? sizes.PLATFORM_TIMEOUT_SECONDS,
      memoryMb: sizes.PLATFORM_MEMORY_MB,
      environment: { ...props.environment, ...own.environment },
      logRetention: props.logRetention,
      permissions: own.permissions,
    });
  }

  #mapQueues({ events, eventsDead }: PlatformState): void {
    const mappings = [
      mapQueue(this, "EventsMapping", {
        queueArn: events.queueArn,
        functionArn: this.dispatch.lambda.functionArn,
        batchSize: sizes.DISPATCH_BATCH,
        maximumConcurrency: sizes.DISPATCH_CONCURRENCY,
      }),
      mapQueue(this, "EventsDeadMapping", {
        queueArn: eventsDead.queueArn,
        functionArn: this.deadLetter.lambda.functionArn,
        batchSize: sizes.DEAD_LETTER_BATCH,
        maximumConcurrency: sizes.DEAD_LETTER_CONCURRENCY,
      }),
    ];
    // Lambda refuses a mapping whose function may not read the queue yet.
    for (const mapping of mappings) mapping.node.addDependency(this.dispatch.role, this.deadLetter.role);
  }
}

/**
 * In Scheduler's default group, not in the platform's own: what may remove a run's timer must not be able to remove this.
 * Its role can start the sweeper and nothing else, and no role of the platform may pass it on.
 */
function everyMinute(scope: Construct, { lambda }: LoopFunction): void {
  const group = Stack.of(scope).formatArn({
    service: "scheduler",
    resource: "schedule-group",
    resourceName: "default",
  });
  const role = new Role(scope, "EveryMinuteRole", {
    description: "EventBridge Scheduler: starts the sweeper",
    assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
      conditions: {
        StringEquals: { "aws:SourceAccount": Stack.of(scope).account },
        ArnEquals: { "aws:SourceArn": group },
      },
    }),
  });
  role.addToPolicy(permissions.allow("StartSweeper", ["lambda:InvokeFunction"], [lambda.functionArn]));
  const schedule = new CfnSchedule(scope, "EveryMinute", {
    description: "Perdure: the sweeper",
    scheduleExpression: "rate(1 minute)",
    flexibleTimeWindow: { mode: "OFF" },
    target: {
      arn: lambda.functionArn,
      roleArn: role.roleArn,
      input: "{}",
      // The next minute's sweep does the work of one that failed.
      retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
    },
  });
  schedule.node.addDependency(role);
}
