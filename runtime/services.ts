/** Owns: what every room of the runtime is given: AWS, time, chance, a logger, metrics and the platform's settings. */
import type { Clock, Random } from "../sdk/clock.js";
import type { Logger } from "../sdk/logger.js";
import type { AwsClients } from "./aws/clients.js";
import type { Metrics } from "./observe/metrics.js";

/** Where the platform's parts are. Read from the environment in lambda/wiring.ts and nowhere else. */
export interface Settings {
  tableName: string;
  bucketName: string;
  eventsQueueUrl: string;
  eventsQueueArn: string;
  scheduleGroup: string;
  scheduleRoleArn: string;
  /** Days a finished run is kept. */
  retentionDays: number;
}

export interface Services {
  clients: AwsClients;
  clock: Clock;
  random: Random;
  logger: Logger;
  metrics: Metrics;
  settings: Settings;
}
