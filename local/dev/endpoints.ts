/**
 * Owns: where each AWS service is: the embedded one, unless AWS_ENDPOINT_URL_<SERVICE> names another; and the environment a
 * sandbox gets, which is what Lambda would set plus those places.
 * Must not: leak the machine's own AWS configuration into a sandbox: a profile or a config file could send calls to an account.
 */
import { join } from "node:path";
import type { PlatformFunction } from "../platform.js";
import { LOCAL_REGION } from "../platform.js";

export interface Endpoints {
  dynamodb: string;
  sqs: string;
  s3: string;
  scheduler: string;
}

/** The services that were named from outside. */
export type ExternalServices = Partial<Endpoints>;

const VARIABLES = {
  dynamodb: "AWS_ENDPOINT_URL_DYNAMODB",
  sqs: "AWS_ENDPOINT_URL_SQS",
  s3: "AWS_ENDPOINT_URL_S3",
  scheduler: "AWS_ENDPOINT_URL_SCHEDULER",
} as const;

export function externalServices(environment: NodeJS.ProcessEnv): ExternalServices {
  const external: ExternalServices = {};
  for (const service of ["dynamodb", "sqs", "s3", "scheduler"] as const) {
    const url = environment[VARIABLES[service]];
    if (url) external[service] = url.replace(/\/+$/, "");
  }
  return external;
}

/** Inherited by the platform's own functions. The user's code inherits everything, as it may read its own secrets there. */
const SYSTEM_VARIABLES = ["PATH", "HOME", "TMPDIR", "TEMP", "SystemRoot", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"];

/** Of the user's environment: what would send AWS calls, or the platform's own settings, elsewhere. */
const NEVER_INHERITED = /^(AWS_|PERDURE_|_X_AMZN_|NODE_CHANNEL_)/;

export interface SandboxEnvironmentOptions {
  definition: PlatformFunction;
  sandboxId: string;
  endpoints: Endpoints;
  dataDirectory: string;
  /** The dev server's own environment. */
  inherited: NodeJS.ProcessEnv;
}

export function sandboxEnvironment(options: SandboxEnvironmentOptions): NodeJS.ProcessEnv {
  const { definition, endpoints } = options;
  return {
    ...inheritedBy(definition, options.inherited),
    ...lambdaVariables(definition, options.sandboxId),
    ...credentials(options),
    [VARIABLES.dynamodb]: endpoints.dynamodb,
    [VARIABLES.sqs]: endpoints.sqs,
    [VARIABLES.s3]: endpoints.s3,
    [VARIABLES.scheduler]: endpoints.scheduler,
    // Files that do not exist: nothing on this machine may redirect or sign these calls.
    AWS_CONFIG_FILE: join(options.dataDirectory, "no-aws-config"),
    AWS_SHARED_CREDENTIALS_FILE: join(options.dataDirectory, "no-aws-credentials"),
    AWS_EC2_METADATA_DISABLED: "true",
    // Eight lines at every cold start would drown what functions print; whoever deploys chooses their own Node.
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    ...definition.environment,
  };
}

function inheritedBy(definition: PlatformFunction, inherited: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const all = Object.entries(inherited);
  if (definition.entry !== "user") return Object.fromEntries(all.filter(([name]) => SYSTEM_VARIABLES.includes(name)));
  return Object.fromEntries(all.filter(([name]) => !NEVER_INHERITED.test(name)));
}

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
function lambdaVariables({ name, memoryMb }: PlatformFunction, sandboxId: string): NodeJS.ProcessEnv {
  return {
    AWS_REGION: LOCAL_REGION,
    AWS_DEFAULT_REGION: LOCAL_REGION,
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs22.x",
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: sandboxId,
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    _HANDLER: "index.handler",
    TZ: "UTC",
  };
}

/**
 * The access key tells the embedded AWS who calls: "<function>.<sandbox>". A service from outside may want real credentials,
 * so those the server was started with go along when there is one.
 */
function credentials(options: SandboxEnvironmentOptions): NodeJS.ProcessEnv {
  const { inherited, definition, sandboxId } = options;
  const hasExternal = Object.keys(externalServices(inherited)).length > 0;
  if (hasExternal && inherited["AWS_ACCESS_KEY_ID"]) {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = inherited;
    return { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...(AWS_SESSION_TOKEN ? { AWS_SESSION_TOKEN } : {}) };
  }
  return { AWS_ACCESS_KEY_ID: `${definition.name}.${sandboxId}`, AWS_SECRET_ACCESS_KEY: "perdure-local" };
}
