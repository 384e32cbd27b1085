/**
 * Goal: the wire face understands real AWS clients, tells callers apart, answers every bad request in the protocol's form, and
 * never goes down.
 * Method: a server on a free loopback port over an embedded AWS on the machine's clock. Real SDK clients where the question
 * is whether they understand it; raw HTTP where the question is what hostile bytes do. No sleeps: waits end by a send or an abort.
 */
import { request as httpRequest } from "node:http";
import { Readable } from "node:stream";
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
} from "@aws-sdk/client-dynamodb";
import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateScheduleCommand, GetScheduleCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AwsClients } from "../../../runtime/aws/clients.js";
import { drainMicrotasks, realClock } from "../../../sdk/clock.js";
import { EmbeddedAws } from "../../../local/aws/embedded-aws.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import { decodeAwsChunked } from "../../../local/aws/wire/aws-chunked.js";
import { identityOf } from "../../../local/aws/wire/caller.js";
import { startWireServer, type WireServer } from "../../../local/aws/wire/server.js";
import { childText, parseXml, xml } from "../../../local/aws/wire/xml.js";

let aws: EmbeddedAws;
let server: WireServer;
let clients: AwsClients;
const destroyers: (() => void)[] = [];

/** Real clients, as a deployed function has them: one try for each call. */
function realClients(accessKeyId: string): AwsClients {
  const config = {
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId, secretAccessKey: "secret" },
    maxAttempts: 1,
  };
  const made = {
    dynamodb: new DynamoDBClient(config),
    sqs: new SQSClient(config),
    scheduler: new SchedulerClient(config),
    s3: new S3Client({ ...config, forcePathStyle: true }),
  };
  for (const client of Object.values(made)) destroyers.push(() => client.destroy());
  return made;
}

beforeAll(async () => {
  aws = new EmbeddedAws({ clock: realClock, random: seededRandom(1) });
  server = await startWireServer(aws);
  clients = realClients("worker.w1");
  await clients.dynamodb.send(
    new CreateTableCommand({
      TableName: "runs",
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
    }),
  );
});
afterEach(() => aws.faults.clear());
afterAll(async () => {
  for (const destroy of destroyers) destroy();
  await server.close();
  aws.close();
});

const receivesCounted = (): number =>
  aws.ledger.rows().find((row) => row.caller === "poller" && row.operation === "ReceiveMessage")?.calls ?? 0;

