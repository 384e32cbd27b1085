/**
 * Owns: the suites of all services as one, for a target that has some of them.
 */
import type { AwsClients } from "../../runtime/aws/clients.js";
import type { ServiceName } from "../../local/aws/model.js";
import { dynamodbConformance } from "./dynamodb.suite.js";
import { s3Conformance } from "./s3.suite.js";
import { schedulerConformance } from "./scheduler.suite.js";
import { sqsConformance } from "./sqs.suite.js";

export interface Connection {
  clients: AwsClients;
  close(): Promise<void>;
}

export const ALL_SERVICES: readonly ServiceName[] = ["dynamodb", "sqs", "scheduler", "s3"];

/** Declares the suites of `services`; each connects for itself and closes at its end. */
export function conformance(services: readonly ServiceName[], connect: () => Promise<Connection>): void {
  const target =
    <Service extends keyof AwsClients>(service: Service) =>
    async (): Promise<{ client: AwsClients[Service]; close(): Promise<void> }> => {
      const { clients, close } = await connect();
      return { client: clients[service], close };
    };
  if (services.includes("dynamodb")) dynamodbConformance(target("dynamodb"));
  if (services.includes("sqs")) sqsConformance(target("sqs"));
  if (services.includes("scheduler")) schedulerConformance(target("scheduler"));
  if (services.includes("s3")) s3Conformance(target("s3"));
}
