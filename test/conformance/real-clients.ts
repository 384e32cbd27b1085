/**
 * Owns: real SDK clients for an endpoint, made as the platform makes them: one try for each call.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { ServiceName } from "../../local/aws/model.js";
import type { Connection } from "./conformance.js";

export type Endpoints = Readonly<Partial<Record<ServiceName, string>>>;

const FALLBACK_CREDENTIALS = { accessKeyId: "conformance", secretAccessKey: "conformance" };

/** Clients of the given endpoints. With AWS credentials in the environment those sign, as AWS Emulator asks. */
export function connectReal(endpoints: Endpoints): Connection {
  const hasCredentials = process.env["AWS_ACCESS_KEY_ID"] !== undefined;
  const config = (service: ServiceName) => ({
    region: process.env["AWS_REGION"] ?? "us-east-1",
    maxAttempts: 1,
    ...(endpoints[service] !== undefined && { endpoint: endpoints[service] }),
    ...(!hasCredentials && { credentials: FALLBACK_CREDENTIALS }),
  });
  const clients = {
    dynamodb: new DynamoDBClient(config("dynamodb")),
    sqs: new SQSClient(config("sqs")),
    scheduler: new SchedulerClient(config("scheduler")),
    s3: new S3Client({ ...config("s3"), forcePathStyle: true }),
  };
  const close = (): Promise<void> => {
    for (const client of Object.values(clients)) client.destroy();
    return Promise.resolve();
  };
  return { clients, close };
}
