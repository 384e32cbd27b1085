/** Owns: making functions, who may invoke them, and the mappings from queues to them. */
import { join } from "node:path";
import { tmpdir } from "node:os";
import { BASE_CONTEXT } from "../../aws/iam/access-request.js";
import type { Parameters } from "../../aws/input/parameters.js";
import { AwsServiceError, NotModelledError } from "../../aws/model.js";
import { functionArn } from "../../lambda/invocation.js";
import { waitingSource } from "../../lambda/message-source.js";
import { inProcessClients } from "../../aws/in-process.js";
import { queueUrl } from "../../platform.js";
import { moduleOf } from "../function-code.js";
import { physicalName, propertiesOf, type DeploymentWorld, type Maker } from "../resource.js";

const FUNCTION_PROPERTIES = [
  "FunctionName",
  "Description",
  "Code",
  "Handler",
  "Role",
  "Runtime",
  "Architectures",
  "Environment",
  "MemorySize",
  "Timeout",
  "ReservedConcurrentExecutions",
  "RecursiveLoop",
  "LoggingConfig",
  "TracingConfig",
  "Tags",
];

const DEFAULT_TIMEOUT_SECONDS = 3;
const DEFAULT_MEMORY_MB = 128;
const NODE_RUNTIME = /^nodejs\d+\.x$/;

export const makeFunction: Maker = (resource, world) => {
  const properties = propertiesOf(resource, FUNCTION_PROPERTIES);
  const name = properties.text("FunctionName") ?? physicalName(world, resource.logicalId, 64);
  const runtime = properties.requireText("Runtime");
  if (!NODE_RUNTIME.test(runtime)) throw new NotModelledError(`The runtime "${runtime}" is not modelled`);
  const roleArn = properties.requireText("Role");
  if (!world.iam.mayAssume(roleArn, "lambda.amazonaws.com", BASE_CONTEXT)) {
    throw new AwsServiceError(
      "InvalidParameterValueException",
      "The role defined for the function cannot be assumed by Lambda.",
    );
  }
  const logging = properties.structure("LoggingConfig", [
    "LogGroup",
    "LogFormat",
    "ApplicationLogLevel",
    "SystemLogLevel",
  ]);
  const variables =
    properties.structure("Environment", ["Variables"])?.textMap("Variables") ?? new Map<string, string>();
  const reserved = properties.integer("ReservedConcurrentExecutions") ?? Infinity;
  world.fleet.define({
    logicalId: resource.logicalId,
    name,
    roleArn,
    logGroup: logging?.text("LogGroup") ?? `/aws/lambda/${name}`,
    timeoutMs: (properties.integer("Timeout") ?? DEFAULT_TIMEOUT_SECONDS) * 1_000,
    memoryMb: properties.integer("MemorySize") ?? DEFAULT_MEMORY_MB,
    maxConcurrency: Math.min(reserved, world.functionConcurrency),
    environment: Object.fromEntries(variables),
    moduleFile: moduleOf(codeOf(properties, world), properties.requireText("Handler"), scratchDirectory()),
  });
  return { ref: name, attributes: { Arn: functionArn(name) } };
};

const scratchDirectory = (): string => join(tmpdir(), "perdure-deploy-handlers");

function codeOf(properties: Parameters, { assets }: DeploymentWorld): string {
  const code = properties.requireStructure("Code", ["S3Bucket", "S3Key"]);
  const key = code.requireText("S3Key");
  const directory = assets.get(key);
  if (directory === undefined) throw new AwsServiceError("NoSuchKey", `The assets have no object "${key}"`, 404);
  return directory;
}

export const makePermission: Maker = (resource, world) => {
  const properties = propertiesOf(resource, ["Action", "FunctionName", "Principal", "SourceArn", "SourceAccount"]);
  const action = properties.requireText("Action");
  if (action !== "lambda:InvokeFunction") throw new NotModelledError(`Permission for ${action} is not modelled`);
  const functionName = functionNameOf(properties.requireText("FunctionName"));
  const sourceArn = properties.text("SourceArn");
  world.fleet.permit({ functionName, principal: properties.requireText("Principal"), sourceArn });
  return { ref: resource.logicalId, attributes: {} };
};

