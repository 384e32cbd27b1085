/**
 * Goal: schedules in the Scheduler model are kept, refused, fired and completed as EventBridge Scheduler documents it.
 * Method: the model is driven directly; time is what the test says it is, and moves from one firing to the next.
 */
import { describe, expect, it } from "vitest";
import { NotModelledError, type Input, type Output } from "../../../local/aws/model.js";
import { SchedulerModel, type SchedulerModelOptions } from "../../../local/aws/scheduler/scheduler-model.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";

const QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:events";
const UNIVERSAL_ARN = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage";
const LAMBDA_ARN = "arn:aws:lambda:us-east-1:000000000000:function:sweep";
const ROLE_ARN = "arn:aws:iam::000000000000:role/scheduler";

function setup(options: SchedulerModelOptions & { model?: SchedulerModel } = {}) {
  const { model = new SchedulerModel(options) } = options;
  const random = seededRandom(1);
  const bench = {
    model,
    nowMs: Date.parse("2026-01-01T00:00:00Z"),
    invocations: 0,
    context: () => ({
      nowMs: bench.nowMs,
      random,
      meter: (units: { scheduleInvocations?: number }) => (bench.invocations += units.scheduleInvocations ?? 0),
    }),
    call: (operation: string, input: Input): Output => model.execute(operation, input, bench.context()),
    create: (more: Input = {}): Output => bench.call("CreateSchedule", { ...schedule(), ...more }),
    update: (more: Input = {}): Output => bench.call("UpdateSchedule", { ...schedule(), ...more }),
    get: (Name = "timer"): Output => bench.call("GetSchedule", { Name }),
    fire: (): string[] =>
      model.fireDue(bench.context()).map(({ scheduleName, scheduledAtMs }) => `${scheduleName} ${iso(scheduledAtMs)}`),
    /** Fires one after the other until a time, or until nothing is left. */
    fireUntil: (until: string): string[] => {
      const fired: string[] = [];
      for (;;) {
        const nextMs = model.nextFireAtMs();
        if (nextMs === null || nextMs > Date.parse(until)) return fired;
        bench.nowMs = Math.max(bench.nowMs, nextMs);
        fired.push(...bench.fire());
      }
    },
  };
  return bench;
}

const iso = (atMs: number): string => new Date(atMs).toISOString().slice(0, 19);

function schedule(): Input {
  return {
    Name: "timer",
    ScheduleExpression: "at(2026-01-01T12:00:00)",
    FlexibleTimeWindow: { Mode: "OFF" },
    Target: { Arn: QUEUE_ARN, RoleArn: ROLE_ARN, Input: "hello" },
  };
}

const target = (more: Input): Input => ({ Target: { Arn: QUEUE_ARN, RoleArn: ROLE_ARN, Input: "hello", ...more } });
const named = (name: string) => expect.objectContaining({ name });

describe("one-time schedules", () => {
  it("at() fires once, at its second, and stays unless it is to be deleted", () => {
    const scheduler = setup();
    expect(scheduler.create()).toEqual({
      ScheduleArn: "arn:aws:scheduler:us-east-1:000000000000:schedule/default/timer",
    });
    expect(iso(scheduler.model.nextFireAtMs() ?? 0)).toBe("2026-01-01T12:00:00");
    scheduler.nowMs = Date.parse("2026-01-01T11:59:59.999Z");
    expect(scheduler.fire()).toEqual([]);
    scheduler.nowMs += 1;
    expect(scheduler.fire()).toEqual(["timer 2026-01-01T12:00:00"]);
    expect(scheduler.fire()).toEqual([]);
    expect(scheduler.model.nextFireAtMs()).toBeNull();
    expect(scheduler.get()["State"]).toBe("ENABLED");
    expect(scheduler.invocations).toBe(1);
  });

  it("ActionAfterCompletion DELETE removes it, and its name is free again", () => {
    const scheduler = setup();
    scheduler.create({ ActionAfterCompletion: "DELETE" });
    expect(scheduler.fireUntil("2027-01-01T00:00Z")).toEqual(["timer 2026-01-01T12:00:00"]);
    expect(() => scheduler.get()).toThrow(named("ResourceNotFoundException"));
    scheduler.create({ ScheduleExpression: "at(2027-01-01T12:00:00)" });
  });

  it("is read in its time zone", () => {
    const scheduler = setup();
    scheduler.create({ ScheduleExpressionTimezone: "Europe/Paris" });
    expect(scheduler.fireUntil("2027-01-01T00:00Z")).toEqual(["timer 2026-01-01T11:00:00"]);
  });

  it("in the past it fires at once, however long nobody looked", () => {
    const scheduler = setup();
    scheduler.create({ ScheduleExpression: "at(2025-06-01T00:00:00)" });
    expect(scheduler.fire()).toEqual(["timer 2025-06-01T00:00:00"]);
  });

  it("a time its zone skips is not modelled, and leaves no schedule behind", () => {
    const scheduler = setup();
    const skipped = { ScheduleExpression: "at(2026-03-29T02:30:00)", ScheduleExpressionTimezone: "Europe/Paris" };
    expect(() => scheduler.create(skipped)).toThrow(NotModelledError);
    expect(() => scheduler.get()).toThrow(named("ResourceNotFoundException"));
    scheduler.create();
    expect(() => scheduler.update(skipped)).toThrow(NotModelledError);
    expect(scheduler.get()["ScheduleExpression"]).toBe("at(2026-01-01T12:00:00)");
    expect(scheduler.fireUntil("2027-01-01T00:00Z")).toEqual(["timer 2026-01-01T12:00:00"]);
  });
});

