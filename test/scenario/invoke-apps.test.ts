/**
 * Goal: a function invokes one of another app, whose worker is another Lambda with another queue, and neither touches the
 * other's runs.
 * Method: a second app beside the world's own, with a queue of its own and its worker's handler called by hand; every write
 * is seen with its caller.
 */
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { expect, it } from "vitest";
import type { AwsCall } from "../../local/aws/call.js";
import { handleBatch } from "../../runtime/executor/handle-batch.js";
import { EventLoopHeart } from "../../runtime/executor/heartbeat.js";
import type { SQSRecord } from "../../runtime/lambda/sqs.js";
import { registerApp } from "../../runtime/registry/register.js";
import { Perdure } from "../../sdk/client.js";
import { StepError } from "../../sdk/errors.js";
import type { PerdureFunction } from "../../sdk/function.js";
import { hostFunctions } from "../../sdk/host/in-process-host.js";
import { referenceFunction } from "../../sdk/reference.js";
import { quietClient } from "../crash/stage.js";
import { scenarios } from "./started.js";
import { MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const shop = quietClient();
const billing = new Perdure({ id: "billing", logger: shop.logger });

const charge = billing.createFunction({ id: "charge" }, async ({ event, step }) => {
  const cents = Number(event.data["cents"]);
  await step.sleep("clearing", "1m");
  return step.run("book", () => {
    if (cents > 100) throw new Error("too much");
    return { booked: cents, receipt: "r".repeat(40_000) };
  });
});

const order = shop.createFunction({ id: "order", triggers: { event: "shop/go" } }, async ({ event, step }) => {
  try {
    const target = referenceFunction<typeof charge>({ appId: "billing", functionId: "charge" });
    const { booked, receipt } = await step.invoke("charge", {
      function: target,
      data: { cents: event.data["cents"] ?? 0 },
    });
    return [booked, receipt.length];
  } catch (error) {
    if (!(error instanceof StepError) || !(error.cause instanceof Error)) throw error;
    return [error.code, error.cause.message];
  }
});

/** The worker of another app: takes what is on its queue, as Lambda would. */
class OtherWorker {
  readonly #scenario: Scenario;
  readonly #queueUrl: string;
  readonly #functions: readonly PerdureFunction<never>[];

  private constructor(scenario: Scenario, queueUrl: string, functions: readonly PerdureFunction<never>[]) {
    this.#scenario = scenario;
    this.#queueUrl = queueUrl;
    this.#functions = functions;
  }

  static async deploy(scenario: Scenario, functions: readonly PerdureFunction<never>[]): Promise<OtherWorker> {
    const { clients } = scenario.world.services("deployment");
    const { QueueUrl = "" } = await clients.sqs.send(new CreateQueueCommand({ QueueName: "billing-steps" }));
    const { manifest } = hostFunctions("billing", functions);
    await registerApp(scenario.world.services("register"), { manifest, stepQueueUrl: QueueUrl });
    return new OtherWorker(scenario, QueueUrl, functions);
  }

  /** Lets `ms` pass, a second at a time, and handles what comes. */
  async work(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += SECOND) {
      await this.#scenario.advance(SECOND);
      await this.#handleAll();
    }
  }

  async #handleAll(): Promise<void> {
    const services = this.#scenario.world.services("billing-worker");
    const receive = new ReceiveMessageCommand({
      QueueUrl: this.#queueUrl,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ["All"],
    });
    const { Messages = [] } = await services.clients.sqs.send(receive);
    const records = Messages.map(({ MessageId = "", ReceiptHandle = "", Body = "", Attributes = {} }): SQSRecord => ({
      messageId: MessageId,
      receiptHandle: ReceiptHandle,
      body: Body,
      attributes: {
        ApproximateReceiveCount: Attributes.ApproximateReceiveCount ?? "1",
        SentTimestamp: Attributes.SentTimestamp ?? "0",
      },
      eventSourceARN: "billing-steps",
    }));
    const executor = {
      services,
      host: hostFunctions("billing", this.#functions),
      heart: new EventLoopHeart(services),
    };
    const context = { getRemainingTimeInMillis: () => 60_000, retire: () => undefined };
    const handling = handleBatch(executor, records, context, this.#queueUrl);
    await this.#scenario.clock.advanceUntil(handling, MINUTE);
    const kept = new Set((await handling).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const { messageId, receiptHandle: ReceiptHandle } of records) {
      if (kept.has(messageId)) continue;
      await services.clients.sqs.send(new DeleteMessageCommand({ QueueUrl: this.#queueUrl, ReceiptHandle }));
    }
  }
}

/** Partition keys a caller has written or read. */
function partitionsOf(call: AwsCall): string[] {
  const key: unknown = call.input["Key"] ?? call.input["Item"];
  const pk: unknown = typeof key === "object" && key !== null ? Reflect.get(key, "pk") : undefined;
  const text: unknown = typeof pk === "object" && pk !== null ? Reflect.get(pk, "S") : undefined;
  return typeof text === "string" ? [text] : [];
}

it.each([
  [5, [5, 40_000]],
  [500, ["INVOKED_FUNCTION_FAILED", "too much"]],
])("charging %j answers %j", async (cents, expected) => {
  const scenario = await start({ client: shop, functions: [order] });
  const touched = new Map<string, Set<string>>();
  scenario.world.aws.faults.add((call) => {
    const partitions = touched.get(call.caller.name) ?? new Set();
    touched.set(call.caller.name, partitions);
    for (const partition of partitionsOf(call)) partitions.add(partition.split("#").slice(0, 2).join("#"));
    return undefined;
  });
  const other = await OtherWorker.deploy(scenario, [charge]);
  const [eventId = ""] = await scenario.send({ name: "shop/go", data: { cents } });
  await other.work(20 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toEqual(expected);
  const runsOf = (caller: string): string[] => [...(touched.get(caller) ?? [])].filter((pk) => pk.includes("#RUN"));
  expect([runsOf("worker"), runsOf("billing-worker")]).toEqual([["shop#RUN"], ["billing#RUN"]]);
});
