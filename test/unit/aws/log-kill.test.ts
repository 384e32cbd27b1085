/**
 * Goal: whatever a server acknowledged is there after kill -9, whole, and nothing half of a call is.
 * Method: a child process writes transactions and messages in a loop on one data directory and prints each number once it is
 * acknowledged; the parent kills it with SIGKILL at varied places, starts the next on the same directory, and finally opens
 * the log itself and compares.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { realClock } from "../../../sdk/clock.js";
import { DurableLog } from "../../../local/aws/durable-log.js";
import { EmbeddedAws } from "../../../local/aws/embedded-aws.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";

/** Kill after so many acknowledgements; the last rounds compact at open. */
const KILL_AFTER = [40, 1, 173, 98, 250];

const WRITER = `
  import { writeSync } from "node:fs";
  import { realClock, realRandom } from "./sdk/clock.js";
  import { DurableLog } from "./local/aws/durable-log.js";
  import { EmbeddedAws } from "./local/aws/embedded-aws.js";
  const [directory, firstText, compactBytes] = process.argv.slice(2);
  const log = new DurableLog({ directory, compactBytes: Number(compactBytes) });
  const aws = new EmbeddedAws({ clock: realClock, random: realRandom, log });
  const caller = { name: "writer" };
  const call = (service, operation, input) => aws.call(service, operation, input, caller);
  if (firstText === "0") {
    await call("dynamodb", "CreateTable", {
      TableName: "runs",
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }, { AttributeName: "gpk", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
      GlobalSecondaryIndexes: [
        { IndexName: "by-group", KeySchema: [{ AttributeName: "gpk", KeyType: "HASH" }], Projection: { ProjectionType: "KEYS_ONLY" } },
      ],
    });
    await call("sqs", "CreateQueue", { QueueName: "work" });
  }
  for (let n = Number(firstText); ; n += 1) {
    const item = (part) => ({ pk: { S: part + n }, gpk: { S: "g" + part }, pad: { S: "x".repeat(n % 700) } });
    const puts = ["a", "b"].map((part) => ({ Put: { TableName: "runs", Item: item(part) } }));
    await call("dynamodb", "TransactWriteItems", { TransactItems: puts });
    await call("sqs", "SendMessage", { QueueUrl: "/0/work", MessageBody: String(n) });
    writeSync(1, n + "\\n");
  }
`;

let directory: string;
let program: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "perdure-kill-"));
  program = join(directory, "writer.mjs");
  const options = { bundle: true, platform: "node", format: "esm", write: false, logLevel: "silent" } as const;
  const stdin = { contents: WRITER, resolveDir: process.cwd(), loader: "ts" } as const;
  const [output] = (await build({ ...options, stdin })).outputFiles;
  writeFileSync(program, output?.contents ?? "");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs a writer, kills it after `count` acknowledgements, and resolves with the last number it acknowledged. */
function writeUntilKilled(first: number, count: number, compactBytes: number): Promise<number> {
  const child = spawn(process.execPath, [program, join(directory, "data"), String(first), String(compactBytes)]);
  return new Promise((resolve, reject) => {
    let output = "";
    let problem = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (acknowledged().length >= count) child.kill("SIGKILL");
    });
    child.stderr.on("data", (chunk: Buffer) => (problem += chunk.toString()));
    child.on("close", (_code, signal) => {
      const last = acknowledged().at(-1);
      if (signal === "SIGKILL" && last !== undefined) resolve(Number(last));
      else reject(new Error(problem));
    });
    const acknowledged = (): string[] => output.split("\n").slice(0, -1);
  });
}

it("kill -9 at any place loses nothing that was acknowledged, and tears nothing", { timeout: 60_000 }, async () => {
  const acknowledged: [number, number][] = [];
  let first = 0;
  for (const [round, count] of KILL_AFTER.entries()) {
    const last = await writeUntilKilled(first, count, round < 3 ? 1e9 : 20_000);
    acknowledged.push([first, last]);
    // The call under way at the kill may or may not be there: the next writer begins beyond it.
    first = last + 10;
  }

  const log = new DurableLog({ directory: join(directory, "data") });
  const aws = new EmbeddedAws({ clock: realClock, random: seededRandom(1), log });
  const items = await keysOf(aws, "ga");
  const partners = await keysOf(aws, "gb");
  const bodies = await allBodies(aws);
  aws.close();

  const expected = acknowledged.flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index),
  );
  expect(expected.length).toBeGreaterThanOrEqual(562);
  expect(expected.filter((n) => !items.has(`a${n}`))).toEqual([]);
  expect(expected.filter((n) => !bodies.has(String(n)))).toEqual([]);
  expect([...items].map((key) => key.slice(1)).toSorted()).toEqual([...partners].map((key) => key.slice(1)).toSorted());
  expect(items.size - expected.length).toBeLessThanOrEqual(KILL_AFTER.length);
});

/** The base keys an index holds, each checked against its item. */
async function keysOf(aws: EmbeddedAws, group: string): Promise<Set<string>> {
  const keys = new Set<string>();
  let start: unknown;
  do {
    const page = await aws.call(
      "dynamodb",
      "Query",
      {
        TableName: "runs",
        IndexName: "by-group",
        KeyConditionExpression: "gpk = :g",
        ExpressionAttributeValues: { ":g": { S: group } },
        ...(start !== undefined && { ExclusiveStartKey: start }),
      },
      { name: "test" },
    );
    const items: { pk: { S: string } }[] = Array.isArray(page["Items"]) ? page["Items"] : [];
    for (const { pk } of items) {
      const answer = await aws.call("dynamodb", "GetItem", { TableName: "runs", Key: { pk } }, { name: "test" });
      if (answer["Item"] !== undefined) keys.add(pk.S);
    }
    start = page["LastEvaluatedKey"];
  } while (start !== undefined);
  return keys;
}

async function allBodies(aws: EmbeddedAws): Promise<Set<string>> {
  const bodies = new Set<string>();
  for (;;) {
    const input = { QueueUrl: "/0/work", MaxNumberOfMessages: 10, VisibilityTimeout: 600 };
    const answer = await aws.call("sqs", "ReceiveMessage", input, { name: "test" });
    const messages: { Body: string }[] = Array.isArray(answer["Messages"]) ? answer["Messages"] : [];
    if (messages.length === 0) return bodies;
    for (const { Body } of messages) bodies.add(Body);
  }
}