describe("wire face with real clients", () => {
  it("dynamodb: every attribute type, odd names and timestamps survive the way", async () => {
    const item = {
      pk: { S: "types" },
      B: { B: new Uint8Array([0, 1, 255]) },
      BS: { BS: [new Uint8Array([1]), new Uint8Array([2])] },
      nested: {
        M: { B: { M: { B: { B: new Uint8Array([7]) } } }, list: { L: [{ B: new Uint8Array([]) }, { NULL: true }] } },
      },
      text: { S: 'quote " B": "x", newline \n, \u2028 and 💥' },
    };
    await clients.dynamodb.send(new PutItemCommand({ TableName: "runs", Item: item }));
    const answer = await clients.dynamodb.send(new GetItemCommand({ TableName: "runs", Key: { pk: { S: "types" } } }));
    expect(answer.Item).toEqual(item);
    const described = await clients.dynamodb.send(new DescribeTableCommand({ TableName: "runs" }));
    expect(described.Table?.CreationDateTime).toBeInstanceOf(Date);
  });

  it("dynamodb: an attribute named __proto__ is an attribute", async () => {
    const body = '{"TableName":"runs","Item":{"pk":{"S":"proto"},"m":{"M":{"__proto__":{"B":"AQI="}}}}}';
    expect((await raw({ target: "DynamoDB_20120810.PutItem", body })).status).toBe(200);
    const key = '{"TableName":"runs","Key":{"pk":{"S":"proto"}}}';
    const answer = await raw({ target: "DynamoDB_20120810.GetItem", body: key });
    expect(answer.body).toContain('"__proto__":{"B":"AQI="}');
  });

  it("dynamodb: a refusal is the SDK's own exception with its members", async () => {
    const command = new PutItemCommand({
      TableName: "runs",
      Item: { pk: { S: "ccf" }, n: { N: "1" } },
      ConditionExpression: "attribute_not_exists(pk)",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    await clients.dynamodb.send(command);
    await expect(clients.dynamodb.send(command)).rejects.toMatchObject({
      name: "ConditionalCheckFailedException",
      Item: { pk: { S: "ccf" }, n: { N: "1" } },
      $metadata: { httpStatusCode: 400 },
    });
  });

  it("what is not modelled says so with a status that is not tried again", async () => {
    await expect(clients.dynamodb.send(new ScanCommand({ TableName: "runs" }))).rejects.toMatchObject({
      name: "NotModelledError",
      $metadata: { httpStatusCode: 501, attempts: 1 },
    });
  });

  it("sqs: queue URLs lead back here, binary attributes and checksums pass the SDK's own check", async () => {
    const { QueueUrl } = await clients.sqs.send(new CreateQueueCommand({ QueueName: "wire" }));
    expect(QueueUrl).toBe(`${server.url}/000000000000/wire`);
    const MessageAttributes = { bytes: { DataType: "Binary", BinaryValue: new Uint8Array([1, 2]) } };
    await clients.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "é", MessageAttributes }));
    const answer = await clients.sqs.send(new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ["All"] }));
    expect(answer.Messages?.[0]).toMatchObject({ Body: "é", MessageAttributes });
  });

  it("sqs: a refusal has its new name and its old code", async () => {
    const send = clients.sqs.send(new SendMessageCommand({ QueueUrl: `${server.url}/0/none`, MessageBody: "x" }));
    await expect(send).rejects.toMatchObject({
      name: "QueueDoesNotExist",
      Code: "AWS.SimpleQueueService.NonExistentQueue",
    });
  });

  it("sqs: a client that gives up its long poll takes no message with it", async () => {
    const { QueueUrl } = await clients.sqs.send(new CreateQueueCommand({ QueueName: "aborted" }));
    const abort = new AbortController();
    const seen = new Promise<void>((resolve) => {
      aws.faults.add((call) => void (call.operation === "ReceiveMessage" && resolve()));
    });
    const poll = realClients("poller").sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), {
      abortSignal: abort.signal,
    });
    await seen;
    abort.abort();
    await expect(poll).rejects.toMatchObject({ name: "AbortError" });
    // The server hears of the closed socket in its own time; the poll is counted when it has ended.
    while (receivesCounted() === 0) await drainMicrotasks();
    await clients.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "kept" }));
    const answer = await clients.sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    expect(answer.Messages?.map((message) => message.Body)).toEqual(["kept"]);
  });

  it("scheduler: names with signs, dates and JSON input come back as they were", async () => {
    const StartDate = new Date("2030-01-01T00:00:00Z");
    await clients.scheduler.send(
      new CreateScheduleCommand({
        Name: "run_a.b-1",
        ScheduleExpression: "rate(1 hour)",
        StartDate,
        FlexibleTimeWindow: { Mode: "OFF" },
        Target: {
          Arn: "arn:aws:sqs:us-east-1:000000000000:wire",
          RoleArn: "arn:aws:iam::000000000000:role/r",
          Input: '{"a":"é"}',
        },
      }),
    );
    const answer = await clients.scheduler.send(new GetScheduleCommand({ Name: "run_a.b-1", GroupName: "default" }));
    expect(answer).toMatchObject({ StartDate, ScheduleExpression: "rate(1 hour)", Target: { Input: '{"a":"é"}' } });
    await expect(clients.scheduler.send(new GetScheduleCommand({ Name: "none" }))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      $metadata: { httpStatusCode: 404 },
    });
  });

  it("s3: objects, metadata, streams and odd keys come back as they were", async () => {
    await clients.s3.send(new CreateBucketCommand({ Bucket: "blobs" }));
    const Key = "a b/ü+&<>%2F?#.json";
    const Body = new Uint8Array(200_000).map((_, index) => index % 251);
    const put = {
      Bucket: "blobs",
      Key,
      ContentType: "application/json",
      ContentEncoding: "gzip",
      Metadata: { run: "r1" },
    };
    await clients.s3.send(new PutObjectCommand({ ...put, Body }));
    const answer = await clients.s3.send(new GetObjectCommand({ Bucket: "blobs", Key }));
    expect(answer).toMatchObject({ ContentType: "application/json", ContentEncoding: "gzip", Metadata: { run: "r1" } });
    expect(await answer.Body?.transformToByteArray()).toEqual(Body);

    const stream = Readable.from([Buffer.from("hello "), Buffer.alloc(70_000, "x")], { objectMode: false });
    await clients.s3.send(
      new PutObjectCommand({ Bucket: "blobs", Key: "stream", Body: stream, ContentLength: 70_006 }),
    );
    const streamed = await clients.s3.send(new GetObjectCommand({ Bucket: "blobs", Key: "stream" }));
    expect(streamed.ContentEncoding).toBeUndefined();
    expect(await streamed.Body?.transformToString()).toBe(`hello ${"x".repeat(70_000)}`);

    const deleted = await clients.s3.send(
      new DeleteObjectsCommand({ Bucket: "blobs", Delete: { Objects: [{ Key }, { Key: "stream" }] } }),
    );
    expect(deleted.Deleted?.map((object) => object.Key)).toEqual([Key, "stream"]);
    await expect(clients.s3.send(new GetObjectCommand({ Bucket: "blobs", Key }))).rejects.toMatchObject({
      name: "NoSuchKey",
    });
    await expect(clients.s3.send(new HeadObjectCommand({ Bucket: "blobs", Key }))).rejects.toMatchObject({
      name: "NotFound",
      $metadata: { httpStatusCode: 404 },
    });
  });
});

