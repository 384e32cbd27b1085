/**
 * Goal: what `cdk deploy` would create works, and its roles hold exactly what it needs.
 * Method: the synthesized stack of this repository on the embedded AWS, its real bundles as processes, every call held against
 * the template's policies. One stack for all tests, which run in order: each leaves what the next ones count on, and what
 * they used together is what the unused-permission test looks at. Real time passes and is never asserted.
 */
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import {
  ConditionalCheckFailedException,
  GetItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { CreateScheduleCommand, GetScheduleCommand } from "@aws-sdk/client-scheduler";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleWorker } from "../../infra/bundling.js";
import type { Statement } from "../../local/aws/iam/policy.js";
import { PerdureError } from "../../sdk/error-catalogue.js";
import { People } from "./people.js";
import { openStage, synthesizeAttached, until, type Stage } from "./stage.js";
import { unusedPermissions } from "./unused-permissions.js";

/** Another app, whose code is in another repository. */
const BILLING = `
import { Perdure } from "perdure";
import { serve } from "perdure/lambda";
const client = new Perdure({ id: "billing" });
const invoice = client.createFunction({ id: "invoice", triggers: { event: "billing/due" } }, async ({ event, step }) => {
  const charged = await step.run("charge", () => event.data.amount);
  await step.sleep("grace", "1s");
  const { ids } = await step.sendEvent("tell", { name: "billing/charged" });
  return { charged, told: ids.length };
});
export const handler = serve({ client, functions: [invoice] });`;

let stage: Stage;
let people: People;

beforeAll(async () => {
  stage = await openStage();
  people = new People(stage.stack);
}, 120_000);

afterAll(() => stage.close());

const registration = (): string => stage.stack.logicalId("Custom::PerdureApp", /Registration/);
const table = (): string => stage.stack.physicalId(stage.stack.logicalId("AWS::DynamoDB::Table", /Table/));

/** Bundles a worker as the construct does, and puts it in place of the one that runs. */
function redeploy(source: string): void {
  const output = join(stage.directory, `worker-${stage.reports.length}`);
  bundleWorker(source, output, {});
  stage.stack.world.fleet.replaceCode(people.functionName("Worker"), join(output, "index.mjs"));
}

/** Registers again, as an update of the stack does. Answers the reason when CloudFormation was told that it failed. */
async function register(): Promise<string> {
  try {
    await stage.stack.updateCustomResource(registration());
    return "registered";
  } catch (error) {
    if (error instanceof PerdureError && error.code === "DEPLOYMENT_FAILED") return error.message;
    throw error;
  }
}

/** Of the worker that needs every permission (coverage-worker.ts). */
const FUNCTIONS = [
  "answers",
  "asks",
  "awaiting",
  "cancellable",
  "large",
  "narrow",
  "patient",
  "raced",
  "sender",
  "sent",
  "signalled",
  "signaller",
];