describe("recurring schedules", () => {
  it("rate() fires at once without a start, then evenly", () => {
    const scheduler = setup();
    scheduler.nowMs += 500;
    scheduler.create({ ScheduleExpression: "rate(5 minutes)" });
    expect(scheduler.fireUntil("2026-01-01T00:10:00Z")).toEqual([
      "timer 2026-01-01T00:00:00",
      "timer 2026-01-01T00:05:00",
      "timer 2026-01-01T00:10:00",
    ]);
  });

  it("rate() counts from its start, whatever the clocks do", () => {
    const scheduler = setup();
    scheduler.create({
      ScheduleExpression: "rate(1 day)",
      ScheduleExpressionTimezone: "Europe/Paris",
      StartDate: new Date("2026-03-28T08:00:00.700Z"),
      EndDate: new Date("2026-03-30T08:00:00Z"),
    });
    expect(scheduler.fireUntil("2027-01-01T00:00Z")).toEqual([
      "timer 2026-03-28T08:00:00",
      "timer 2026-03-29T08:00:00",
      "timer 2026-03-30T08:00:00",
    ]);
  });

  it("cron() keeps to start and end, and is deleted after the last time", () => {
    const scheduler = setup();
    scheduler.create({
      ScheduleExpression: "cron(0 9 * * ? *)",
      StartDate: new Date("2026-02-01T09:00:00Z"),
      EndDate: new Date("2026-02-03T08:59:59Z"),
      ActionAfterCompletion: "DELETE",
    });
    expect(scheduler.fireUntil("2027-01-01T00:00Z")).toEqual([
      "timer 2026-02-01T09:00:00",
      "timer 2026-02-02T09:00:00",
    ]);
    expect(() => scheduler.get()).toThrow(named("ResourceNotFoundException"));
  });

  it("a cron set up on its very minute fires from the next time on", () => {
    const scheduler = setup();
    scheduler.create({ ScheduleExpression: "cron(0 0 * * ? *)" });
    expect(scheduler.fireUntil("2026-01-02T00:00Z")).toEqual(["timer 2026-01-02T00:00:00"]);
  });

  it("times missed while nobody fired come one by one, back to the target's maximum age", () => {
    const scheduler = setup();
    const RetryPolicy = { MaximumEventAgeInSeconds: 7_200 };
    scheduler.create({ ScheduleExpression: "cron(0 * * * ? *)", ...target({ RetryPolicy }) });
    scheduler.create({ Name: "once" });
    scheduler.nowMs = Date.parse("2026-01-03T06:30:00Z");
    expect(scheduler.fire()).toEqual([
      // What was due first is delivered; what follows is passed over up to two hours before now.
      "timer 2026-01-01T01:00:00",
      "once 2026-01-01T12:00:00",
      "timer 2026-01-03T05:00:00",
      "timer 2026-01-03T06:00:00",
    ]);
    expect(iso(scheduler.model.nextFireAtMs() ?? 0)).toBe("2026-01-03T07:00:00");
  });

  it("a disabled schedule does not fire; enabled again it goes on from now", () => {
    const scheduler = setup();
    const hourly = { ScheduleExpression: "cron(0 * * * ? *)" };
    scheduler.create(hourly);
    scheduler.update({ ...hourly, State: "DISABLED" });
    expect(scheduler.model.nextFireAtMs()).toBeNull();
    scheduler.nowMs += 10 * 3_600_000;
    scheduler.update({ ...hourly, State: "ENABLED" });
    expect(iso(scheduler.model.nextFireAtMs() ?? 0)).toBe("2026-01-01T11:00:00");
  });

  it("fires in order of time, older schedules first", () => {
    const scheduler = setup();
    for (const Name of ["c", "a", "b"]) scheduler.create({ Name });
    scheduler.create({ Name: "early", ScheduleExpression: "at(2026-01-01T11:59:59)" });
    scheduler.nowMs = Date.parse("2026-01-01T12:00:00Z");
    const at = "2026-01-01T12:00:00";
    expect(scheduler.fire()).toEqual(["early 2026-01-01T11:59:59", `c ${at}`, `a ${at}`, `b ${at}`]);
  });
});

