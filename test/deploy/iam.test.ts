/**
 * Goal: the embedded IAM allows what AWS would allow and answers the rest in AWS's words.
 * Method: one role with the statements of the case, one call, by a caller of the embedded AWS; expected texts are literals.
 */
import { CreateTableCommand, GetItemCommand, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { CreateScheduleCommand } from "@aws-sdk/client-scheduler";
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import { EmbeddedAws } from "../../local/aws/embedded-aws.js";
import { BASE_CONTEXT } from "../../local/aws/iam/access-request.js";
import { IamAuthorizer } from "../../local/aws/iam/authorizer.js";
import { meetsConditions, readConditions } from "../../local/aws/iam/condition.js";
import { matchesAction, matchesArn, matchesPattern } from "../../local/aws/iam/pattern.js";
import { readPolicy } from "../../local/aws/iam/policy.js";
import { resourceLookup } from "../../local/aws/iam/resource-lookup.js";
import { inProcessClients } from "../../local/aws/in-process.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { VirtualClock } from "../../local/aws/virtual-clock.js";

const ROLE = "arn:aws:iam::000000000000:role/worker-role";
const TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/runs";
const QUEUE = "arn:aws:sqs:us-east-1:000000000000:steps";
const QUEUE_URL = "http://sqs.us-east-1.localhost/000000000000/steps";

interface StatementJson {
  Effect: "Allow" | "Deny";
  Action: string | string[];
  Resource: string | string[];
  Condition?: object;
}

async function setup(...statements: StatementJson[]) {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const aws: EmbeddedAws = new EmbeddedAws({ clock, random, authorize: (call) => iam.authorize(call) });
  const iam = new IamAuthorizer(resourceLookup(aws), ["deployment"]);
  iam.putRole({
    name: "worker-role",
    arn: ROLE,
    trust: [],
    statements: readPolicy({ Statement: statements }, "policy"),
  });
  iam.assign("worker", ROLE);
  const deployment = inProcessClients(aws, { name: "deployment" });
  await deployment.dynamodb.send(
    new CreateTableCommand({
      TableName: "runs",
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "S" },
        { AttributeName: "due", AttributeType: "S" },
      ],
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: "byDue",
          KeySchema: [{ AttributeName: "due", KeyType: "HASH" }],
          Projection: { ProjectionType: "KEYS_ONLY" },
        },
      ],
    }),
  );
  await deployment.sqs.send(new CreateQueueCommand({ QueueName: "steps" }));
  await deployment.s3.send(new CreateBucketCommand({ Bucket: "payloads" }));
  const clients = inProcessClients(aws, { name: "worker", sandboxId: "worker-1" });
  return { aws, iam, clients, stranger: inProcessClients(aws, { name: "stranger" }) };
}

const allow = (Action: string | string[], Resource: string | string[], Condition?: object): StatementJson => ({
  Effect: "Allow",
  Action,
  Resource,
  ...(Condition === undefined ? {} : { Condition }),
});

const put = (pk: string) => new PutItemCommand({ TableName: "runs", Item: { pk: { S: pk }, sk: { S: "RUN" } } });
const send = () => new SendMessageCommand({ QueueUrl: QUEUE_URL, MessageBody: "hello" });