describe("the deployed stack", () => {
  it("has registered the app's functions, and says so to who holds the signing key", async () => {
    expect(await people.functionIds()).toEqual([
      "checkout",
      "expense-approval",
      "hourly-sync",
      "mail-receipt",
      "pay-out",
      "pay-out-failure",
      "process-document",
      "regional-report",
      "welcome-drip",
    ]);
    const response = await fetch(`${stage.stack.url}/api/v1/functions`, { headers: { authorization: "Bearer wrong" } });
    expect(response.status).toBe(401);
    expect((await people.post({ name: "api/document.uploaded" }, "wrong")).status).toBe(401);
  });

  it("completes the examples: retries, sleeps, parallel steps, compensation, events from steps", async () => {
    const document = await people.send("api/document.uploaded", { id: "d1", url: "https://documents.example/1" });
    const order = { items: [{ sku: "tea", quantity: 2 }], card: "good" };
    const paid = await people.send("shop/checkout.started", { orderId: "o1", ...order });
    const rejected = await people.send("shop/checkout.started", { orderId: "o2", ...order, card: "expired" });
    expect((await people.runOf(paid, "Completed")).output).toEqual({ orderId: "o1", status: "paid" });
    expect((await people.runOf(rejected, "Completed")).output).toEqual({ orderId: "o2", status: "rejected" });
    expect((await people.runOf(document, "Completed")).output).toMatchObject({ id: "d1", category: "short" });
  });

  it("counts what failed on the way, in lines that CloudWatch takes for metrics", () => {
    const counted = stage.lines.flatMap((line) => {
      const json = line.slice(line.indexOf(" ") + 1);
      return json.includes('"AttemptsFailed":1') ? [JSON.parse(json)] : [];
    });
    expect(counted).toContainEqual(
      expect.objectContaining({ service: "perdure", app: "examples", function: "checkout", attempt: 1 }),
    );
    for (const { _aws } of counted) expect(_aws.CloudWatchMetrics[0].Namespace).toBe("Perdure");
  });

  it("starts a run by its cron's schedule", async () => {
    const [Name = ""] = await people.schedules();
    const GroupName = people.scheduleGroup();
    const { scheduler } = stage.stack.observer();
    const registered = await scheduler.send(new GetScheduleCommand({ GroupName, Name }));
    expect(registered.ScheduleExpression).toBe("cron(0 * * * ? *)");
    // The same target with the same role, due at once: the hour is not waited for.
    const soon = new Date(stage.stack.world.clock.now() + 1_000).toISOString().slice(0, 19);
    const { Target } = registered;
    const FlexibleTimeWindow = { Mode: "OFF" as const };
    const input = { GroupName, Name: "soon", ScheduleExpression: `at(${soon})`, FlexibleTimeWindow, Target };
    await scheduler.send(new CreateScheduleCommand(input));
    const run = await until("tick", async () => {
      const { body } = await people.api("GET", "/api/v1/runs?function=hourly-sync");
      return ((body["data"] ?? []) as { status: string; output: unknown }[]).find((row) => row.status === "Completed");
    });
    expect(run.output).toMatchObject({ copied: 3 });
  });

  it("parks a long sleep on a schedule, shows its steps, and cancels it with its timer", async () => {
    const run = await people.runOf(
      await people.send("app/user.signed-up", { userId: "u1", email: "a@b.example" }),
      "Running",
    );
    await until("timer", async () => ((await people.schedules()).length === 3 ? true : undefined));
    const steps = await people.api("GET", `/api/v1/runs/${run.id}/steps`);
    expect(steps.body["data"]).toMatchObject([
      { id: "welcome", status: "Completed" },
      { id: "a-day", op: "sleep" },
    ]);
    const cancelled = await people.api("DELETE", `/api/v1/runs/${run.id}`);
    expect(cancelled.body["data"]).toMatchObject({ status: "Cancelled" });
    expect(await people.schedules()).toHaveLength(2);
  });

  it("takes over other functions when a worker is deployed anew", async () => {
    redeploy(join(import.meta.dirname, "coverage-worker.ts"));
    expect(await register()).toBe("registered");
    expect(await people.functionIds()).toEqual(FUNCTIONS);
  });
});

