/**
 * Owns: what making a resource takes and gives: the resolved properties, the world it is made in, and what Ref and GetAtt
 * give afterwards.
 * Must not: know a type.
 */
import type { AwsClients } from "../../runtime/aws/clients.js";
import type { Clock, Random } from "../../sdk/clock.js";
import type { Caller } from "../aws/call.js";
import type { EmbeddedAws } from "../aws/embedded-aws.js";
import type { IamAuthorizer } from "../aws/iam/authorizer.js";
import { Parameters, type InputErrors } from "../aws/input/parameters.js";
import { AwsServiceError } from "../aws/model.js";
import { LOCAL_ACCOUNT, LOCAL_REGION } from "../platform.js";
import type { AnswerBox } from "./answer-box.js";
import type { GatewayPlan } from "./gateway-plan.js";
import type { JsonObject } from "./json.js";
import type { FunctionFleet } from "./function-fleet.js";
import type { RoleBook } from "./role-book.js";

export interface ResolvedResource {
  logicalId: string;
  type: string;
  properties: JsonObject;
}

export interface Created {
  /** What Ref gives. */
  ref: string;
  attributes: Readonly<Record<string, unknown>>;
}

export interface DeploymentWorld {
  stackName: string;
  stackId: string;
  aws: EmbeddedAws;
  iam: IamAuthorizer;
  /** CloudFormation: nobody asks what it may. */
  trusted: Caller;
  clients: AwsClients;
  clock: Clock;
  random: Random;
  /** Beginning of queue URLs. */
  sqsEndpoint: string;
  /** Sandboxes of one function at most. */
  functionConcurrency: number;
  assets: ReadonlyMap<string, string>;
  /** What the stacks of the account export, by name. */
  exports: Map<string, unknown>;
  roles: RoleBook;
  fleet: FunctionFleet;
  gateway: GatewayPlan;
  answers: AnswerBox;
}

export type Maker = (resource: ResolvedResource, world: DeploymentWorld) => Created | Promise<Created>;

/** In CloudFormation's words. */
const ERRORS: InputErrors = {
  missing: (name) => new AwsServiceError("ValidationError", `required key [${name}] not found`),
  mistyped: (name, expected) => new AwsServiceError("ValidationError", `expected ${name} to be ${expected}`),
};

/** The resource's properties, read strictly: one that is not `known` is refused by name. */
export function propertiesOf({ logicalId, type, properties }: ResolvedResource, known: readonly string[]): Parameters {
  return new Parameters(`${type} ${logicalId}`, properties, known, ERRORS);
}

const SUFFIX_LENGTH = 12;
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/** A physical name as CloudFormation makes them: "<stack>-<logical id>-<random>", cut in the middle to fit. */
export function physicalName({ stackName, random }: DeploymentWorld, logicalId: string, maxLength: number): string {
  const suffix = Array.from(random.bytes(SUFFIX_LENGTH), (byte) => LETTERS.charAt(byte % LETTERS.length)).join("");
  const room = maxLength - SUFFIX_LENGTH - 1;
  return `${`${stackName}-${logicalId}`.slice(0, room)}-${suffix}`;
}

export function arn(service: string, resource: string): string {
  return `arn:aws:${service}:${LOCAL_REGION}:${LOCAL_ACCOUNT}:${resource}`;
}
