/**
 * Owns: what a caller is told that may not: each service's own error name, status and spelling, in IAM's words.
 * Source: IAM user guide, "Troubleshoot access denied error messages".
 */
import { AwsServiceError, type ServiceName } from "../model.js";

export type DenialReason =
  | "no identity-based policy allows"
  | "explicit deny in a resource-based policy"
  | "explicit deny in an identity-based policy";

export interface Denial {
  principalArn: string;
  action: string;
  resource: string;
  reason: DenialReason;
}

const ANSWERS: Record<ServiceName, { name: string; status: number }> = {
  dynamodb: { name: "AccessDeniedException", status: 400 },
  sqs: { name: "AccessDenied", status: 403 },
  scheduler: { name: "AccessDeniedException", status: 403 },
  s3: { name: "AccessDenied", status: 403 },
  secretsmanager: { name: "AccessDeniedException", status: 400 },
  lambda: { name: "AccessDeniedException", status: 403 },
};

export function accessDenied(service: ServiceName, denial: Denial): AwsServiceError {
  // SQS names its actions in lower case.
  const action = service === "sqs" ? denial.action.toLowerCase() : denial.action;
  const resource = service === "s3" ? `"${denial.resource}"` : denial.resource;
  const { name, status } = ANSWERS[service];
  return new AwsServiceError(
    name,
    `User: ${denial.principalArn} is not authorized to perform: ${action} on resource: ${resource} ${because(denial, action)}`,
    status,
  );
}

function because({ reason }: Denial, action: string): string {
  return reason === "no identity-based policy allows" ? `because ${reason} the ${action} action` : `with an ${reason}`;
}

/** Credentials nobody issued. */
export function unknownCredentials(): AwsServiceError {
  return new AwsServiceError(
    "UnrecognizedClientException",
    "The security token included in the request is invalid.",
    403,
  );
}
