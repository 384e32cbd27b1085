/**
 * Owns: the reason for every finding of cdk-nag's AwsSolutions and Serverless checks that stays as it is. The constructs give
 * them themselves, so that a stack that is checked does not have to.
 */
import { Stack, Validations } from "aws-cdk-lib";
import type { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { IConstruct } from "constructs";

const REASONS = {
  "AwsSolutions::AwsSolutions-S1":
    "Only the platform's own functions reach the bucket; a log of their calls would cost more than the objects. CloudTrail data events can be switched on where an audit asks for them.",
  "AwsSolutions::AwsSolutions-SMG4":
    "Senders and operators hold these keys: one that changed by itself would shut them out. Rotation is one command, with the previous key still accepted (docs/security.md).",
  "AwsSolutions::AwsSolutions-APIG4":
    "The functions check the keys themselves, in constant time: the event key is in the path and the signing key a Bearer token, as senders expect. eventAuth: iam adds SigV4; GET /health is open on purpose.",
  "Serverless::Serverless-SQSRedrivePolicy":
    "This is a dead-letter queue. It has a consumer, which sends back what it can.",
  "Serverless::Serverless-LambdaDLQ":
    "Called by a queue, an HTTP API, a schedule that comes again in a minute, or CloudFormation, which is answered in every case: nothing is invoked asynchronously whose loss would matter.",
  "Serverless::Serverless-LambdaTracing":
    "X-Ray is billed for every trace, at a multiple of what a run costs. Set tracing on the returned worker where it is wanted.",
  "Serverless::Serverless-LambdaEventSourceMappingDestination":
    "An on-failure destination is for streams. What fails here comes again from its queue, and after twelve times from its dead-letter queue.",
} as const;

export type Finding = keyof typeof REASONS;

export function acknowledge(construct: IConstruct, ...findings: Finding[]): void {
  for (const id of findings) Validations.of(construct).acknowledge({ id, reason: REASONS[id] });
}

const WILDCARD =
  "The names of objects and schedules derive from run and event ids: these are all of one kind, in the platform's own bucket or schedule group, and of the app's own runs where it is an app.";

const NETWORK =
  "Lambda makes network interfaces in the function's name; EC2 knows no resource for them before they exist.";

/** Acknowledges the wildcards at the end of resources, one by one: another one in the same role is still a finding. */
export function acknowledgeWildcards(role: IConstruct, statements: readonly PolicyStatement[]): void {
  const stack = Stack.of(role);
  const resources = statements.flatMap((statement) => statement.resources.map((arn) => flat(stack.resolve(arn))));
  for (const resource of new Set(resources)) {
    if (resource !== "*" && !resource.endsWith("/*") && !resource.endsWith("_*")) continue;
    const id = `AwsSolutions::AwsSolutions-IAM5[Resource::${resource}]`;
    Validations.of(role).acknowledge({ id, reason: resource === "*" ? NETWORK : WILDCARD });
  }
}

/** An ARN of a template as a finding spells it: `<LogicalId.Arn>/runs/*`. */
function flat(value: unknown): string {
  if (typeof value === "string") return value;
  const [name, argument]: [string, unknown] = Object.entries(value ?? {})[0] ?? ["", ""];
  if (name === "Ref") return `<${flat(argument)}>`;
  if (name === "Fn::ImportValue") return flat(argument);
  if (!Array.isArray(argument)) return JSON.stringify(value);
  const parts: unknown[] = argument;
  if (name === "Fn::GetAtt") return `<${parts.map(flat).join(".")}>`;
  if (name === "Fn::Join" && Array.isArray(parts[1])) return parts[1].map(flat).join(flat(parts[0]));
  return JSON.stringify(value);
}