describe("what is refused", () => {
  it.each([
    "",
    "2026-01-01T12:00:00",
    "at(2026-01-01T12:00)",
    "at(2026-01-01T12:00:00Z)",
    "at(2026-01-01T12:00:00.000)",
    "at(2026-02-30T12:00:00)",
    "at(2026-01-01T24:00:00)",
    "at(2026-01-01 12:00:00)",
    "rate(0 minutes)",
    "rate(-1 minutes)",
    "rate(1.5 hours)",
    "rate(30 seconds)",
    "rate(1 weeks)",
    "cron(0 9 * * *)",
    "cron(0 9 * * MON *)",
    "cron()",
    `cron(${"0,".repeat(150)}0 9 * * ? *)`,
  ])("the expression %s", (ScheduleExpression) => {
    expect(() => setup().create({ ScheduleExpression })).toThrow(named("ValidationException"));
  });

  it.each([
    ["a name with a slash", { Name: "a/b" }],
    ["a name of 65 characters", { Name: "x".repeat(65) }],
    ["no name", { Name: undefined }],
    ["no target", { Target: undefined }],
    ["no window", { FlexibleTimeWindow: undefined }],
    ["an unknown time zone", { ScheduleExpressionTimezone: "Mars/Olympus" }],
    ["an unknown state", { State: "PAUSED" }],
    ["an unknown completion", { ActionAfterCompletion: "ARCHIVE" }],
    ["a token of 65 characters", { ClientToken: "x".repeat(65) }],
    ["a description of 513 characters", { Description: "x".repeat(513) }],
    ["a start long ago", { StartDate: new Date("2025-12-31T23:54:59Z") }],
    ["an end before the start", { StartDate: new Date("2026-02-01"), EndDate: new Date("2026-01-31") }],
    ["a target without a role", target({ RoleArn: undefined })],
    ["a role that is none", target({ RoleArn: "admin" })],
    ["a target that is no ARN", target({ Arn: "events" })],
    ["an empty input", target({ Input: "" })],
    ["an input over 256 KiB", target({ Input: "x".repeat(262_145) })],
    ["too many retries", target({ RetryPolicy: { MaximumRetryAttempts: 186 } })],
    ["too short an age", target({ RetryPolicy: { MaximumEventAgeInSeconds: 59 } })],
    ["a request that is no JSON", target({ Arn: UNIVERSAL_ARN })],
    ["a request without a queue", target({ Arn: UNIVERSAL_ARN, Input: '{"MessageBody":"x"}' })],
    ["a request without a body", target({ Arn: UNIVERSAL_ARN, Input: '{"QueueUrl":"x"}' })],
  ])("%s", (_what, more) => {
    const scheduler = setup();
    expect(() => scheduler.create(more)).toThrow(named("ValidationException"));
    expect(scheduler.call("ListSchedules", {})).toEqual({ Schedules: [] });
  });

  it.each([
    ["flexible windows", { FlexibleTimeWindow: { Mode: "FLEXIBLE", MaximumWindowInMinutes: 5 } }],
    ["KMS keys", { KmsKeyArn: "arn:aws:kms:us-east-1:000000000000:key/1" }],
    ["FIFO queues", target({ Arn: "arn:aws:sqs:us-east-1:000000000000:events.fifo" })],
    ["other targets", target({ Arn: "arn:aws:sns:us-east-1:000000000000:topic" })],
    ["SqsParameters", target({ SqsParameters: { MessageGroupId: "g" } })],
    ["other request fields", target({ Arn: UNIVERSAL_ARN, Input: '{"QueueUrl":"q","MessageBody":"x","X":1}' })],
  ])("%s are not modelled", (_what, more) => {
    expect(() => setup().create(more)).toThrow(NotModelledError);
  });

  it("operations that are not modelled", () => {
    expect(() => setup().call("TagResource", {})).toThrow(NotModelledError);
  });
});

