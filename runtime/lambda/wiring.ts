/**
 * Owns: reading the environment, and building the AWS clients every room works with, once for each sandbox, outside the
 * handler. The only file that reads it; a client that one function alone needs is built beside that function (keys.ts,
 * ask-worker.ts), so that it is in no worker's bundle.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { realClock, realRandom } from "../../sdk/clock.js";
import { defineError } from "../../sdk/error-catalogue.js";
import type { AwsClients, AwsCommand, SendOptions, Sender } from "../aws/clients.js";
import type { Logger } from "../../sdk/logger.js";
import type { Metrics } from "../observe/metrics.js";
import type { Services } from "../services.js";
import { jsonLogger } from "./json-logger.js";

export const settingMissing = defineError<{ name: string }>({
  code: "SETTING_MISSING",
  status: 500,
  retryable: false,
  message: ({ name }) => `Cannot start: the environment variable "${name}" is not set; expected the platform's setting`,
  remedy: "Deploy the function with the platform's construct, which sets it, or set it yourself.",
});

/** Where keys come from: a secret's id where one is set, else the list. */
export interface KeySetting {
  list: readonly string[];
  secretId: string;
}

export interface Wiring {
  services: Services;
  eventKeys: KeySetting;
  signingKeys: KeySetting;
  /** Of the app this worker belongs to; "" in the platform's own functions. */
  stepQueueUrl: string;
}

/** An answer that takes longer is unknown: the call is repeated while the lease still allows it. */
const REQUEST_TIMEOUT_MS = 5_000;
const CONNECTION_TIMEOUT_MS = 1_500;

/** Retries are the platform's own, on its clock: the SDK's would hide unknown outcomes (runtime/aws/until-known.ts). */
export const clientConfig = {
  maxAttempts: 1,
  requestHandler: { requestTimeout: REQUEST_TIMEOUT_MS, connectionTimeout: CONNECTION_TIMEOUT_MS },
};

/** Whether this process is a deployed (or a development) worker, or merely has its module loaded. */
export function isWired(): boolean {
  return (process.env["PERDURE_EVENTS_QUEUE_URL"] ?? "") !== "";
}

/** Metrics of the platform of this name; "" where none are kept. */
export type MakeMetrics = (platform: string, logger: Logger) => Metrics;

/** The sandbox's services, made anew (wire.ts keeps them). Throws SETTING_MISSING when the environment is incomplete. */
export function readWiring(makeMetrics: MakeMetrics, environment: NodeJS.ProcessEnv = process.env): Wiring {
  const require = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === "") throw settingMissing({ name });
    return value;
  };
  const keys = (name: string): KeySetting => ({
    list: (environment[name] ?? "").split(",").filter((key) => key !== ""),
    secretId: environment[`${name}_SECRET`] ?? "",
  });
  return {
    services: {
      clients: awsClients(),
      clock: realClock,
      random: realRandom,
      logger: jsonLogger,
      metrics: makeMetrics(environment["PERDURE_PLATFORM"] ?? "", jsonLogger),
      settings: {
        tableName: require("PERDURE_TABLE"),
        bucketName: require("PERDURE_BUCKET"),
        eventsQueueUrl: require("PERDURE_EVENTS_QUEUE_URL"),
        eventsQueueArn: require("PERDURE_EVENTS_QUEUE_ARN"),
        scheduleGroup: require("PERDURE_SCHEDULE_GROUP"),
        scheduleRoleArn: require("PERDURE_SCHEDULE_ROLE_ARN"),
        retentionDays: Number(environment["PERDURE_RETENTION_DAYS"] ?? "14"),
      },
    },
    eventKeys: keys("PERDURE_EVENT_KEYS"),
    signingKeys: keys("PERDURE_SIGNING_KEYS"),
    stepQueueUrl: environment["PERDURE_STEP_QUEUE_URL"] ?? "",
  };
}

function awsClients(): AwsClients {
  return {
    // The SDK's clients answer any of their commands; `Sender` says the same without naming the SDK's internal types.
    dynamodb: new DynamoDBClient(clientConfig),
    sqs: new SQSClient({ ...clientConfig, useQueueUrlAsEndpoint: true }),
    scheduler: whenNeeded(async () => {
      const { SchedulerClient } = await import("@aws-sdk/client-scheduler");
      return new SchedulerClient(clientConfig);
    }),
    s3: whenNeeded(async () => {
      const { S3Client } = await import("@aws-sdk/client-s3");
      return new S3Client(clientConfig);
    }),
  };
}

/** Scheduler and S3 are loaded when first used: most invocations need neither, and each costs a cold start 100 ms. */
function whenNeeded<Configuration>(make: () => Promise<Sender<Configuration>>): Sender<Configuration> {
  let made: Promise<Sender<Configuration>> | null = null;
  return {
    async send<Output>(command: AwsCommand<Configuration, Output>, options?: SendOptions): Promise<Output> {
      made ??= make();
      return (await made).send(command, options);
    },
  };
}
