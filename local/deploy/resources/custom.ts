/**
 * Owns: custom resources, as CloudFormation executes them: the request goes to the function named by the service token, the
 * answer comes to the response URL and decides. What the answer says of a failure is what the deployment fails with.
 * Source: AWS CloudFormation user guide, "Custom resource request objects" and "… response objects".
 */
import { sleep } from "../../../sdk/clock.js";
import { AwsServiceError, NotModelledError } from "../../aws/model.js";
import { entriesOf, isObject, type JsonObject } from "../json.js";
import type { Created, DeploymentWorld, Maker, ResolvedResource } from "../resource.js";

export type RequestType = "Create" | "Update" | "Delete";

/** For an answer to arrive after the function that sent it has ended. */
const ANSWER_GRACE_MS = 2_000;
const THROTTLE_PAUSE_MS = 100;
/** CloudFormation's own, where the resource says nothing. */
const DEFAULT_TIMEOUT_SECONDS = 3_600;
const FUNCTION_ARN = /:function:([A-Za-z0-9_-]+)$/;

export const makeCustomResource: Maker = (resource, world) => requestCustomResource(resource, world, "Create");

/** One request, to its end. `existing` is what the resource was before an update or a deletion. */
export async function requestCustomResource(
  resource: ResolvedResource,
  world: DeploymentWorld,
  type: RequestType,
  existing?: Created,
): Promise<Created> {
  const { ServiceToken: token, ServiceTimeout: timeout, ...properties } = resource.properties;
  const name = FUNCTION_ARN.exec(String(token))?.[1];
  if (name === undefined) throw new NotModelledError(`A custom resource served by "${String(token)}" is not modelled`);
  const { url, answer } = world.answers.issue();
  const request = {
    RequestType: type,
    ServiceToken: token,
    ResponseURL: url,
    StackId: world.stackId,
    RequestId: Buffer.from(world.random.bytes(16)).toString("hex"),
    LogicalResourceId: resource.logicalId,
    ResourceType: resource.type,
    ResourceProperties: texts({ ServiceToken: token, ...properties }),
    ...(existing === undefined ? {} : { PhysicalResourceId: existing.ref }),
    ...(type === "Update" ? { OldResourceProperties: texts({ ServiceToken: token, ...properties }) } : {}),
  };
  const timeoutMs = Number(timeout ?? DEFAULT_TIMEOUT_SECONDS) * 1_000;
  const failure = invocationFailure(world, name, request);
  // Lost when the answer comes first; then nobody asks for it any more.
  failure.catch(() => undefined);
  const text = await firstOf(answer, failure, timeoutOf(world, timeoutMs));
  return readAnswer(text, request);
}

/** CloudFormation would wait for its timeout; when nobody is left to answer, this is told at once. */
async function invocationFailure(world: DeploymentWorld, name: string, request: object): Promise<never> {
  const outcome = await invokeWhenFree(world, name, JSON.stringify(request));
  if (outcome?.isError === true)
    throw new AwsServiceError("InternalFailure", `its function failed: ${outcome.payload}`);
  // What it put before it ended has arrived by then; if not, nobody is left to put anything.
  await sleep(world.clock, ANSWER_GRACE_MS);
  throw new AwsServiceError("NotStabilized", "its function ended without an answer at the response URL");
}

/** The invocation is asynchronous: while the function is throttled, Lambda keeps it. */
async function invokeWhenFree({ fleet, clock }: DeploymentWorld, name: string, payload: string) {
  for (;;) {
    try {
      return await fleet.invoke(name, payload);
    } catch (error) {
      const isThrottled = error instanceof AwsServiceError && error.name === "TooManyRequestsException";
      if (!isThrottled) throw error;
      await sleep(clock, THROTTLE_PAUSE_MS);
    }
  }
}

function timeoutOf({ clock }: DeploymentWorld, timeoutMs: number): { late: Promise<never>; cancel: () => void } {
  let cancel = (): void => undefined;
  const late = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(timeoutMs, () =>
      reject(
        new AwsServiceError("NotStabilized", "CloudFormation did not receive a response from your Custom Resource."),
      ),
    );
  });
  return { late, cancel: () => cancel() };
}

async function firstOf(
  answer: Promise<string>,
  failure: Promise<never>,
  { late, cancel }: { late: Promise<never>; cancel: () => void },
): Promise<string> {
  try {
    return await Promise.race([answer, failure, late]);
  } finally {
    cancel();
  }
}

function readAnswer(text: string, request: { StackId: string; RequestId: string; LogicalResourceId: string }): Created {
  const answer: unknown = JSON.parse(text);
  if (!isObject(answer)) throw new AwsServiceError("InvalidRequest", "Invalid Response object");
  const { Status: status, Reason: reason, PhysicalResourceId: id, Data: data } = answer;
  for (const name of ["StackId", "RequestId", "LogicalResourceId"] as const) {
    if (answer[name] !== request[name])
      throw new AwsServiceError(
        "InvalidRequest",
        `Invalid Response object: Value of property ${name} must match the request`,
      );
  }
  if (status === "FAILED") {
    throw new AwsServiceError(
      "InternalFailure",
      `Received response status [FAILED] from custom resource. Message returned: ${String(reason)}`,
    );
  }
  if (status !== "SUCCESS" || typeof id !== "string" || id === "") {
    throw new AwsServiceError(
      "InvalidRequest",
      "Invalid Response object: Value of property PhysicalResourceId must be a String",
    );
  }
  return { ref: id, attributes: Object.fromEntries(entriesOf(data)) };
}

/** CloudFormation hands every scalar over as text. */
function texts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(texts);
  if (isObject(value)) return textMembers(value);
  return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
}

function textMembers(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, texts(member)]));
}
