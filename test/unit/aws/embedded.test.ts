/**
 * Goal: what the embedded AWS puts around the models: numbering, faults, crashes, long polls, the ledger and schedules.
 * Method: real models, in-process, on a virtual clock; literal times and counts.
 */
import { describe, expect, it } from "vitest";
import { atCall, type Fault } from "../../../local/aws/faults.js";
import { priceOf } from "../../../local/aws/ledger.js";
import { type Input, type Output } from "../../../local/aws/model.js";
import {
  WORKER,
  QUEUE_URL,
  type World,
  createWorld,
  createTable,
  put,
  has,
  bodiesOf,
  outcomeOf,
} from "./embedded-fixture.js";

describe("EmbeddedAws faults", () => {
  const cases: [Fault, string, boolean][] = [
    ["crash-before", "pending", false],
    ["crash-after", "pending", true],
    ["lost", "refused TimeoutError", true],
    ["drop", "refused TimeoutError", false],
    ["throttle", "refused ThrottlingException", false],
    ["double", "refused ConditionalCheckFailedException", true],
    ["stale", "answered", true],
  ];
  it.each(cases)("%s: the caller sees %s, applied: %s", async (fault, outcome, applied) => {
    const world = await createWorld();
    await createTable(world);
    world.aws.faults.add(atCall(2, fault));
    const answer = world.call("PutItem", put("a"), WORKER);
    expect(await outcomeOf(world.clock, answer)).toBe(outcome);
    expect(await has(world, "a")).toBe(applied);
  });

  it("freezeMs before: the call arrives that much later", async () => {
    const world = await createWorld();
    await createTable(world);
    world.aws.faults.add(atCall(2, { freezeMs: 60_000 }));
    const answer = world.call("PutItem", put("a"), WORKER);
    await world.clock.advance(59_999);
    expect(await has(world, "a")).toBe(false);
    await world.clock.advance(1);
    expect(await has(world, "a")).toBe(true);
    expect(await outcomeOf(world.clock, answer)).toBe("answered");
  });

  it("freezeMs after: the call is applied now and answered that much later", async () => {
    const world = await createWorld();
    await createTable(world);
    world.aws.faults.add(atCall(2, { freezeMs: 60_000, when: "after" }));
    const answer = world.call("PutItem", put("a"), WORKER);
    expect(await has(world, "a")).toBe(true);
    expect(await outcomeOf(world.clock, answer)).toBe("pending");
    await world.clock.advance(60_000);
    expect(await outcomeOf(world.clock, answer)).toBe("answered");
  });

  it("a frozen sandbox that was killed meanwhile changes nothing any more", async () => {
    const world = await createWorld();
    await createTable(world);
    world.aws.faults.add(atCall(2, { freezeMs: 60_000 }));
    const answer = world.call("PutItem", put("a"), WORKER);
    world.aws.kill("w1");
    await world.clock.advance(120_000);
    expect(await has(world, "a")).toBe(false);
    expect(await outcomeOf(world.clock, answer)).toBe("pending");
  });

  it("a frozen sandbox calls nobody and hears nothing until it thaws; others are spared", async () => {
    const world = await createWorld();
    await createTable(world);
    world.aws.faults.add(atCall(2, { freezeMs: 10, when: "after" }));
    const answered = world.call("PutItem", put("a"), WORKER);
    world.aws.freeze("w1", 30_000);
    world.aws.freeze("w1", 1_000);
    const called = world.call("PutItem", put("b"), WORKER);
    const other = world.call("PutItem", put("c"), { name: "worker", sandboxId: "w2" });
    await world.clock.advance(29_999);
    expect(await outcomeOf(world.clock, answered)).toBe("pending");
    expect(await outcomeOf(world.clock, other)).toBe("answered");
    expect([await has(world, "a"), await has(world, "b"), await has(world, "c")]).toEqual([true, false, true]);
    await world.clock.advance(1);
    expect(await outcomeOf(world.clock, answered)).toBe("answered");
    expect(await outcomeOf(world.clock, called)).toBe("answered");
  });

  it("a crash kills every later call of the same sandbox, tells listeners once, and spares other sandboxes", async () => {
    const world = await createWorld();
    await createTable(world);
    const dead: string[] = [];
    const forget = world.aws.onCrash((sandboxId) => dead.push(sandboxId));
    world.aws.faults.add(atCall(2, "crash-before"));
    const answers = ["a", "b"].map((pk) => world.call("PutItem", put(pk), WORKER));
    const other = world.call("PutItem", put("c"), { name: "worker", sandboxId: "w2" });
    expect(await Promise.all(answers.map((answer) => outcomeOf(world.clock, answer)))).toEqual(["pending", "pending"]);
    expect(await outcomeOf(world.clock, other)).toBe("answered");
    expect([await has(world, "a"), await has(world, "b"), await has(world, "c")]).toEqual([false, false, true]);
    expect(dead).toEqual(["w1"]);
    forget();
    world.aws.kill("w2");
    expect(dead).toEqual(["w1"]);
  });

  it("a crash of a caller without a sandbox is a broken connection", async () => {
    const world = await createWorld();
    await createTable(world);
    world.aws.faults.add(atCall(2, "crash-after"));
    expect(await outcomeOf(world.clock, world.call("PutItem", put("a")))).toBe("refused TimeoutError");
    expect(await has(world, "a")).toBe(true);
  });

  it("rules see numbers, the first that names a fault decides, and they can be taken away", async () => {
    const world = await createWorld();
    await createTable(world);
    const seen: string[] = [];
    const remove = world.aws.faults.add((call) => {
      seen.push(`${call.index} ${call.caller.name}#${call.callerIndex} ${call.service}.${call.operation}`);
      return undefined;
    });
    const removeSecond = world.aws.faults.add(() => "drop");
    world.aws.faults.add(() => "throttle");
    expect(await outcomeOf(world.clock, world.call("PutItem", put("a"), WORKER))).toBe("refused TimeoutError");
    remove();
    removeSecond();
    expect(await outcomeOf(world.clock, world.call("PutItem", put("a"), WORKER))).toBe("refused ThrottlingException");
    world.aws.faults.clear();
    expect(await outcomeOf(world.clock, world.call("PutItem", put("a"), WORKER))).toBe("answered");
    expect(seen).toEqual(["2 worker#1 dynamodb.PutItem"]);
    expect(world.aws.faults.calls).toBe(4);
  });
});

