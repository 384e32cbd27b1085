/**
 * Owns: the port through which the runtime talks to AWS: `send(command)`, as every client of the AWS SDK has it. A real
 * `DynamoDBClient` fits, and so does the in-process face of the embedded model.
 * Must not: build a client, read the environment, or name an operation. What is sent is decided by the rooms.
 */
import type { DynamoDBClientResolvedConfig } from "@aws-sdk/client-dynamodb";
import type { S3ClientResolvedConfig } from "@aws-sdk/client-s3";
import type { SchedulerClientResolvedConfig } from "@aws-sdk/client-scheduler";
import type { SQSClientResolvedConfig } from "@aws-sdk/client-sqs";

/**
 * A command seen from outside: what it asks, which client it is for (the type of configuration) and what it answers (the
 * type of its handler). Structural, because the SDK's own `Command` type belongs to a package we do not depend on.
 * `resolveMiddleware` is a property, not a method, so that a command for another service does not compile.
 */
export interface AwsCommand<Configuration, Output> {
  readonly input: object;
  readonly resolveMiddleware: (
    stack: never,
    configuration: Configuration,
    options: never,
  ) => (request: never) => Promise<{ output: Output }>;
}

export interface SendOptions {
  abortSignal?: AbortSignal;
}

/** `await sender.send(new GetItemCommand(…))` is typed as `GetItemCommandOutput`. */
export interface Sender<Configuration> {
  send<Output>(command: AwsCommand<Configuration, Output>, options?: SendOptions): Promise<Output>;
}

/** The services the platform uses. */
export interface AwsClients {
  readonly dynamodb: Sender<DynamoDBClientResolvedConfig>;
  readonly sqs: Sender<SQSClientResolvedConfig>;
  readonly scheduler: Sender<SchedulerClientResolvedConfig>;
  readonly s3: Sender<S3ClientResolvedConfig>;
}