describe("IamAuthorizer authorize()", () => {
  it("lets a call through that a statement allows", async () => {
    const { clients } = await setup(allow("dynamodb:PutItem", TABLE));
    await expect(clients.dynamodb.send(put("a"))).resolves.toBeDefined();
  });

  it("denies with DynamoDB's words when no statement allows", async () => {
    const { clients } = await setup(allow("dynamodb:GetItem", TABLE));
    await expect(clients.dynamodb.send(put("a"))).rejects.toMatchObject({
      name: "AccessDeniedException",
      message:
        "User: arn:aws:sts::000000000000:assumed-role/worker-role/worker-1 is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:us-east-1:000000000000:table/runs because no identity-based policy allows the dynamodb:PutItem action",
      $metadata: { httpStatusCode: 400 },
    });
  });

  it("denies with SQS's words, the action in lower case, and without an effect", async () => {
    const { clients, aws } = await setup(allow("sqs:ReceiveMessage", QUEUE));
    await expect(clients.sqs.send(send())).rejects.toMatchObject({
      name: "AccessDenied",
      message: expect.stringContaining("not authorized to perform: sqs:sendmessage on resource: " + QUEUE),
      $metadata: { httpStatusCode: 403 },
    });
    const received = await inProcessClients(aws, { name: "deployment" }).sqs.send(
      new ReceiveMessageCommand({ QueueUrl: QUEUE_URL }),
    );
    expect(received.Messages).toBeUndefined();
  });

  it("denies what is explicitly denied, whatever else allows it", async () => {
    const { clients } = await setup(allow("dynamodb:*", "*"), {
      Effect: "Deny",
      Action: "dynamodb:Put*",
      Resource: "*",
    });
    await expect(clients.dynamodb.send(put("a"))).rejects.toMatchObject({
      message: expect.stringContaining("with an explicit deny in an identity-based policy"),
    });
  });

  it("refuses a caller without a role", async () => {
    const { stranger } = await setup(allow("*", "*"));
    await expect(stranger.sqs.send(send())).rejects.toMatchObject({ name: "UnrecognizedClientException" });
  });

  it("asks for the index, not the table, when an index is queried", async () => {
    const { clients } = await setup(allow("dynamodb:Query", TABLE));
    const query = new QueryCommand({
      TableName: "runs",
      IndexName: "byDue",
      KeyConditionExpression: "due = :due",
      ExpressionAttributeValues: { ":due": { S: "now" } },
    });
    await expect(clients.dynamodb.send(query)).rejects.toMatchObject({
      message: expect.stringContaining(`on resource: ${TABLE}/index/byDue because`),
    });
  });

  it("fences partitions by dynamodb:LeadingKeys", async () => {
    const fence = { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["shop#RUN#*"] } };
    const { clients } = await setup(allow(["dynamodb:PutItem", "dynamodb:GetItem"], TABLE, fence));
    await expect(clients.dynamodb.send(put("shop#RUN#1"))).resolves.toBeDefined();
    await expect(clients.dynamodb.send(put("other#RUN#1"))).rejects.toMatchObject({ name: "AccessDeniedException" });
    const get = new GetItemCommand({ TableName: "runs", Key: { pk: { S: "APP#shop" }, sk: { S: "FN#a" } } });
    await expect(clients.dynamodb.send(get)).rejects.toMatchObject({ name: "AccessDeniedException" });
  });

  it("asks for the object and for its tags", async () => {
    const { clients } = await setup(allow("s3:PutObject", "arn:aws:s3:::payloads/*"));
    const plain = new PutObjectCommand({ Bucket: "payloads", Key: "a", Body: "x" });
    const tagged = new PutObjectCommand({ Bucket: "payloads", Key: "b", Body: "x", Tagging: "perdure=live" });
    await expect(clients.s3.send(plain)).resolves.toBeDefined();
    await expect(clients.s3.send(tagged)).rejects.toMatchObject({
      name: "AccessDenied",
      message: expect.stringContaining('perform: s3:PutObjectTagging on resource: "arn:aws:s3:::payloads/b"'),
    });
  });

  it("asks for iam:PassRole when a schedule names a role", async () => {
    const target = "arn:aws:iam::000000000000:role/scheduler";
    const passing = allow("iam:PassRole", target, {
      StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" },
    });
    const creating = allow("scheduler:CreateSchedule", "arn:aws:scheduler:us-east-1:000000000000:schedule/default/*");
    const create = new CreateScheduleCommand({
      Name: "tick",
      ScheduleExpression: "rate(1 hour)",
      FlexibleTimeWindow: { Mode: "OFF" },
      Target: { Arn: QUEUE, RoleArn: target, Input: "{}" },
    });
    const without = await setup(creating);
    await expect(without.clients.scheduler.send(create)).rejects.toMatchObject({
      message: expect.stringContaining(`iam:PassRole on resource: ${target}`),
    });
    const complete = await setup(creating, passing);
    await expect(complete.clients.scheduler.send(create)).rejects.toMatchObject({
      name: "ValidationException",
      message: expect.stringContaining("must allow AWS EventBridge Scheduler to assume the role"),
    });
    const scheduler = { Effect: "Allow", Principal: { Service: "scheduler.amazonaws.com" }, Action: "sts:AssumeRole" };
    const trust = readPolicy({ Statement: scheduler }, "trust");
    complete.iam.putRole({ name: "scheduler", arn: target, trust, statements: [] });
    await expect(complete.clients.scheduler.send(create)).resolves.toBeDefined();
  });

  it("lets a resource's own policy allow and deny", async () => {
    const { clients, iam } = await setup();
    const policy = (Effect: string, Condition?: object) =>
      readPolicy(
        { Statement: { Effect, Principal: "*", Action: "sqs:*", Resource: QUEUE, Condition } },
        "queue-policy",
      );
    iam.putResourcePolicy(QUEUE, policy("Deny", { Bool: { "aws:SecureTransport": "false" } }));
    await expect(clients.sqs.send(send())).rejects.toMatchObject({ name: "AccessDenied" });
    iam.putResourcePolicy(QUEUE, policy("Allow"));
    await expect(clients.sqs.send(send())).resolves.toBeDefined();
    iam.putResourcePolicy(QUEUE, [...policy("Allow"), ...policy("Deny")]);
    await expect(clients.sqs.send(send())).rejects.toMatchObject({
      message: expect.stringContaining("with an explicit deny in a resource-based policy"),
    });
  });

  it("remembers what each statement was needed for", async () => {
    const { clients, iam } = await setup(
      allow(["dynamodb:PutItem", "dynamodb:DeleteItem"], [TABLE, `${TABLE}/index/byDue`]),
    );
    await clients.dynamodb.send(put("a"));
    expect(
      iam.uses().map(({ role, unusedActions, unusedResources }) => ({ role, unusedActions, unusedResources })),
    ).toEqual([
      { role: "worker-role", unusedActions: ["dynamodb:DeleteItem"], unusedResources: [`${TABLE}/index/byDue`] },
    ]);
  });
});