describe("EmbeddedAws long polls", () => {
  const receive = (more: Input = {}): Input => ({ QueueUrl: QUEUE_URL, WaitTimeSeconds: 20, ...more });
  const send = (body: string, delaySeconds = 0): Input => ({
    QueueUrl: QUEUE_URL,
    MessageBody: body,
    DelaySeconds: delaySeconds,
  });

  async function createQueueWorld(attributes: Input = {}): Promise<World> {
    const world = await createWorld();
    await world.call("CreateQueue", { QueueName: "work", Attributes: attributes });
    return world;
  }

  it("a waiting receive is answered by a send, without time passing", async () => {
    const world = await createQueueWorld();
    const answer = world.call("ReceiveMessage", receive());
    expect(await outcomeOf(world.clock, answer)).toBe("pending");
    await world.call("SendMessage", send("hello"));
    expect(bodiesOf(await answer)).toEqual(["hello"]);
    expect(world.clock.monotonic()).toBe(0);
  });

  it("it is answered when a delayed message becomes visible, and empty after its wait", async () => {
    const world = await createQueueWorld();
    await world.call("SendMessage", send("late", 5));
    const first = world.call("ReceiveMessage", receive());
    expect(bodiesOf(await world.clock.advanceUntil(first, 60_000))).toEqual(["late"]);
    expect(world.clock.monotonic()).toBe(5_000);
    const second = world.call("ReceiveMessage", receive({ WaitTimeSeconds: 3 }));
    expect(bodiesOf(await world.clock.advanceUntil(second, 60_000))).toEqual([]);
    expect(world.clock.monotonic()).toBe(8_000);
  });

  it("the queue's own wait applies when the receive names none", async () => {
    const world = await createQueueWorld({ ReceiveMessageWaitTimeSeconds: "7" });
    const answer = world.call("ReceiveMessage", { QueueUrl: QUEUE_URL });
    await world.clock.advanceUntil(answer, 60_000);
    expect(world.clock.monotonic()).toBe(7_000);
  });

  it("an aborted wait takes no message with it", async () => {
    const world = await createQueueWorld();
    const abort = new AbortController();
    const aborted = world.call("ReceiveMessage", receive(), { name: "poller", signal: abort.signal });
    await world.clock.settle();
    abort.abort();
    await world.call("SendMessage", send("for the next"));
    expect(bodiesOf(await aborted)).toEqual([]);
    expect(bodiesOf(await world.call("ReceiveMessage", receive()))).toEqual(["for the next"]);
  });

  it("a sandbox killed while it waits takes no message with it", async () => {
    const world = await createQueueWorld();
    const answer = world.call("ReceiveMessage", receive(), WORKER);
    await world.clock.settle();
    world.aws.kill("w1");
    await world.call("SendMessage", send("for the next"));
    expect(bodiesOf(await world.call("ReceiveMessage", receive()))).toEqual(["for the next"]);
    await world.clock.advance(30_000);
    expect(await outcomeOf(world.clock, answer)).toBe("pending");
  });

  it("of two waiting receives one gets the one message", async () => {
    const world = await createQueueWorld();
    const answers = [1, 2].map(() => world.call("ReceiveMessage", receive({ WaitTimeSeconds: 4 })));
    await world.clock.settle();
    await world.call("SendMessage", send("one"));
    await world.clock.advance(4_000);
    expect((await Promise.all(answers)).map(bodiesOf)).toEqual([["one"], []]);
  });

  it("a wait is one request in the ledger, however often it looked", async () => {
    const world = await createQueueWorld();
    const mark = world.aws.ledger.mark();
    const answer = world.call("ReceiveMessage", receive({ WaitTimeSeconds: 1 }));
    await world.clock.advanceUntil(answer, 60_000);
    expect(world.aws.ledger.since(mark)).toMatchObject({ calls: 1, units: { sqsRequests: 1 } });
  });

  it("a wrong receive is refused at once", async () => {
    const world = await createQueueWorld();
    const bad = [
      receive({ WaitTimeSeconds: 21 }),
      { QueueUrl: "/0/none", WaitTimeSeconds: 20 },
      { QueueUrl: "/0/none" },
    ];
    const outcomes = await Promise.all(bad.map((input) => outcomeOf(world.clock, world.call("ReceiveMessage", input))));
    expect(outcomes).toEqual([
      "refused InvalidParameterValue",
      "refused QueueDoesNotExist",
      "refused QueueDoesNotExist",
    ]);
  });

  it("receiveWhenAvailable() waits without a timer, wakes for a send, a delay and a visibility timeout", async () => {
    const world = await createQueueWorld({ VisibilityTimeout: "30" });
    const abort = new AbortController();
    const next = (): Promise<string[]> =>
      world.aws
        .receiveWhenAvailable(QUEUE_URL, 10, { name: "mapping" }, abort.signal)
        .then((messages) => messages.map((message) => `${message.Body}@${world.clock.monotonic()}`));
    const first = next();
    await world.clock.advance(1_000_000_000);
    expect(world.clock.pendingTimers).toBe(0);
    await world.call("SendMessage", send("a"));
    expect(await first).toEqual(["a@1000000000"]);
    expect(await world.clock.advanceUntil(next(), 60_000)).toEqual(["a@1000030000"]);
    const third = next();
    await world.clock.settle();
    abort.abort();
    expect(await third).toEqual([]);
    expect(world.clock.pendingTimers).toBe(0);
  });

  it("receiveWhenAvailable() goes on after a refused or lost call", async () => {
    const world = await createQueueWorld();
    await world.call("SendMessage", send("a"));
    world.aws.faults.add((call) => (call.callerIndex <= 2 && call.caller.name === "mapping" ? "throttle" : undefined));
    const answer = world.aws.receiveWhenAvailable(QUEUE_URL, 1, { name: "mapping" }, new AbortController().signal);
    const messages = await world.clock.advanceUntil(answer, 10_000);
    expect(messages.map((message) => message.Body)).toEqual(["a"]);
  });
});