describe("names and tokens", () => {
  it("the same name again conflicts; the same request with the same token is answered", () => {
    const scheduler = setup();
    const first = scheduler.create({ ClientToken: "t1" });
    expect(scheduler.create({ ClientToken: "t1" })).toEqual(first);
    expect(() => scheduler.create({ ClientToken: "t2" })).toThrow(
      expect.objectContaining({
        name: "ConflictException",
        message: "Schedule timer already exists.",
        statusCode: 409,
      }),
    );
    expect(() => scheduler.create({ ClientToken: "t1", Description: "other" })).toThrow(named("ConflictException"));
    expect(() => scheduler.create()).toThrow(named("ConflictException"));
  });

  it("Update, Get and Delete need an existing schedule", () => {
    const scheduler = setup();
    expect(() => scheduler.update()).toThrow(named("ResourceNotFoundException"));
    expect(() => scheduler.get()).toThrow(named("ResourceNotFoundException"));
    expect(() => scheduler.call("DeleteSchedule", { Name: "timer" })).toThrow(
      expect.objectContaining({ name: "ResourceNotFoundException", message: "Schedule timer does not exist." }),
    );
    scheduler.create();
    expect(scheduler.call("DeleteSchedule", { Name: "timer" })).toEqual({});
    expect(scheduler.model.nextFireAtMs()).toBeNull();
  });

  it("GetSchedule shows everything, defaults included", () => {
    const scheduler = setup();
    scheduler.create({ Description: "why", EndDate: new Date("2027-01-01T00:00:00Z") });
    expect(scheduler.get()).toEqual({
      Arn: "arn:aws:scheduler:us-east-1:000000000000:schedule/default/timer",
      Name: "timer",
      GroupName: "default",
      State: "ENABLED",
      CreationDate: new Date("2026-01-01T00:00:00Z"),
      LastModificationDate: new Date("2026-01-01T00:00:00Z"),
      ScheduleExpression: "at(2026-01-01T12:00:00)",
      ScheduleExpressionTimezone: "UTC",
      EndDate: new Date("2027-01-01T00:00:00Z"),
      Description: "why",
      Target: {
        Arn: QUEUE_ARN,
        RoleArn: ROLE_ARN,
        Input: "hello",
        RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
      },
      FlexibleTimeWindow: { Mode: "OFF" },
      ActionAfterCompletion: "NONE",
    });
  });

  it("UpdateSchedule replaces the whole definition and plans anew", () => {
    const scheduler = setup();
    scheduler.create({ Description: "why", ActionAfterCompletion: "DELETE" });
    scheduler.nowMs += 60_000;
    scheduler.update({ ScheduleExpression: "at(2026-01-02T00:00:00)" });
    const shown = scheduler.get();
    expect(shown).toMatchObject({ ActionAfterCompletion: "NONE", CreationDate: new Date("2026-01-01T00:00:00Z") });
    expect(shown["LastModificationDate"]).toEqual(new Date("2026-01-01T00:01:00Z"));
    expect(shown["Description"]).toBeUndefined();
    expect(scheduler.fireUntil("2027-01-01T00:00Z")).toEqual(["timer 2026-01-02T00:00:00"]);
  });
});

