/**
 * Owns: AWS as the dev server has it: the embedded model with its durable log and its wire face, and clients that lead to a
 * service named from outside where there is one.
 * Must not: know what the platform does with it.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { AwsClients } from "../../runtime/aws/clients.js";
import type { Clock, Random } from "../../sdk/clock.js";
import type { DurableLog } from "../aws/durable-log.js";
import { EmbeddedAws } from "../aws/embedded-aws.js";
import { inProcessClients } from "../aws/in-process.js";
import { startWireServer } from "../aws/wire/server.js";
import { pollingSource, waitingSource } from "../lambda/message-source.js";
import type { MessageSource, QueueAddress } from "../lambda/message-source.js";
import { LOCAL_REGION } from "../platform.js";
import type { Endpoints, ExternalServices } from "./endpoints.js";

export interface AwsHost {
  aws: EmbeddedAws;
  endpoints: Endpoints;
  /** Clients for one caller. */
  clients(caller: string): AwsClients;
  /** Where a mapping of this function takes its messages. */
  source(address: QueueAddress, functionName: string): MessageSource;
  close(): Promise<void>;
}

export interface AwsHostOptions {
  clock: Clock;
  random: Random;
  log: DurableLog;
  external: ExternalServices;
  environment: NodeJS.ProcessEnv;
  onError(error: unknown, operation: string): void;
}

export async function startAws(options: AwsHostOptions): Promise<AwsHost> {
  const { clock, random, log, external, onError } = options;
  const aws = new EmbeddedAws({ clock, random, log });
  const wire = await startWireServer(aws, { onError });
  const outside = externalClients(external, options.environment);
  const clients = (caller: string): AwsClients => ({ ...inProcessClients(aws, { name: caller }), ...outside });
  return {
    aws,
    endpoints: { dynamodb: wire.url, sqs: wire.url, s3: wire.url, scheduler: wire.url, ...external },
    clients,
    source: (address, functionName) => {
      const { sqs } = clients(functionName);
      if (external.sqs !== undefined) return pollingSource(sqs, address);
      const caller = { name: functionName };
      return waitingSource({
        ...address,
        sqs,
        clock,
        receiveWhenAvailable: (count, abort) => aws.receiveWhenAvailable(address.queueUrl, count, caller, abort),
      });
    },
    close: async () => {
      await wire.close();
      aws.close();
    },
  };
}

/** Real clients for the services named from outside. Credentials: the machine's, or any, as emulators take any. */
function externalClients(external: ExternalServices, environment: NodeJS.ProcessEnv): Partial<AwsClients> {
  const configuration = (endpoint: string) => ({
    endpoint,
    region: environment["AWS_REGION"] ?? LOCAL_REGION,
    ...(environment["AWS_ACCESS_KEY_ID"]
      ? {}
      : { credentials: { accessKeyId: "perdure-dev", secretAccessKey: "perdure-local" } }),
  });
  const { dynamodb, sqs, s3, scheduler } = external;
  return {
    ...(dynamodb === undefined ? {} : { dynamodb: new DynamoDBClient(configuration(dynamodb)) }),
    ...(sqs === undefined ? {} : { sqs: new SQSClient(configuration(sqs)) }),
    ...(s3 === undefined ? {} : { s3: new S3Client({ ...configuration(s3), forcePathStyle: true }) }),
    ...(scheduler === undefined ? {} : { scheduler: new SchedulerClient(configuration(scheduler)) }),
  };
}