describe("EmbeddedAws ledger", () => {
  it("counts calls and units by caller and operation, and by run", async () => {
    const world = await createWorld();
    await createTable(world);
    world.aws.ledger.attributeBy((call) => {
      const key = JSON.stringify(call.input["Item"] ?? call.input["Key"] ?? "");
      return key.includes("shared") ? ["r1", "r2"] : key.includes("mine") ? "r1" : undefined;
    });
    const mark = world.aws.ledger.mark();
    await world.call("PutItem", put("mine"), WORKER);
    await world.call("PutItem", put("shared"), WORKER);
    await world.call("PutItem", put("mine"), WORKER).catch(() => undefined);
    await world.call("GetItem", { TableName: "runs", Key: { pk: { S: "mine" } }, ConsistentRead: true });
    const grown = world.aws.ledger.since(mark);
    expect(grown.rows.map((row) => [row.caller, row.operation, row.calls, row.units.writeUnits])).toEqual([
      ["worker", "PutItem", 3, 3],
      ["tester", "GetItem", 1, 0],
    ]);
    expect(grown.units).toMatchObject({ writeUnits: 3, readUnits: 1 });
    expect(world.aws.ledger.run("r1")).toMatchObject({ calls: 3.5, units: { writeUnits: 2.5, readUnits: 1 } });
    expect(world.aws.ledger.run("r2")).toMatchObject({ calls: 0.5, units: { writeUnits: 0.5 } });
    expect(world.aws.ledger.run("r3")).toBeUndefined();
    expect(world.aws.ledger.total().calls).toBe(5);
  });

  it("priceOf() is the list price in dollars", () => {
    expect(priceOf({ writeUnits: 11_000_000, indexWriteUnits: 2_000_000 })).toBeCloseTo(8.125, 9);
    expect(priceOf({ sqsRequests: 1e6, scheduleInvocations: 1e6, s3Puts: 1e6, s3Gets: 1e6 })).toBeCloseTo(6.8, 9);
    expect(priceOf({ readUnits: 1e6 })).toBeCloseTo(0.125, 9);
  });
});

