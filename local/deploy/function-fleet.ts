/**
 * Owns: the stack's functions: their sandboxes (child processes with the real bundles), who may invoke them, the mappings
 * that feed them, and what they printed.
 * Must not: read a template; the makers do.
 */
import type { Clock, Random } from "../../sdk/clock.js";
import type { EmbeddedAws } from "../aws/embedded-aws.js";
import type { IamAuthorizer } from "../aws/iam/authorizer.js";
import { matchesPattern } from "../aws/iam/pattern.js";
import type { FunctionOutcome } from "../aws/lambda-service.js";
import { AwsServiceError } from "../aws/model.js";
import { invokeAsynchronously } from "../lambda/asynchronous-invoke.js";
import { childSandboxes } from "../lambda/child-sandbox.js";
import { EventSourceMapping, type MappingOptions, type MappingSettings } from "../lambda/event-source-mapping.js";
import { functionArn, handlerError, type InvocationError } from "../lambda/invocation.js";
import { LambdaFunction, type InvocationReport } from "../lambda/lambda-function.js";
import type { SandboxFactory } from "../lambda/sandbox.js";
import { arn } from "./resource.js";
import { functionEnvironment } from "./function-environment.js";
import type { SandboxBudget } from "./sandbox-budget.js";

export interface FunctionDefinition {
  logicalId: string;
  name: string;
  roleArn: string;
  logGroup: string;
  timeoutMs: number;
  memoryMb: number;
  maxConcurrency: number;
  environment: Readonly<Record<string, string>>;
  /** The module that exports `handler`. */
  moduleFile: string;
}

export interface InvokePermission {
  functionName: string;
  principal: string;
  /** A pattern; undefined: whatever invokes in the principal's name. */
  sourceArn: string | undefined;
}

/** What went wrong where nobody was told: a schedule, a mapping, a line that could not be logged. */
export interface FleetProblem {
  where: string;
  problem: unknown;
}

export interface FleetOptions {
  aws: EmbeddedAws;
  iam: IamAuthorizer;
  clock: Clock;
  random: Random;
  budget: SandboxBudget;
  /** The built local/lambda/child-main.ts. */
  bootstrapFile: string;
  awsUrl: string;
  environment: NodeJS.ProcessEnv;
  onLine(functionName: string, line: string): void;
  onReport(report: InvocationReport): void;
  onProblem(problem: FleetProblem): void;
}

export interface FleetMember {
  definition: FunctionDefinition;
  lambda: LambdaFunction;
}

export class FunctionFleet {
  readonly #options: FleetOptions;
  readonly #members = new Map<string, FleetMember>();
  readonly #permissions: InvokePermission[] = [];
  readonly #mappings: EventSourceMapping[] = [];

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  define(definition: FunctionDefinition): void {
    const { clock, random, iam, onReport } = this.#options;
    const { name, timeoutMs, memoryMb, maxConcurrency } = definition;
    const sandboxes = this.#sandboxes(definition);
    const lambda = new LambdaFunction(
      { name, timeoutMs, memoryMb, maxConcurrency },
      { clock, random, sandboxes, onReport },
    );
    this.#members.set(name, { definition, lambda });
    iam.assign(name, definition.roleArn);
  }

  require(name: string): FleetMember {
    const member = this.#members.get(name);
    if (member === undefined)
      throw new AwsServiceError("ResourceNotFoundException", `Function not found: ${name}`, 404);
    return member;
  }

  /** From now on invocations run the code of this module, as after a deployment of new code. */
  replaceCode(name: string, moduleFile: string): void {
    const { definition, lambda } = this.require(name);
    lambda.replaceCode(this.#sandboxes({ ...definition, moduleFile }));
  }

  /** Back to the code that was deployed. */
  restoreCode(name: string): void {
    this.replaceCode(name, this.require(name).definition.moduleFile);
  }

  permit(permission: InvokePermission): void {
    this.#permissions.push(permission);
  }

  isPermitted(functionName: string, principal: string, sourceArn: string): boolean {
    return this.#permissions.some(
      (permission) =>
        permission.functionName === functionName &&
        permission.principal === principal &&
        (permission.sourceArn === undefined || matchesPattern(permission.sourceArn, sourceArn)),
    );
  }

  /** Starts taking messages. */
  map(functionName: string, settings: MappingSettings, source: MappingOptions["source"]): void {
    const { clock, onProblem } = this.#options;
    const mapping = new EventSourceMapping(settings, {
      source,
      target: this.require(functionName).lambda,
      clock,
      onProblem: (problem) => onProblem({ where: `mapping of ${functionName}`, problem }),
    });
    this.#mappings.push(mapping);
    mapping.start();
  }

  /** A schedule fired at a function. False when it is none of the stack's. */
  readonly onSchedule = (targetArn: string, input: string): boolean => {
    const member = [...this.#members.values()].find(({ definition }) => functionArn(definition.name) === targetArn);
    if (member === undefined) return false;
    const { clock, onProblem } = this.#options;
    void invokeAsynchronously(member.lambda, JSON.parse(input), clock, (problem) =>
      onProblem({ where: `schedule of ${member.definition.name}`, problem }),
    );
    return true;
  };

  /** Lambda's Invoke, for callers inside the stack. */
  readonly invoke = (name: string, payload: string): Promise<FunctionOutcome> | undefined => {
    const member = this.#members.get(name);
    return member && outcomeOf(member.lambda.invoke(JSON.parse(payload)));
  };

  async stop(): Promise<void> {
    const drained = Promise.all(this.#mappings.map((mapping) => mapping.stop()));
    await Promise.all([...this.#members.values()].map(({ lambda }) => lambda.stop(0)));
    await drained;
  }

  #sandboxes(definition: FunctionDefinition): SandboxFactory {
    const { clock, budget, bootstrapFile, awsUrl, environment, onLine } = this.#options;
    return budget.within(
      childSandboxes({
        clock,
        bootstrapFile,
        moduleFile: definition.moduleFile,
        environment: (sandboxId) => functionEnvironment(definition, sandboxId, awsUrl, environment),
        onLine: (sandboxId, line) => {
          this.#requireLogging(definition, sandboxId);
          onLine(definition.logicalId, line);
        },
      }),
    );
  }

  /** Lambda writes the log in the function's name: without the permission the lines vanish, which here is told. */
  #requireLogging({ roleArn, logGroup, name }: FunctionDefinition, sandboxId: string): void {
    const stream = arn("logs", `log-group:${logGroup}:log-stream:${sandboxId}`);
    for (const action of ["logs:CreateLogStream", "logs:PutLogEvents"]) {
      if (this.#options.iam.permits(roleArn, action, stream)) continue;
      this.#options.onProblem({ where: `log of ${name}`, problem: `its role does not allow ${action} on ${stream}` });
    }
  }
}

async function outcomeOf(running: Promise<unknown>): Promise<FunctionOutcome> {
  try {
    return { payload: JSON.stringify(await running), isError: false };
  } catch (error) {
    const failure = handlerError(error);
    if (failure.failure === "throttled") throw new AwsServiceError(failure.errorType, failure.message, 429);
    return { payload: errorPayload(failure), isError: true };
  }
}

function errorPayload({ errorType, message, trace }: InvocationError): string {
  return JSON.stringify({
    errorType,
    errorMessage: message,
    ...(trace === undefined ? {} : { trace: trace.split("\n") }),
  });
}