describe("a function", () => {
  it("keeps large results outside the table, and gets them back", async () => {
    const run = await people.runOf(await people.send("test/large"), "Completed");
    expect(run.output).toBe(40_000);
    const { body } = await people.api("GET", `/api/v1/runs/${run.id}/steps`);
    expect(body["data"]).toHaveLength(4);
  });

  it("receives large events, sent in one large request or from a step", async () => {
    const text = "x".repeat(700_000);
    const { body } = await people.post([1, 2].map((n) => ({ name: "test/sent", data: { text, n } })));
    const sent = await people.send("test/sender");
    expect((await people.runOf(sent, "Completed")).output).toBe(3);
    for (const id of body["ids"] as string[]) expect((await people.runOf(id, "Completed")).output).toBe(700_000);
  });

  it("waits for an event, and finds one that came before", async () => {
    const text = Buffer.from(stage.stack.world.random.bytes(30_000)).toString("base64");
    // Nothing comes for it: its look back is followed by another one.
    await people.send("test/awaiting", { text: "another", list: [1] });
    const first = await people.send("test/awaiting", { text, list: [1] });
    await people.send("test/awaited", { text, n: 2 });
    await people.send("test/awaited", { text, n: 1 });
    expect((await people.runOf(first, "Completed")).output).toBe("test/awaited");
  });

  it("is cancelled by an event in the middle of a step", async () => {
    const eventId = await people.send("test/cancellable", { id: "c1" });
    await people.runOf(eventId, "Running");
    await people.send("test/cancelled", { id: "c1" });
    await people.runOf(eventId, "Cancelled");
  });

  it("waits for a signal: of a step, of whoever holds the event key, of another app's worker", async () => {
    const waiting = async (): Promise<string> => {
      const eventId = await people.send("test/signalled");
      const { id } = await people.runOf(eventId, "Running");
      await until("wait", async () => {
        const { body } = await people.api("GET", `/api/v1/runs/${id}/steps`);
        return JSON.stringify(body).includes('"status":"Waiting"') || undefined;
      });
      return eventId;
    };
    const outputOf = async (eventId: string): Promise<unknown> => (await people.runOf(eventId, "Completed")).output;
    const replaced = await waiting();
    const first = await waiting();
    expect(await outputOf(replaced)).toBe("SIGNAL_REPLACED");
    await people.send("test/signaller");
    expect(await outputOf(first)).toEqual({ signal: "test/signal", data: "from a step" });
    const second = await waiting();
    expect(await people.signal({ signal: "test/signal", data: "over HTTP" })).toMatchObject({ status: 200 });
    expect(await outputOf(second)).toEqual({ signal: "test/signal", data: "over HTTP" });
    const third = await waiting();
    const passed = { v: 1, kind: "signal", signal: "test/signal", data: "passed on", token: "t1" };
    await people.putMessage(people.queueUrl("Events", false), JSON.stringify(passed));
    expect(await outputOf(third)).toEqual({ signal: "test/signal", data: "passed on" });
  });

  it("has its runs cancelled in bulk", async () => {
    const eventId = await people.send("test/patient");
    await people.runOf(eventId, "Running");
    const request = {
      functionId: "patient",
      from: stage.stack.world.clock.now() - 3_600_000,
      if: "event.data.text == null",
    };
    const { body } = await people.api("POST", "/api/v1/cancellations", request);
    const { id } = body["data"] as { id: string };
    await people.runOf(eventId, "Cancelled");
    const { body: after } = await people.api("GET", `/api/v1/cancellations/${id}`);
    expect(after["data"]).toMatchObject({ status: "Completed", cancelled: 1 });
  });

  it("invokes another, whose answer takes more than an item holds", async () => {
    const { output } = await people.runOf(await people.send("test/asks"), "Completed");
    expect(output).toBe(40_000);
  });

  it("executes one step at a time where its concurrency is one, and hands its place on", async () => {
    const eventIds = await Promise.all([1, 2, 3].map(() => people.send("test/narrow")));
    const runs = await Promise.all(eventIds.map((eventId) => people.runOf(eventId, "Completed")));
    const worked = runs.map(({ output }) => output as [number, number]).sort(([a], [b]) => a - b);
    expect(worked.slice(1).every(([from], before) => from >= (worked[before]?.[1] ?? 0))).toBe(true);
  });

  it("waits longer than things are kept, with all it needs", async () => {
    const text = Buffer.from(stage.stack.world.random.bytes(30_000)).toString("base64");
    const eventId = await people.send("test/patient", { text });
    const run = await people.runOf(eventId, "Running");
    await until("timer", async () => ((await people.schedules()).length === 2 ? true : undefined));
    const event = await people.api("GET", `/api/v1/events/${eventId}`);
    expect(event.body["data"]).toMatchObject({ name: "test/patient", data: { text } });
    expect((await people.api("GET", `/api/v1/runs/${run.id}/steps`)).status).toBe(200);
    expect((await people.api("DELETE", `/api/v1/runs/${run.id}`)).body["data"]).toMatchObject({ status: "Cancelled" });
  });

  it("starts late when its event says so, and leaves no timer behind when it ends before it", async () => {
    const ts = stage.stack.world.clock.now() + 3_600_000;
    expect((await people.post({ name: "test/sent", data: {}, ts })).status).toBe(200);
    const run = await people.runOf(await people.send("test/raced"), "Running");
    const timers = await until("timers", async () => {
      const names = await people.schedules();
      return names.length === 3 ? names : undefined;
    });
    await people.putMessage(
      people.queueUrl("Steps", false),
      JSON.stringify({ v: 1, run: run.id, fn: "raced", why: "sweep" }),
    );
    await until("end", async () => {
      const { body } = await people.api("GET", `/api/v1/runs/${run.id}`);
      return (body["data"] as { status: string }).status === "Completed" ? true : undefined;
    });
    await until("end of the timer", async () => ((await people.schedules()).length < timers.length ? true : undefined));
  });
});