describe("groups", () => {
  it("hold schedules of their own names and take them along when deleted", () => {
    const scheduler = setup();
    expect(() => scheduler.create({ GroupName: "app" })).toThrow(named("ResourceNotFoundException"));
    expect(scheduler.call("CreateScheduleGroup", { Name: "app" })).toEqual({
      ScheduleGroupArn: "arn:aws:scheduler:us-east-1:000000000000:schedule-group/app",
    });
    scheduler.create({ GroupName: "app" });
    scheduler.create();
    expect(scheduler.call("GetSchedule", { Name: "timer", GroupName: "app" })["GroupName"]).toBe("app");
    scheduler.call("DeleteScheduleGroup", { Name: "app" });
    expect(scheduler.fireUntil("2027-01-01T00:00Z")).toEqual(["timer 2026-01-01T12:00:00"]);
    expect(() => scheduler.call("GetScheduleGroup", { Name: "app" })).toThrow(named("ResourceNotFoundException"));
  });

  it("conflict by name, unless the token is the same; the default group stays", () => {
    const scheduler = setup();
    scheduler.call("CreateScheduleGroup", { Name: "app", ClientToken: "t" });
    scheduler.call("CreateScheduleGroup", { Name: "app", ClientToken: "t" });
    expect(() => scheduler.call("CreateScheduleGroup", { Name: "app" })).toThrow(named("ConflictException"));
    expect(() => scheduler.call("DeleteScheduleGroup", { Name: "default" })).toThrow(named("ValidationException"));
    expect(scheduler.call("GetScheduleGroup", { Name: "app" })).toMatchObject({ Name: "app", State: "ACTIVE" });
    expect(() => scheduler.call("CreateScheduleGroup", { Name: "x", Tags: [] })).toThrow(NotModelledError);
  });
});

describe("listing", () => {
  it("pages through group, prefix and state in order of names", () => {
    const scheduler = setup();
    scheduler.call("CreateScheduleGroup", { Name: "app" });
    for (const Name of ["b2", "a1", "a3", "a2"]) scheduler.create({ Name, GroupName: "app" });
    scheduler.create({ Name: "a4" });
    scheduler.create({ Name: "a5", GroupName: "app", State: "DISABLED" });
    const list = (more: Input): Output => scheduler.call("ListSchedules", more);
    const names = (output: Output): unknown[] => (output["Schedules"] as Output[]).map((one) => one["Name"]);
    expect(names(list({}))).toEqual(["a1", "a2", "a3", "a5", "b2", "a4"]);
    expect(names(list({ State: "DISABLED" }))).toEqual(["a5"]);
    const filter = { GroupName: "app", NamePrefix: "a", MaxResults: 3 };
    const page = list(filter);
    expect(names(page)).toEqual(["a1", "a2", "a3"]);
    const rest = list({ ...filter, NextToken: page["NextToken"] });
    expect(names(rest)).toEqual(["a5"]);
    expect(rest["NextToken"]).toBeUndefined();
    expect(page["Schedules"]).toMatchObject([{ Target: { Arn: QUEUE_ARN }, State: "ENABLED" }, {}, {}]);
    expect(() => list({ MaxResults: 101 })).toThrow(named("ValidationException"));
    expect(() => list({ GroupName: "none" })).toThrow(named("ResourceNotFoundException"));
  });
});

