/** Owns: what the tests of the embedded AWS share: a world on a virtual clock, and the few questions asked of it. No assertions. */
import { afterEach } from "vitest";
import type { Caller } from "../../../local/aws/call.js";
import type { DurableLog } from "../../../local/aws/durable-log.js";
import { EmbeddedAws } from "../../../local/aws/embedded-aws.js";
import type { Input, Output } from "../../../local/aws/model.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import { VirtualClock } from "../../../local/aws/virtual-clock.js";

export const WORKER: Caller = { name: "worker", sandboxId: "w1" };
export const TESTER: Caller = { name: "tester" };
export const QUEUE_URL = "/000000000000/work";

export interface World {
  clock: VirtualClock;
  aws: EmbeddedAws;
  call(operation: string, input: Input, caller?: Caller): Promise<Output>;
}

export const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

export async function createWorld(log?: DurableLog, startMs = Date.UTC(2026, 0, 1)): Promise<World> {
  const clock = new VirtualClock({ startMs });
  const aws = new EmbeddedAws({ clock, random: seededRandom(1), ...(log && { log }) });
  cleanups.push(() => aws.close());
  const call = (operation: string, input: Input, caller = TESTER): Promise<Output> => {
    const service = /Message|Queue/.test(operation) ? "sqs" : /Schedule/.test(operation) ? "scheduler" : "dynamodb";
    return aws.call(service, operation, input, caller);
  };
  return { clock, aws, call };
}

export async function createTable({ call }: World): Promise<void> {
  await call("CreateTable", {
    TableName: "runs",
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
  });
}

export const put = (pk: string, more: Input = {}): Input => ({
  TableName: "runs",
  Item: { pk: { S: pk }, ...more },
  ConditionExpression: "attribute_not_exists(pk)",
});

export async function has({ aws }: World, pk: string): Promise<boolean> {
  const output = await aws.call("dynamodb", "GetItem", { TableName: "runs", Key: { pk: { S: pk } } }, TESTER);
  return output["Item"] !== undefined;
}

export function messagesOf(output: Output): { Body: string; ReceiptHandle: string }[] {
  const messages = output["Messages"];
  return Array.isArray(messages) ? messages : [];
}
export const bodiesOf = (output: Output): string[] => messagesOf(output).map((message) => message.Body);
export const handlesOf = (output: Output): string[] => messagesOf(output).map((message) => message.ReceiptHandle);

/** "answered", "refused <name>" or, when nothing has settled at rest, "pending". */
export async function outcomeOf(clock: VirtualClock, answer: Promise<unknown>): Promise<string> {
  let outcome = "pending";
  answer.then(
    () => (outcome = "answered"),
    (error: Error) => (outcome = `refused ${error.name}`),
  );
  await clock.settle();
  return outcome;
}