describe("what goes wrong", () => {
  it("is put on record when nobody can read it, from every queue", async () => {
    const large = Buffer.from(stage.stack.world.random.bytes(60_000)).toString("base64");
    for (const part of ["Events", "Steps"] as const) {
      for (const dead of [false, true]) await people.putMessage(people.queueUrl(part, dead), large);
    }
    await until(
      "four quarantined messages",
      () =>
        stage.lines.filter((line) => line.includes("is quarantined: the body is no JSON object")).length === 4 ||
        undefined,
    );
  });

  it("is sent anew when it was received too often", async () => {
    const run = "examples_5ftjtakdpryk347rjxhdvw535t";
    await people.putMessage(people.queueUrl("Steps", true), JSON.stringify({ v: 1, run, fn: "large", why: "start" }));
    await people.putMessage(people.queueUrl("Events", true), JSON.stringify({ v: 1, kind: "events", events: [] }));
    await until(
      "two messages sent anew",
      () => stage.lines.filter((line) => line.includes("was received too often")).length === 2 || undefined,
    );
  });

  it("is found by the sweeper when a run's wake was lost", async () => {
    const run = await people.runOf(await people.send("test/patient"), "Running");
    await until("timer", async () => ((await people.schedules()).length === 3 ? true : undefined));
    const { dynamodb } = stage.stack.observer();
    const Key = { pk: { S: `examples#RUN#${run.id}` }, sk: { S: "RUN" } };
    const past = {
      TableName: table(),
      Key,
      UpdateExpression: "SET due = :past",
      // The timer comes before the park, and the park writes the due time: only a parked run can be made overdue.
      ConditionExpression: "leaseUntil = :released AND epoch > :released",
      ExpressionAttributeValues: { ":past": { N: "1" }, ":released": { N: "0" } },
    };
    await until("parked run", () =>
      dynamodb.send(new UpdateItemCommand(past)).then(
        () => true,
        (error: unknown) => {
          if (error instanceof ConditionalCheckFailedException) return undefined;
          throw error;
        },
      ),
    );
    // The schedule's own sweep may come first; one of them finds the run, wakes it and moves the time.
    await stage.stack.world.fleet.invoke(people.functionName("Sweep"), "{}");
    await until("moved due time", async () => {
      const { Item } = await dynamodb.send(new GetItemCommand({ TableName: table(), Key }));
      return Number(Item?.["due"]?.N) > 1 || undefined;
    });
  });

  it("fails the deployment with the message the developer needs, and changes nothing", async () => {
    const worker = (code: string): string => {
      const file = join(stage.directory, `worker-${code.length}.ts`);
      const head = `import { Perdure } from "perdure"; import { serve } from "perdure/lambda"; const client = new Perdure({ id: "examples" });`;
      writeFileSync(file, `${head}\n${code}`);
      return file;
    };
    const twice = `const one = client.createFunction({ id: "one", triggers: { event: "a" } }, async () => 1);`;
    redeploy(worker(`${twice} export const handler = serve({ client, functions: [one, one] });`));
    expect(await register()).toMatch(/"one"/);
    redeploy(worker(`export const handler = () => "hello";`));
    expect(await register()).toMatch(/examples.*hello/);
    redeploy(
      worker(
        `export const handler = () => ({ v: 1, appId: "examples", functions: [{ id: "tick", triggers: [{ cron: "61 * * * *" }] }] });`,
      ),
    );
    expect(await register()).toMatch(/61 \* \* \* \*/);
    expect(await people.functionIds()).toEqual(FUNCTIONS);
    stage.stack.world.fleet.restoreCode(people.functionName("Worker"));
    expect(await register()).toBe("registered");
  });
});

describe("keys", () => {
  it("are rotated without a moment in which events are refused", async () => {
    const { current: first } = await people.keys("EventKeys");
    const send = async (key: string): Promise<number> => (await people.post({ name: "test/nobody" }, key)).status;
    expect(await send(first)).toBe(200);
    await people.putKeys("EventKeys", { current: "second-key", previous: first });
    // A sandbox that is warm knows the old key, a new one both.
    expect(await send(first)).toBe(200);
    stage.stack.world.fleet.restoreCode(people.functionName("Ingest"));
    expect([await send(first), await send("second-key")]).toEqual([200, 200]);
    await people.putKeys("EventKeys", { current: "second-key", previous: "" });
    stage.stack.world.fleet.restoreCode(people.functionName("Ingest"));
    expect([await send(first), await send("second-key")]).toEqual([401, 200]);
  });
});