describe("IamAuthorizer mayAssume()", () => {
  it("follows the trust policy and its conditions", async () => {
    const { iam } = await setup();
    const trust = readPolicy(
      {
        Statement: {
          Effect: "Allow",
          Principal: { Service: "scheduler.amazonaws.com" },
          Action: "sts:AssumeRole",
          Condition: { StringEquals: { "aws:SourceAccount": "000000000000" } },
        },
      },
      "trust",
    );
    iam.putRole({ name: "timer", arn: "arn:timer", trust, statements: [] });
    const context = new Map([...BASE_CONTEXT, ["aws:sourceaccount", ["000000000000"]] as const]);
    expect(iam.mayAssume("arn:timer", "scheduler.amazonaws.com", context)).toBe(true);
    expect(iam.mayAssume("arn:timer", "scheduler.amazonaws.com", BASE_CONTEXT)).toBe(false);
    expect(iam.mayAssume("arn:timer", "lambda.amazonaws.com", context)).toBe(false);
  });
});

describe("patterns", () => {
  it("have two wildcards, and an ARN's do not reach over a colon in its first parts", () => {
    expect(matchesPattern("shop#RUN#*", "shop#RUN#1")).toBe(true);
    expect(matchesPattern("a?c", "abc")).toBe(true);
    expect(matchesPattern("a.c", "abc")).toBe(false);
    expect(matchesAction("dynamodb:get*", "dynamodb:GetItem")).toBe(true);
    expect(matchesArn("arn:aws:sqs:*:0:steps", "arn:aws:sqs:us-east-1:0:steps")).toBe(true);
    expect(matchesArn("arn:aws:*:steps", "arn:aws:sqs:us-east-1:0:steps")).toBe(false);
  });
});

describe("conditions", () => {
  const holds = (condition: object, context: [string, string[]][]) =>
    meetsConditions(readConditions(condition, "test"), new Map(context));

  it("hold as AWS says when the key is missing", () => {
    expect(holds({ StringEquals: { "aws:SourceArn": "a" } }, [])).toBe(false);
    expect(holds({ StringNotEquals: { "aws:SourceArn": "a" } }, [])).toBe(true);
    expect(holds({ StringEqualsIfExists: { "aws:SourceArn": "a" } }, [])).toBe(true);
    expect(holds({ "ForAllValues:StringEquals": { "aws:SourceArn": "a" } }, [])).toBe(true);
    expect(holds({ "ForAnyValue:StringEquals": { "aws:SourceArn": "a" } }, [])).toBe(false);
    expect(holds({ Null: { "aws:SourceArn": "true" } }, [])).toBe(true);
  });

  it("hold for all values or for any", () => {
    const key = "dynamodb:leadingkeys";
    const both: [string, string[]][] = [[key, ["a#1", "b#1"]]];
    expect(holds({ "ForAllValues:StringLike": { [key]: ["a#*"] } }, both)).toBe(false);
    expect(holds({ "ForAllValues:StringLike": { [key]: ["a#*", "b#*"] } }, both)).toBe(true);
    expect(holds({ "ForAnyValue:StringLike": { [key]: ["a#*"] } }, both)).toBe(true);
  });

  it("are refused when they are not modelled", () => {
    expect(() => readConditions({ DateLessThan: { "aws:CurrentTime": "x" } }, "s")).toThrow(
      /"DateLessThan" is not modelled/,
    );
    expect(() => readConditions({ StringEquals: { "aws:Unknown": "x" } }, "s")).toThrow(
      /"aws:Unknown" is not modelled/,
    );
    expect(() => readPolicy({ Statement: { Effect: "Allow", NotAction: "x" } }, "p")).toThrow(
      /"NotAction" is not modelled/,
    );
  });
});
