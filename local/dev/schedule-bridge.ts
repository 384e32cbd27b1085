/**
 * Owns: the two gaps that open when SQS and the Scheduler are not from the same place.
 * - Embedded Scheduler, SQS from outside: schedules fire into the model's own queue of that name; from there each message
 *   is sent on and only then deleted.
 * - Scheduler from outside: it may never fire at a function on this machine, so the minute is counted here.
 * Must not: exist when both are embedded.
 */
import { CreateQueueCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import type { AwsClients } from "../../runtime/aws/clients.js";
import { sleep } from "../../sdk/clock.js";
import type { Clock } from "../../sdk/clock.js";
import { inProcessClients } from "../aws/in-process.js";
import type { AssembledPlatform } from "../lambda/assembled-platform.js";
import { functionArn } from "../lambda/invocation.js";
import { waitingSource } from "../lambda/message-source.js";
import type { MessageSource, QueueAddress } from "../lambda/message-source.js";
import type { DevPlatformParts } from "./dev-platform.js";
import { externalServices } from "./endpoints.js";
import { OBSERVER } from "./run-watch.js";

export interface ScheduleOptions extends Pick<DevPlatformParts, "host" | "description" | "addresses"> {
  platform: AssembledPlatform;
  clock: Clock;
  environment: NodeJS.ProcessEnv;
  onProblem(error: unknown): void;
}

/** Lets schedules reach queues and functions. The returned function ends it. */
export async function connectSchedules(options: ScheduleOptions): Promise<() => void> {
  const { host, description, platform, clock } = options;
  const external = externalServices(options.environment);
  if (external.scheduler !== undefined) {
    return everyMinute(clock, () => platform.onSchedule(functionArn(description.everyMinute), "{}"));
  }
  const disconnect = host.aws.onInvoke(platform.onSchedule);
  const forget = host.aws.onUndelivered(options.onProblem);
  const abort = new AbortController();
  if (external.sqs !== undefined) await bridgeAllQueues(options, abort.signal);
  return () => {
    abort.abort();
    disconnect();
    forget();
  };
}

async function bridgeAllQueues(
  { host, addresses, clock, onProblem }: ScheduleOptions,
  abort: AbortSignal,
): Promise<void> {
  const { sqs: inner } = inProcessClients(host.aws, { name: OBSERVER });
  const { sqs: outside } = host.clients(OBSERVER);
  for (const [name, to] of addresses) {
    const { QueueUrl: queueUrl = name } = await inner.send(new CreateQueueCommand({ QueueName: name }));
    const from = waitingSource({
      queueUrl,
      queueArn: to.queueArn,
      sqs: inner,
      clock,
      receiveWhenAvailable: (count, signal) =>
        host.aws.receiveWhenAvailable(queueUrl, count, { name: OBSERVER }, signal),
    });
    void bridgeQueue({ from, to, outside, clock, abort, onProblem });
  }
}

interface QueueBridgeOptions {
  /** The model's own queue. */
  from: MessageSource;
  to: QueueAddress;
  outside: AwsClients["sqs"];
  clock: Clock;
  abort: AbortSignal;
  onProblem(error: unknown): void;
}

const RETRY_MS = 1_000;

/** Sends on until aborted. A message that could not be sent on comes back by visibility. */
async function bridgeQueue({ from, to, outside, clock, abort, onProblem }: QueueBridgeOptions): Promise<void> {
  while (!abort.aborted) {
    try {
      for (const message of await from.receive({ maxMessages: 10, waitMs: null, abort })) {
        await outside.send(new SendMessageCommand({ QueueUrl: to.queueUrl, MessageBody: message.Body ?? "" }));
        await from.remove([message.ReceiptHandle ?? ""]);
      }
    } catch (error) {
      onProblem(error);
      await sleep(clock, RETRY_MS);
    }
  }
}

const MINUTE_MS = 60_000;

/** Calls every minute until the returned function is called. */
function everyMinute(clock: Clock, call: () => void): () => void {
  let cancel = (): void => undefined;
  const tick = (): void => {
    cancel = clock.after(MINUTE_MS, () => {
      call();
      tick();
    });
  };
  tick();
  return () => cancel();
}
