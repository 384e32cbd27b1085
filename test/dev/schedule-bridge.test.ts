/**
 * Goal: schedules reach queues and functions wherever SQS and the Scheduler come from.
 * Method: one embedded AWS plays the server's own, a second one the service from outside, both on one virtual clock.
 */
import { CreateScheduleCommand } from "@aws-sdk/client-scheduler";
import { CreateQueueCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { expect, it } from "vitest";
import { EmbeddedAws } from "../../local/aws/embedded-aws.js";
import { inProcessClients } from "../../local/aws/in-process.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { VirtualClock } from "../../local/aws/virtual-clock.js";
import { connectSchedules } from "../../local/dev/schedule-bridge.js";
import { inProcessSandboxes } from "../../local/lambda/in-process-sandbox.js";
import { AssembledPlatform } from "../../local/lambda/assembled-platform.js";
import { describePlatform, queueArn } from "../../local/platform.js";

const QUEUE = "perdure-events";

async function setup(environment: Record<string, string>) {
  const clock = new VirtualClock();
  const own = new EmbeddedAws({ clock, random: seededRandom(1) });
  const outside = new EmbeddedAws({ clock, random: seededRandom(2), endpoint: "http://outside" });
  const outsideClients = inProcessClients(outside, { name: "test" });
  const { QueueUrl: queueUrl = "" } = await outsideClients.sqs.send(new CreateQueueCommand({ QueueName: QUEUE }));
  const description = describePlatform({
    sqsEndpoint: "http://x",
    eventKey: "e",
    signingKey: "s",
    publicUrl: "http://y",
  });
  const invoked: string[] = [];
  const platform = new AssembledPlatform(description, {
    clock,
    random: seededRandom(3),
    sandboxes: ({ name }) => inProcessSandboxes({ clock, createHandler: () => () => void invoked.push(name) }),
    source: () => ({ queueArn: "unused", receive: () => Promise.resolve([]), remove: () => Promise.resolve([]) }),
  });
  const problems: unknown[] = [];
  const disconnect = await connectSchedules({
    host: {
      aws: own,
      endpoints: { dynamodb: "", sqs: "", s3: "", scheduler: "" },
      clients: () => outsideClients,
      source: () => ({ queueArn: "unused", receive: () => Promise.resolve([]), remove: () => Promise.resolve([]) }),
      close: () => Promise.resolve(),
    },
    description,
    addresses: new Map([[QUEUE, { queueUrl, queueArn: queueArn(QUEUE) }]]),
    platform,
    clock,
    environment,
    onProblem: (problem) => problems.push(problem),
  });
  const schedule = (name: string, Arn: string, Input: string, expression: string): Promise<unknown> =>
    inProcessClients(own, { name: "test" }).scheduler.send(
      new CreateScheduleCommand({
        Name: name,
        ScheduleExpression: expression,
        FlexibleTimeWindow: { Mode: "OFF" },
        Target: { Arn, RoleArn: "arn:aws:iam::000000000000:role/perdure-scheduler", Input },
      }),
    );
  const received = async (): Promise<(string | undefined)[]> => {
    const answer = await outsideClients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
    );
    return (answer.Messages ?? []).map((message) => message.Body);
  };
  return { clock, schedule, received, invoked, problems, disconnect };
}

it("sends on what the embedded Scheduler fires to the queue from outside, once", async () => {
  const { clock, schedule, received, problems, disconnect } = await setup({ AWS_ENDPOINT_URL_SQS: "http://outside" });
  await schedule("later", queueArn(QUEUE), '{"v":1}', "at(2026-01-01T00:10:00)");
  await clock.advance(599_000);
  expect(await received()).toEqual([]);
  await clock.advance(1_000);
  expect(await received()).toEqual(['{"v":1}']);
  await clock.advance(3_600_000);
  expect(problems).toEqual([]);
  disconnect();
});

it("invokes the function a schedule fires at", async () => {
  const { clock, schedule, invoked, disconnect } = await setup({});
  await schedule("sweep", "arn:aws:lambda:us-east-1:000000000000:function:sweep", "{}", "rate(1 minute)");
  await clock.advance(120_000);
  // A rate begins at once: at 0, 1 and 2 minutes.
  expect(invoked).toEqual(["sweep", "sweep", "sweep"]);
  disconnect();
});

it("counts the minute itself when the Scheduler is from outside", async () => {
  const { clock, invoked, disconnect } = await setup({ AWS_ENDPOINT_URL_SCHEDULER: "http://outside" });
  await clock.advance(120_000);
  expect(invoked).toEqual(["sweep", "sweep"]);
  disconnect();
  await clock.advance(120_000);
  expect(invoked).toEqual(["sweep", "sweep"]);
});