describe("wire face callers and faults", () => {
  const put = (pk: string): PutItemCommand => new PutItemCommand({ TableName: "runs", Item: { pk: { S: pk } } });

  it("function and sandbox are told from the access key", async () => {
    const callers: string[] = [];
    aws.faults.add((call) => void callers.push(`${call.caller.name} ${call.caller.sandboxId}`));
    await clients.dynamodb.send(put("caller"));
    await realClients("dispatch").dynamodb.send(put("caller"));
    expect(callers).toEqual(["worker w1", "dispatch undefined"]);
  });

  it("a lost answer is a broken connection to the client; the next call goes through", async () => {
    let calls = 0;
    aws.faults.add(() => ((calls += 1) === 1 ? "lost" : undefined));
    await expect(clients.dynamodb.send(put("lost"))).rejects.toMatchObject({
      name: "TimeoutError",
      code: "ECONNRESET",
    });
    const answer = await clients.dynamodb.send(new GetItemCommand({ TableName: "runs", Key: { pk: { S: "lost" } } }));
    expect(answer.Item).toEqual({ pk: { S: "lost" } });
  });

  it("a crashed sandbox gets no answer, others do", async () => {
    const doomed = realClients("worker.doomed");
    aws.faults.add((call) => (call.caller.sandboxId === "doomed" ? "crash-before" : undefined));
    const crashed = new Promise<string>((resolve) => aws.onCrash(resolve));
    let settled = false;
    const done = (): void => void (settled = true);
    doomed.dynamodb.send(put("doomed")).then(done, done);
    expect(await crashed).toBe("doomed");
    await clients.dynamodb.send(put("alive"));
    expect(settled).toBe(false);
  });

  it("identityOf() reads the credential scope and nothing else", () => {
    const scope = (credential: string): string =>
      `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=0`;
    expect(identityOf(scope("worker.a.b/20260101/us-east-1/sqs/aws4_request"))).toEqual({
      service: "sqs",
      caller: { name: "worker", sandboxId: "a.b" },
    });
    for (const bad of [
      undefined,
      "",
      "Basic x",
      scope("worker/20260101/us-east-1/ec2/aws4_request"),
      scope("/2026/x"),
    ]) {
      expect(identityOf(bad)).toBeUndefined();
    }
  });
});

interface RawRequest {
  service?: string;
  method?: string;
  path?: string;
  target?: string;
  body?: string | Buffer;
  headers?: Record<string, string>;
}

