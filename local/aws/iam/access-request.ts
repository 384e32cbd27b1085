/**
 * Owns: what a call asks of IAM: the actions, each on its resource, with the facts conditions may look at. One call can ask
 * for several: every write of a transaction, an object and its tags, a schedule and the role passed to it.
 * Source: Service Authorization Reference, one page for each service.
 * Must not: decide. A call that is not listed here is refused as not modelled: nothing passes unasked.
 */
import type { AwsCall } from "../call.js";
import { NotModelledError, type Input } from "../model.js";
import type { RequestContext } from "./condition.js";
import { dynamodbRequests, type TableKeys } from "./dynamodb-access.js";

export interface AccessRequest {
  action: string;
  resource: string;
  context: RequestContext;
}

export type AuthorizedCall = Pick<AwsCall, "service" | "operation" | "input" | "caller">;

/** What has to be looked up to name a resource. */
export interface ResourceLookup extends TableKeys {
  region: string;
  account: string;
  /** The full ARN of the secret with this name or ARN. */
  secretArn(id: string): string | undefined;
}

/** SDK clients use TLS on AWS, whatever carries the call here. */
export const BASE_CONTEXT: RequestContext = new Map([["aws:securetransport", ["true"]]]);

const SQS_ACTIONS: ReadonlyMap<string, string> = new Map([
  ["SendMessage", "SendMessage"],
  ["SendMessageBatch", "SendMessage"],
  ["ReceiveMessage", "ReceiveMessage"],
  ["DeleteMessage", "DeleteMessage"],
  ["DeleteMessageBatch", "DeleteMessage"],
  ["ChangeMessageVisibility", "ChangeMessageVisibility"],
  ["ChangeMessageVisibilityBatch", "ChangeMessageVisibility"],
  ["GetQueueAttributes", "GetQueueAttributes"],
  ["GetQueueUrl", "GetQueueUrl"],
  ["PurgeQueue", "PurgeQueue"],
]);

const S3_ACTIONS: ReadonlyMap<string, string> = new Map([
  ["GetObject", "GetObject"],
  ["HeadObject", "GetObject"],
  ["PutObject", "PutObject"],
  ["DeleteObject", "DeleteObject"],
  ["PutObjectTagging", "PutObjectTagging"],
  ["GetObjectTagging", "GetObjectTagging"],
]);

/** Everything a call asks for. Throws NotModelledError for a call whose actions are not listed. */
export function accessRequestsOf(call: AuthorizedCall, lookup: ResourceLookup): AccessRequest[] {
  switch (call.service) {
    case "dynamodb":
      return dynamodbRequests(call, lookup);
    case "sqs":
      return [sqsRequest(call, lookup)];
    case "scheduler":
      return schedulerRequests(call, lookup);
    case "s3":
      return s3Requests(call);
    case "secretsmanager":
      return [secretRequest(call, lookup)];
    case "lambda":
      return [invokeRequest(call, lookup)];
  }
}

function sqsRequest(call: AuthorizedCall, { region, account }: ResourceLookup): AccessRequest {
  const action = SQS_ACTIONS.get(call.operation) ?? refuse(call);
  const url = text(call.input, call.operation === "GetQueueUrl" ? "QueueName" : "QueueUrl");
  const name = url.slice(url.lastIndexOf("/") + 1);
  return { action: `sqs:${action}`, resource: `arn:aws:sqs:${region}:${account}:${name}`, context: BASE_CONTEXT };
}

function schedulerRequests(call: AuthorizedCall, { region, account }: ResourceLookup): AccessRequest[] {
  const { operation, input } = call;
  if (operation === "ListSchedules") {
    return [{ action: "scheduler:ListSchedules", resource: "*", context: BASE_CONTEXT }];
  }
  if (!["CreateSchedule", "UpdateSchedule", "DeleteSchedule", "GetSchedule"].includes(operation)) return refuse(call);
  const group = input["GroupName"] === undefined ? "default" : text(input, "GroupName");
  const resource = `arn:aws:scheduler:${region}:${account}:schedule/${group}/${text(input, "Name")}`;
  const own = { action: `scheduler:${operation}`, resource, context: BASE_CONTEXT };
  const target = input["Target"];
  if (typeof target !== "object" || target === null || !("RoleArn" in target)) return [own];
  const context = new Map([...BASE_CONTEXT, ["iam:passedtoservice", ["scheduler.amazonaws.com"]] as const]);
  return [own, { action: "iam:PassRole", resource: String(target.RoleArn), context }];
}

function s3Requests(call: AuthorizedCall): AccessRequest[] {
  const { operation, input } = call;
  const bucket = `arn:aws:s3:::${text(input, "Bucket")}`;
  const context = BASE_CONTEXT;
  if (operation === "ListObjectsV2") return [{ action: "s3:ListBucket", resource: bucket, context }];
  if (operation === "DeleteObjects") {
    return keysToDelete(input).map((key) => ({ action: "s3:DeleteObject", resource: `${bucket}/${key}`, context }));
  }
  const action = S3_ACTIONS.get(operation) ?? refuse(call);
  const resource = `${bucket}/${text(input, "Key")}`;
  const requests = [{ action: `s3:${action}`, resource, context }];
  if (operation === "PutObject" && input["Tagging"] !== undefined) {
    requests.push({ action: "s3:PutObjectTagging", resource, context });
  }
  return requests;
}

function keysToDelete(input: Input): string[] {
  const request = input["Delete"];
  const objects = typeof request === "object" && request !== null && "Objects" in request ? request.Objects : [];
  return Array.isArray(objects) ? objects.map((object: Input) => text(object, "Key")) : [];
}

function secretRequest(call: AuthorizedCall, lookup: ResourceLookup): AccessRequest {
  if (!["GetSecretValue", "PutSecretValue", "DescribeSecret"].includes(call.operation)) return refuse(call);
  const id = text(call.input, "SecretId");
  // A secret that does not exist is refused by its name, before its absence is told.
  const resource = lookup.secretArn(id) ?? `arn:aws:secretsmanager:${lookup.region}:${lookup.account}:secret:${id}`;
  return { action: `secretsmanager:${call.operation}`, resource, context: BASE_CONTEXT };
}

function invokeRequest(call: AuthorizedCall, { region, account }: ResourceLookup): AccessRequest {
  if (call.operation !== "Invoke") return refuse(call);
  const name = text(call.input, "FunctionName");
  const resource = name.startsWith("arn:") ? name : `arn:aws:lambda:${region}:${account}:function:${name}`;
  return { action: "lambda:InvokeFunction", resource, context: BASE_CONTEXT };
}

function text(input: Input, name: string): string {
  const value = input[name];
  // Missing or of another type: the model will say so; here it names no resource anybody is allowed.
  return typeof value === "string" ? value : "";
}

function refuse({ service, operation }: AuthorizedCall): never {
  throw new NotModelledError(`Cannot authorize ${service} ${operation}: its actions are not modelled`);
}
