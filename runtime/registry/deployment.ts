/**
 * Owns: CloudFormation's custom resource `Custom::PerdureApp`: once a worker's code is live, its functions are registered;
 * when it goes, they are removed. Whatever happens, CloudFormation gets an answer, with the message the developer needs.
 * D1 The physical id is the app's and never changes: an update is never taken for a replacement, whose old half is deleted.
 * D2 Every request can be repeated: CloudFormation repeats what it got no answer to, and rolls back with the old values.
 */
import { isPerdureError, shown } from "../../sdk/error-catalogue.js";
import type { AppManifest } from "../../sdk/protocol.js";
import { untilKnown } from "../aws/until-known.js";
import type { Services } from "../services.js";
import { appMistaken, workerNotServed } from "./errors.js";
import { registerApp, type RegistrationResult } from "./register.js";
import { removeApp } from "./remove-app.js";

/** What CloudFormation sends ("Custom resource request objects"). */
export interface DeploymentRequest {
  RequestType: "Create" | "Update" | "Delete";
  ResponseURL: string;
  StackId: string;
  RequestId: string;
  LogicalResourceId: string;
  PhysicalResourceId?: string;
  ResourceProperties: { App: string; Worker: string; StepQueueUrl: string };
}

/** What it takes for an answer ("Custom resource response objects"). */
export interface DeploymentAnswer {
  Status: "SUCCESS" | "FAILED";
  Reason: string;
  PhysicalResourceId: string;
  StackId: string;
  RequestId: string;
  LogicalResourceId: string;
  Data: Record<string, string | number>;
}

export interface DeploymentWorld {
  services: Services;
  /** Asks a worker which functions it has. Throws WORKER_NOT_DESCRIBED when it cannot say. */
  describe(app: string, workerArn: string): Promise<unknown>;
  /** Puts the answer where CloudFormation waits for it. */
  respond(url: string, body: string): Promise<void>;
}

/** The whole answer may have 4,096 bytes (Custom resource response objects); the rest of it has less than a quarter. */
const MAX_REASON_BYTES = 3_000;
const RESPOND_ATTEMPTS = 5;

export async function handleDeployment(world: DeploymentWorld, request: DeploymentRequest): Promise<void> {
  const { services } = world;
  const { StackId, RequestId, LogicalResourceId, ResourceProperties, ResponseURL } = request;
  const outcome = await perform(world, request).catch((error: unknown) => {
    services.logger.error(`Cannot ${request.RequestType.toLowerCase()} app "${ResourceProperties.App}"`, error);
    return { Status: "FAILED" as const, Reason: reasonOf(error), Data: {} };
  });
  const PhysicalResourceId = `perdure-app-${ResourceProperties.App}`;
  const answer: DeploymentAnswer = { ...outcome, PhysicalResourceId, StackId, RequestId, LogicalResourceId };
  await untilKnown(services, "answer CloudFormation", () => world.respond(ResponseURL, JSON.stringify(answer)), {
    maxAttempts: RESPOND_ATTEMPTS,
  });
}

async function perform(
  { services, describe }: DeploymentWorld,
  { RequestType, ResourceProperties }: DeploymentRequest,
): Promise<Pick<DeploymentAnswer, "Status" | "Reason" | "Data">> {
  const { App: appId, Worker, StepQueueUrl: stepQueueUrl } = ResourceProperties;
  if (RequestType === "Delete") {
    const removed = await removeApp(services, { appId, stepQueueUrl });
    services.logger.info(removed ? `App "${appId}" is removed` : `There is nothing to remove of app "${appId}"`);
    return { Status: "SUCCESS", Reason: "removed; its runs are kept", Data: {} };
  }
  const manifest = readManifest(appId, await describe(appId, Worker));
  const result = await registerApp(services, { manifest, stepQueueUrl });
  services.logger.info(`App "${appId}" is registered`, result);
  return { Status: "SUCCESS", Reason: "registered", Data: dataOf(manifest, result) };
}

function readManifest(appId: string, answer: unknown): AppManifest {
  if (!isManifest(answer)) throw workerNotServed({ app: appId, answer: shown(answer) });
  if (answer.appId !== appId) throw appMistaken({ app: appId, found: answer.appId });
  return answer;
}

/** As far as is needed to go on; `registerApp` checks all of it. */
function isManifest(value: unknown): value is AppManifest {
  if (typeof value !== "object" || value === null) return false;
  return "appId" in value && typeof value.appId === "string" && "functions" in value && Array.isArray(value.functions);
}

function dataOf({ functions }: AppManifest, result: RegistrationResult): Record<string, string | number> {
  return { Functions: functions.length, Schedules: result.schedules, Version: result.version };
}

/** A developer's mistake is told as it is; of anything else the kind, since its text may hold what is nobody's business. */
function reasonOf(error: unknown): string {
  const reason = isPerdureError(error)
    ? `${error.message} (${error.code}). ${error.remedy}`
    : `${error instanceof Error ? `${error.name}: ${error.message}` : shown(error)} (see the register function's log)`;
  return cut(reason, MAX_REASON_BYTES);
}

/** As JSON, which the answer is: a quote or a line break takes two bytes there. */
function cut(text: string, maxBytes: number): string {
  const bytes = (part: string): number => Buffer.byteLength(JSON.stringify(part));
  if (bytes(text) <= maxBytes) return text;
  let end = text.length;
  while (bytes(text.slice(0, end)) > maxBytes) end = Math.floor(end * 0.9);
  return `${text.slice(0, end)} …`;
}
