/**
 * Goal: the in-process face passes for the SDK's clients: in types, in answers, in errors.
 * Method: literal commands against a fresh embedded AWS; what must not compile is marked so and checked by `tsc`.
 */
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
  type GetItemCommandOutput,
} from "@aws-sdk/client-dynamodb";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import type { AwsClients } from "../../../runtime/aws/clients.js";
import { EmbeddedAws } from "../../../local/aws/embedded-aws.js";
import { inProcessClients } from "../../../local/aws/in-process.js";
import { NotModelledError } from "../../../local/aws/model.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import { VirtualClock } from "../../../local/aws/virtual-clock.js";

let clock: VirtualClock;
let aws: EmbeddedAws;
let clients: AwsClients;
beforeEach(async () => {
  clock = new VirtualClock();
  aws = new EmbeddedAws({ clock, random: seededRandom(7) });
  clients = inProcessClients(aws, { name: "worker", sandboxId: "w1" });
  await clients.dynamodb.send(
    new CreateTableCommand({
      TableName: "runs",
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
    }),
  );
});

const create = (pk: string): PutItemCommand =>
  new PutItemCommand({
    TableName: "runs",
    Item: { pk: { S: pk } },
    ConditionExpression: "attribute_not_exists(pk)",
    ExpressionAttributeNames: undefined,
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });

describe("AwsClients", () => {
  it("is what real clients are, with typed answers, and refuses commands of another service", () => {
    const real = (): AwsClients => ({
      dynamodb: new DynamoDBClient({}),
      sqs: new SQSClient({}),
      scheduler: new SchedulerClient({}),
      s3: new S3Client({}),
    });
    expectTypeOf(real).returns.toEqualTypeOf<AwsClients>();
    const get = new GetItemCommand({ TableName: "runs", Key: {} });
    const typed = (to: AwsClients): Promise<GetItemCommandOutput> => to.dynamodb.send(get);
    expectTypeOf(typed).returns.resolves.toEqualTypeOf<GetItemCommandOutput>();
    const foreign = new SendMessageCommand({ QueueUrl: "", MessageBody: "" });
    // @ts-expect-error A command of SQS is not one for DynamoDB.
    const wrong = (to: AwsClients): unknown => to.dynamodb.send(foreign);
    expect([typeof real, typeof typed, typeof wrong]).toEqual(["function", "function", "function"]);
  });
});

describe("inProcessClients()", () => {
  it("answers within microtasks, with metadata, sharing nothing with the state", async () => {
    await clients.dynamodb.send(create("a"));
    const get = new GetItemCommand({ TableName: "runs", Key: { pk: { S: "a" } } });
    const answer = await clients.dynamodb.send(get);
    expect(answer).toMatchObject({ Item: { pk: { S: "a" } }, $metadata: { httpStatusCode: 200, attempts: 1 } });
    if (answer.Item) answer.Item["pk"] = { S: "changed" };
    expect((await clients.dynamodb.send(get)).Item).toEqual({ pk: { S: "a" } });
    expect([clock.pendingTimers, clock.monotonic()]).toEqual([0, 0]);
  });

  it("refusals have the SDK's form: name, message, $fault, $metadata and the exception's members", async () => {
    await clients.dynamodb.send(create("a"));
    const error: unknown = await clients.dynamodb.send(create("a")).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "ConditionalCheckFailedException",
      message: "The conditional request failed",
      $fault: "client",
      $metadata: { httpStatusCode: 400 },
      Item: { pk: { S: "a" } },
    });
    const transaction = new TransactWriteItemsCommand({
      TransactItems: [
        { Put: { TableName: "runs", Item: { pk: { S: "a" } }, ConditionExpression: "attribute_not_exists(pk)" } },
      ],
    });
    await expect(clients.dynamodb.send(transaction)).rejects.toMatchObject({
      name: "TransactionCanceledException",
      CancellationReasons: [{ Code: "ConditionalCheckFailed" }],
    });
  });

  it("refusals are instances of the SDK's exceptions", async () => {
    await clients.dynamodb.send(create("a"));
    const error: unknown = await clients.dynamodb.send(create("a")).catch((thrown: unknown) => thrown);
    expect(error instanceof ConditionalCheckFailedException).toBe(true);
  });

  it("what is not modelled stays our own error", async () => {
    const command = new GetItemCommand({ TableName: "runs", Key: { pk: { S: "a" } }, AttributesToGet: ["pk"] });
    await expect(clients.dynamodb.send(command)).rejects.toBeInstanceOf(NotModelledError);
  });

  it("an aborted call rejects as the SDK's does, before and during a wait, and takes no message", async () => {
    const { QueueUrl } = await clients.sqs.send(new CreateQueueCommand({ QueueName: "work" }));
    const poll = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 });
    await expect(clients.sqs.send(poll, { abortSignal: AbortSignal.abort() })).rejects.toMatchObject({
      name: "AbortError",
    });
    const abort = new AbortController();
    const waiting = clients.sqs.send(poll, { abortSignal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    await clients.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "kept" }));
    expect((await clients.sqs.send(poll)).Messages).toMatchObject([{ Body: "kept" }]);
  });

  it("objects come with the body's mixins", async () => {
    await clients.s3.send(new CreateBucketCommand({ Bucket: "blobs" }));
    await clients.s3.send(new PutObjectCommand({ Bucket: "blobs", Key: "k", Body: "héllo" }));
    const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: "blobs", Key: "k" }));
    expect(await Body?.transformToString()).toBe("héllo");
    expect(await Body?.transformToString("base64")).toBe("aMOpbGxv");
    expect(await Body?.transformToByteArray()).toEqual(new Uint8Array([104, 195, 169, 108, 108, 111]));
  });

  it("after a crash of its sandbox a client is silent", async () => {
    aws.faults.add((call) => (call.operation === "PutItem" ? "crash-after" : undefined));
    let settled = false;
    const note = (): void => void (settled = true);
    clients.dynamodb.send(create("a")).then(note, note);
    clients.dynamodb.send(new GetItemCommand({ TableName: "runs", Key: { pk: { S: "a" } } })).then(note, note);
    await clock.settle();
    expect(settled).toBe(false);
    const other = inProcessClients(aws, { name: "worker", sandboxId: "w2" });
    const answer = await other.dynamodb.send(new GetItemCommand({ TableName: "runs", Key: { pk: { S: "a" } } }));
    expect(answer.Item).toEqual({ pk: { S: "a" } });
  });
});