describe("deliveries", () => {
  const deliver = (more: Input): Output[] => {
    const scheduler = setup();
    scheduler.create(more);
    scheduler.nowMs = Date.parse("2026-01-01T12:00:30Z");
    return scheduler.call("FireDue", {})["Deliveries"] as Output[];
  };

  it("carry target, names and nominal time", () => {
    expect(deliver({})).toMatchObject([
      {
        targetArn: QUEUE_ARN,
        input: "hello",
        scheduleName: "timer",
        groupName: "default",
        scheduledAtMs: Date.parse("2026-01-01T12:00:00Z"),
        roleArn: ROLE_ARN,
        deadLetterArn: null,
      },
    ]);
  });

  it("context attributes are replaced wherever they stand", () => {
    const names = ["schedule-arn", "scheduled-time", "execution-id", "attempt-number", "scheduled-time", "other"];
    const body = names.map((name) => `<aws.scheduler.${name}>`).join(" ");
    const [delivery] = deliver(
      target({ Arn: UNIVERSAL_ARN, Input: JSON.stringify({ QueueUrl: "q", MessageBody: body }) }),
    );
    const { MessageBody } = JSON.parse(String(delivery?.["input"])) as { MessageBody: string };
    expect(MessageBody).toMatch(
      /^arn:aws:scheduler:us-east-1:000000000000:schedule\/default\/timer 2026-01-01T12:00:00Z [0-9a-f]{32} 1 2026-01-01T12:00:00Z <aws.scheduler.other>$/,
    );
  });

  it("without Input, Scheduler's own notification is sent", () => {
    const [delivery] = deliver({ Target: { Arn: LAMBDA_ARN, RoleArn: ROLE_ARN } });
    expect(JSON.parse(String(delivery?.["input"]))).toMatchObject({
      "detail-type": "Scheduled Event",
      source: "aws.scheduler",
      account: "000000000000",
      region: "us-east-1",
      time: "2026-01-01T12:00:00Z",
      resources: ["arn:aws:scheduler:us-east-1:000000000000:schedule/default/timer"],
    });
  });

  it("may be late by what the behaviour says, and keep their nominal time", () => {
    const scheduler = setup({ lateness: () => 59_999 });
    scheduler.create({ ScheduleExpression: "cron(0 * * * ? *)" });
    expect(iso(scheduler.model.nextFireAtMs() ?? 0)).toBe("2026-01-01T01:00:59");
    expect(scheduler.fireUntil("2026-01-01T03:00:00Z")).toEqual([
      "timer 2026-01-01T01:00:00",
      "timer 2026-01-01T02:00:00",
    ]);
  });

  it("may come twice when the behaviour says so", () => {
    const scheduler = setup({ duplicateProbability: 1 });
    scheduler.create();
    expect(scheduler.fireUntil("2027-01-01T00:00Z")).toHaveLength(2);
  });
});

describe("snapshot", () => {
  it("a restored model shows and fires the same", () => {
    const scheduler = setup();
    scheduler.call("CreateScheduleGroup", { Name: "app" });
    scheduler.create({ ScheduleExpression: "rate(7 minutes)" });
    scheduler.create({ Name: "paris", GroupName: "app", ScheduleExpression: "cron(0 9 ? * MON *)" });
    scheduler.create({ Name: "off", State: "DISABLED" });
    scheduler.fireUntil("2026-01-02T00:00:00Z");
    const copy = setup();
    copy.nowMs = scheduler.nowMs;
    copy.model.restore(JSON.parse(JSON.stringify(scheduler.model.snapshot())));
    expect(copy.call("ListSchedules", {})).toEqual(scheduler.call("ListSchedules", {}));
    expect(copy.get()).toEqual(scheduler.get());
    const until = "2026-01-12T09:00:00Z";
    const fired = scheduler.fireUntil(until);
    expect(fired).toHaveLength(2_137);
    expect(copy.fireUntil(until)).toEqual(fired);
    copy.create({ Name: "later" });
  });

  it("FireDue repeated through execute leaves the same state", () => {
    const [live, replayed] = [setup(), setup()];
    for (const scheduler of [live, replayed]) {
      scheduler.create({ ScheduleExpression: "rate(1 hour)" });
      scheduler.create({ Name: "once", ActionAfterCompletion: "DELETE" });
      scheduler.nowMs += 13 * 3_600_000;
    }
    live.fire();
    replayed.call("FireDue", {});
    expect(replayed.model.snapshot()).toEqual(live.model.snapshot());
    expect(live.model.logged.has("FireDue")).toBe(true);
  });
});

describe("many schedules", () => {
  it("30,000 are created, half deleted, the rest fired in order", { timeout: 60_000 }, () => {
    const scheduler = setup();
    const count = 30_000;
    const at = (index: number): string => {
      const time = iso(Date.parse("2026-01-01T12:00:00Z") + ((index * 7_919) % count) * 1_000);
      return `at(${time})`;
    };
    for (let index = 0; index < count; index += 1) {
      scheduler.create({ Name: `t${index}`, ScheduleExpression: at(index), ActionAfterCompletion: "DELETE" });
    }
    for (let index = 0; index < count; index += 2) scheduler.call("DeleteSchedule", { Name: `t${index}` });
    const fired = scheduler.fireUntil("2027-01-01T00:00:00Z").map((line) => line.split(" ")[1] ?? "");
    expect(fired).toHaveLength(15_000);
    expect(fired.every((time, index) => index === 0 || time >= (fired[index - 1] ?? ""))).toBe(true);
    expect(scheduler.call("ListSchedules", {})).toEqual({ Schedules: [] });
  });
});
