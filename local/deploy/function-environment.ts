/**
 * Owns: the environment of a deployed function's process: what the template says, what Lambda adds, and where AWS is.
 * Must not: inherit anything of this machine that AWS would not have: a function that needs it fails here as it would there.
 */
import { LOCAL_REGION } from "../platform.js";
import type { FunctionDefinition } from "./function-fleet.js";

const SYSTEM_VARIABLES = ["PATH", "HOME", "TMPDIR", "TEMP", "SystemRoot"];

const ENDPOINTS = ["DYNAMODB", "SQS", "S3", "SCHEDULER", "SECRETS_MANAGER", "LAMBDA"];

/** `awsUrl`: where the embedded AWS listens. `system`: this process's own environment. */
export function functionEnvironment(
  definition: FunctionDefinition,
  sandboxId: string,
  awsUrl: string,
  system: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  return {
    ...Object.fromEntries(SYSTEM_VARIABLES.map((name) => [name, system[name]])),
    AWS_REGION: LOCAL_REGION,
    AWS_DEFAULT_REGION: LOCAL_REGION,
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
    AWS_LAMBDA_FUNCTION_NAME: definition.name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(definition.memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: definition.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: sandboxId,
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    TZ: "UTC",
    ...definition.environment,
    // The access key tells the embedded AWS who calls, and by that with which role.
    AWS_ACCESS_KEY_ID: `${definition.name}.${sandboxId}`,
    AWS_SECRET_ACCESS_KEY: "perdure-local",
    ...Object.fromEntries(ENDPOINTS.map((service) => [`AWS_ENDPOINT_URL_${service}`, awsUrl])),
    AWS_CONFIG_FILE: "/nonexistent/aws-config",
    AWS_SHARED_CREDENTIALS_FILE: "/nonexistent/aws-credentials",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  };
}
