/**
 * Goal: a beat that was on its way when its turn ended, and then finds the message deleted, is no news: on a loaded machine
 * it would be a warning, with a stack, for every quick turn that ended well. The same answer during a turn is told.
 * Method: the embedded SQS behind 100 ms of latency, in virtual time; the log's lines.
 */
import { ChangeMessageVisibilityCommand, DeleteMessageCommand } from "@aws-sdk/client-sqs";
import { ReceiveMessageCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventLoopHeart } from "../../../runtime/executor/heartbeat.js";
import { Lease } from "../../../runtime/executor/lease.js";
import { sleep } from "../../../sdk/clock.js";
import { createWorld, runId, type World } from "../api/world.js";

const QUEUE_URL = "http://sqs.us-east-1.localhost/000000000000/perdure-steps";
const LATENCY_MS = 100;

let world: World;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.close());

async function received(): Promise<string> {
  const { sqs } = world.services.clients;
  await sqs.send(new SendMessageCommand({ QueueUrl: QUEUE_URL, MessageBody: "{}" }));
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: QUEUE_URL }));
  return Messages[0]?.ReceiptHandle ?? "";
}

/** A heart whose calls to SQS arrive late. */
async function beatingHeart() {
  const { services, clock } = world;
  const receiptHandle = await received();
  const late: typeof services.clients.sqs = {
    send: async (command, options) => {
      if (command instanceof ChangeMessageVisibilityCommand) await sleep(clock, LATENCY_MS);
      return services.clients.sqs.send(command, options);
    },
  };
  const heart = new EventLoopHeart({ ...services, clients: { ...services.clients, sqs: late } });
  const lease = new Lease(clock, { runId: runId(1), epoch: 1, wakes: 0, sentAtMonotonicMs: clock.monotonic() });
  const beating = heart.start(lease, { queueUrl: QUEUE_URL, receiptHandle }, () => undefined);
  const remove = () =>
    services.clients.sqs.send(new DeleteMessageCommand({ QueueUrl: QUEUE_URL, ReceiptHandle: receiptHandle }));
  return { beating, remove };
}

describe("a beat that finds its message deleted", () => {
  it("says nothing when the turn ended while it was on its way", async () => {
    const { beating, remove } = await beatingHeart();
    await world.clock.advance(300);
    const stopped = beating.stop();
    await remove();
    await world.clock.advance(LATENCY_MS);
    await stopped;
    expect(world.logLines).toEqual([]);
  });

  it("says so during the turn", async () => {
    const { beating, remove } = await beatingHeart();
    await world.clock.advance(300);
    await remove();
    await world.clock.advance(LATENCY_MS);
    expect(world.logLines).toEqual([
      [expect.stringMatching(/^Cannot extend the lease of run "shop_0+1" now$/), expect.any(Error)],
    ]);
    await beating.stop();
  });
});