describe("roles", () => {
  it("allow everything that was needed until here", () => {
    expect(stage.denials).toEqual([]);
    expect(stage.problems).toEqual([]);
  });

  it("allow nothing that does not come over TLS, to queues and to the bucket", () => {
    const { iam, fleet } = stage.stack.world;
    const { roleArn } = fleet.require(people.functionName("Worker")).definition;
    const steps = people.queueUrl("Steps", false).replace(/^.*\//, "arn:aws:sqs:us-east-1:000000000000:");
    const bucket = stage.stack.physicalId(stage.stack.logicalId("AWS::S3::Bucket", /Payloads/));
    const object = `arn:aws:s3:::${bucket}/runs/examples_1`;
    const permitted = (secure: string): boolean[] => {
      const context = new Map([["aws:securetransport", [secure]]]);
      return [
        iam.permits(roleArn, "sqs:SendMessage", steps, context),
        iam.permits(roleArn, "s3:GetObject", object, context),
      ];
    };
    expect(permitted("true")).toEqual([true, true]);
    expect(permitted("false")).toEqual([false, false]);
  });

  it("allow nothing that was not needed", () => {
    expect(unusedPermissions(stage)).toEqual([]);
  });

  it("that allow more are found by name: an action that nothing calls, a resource that is everything", () => {
    const role = people.roleName("IngestRole");
    const { roles } = stage.stack.world;
    const widen = (more: Partial<Pick<Statement, "actions" | "resources">>): void =>
      roles.change(role, (statements) =>
        statements.map((each) => (each.id.endsWith(" SendEvents") ? { ...each, ...more } : each)),
      );
    widen({ actions: ["sqs:SendMessage", "sqs:PurgeQueue"] });
    expect(unusedPermissions(stage)).toContainEqual(expect.stringMatching(/IngestRole.* SendEvents: sqs:PurgeQueue$/));
    widen({ resources: ["arn:aws:sqs:us-east-1:000000000000:*"] });
    expect(unusedPermissions(stage)).toContainEqual(
      expect.stringMatching(/IngestRole.* SendEvents: arn:aws:sqs:.*:\*$/),
    );
    roles.restore(role);
    expect(unusedPermissions(stage)).toEqual([]);
  });

  it("that lack a statement fail the run, visibly", async () => {
    const role = people.roleName("WorkerRole");
    const { roles } = stage.stack.world;
    roles.change(role, (statements) => statements.filter(({ id }) => !id.endsWith(" OwnRuns")));
    const eventId = await people.send("app/user.signed-up", { userId: "u2", email: "a@b.example" });
    await until("failed turn", () => stage.lines.find((line) => line.includes("AccessDeniedException")));
    expect(stage.denials[0]).toMatch(
      /^PerdureExamples-.*Worker.* User: arn:aws:sts::000000000000:assumed-role\/.* is not authorized to perform: dynamodb:\w+ on resource: arn:aws:dynamodb:us-east-1:000000000000:table\/.* because no identity-based policy allows the dynamodb:\w+ action$/,
    );
    const { body } = await people.api("GET", `/api/v1/events/${eventId}/runs`);
    expect(body["data"]).toMatchObject([{ functionId: "welcome-drip", status: "Queued" }]);
    roles.restore(role);
  });
});

describe("an app in a stack of its own", () => {
  it("attaches by the platform's exports: it is registered, runs, and its dead letters come back", async () => {
    const entry = join(stage.directory, "billing.ts");
    writeFileSync(entry, BILLING);
    const denied = stage.denials.length;
    const attached = await stage.stack.deployBeside(synthesizeAttached(stage.directory, { billing: entry }));
    expect(await people.functionIds()).toContain("invoice");
    const eventId = await people.send("billing/due", { amount: 12 });
    const run = await people.runOf(eventId, "Completed");
    expect([run.id.startsWith("billing_"), run.output]).toEqual([true, { charged: 12, told: 1 }]);
    expect(stage.reports.some(({ functionName }) => functionName.startsWith("Attached-"))).toBe(true);
    const steps = new People(attached).queueUrl("Steps", true);
    await people.putMessage(steps, JSON.stringify({ v: 1, run: run.id, fn: "invoice", why: "sleep" }));
    await until("wake sent anew", () =>
      stage.lines.find((line) => line.includes(`A wake of run \\"${run.id}\\" was received too often`)),
    );
    expect(stage.denials.slice(denied)).toEqual([]);
    await attached.updateCustomResource(attached.logicalId("Custom::PerdureApp", /Registration/), "Delete");
    expect(await people.functionIds()).not.toContain("invoice");
  });
});

describe("removal", () => {
  it("takes the app out of the registry with its schedules, and keeps its runs", async () => {
    await stage.stack.updateCustomResource(registration(), "Delete");
    const { Items = [] } = await stage.stack.observer().dynamodb.send(
      new QueryCommand({
        TableName: table(),
        KeyConditionExpression: "pk = :app",
        ExpressionAttributeValues: { ":app": { S: "APP#examples" } },
      }),
    );
    expect(Items).toEqual([]);
  });
});