describe("EmbeddedAws schedules", () => {
  const schedule = (name: string, expression: string, target: Input, more: Input = {}): Input => ({
    Name: name,
    ScheduleExpression: expression,
    FlexibleTimeWindow: { Mode: "OFF" },
    Target: { RoleArn: "arn:aws:iam::000000000000:role/scheduler", ...target },
    ...more,
  });
  const QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:work";

  async function createScheduleWorld(): Promise<World> {
    const world = await createWorld();
    await world.call("CreateQueue", { QueueName: "work" });
    return world;
  }

  const receiveAll = (world: World): Promise<Output> =>
    world.call("ReceiveMessage", { QueueUrl: QUEUE_URL, MaxNumberOfMessages: 10 });

  it("a schedule sends its input to a queue when it is due, not before", async () => {
    const world = await createScheduleWorld();
    await world.call("CreateSchedule", schedule("once", "at(2026-10-28T00:00:00)", { Arn: QUEUE_ARN, Input: "wake" }));
    await world.clock.advanceTo(Date.UTC(2026, 9, 28) - 1);
    expect(bodiesOf(await receiveAll(world))).toEqual([]);
    await world.clock.advance(1);
    expect(bodiesOf(await receiveAll(world))).toEqual(["wake"]);
    expect(world.clock.pendingTimers).toBe(0);
    expect(world.aws.ledger.total().units.scheduleInvocations).toBe(1);
  });

  it("the universal target sends what its input says, with its delay", async () => {
    const world = await createScheduleWorld();
    const input = JSON.stringify({ QueueUrl: "http://any/000000000000/work", MessageBody: "hi", DelaySeconds: 10 });
    const target = { Arn: "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", Input: input };
    await world.call("CreateSchedule", schedule("once", "at(2026-01-01T01:00:00)", target));
    await world.clock.advance(3_600_000 + 9_999);
    expect(bodiesOf(await receiveAll(world))).toEqual([]);
    await world.clock.advance(1);
    expect(bodiesOf(await receiveAll(world))).toEqual(["hi"]);
  });

  it("a recurring schedule invokes a Lambda function's listener", async () => {
    const world = await createScheduleWorld();
    const invoked: string[] = [];
    const arn = "arn:aws:lambda:us-east-1:000000000000:function:sweep";
    world.aws.onInvoke((targetArn, input) => {
      invoked.push(`${targetArn.split(":").at(-1)} ${input} @${world.clock.monotonic()}`);
    });
    await world.call("CreateSchedule", schedule("sweep", "rate(1 minute)", { Arn: arn, Input: '{"go":true}' }));
    await world.clock.advance(180_000);
    expect(invoked).toEqual([0, 60_000, 120_000, 180_000].map((atMs) => `sweep {"go":true} @${atMs}`));
  });

  it("a delivery that finds nothing is told, and the others still arrive", async () => {
    const world = await createScheduleWorld();
    const lost: string[] = [];
    world.aws.onUndelivered((error) => lost.push(error.message));
    const at = "at(2026-01-01T01:00:00)";
    await world.call("CreateSchedule", schedule("a", at, { Arn: `${QUEUE_ARN}-missing`, Input: "x" }));
    await world.call(
      "CreateSchedule",
      schedule("b", at, { Arn: "arn:aws:lambda:us-east-1:000000000000:function:f", Input: "{}" }),
    );
    await world.call("CreateSchedule", schedule("c", at, { Arn: QUEUE_ARN, Input: "arrives" }));
    await world.clock.advance(3_600_000);
    expect(bodiesOf(await receiveAll(world))).toEqual(["arrives"]);
    expect(lost.map((message) => /schedule "(\w)"/.exec(message)?.[1])).toEqual(["a", "b"]);
  });

  it("a delivery that fails goes to its dead-letter queue, if it has one", async () => {
    const world = await createScheduleWorld();
    const target = { Arn: `${QUEUE_ARN}-missing`, Input: "failed", DeadLetterConfig: { Arn: QUEUE_ARN } };
    await world.call("CreateSchedule", schedule("a", "at(2026-01-01T01:00:00)", target));
    await world.clock.advance(3_600_000);
    expect(bodiesOf(await receiveAll(world))).toEqual(["failed"]);
  });

  it("deliveries can be doubled and dropped by fault rules for scheduler.amazonaws.com", async () => {
    const world = await createScheduleWorld();
    const faults: (Fault | undefined)[] = ["double", "drop", undefined];
    world.aws.faults.add((call) =>
      call.caller.name === "scheduler.amazonaws.com" ? faults[call.callerIndex - 1] : undefined,
    );
    for (const name of ["a", "b", "c"]) {
      await world.call("CreateSchedule", schedule(name, "at(2026-01-01T01:00:00)", { Arn: QUEUE_ARN, Input: name }));
    }
    await world.clock.advance(3_600_000);
    expect(bodiesOf(await receiveAll(world))).toEqual(["a", "a", "c"]);
  });

  it("a schedule created inside a hold does not make the hold count as waiting", async () => {
    const world = await createScheduleWorld();
    const seen: number[] = [];
    const hold = world.clock.hold();
    hold.resume();
    const work = async (): Promise<void> => {
      await world.call("CreateSchedule", schedule("s", "at(2026-03-01T00:00:00)", { Arn: QUEUE_ARN, Input: "x" }));
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      seen.push(world.clock.monotonic());
      hold.pause();
    };
    hold.run(() => void work());
    await world.clock.advance(1_000);
    expect(seen).toEqual([0]);
  });

  it("an updated and a deleted schedule move the timer", async () => {
    const world = await createScheduleWorld();
    await world.call("CreateSchedule", schedule("s", "at(2026-01-01T01:00:00)", { Arn: QUEUE_ARN, Input: "early" }));
    await world.call("UpdateSchedule", schedule("s", "at(2026-01-01T02:00:00)", { Arn: QUEUE_ARN, Input: "later" }));
    expect(world.clock.nextTimerMs()).toBe(Date.UTC(2026, 0, 1, 2));
    await world.call("DeleteSchedule", { Name: "s" });
    expect(world.clock.pendingTimers).toBe(0);
  });
});