/** One request with exactly these bytes, signed in name only. */
function raw({
  service = "dynamodb",
  method = "POST",
  path = "/",
  target,
  body = "",
  headers = {},
}: RawRequest): Promise<{
  status: number | undefined;
  body: string;
}> {
  return new Promise((resolve, reject) => {
    const authorization = `AWS4-HMAC-SHA256 Credential=tester/20260101/us-east-1/${service}/aws4_request`;
    const signed = { authorization, ...(target !== undefined && { "x-amz-target": target }), ...headers };
    const request = httpRequest({ port: server.port, host: "127.0.0.1", method, path, headers: signed }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        // REST-JSON names its error in a header.
        const error = String(response.headers["x-amzn-errortype"] ?? "");
        resolve({ status: response.statusCode, body: error + Buffer.concat(chunks).toString() });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

describe("wire face with hostile bytes", () => {
  const PUT = "DynamoDB_20120810.PutItem";
  const deep = '{"Item":'.repeat(100_000);
  const cases: [string, RawRequest, number, string][] = [
    ["no target", { body: "{}" }, 400, "UnknownOperationException"],
    ["an unknown target", { target: "Nothing.Put", body: "{}" }, 400, "UnknownOperationException"],
    [
      "an operation named like a prototype's member",
      { target: "DynamoDB_20120810.constructor", body: "{}" },
      501,
      "NotModelledError",
    ],
    ["text that is not JSON", { target: PUT, body: "{" }, 400, "SerializationException"],
    ["a list", { target: PUT, body: "[]" }, 400, "SerializationException"],
    ["no body", { target: PUT }, 400, "ValidationException"],
    ["100,000 levels", { target: PUT, body: `${deep}1${"}".repeat(100_000)}` }, 400, "ValidationException"],
    [
      "100,000 levels around a binary",
      { target: PUT, body: `${deep}{"B":"AA=="}${"}".repeat(100_000)}` },
      400,
      "SerializationException",
    ],
    ["binary that is not base64", { target: PUT, body: '{"Item":{"b":{"B":"???"}}}' }, 400, "SerializationException"],
    ["an unknown path of the scheduler", { service: "scheduler", path: "/tags/x" }, 400, "UnknownOperationException"],
    [
      "a broken percent sign",
      { service: "scheduler", method: "GET", path: "/schedules/%E0%A4%A" },
      400,
      "SerializationException",
    ],
    [
      "an unknown query parameter",
      { service: "scheduler", method: "GET", path: "/schedules?x=1" },
      501,
      "NotModelledError",
    ],
    ["an unknown operation of s3", { service: "s3", method: "PATCH", path: "/b/k" }, 400, "UnknownOperationException"],
    ["XML that is none", { service: "s3", path: "/b?delete", body: "<Delete><Object>" }, 400, "MalformedXML"],
    [
      "a document type",
      { service: "s3", path: "/b?delete", body: '<!DOCTYPE x [<!ENTITY a "b">]><Delete/>' },
      400,
      "MalformedXML",
    ],
    [
      "a wrong checksum",
      { service: "s3", method: "PUT", path: "/b/k", body: "x", headers: { "x-amz-checksum-crc32": "AAAAAA==" } },
      400,
      "BadDigest",
    ],
    [
      "a torn aws-chunked body",
      { service: "s3", method: "PUT", path: "/b/k", body: "5\r\nab", headers: { "content-encoding": "aws-chunked" } },
      400,
      "IncompleteBody",
    ],
    [
      "an access control list",
      { service: "s3", method: "PUT", path: "/b/k", headers: { "x-amz-acl": "private" } },
      501,
      "NotModelled",
    ],
  ];

  it.each(cases)("%s is refused in the protocol's form", async (_name, request, status, error) => {
    const answer = await raw(request);
    expect([answer.status, answer.body.includes(error)], answer.body.slice(0, 300)).toEqual([status, true]);
  });

  it("an unsigned request, and one for a service we do not model, are refused", async () => {
    for (const request of [{ headers: { authorization: "" } }, { service: "ec2" }]) {
      expect(await raw(request)).toMatchObject({
        status: 403,
        body: expect.stringContaining("MissingAuthenticationToken"),
      });
    }
  });

  it("a body beyond the limit is refused without being read to its end", async () => {
    const answer = await raw({ service: "scheduler", path: "/schedules/x", body: Buffer.alloc(1_200_000, " ") }).catch(
      // The server hangs up after its answer; a client still writing may see that first.
      (error: NodeJS.ErrnoException) => ({ status: 413, body: String(error.code) }),
    );
    expect(answer.status).toBe(413);
  });

  it("bytes that are not HTTP do not harm the next request", async () => {
    await raw({ headers: { "content-length": "-1" } }).catch(() => undefined);
    const listTables = await raw({ target: "DynamoDB_20120810.DescribeTable", body: '{"TableName":"runs"}' });
    expect(listTables.status).toBe(200);
  });
});

describe("decodeAwsChunked()", () => {
  it("joins chunks, drops signatures and reads trailers", () => {
    const body = "5;chunk-signature=ab\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32:AAAA==\r\n\r\n";
    const { content, trailers } = decodeAwsChunked(Buffer.from(body));
    expect(content.toString()).toBe("hello!");
    expect(trailers.get("x-amz-checksum-crc32")).toBe("AAAA==");
  });

  it.each(["", "5", "zz\r\nab\r\n", "2\r\nabc\r\n0\r\n\r\n", "ffffffff\r\nab"])("refuses %j", (body) => {
    expect(() => decodeAwsChunked(Buffer.from(body))).toThrow("not aws-chunked");
  });
});

describe("parseXml() and xml()", () => {
  it("give back any text", () => {
    const text = "a <b> & 'c' \"d\" \r\n\u0001 é💥 ]]> &amp;";
    const root = parseXml(xml("Root", [xml("Key", text), xml("Flag", true)]));
    expect(childText(root, "Key")).toBe(text);
    expect(childText(root, "Flag")).toBe("true");
    expect(childText(root, "None")).toBeUndefined();
  });

  it("read a declaration, attributes, self-closing elements and numeric entities", () => {
    const root = parseXml('<?xml version="1.0"?><A xmlns="x"><B/><C>&#65;&#x42;</C></A>');
    expect(root.children.map((child) => child.name + child.text)).toEqual(["B", "CAB"]);
  });

  it.each([
    "",
    "text",
    "<a>",
    "</a>",
    "<a></b>",
    "<a/><b/>",
    "<a>&#x110000;</a>",
    "<a><![CDATA[x]]></a>",
    "<".repeat(50_000),
  ])("refuses %.20j", (text) => {
    expect(() => parseXml(text)).toThrow("not well-formed");
  });

  it("refuses what is nested too deep", () => {
    expect(() => parseXml("<a>".repeat(50) + "</a>".repeat(50))).toThrow("not well-formed");
  });
});