/** A function's name from its name or ARN. */
function functionNameOf(nameOrArn: string): string {
  return /:function:([A-Za-z0-9_-]+)$/.exec(nameOrArn)?.[1] ?? nameOrArn;
}

const MAPPING_PROPERTIES = [
  "EventSourceArn",
  "FunctionName",
  "BatchSize",
  "MaximumBatchingWindowInSeconds",
  "FunctionResponseTypes",
  "ScalingConfig",
  "Enabled",
  "Tags",
];

/** What Lambda's pollers do in the function's name. Lambda asks before it makes the mapping. */
const POLLER_ACTIONS = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"];
const DEFAULT_BATCH_SIZE = 10;

export const makeMapping: Maker = async (resource, world) => {
  const properties = propertiesOf(resource, MAPPING_PROPERTIES);
  const queueArn = properties.requireText("EventSourceArn");
  const functionName = functionNameOf(properties.requireText("FunctionName"));
  const { definition } = world.fleet.require(functionName);
  requirePolling(world, definition.roleArn, queueArn);
  if (!(properties.texts("FunctionResponseTypes") ?? []).includes("ReportBatchItemFailures")) {
    throw new NotModelledError("A mapping without ReportBatchItemFailures is not modelled");
  }
  const visibilityTimeoutMs = await visibilityOf(world, queueArn);
  if (visibilityTimeoutMs < definition.timeoutMs) {
    throw new AwsServiceError(
      "InvalidParameterValueException",
      `Queue visibility timeout: ${visibilityTimeoutMs / 1_000} seconds is less than Function timeout: ${definition.timeoutMs / 1_000} seconds`,
    );
  }
  const maximumConcurrency = properties
    .structure("ScalingConfig", ["MaximumConcurrency"])
    ?.integer("MaximumConcurrency");
  const settings = {
    batchSize: properties.integer("BatchSize") ?? DEFAULT_BATCH_SIZE,
    batchWindowMs: (properties.integer("MaximumBatchingWindowInSeconds") ?? 0) * 1_000,
    visibilityTimeoutMs,
    ...(maximumConcurrency === undefined ? {} : { maximumConcurrency }),
  };
  if (properties.flag("Enabled") !== false)
    world.fleet.map(functionName, settings, sourceOf(world, functionName, queueArn));
  return { ref: `${resource.logicalId}-mapping`, attributes: { Id: `${resource.logicalId}-mapping` } };
};

function requirePolling({ iam }: DeploymentWorld, roleArn: string, queueArn: string): void {
  for (const action of POLLER_ACTIONS) {
    if (iam.permits(roleArn, `sqs:${action}`, queueArn)) continue;
    throw new AwsServiceError(
      "InvalidParameterValueException",
      `The function execution role does not have permissions to call ${action} on SQS`,
    );
  }
}

async function visibilityOf({ aws, sqsEndpoint, trusted }: DeploymentWorld, queueArn: string): Promise<number> {
  const QueueUrl = queueUrl(sqsEndpoint, nameOfQueue(queueArn));
  const input = { QueueUrl, AttributeNames: ["VisibilityTimeout"] };
  const { Attributes: attributes } = await aws.call("sqs", "GetQueueAttributes", input, trusted);
  const seconds =
    typeof attributes === "object" && attributes !== null ? Reflect.get(attributes, "VisibilityTimeout") : 0;
  return Number(seconds) * 1_000;
}

function sourceOf({ aws, clock, sqsEndpoint }: DeploymentWorld, functionName: string, queueArn: string) {
  const caller = { name: functionName };
  const url = queueUrl(sqsEndpoint, nameOfQueue(queueArn));
  return waitingSource({
    queueUrl: url,
    queueArn,
    sqs: inProcessClients(aws, caller).sqs,
    clock,
    receiveWhenAvailable: (count, abort) => aws.receiveWhenAvailable(url, count, caller, abort),
  });
}

const nameOfQueue = (queueArn: string): string => queueArn.slice(queueArn.lastIndexOf(":") + 1);
