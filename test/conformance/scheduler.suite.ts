/**
 * Goal: every EventBridge Scheduler the platform is tested on keeps and refuses schedules as Scheduler does.
 * Method: small named checks through the SDK's commands, only of what Scheduler guarantees. Firing is not checked here: it takes
 * minutes on the real service and emulators do not fire at all. Each check has names, or a group, of its own.
 */
import {
  CreateScheduleCommand,
  CreateScheduleGroupCommand,
  DeleteScheduleCommand,
  DeleteScheduleGroupCommand,
  GetScheduleCommand,
  GetScheduleGroupCommand,
  ListSchedulesCommand,
  UpdateScheduleCommand,
  type CreateScheduleCommandInput,
  type CreateScheduleCommandOutput,
} from "@aws-sdk/client-scheduler";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AwsClients } from "../../runtime/aws/clients.js";
import { realRandom } from "../../sdk/clock.js";

export interface SchedulerTarget {
  client: AwsClients["scheduler"];
  close(): Promise<void>;
}

const TIMEOUT_MS = 20_000;

const uniqueName = (): string => `conformance-${Buffer.from(realRandom.bytes(8)).toString("hex")}`;
const named = (name: string) => expect.objectContaining({ name });

/** Far ahead, so that nothing fires while the checks run. */
function scheduleInput(more: Partial<CreateScheduleCommandInput> = {}): CreateScheduleCommandInput {
  return {
    Name: uniqueName(),
    ScheduleExpression: "at(2099-01-01T12:00:00)",
    FlexibleTimeWindow: { Mode: "OFF" },
    Target: {
      Arn: "arn:aws:sqs:us-east-1:000000000000:conformance",
      RoleArn: "arn:aws:iam::000000000000:role/scheduler",
      Input: "hello",
    },
    ...more,
  };
}

interface SuiteContext {
  client(): AwsClients["scheduler"];
  create(more?: Partial<CreateScheduleCommandInput>): Promise<CreateScheduleCommandOutput>;
  newGroup(): Promise<string>;
}

export function schedulerConformance(setup: () => Promise<SchedulerTarget>): void {
  describe("Scheduler", { timeout: TIMEOUT_MS }, () => {
    let target: SchedulerTarget;
    beforeAll(async () => {
      target = await setup();
    });
    afterAll(() => target.close());

    const context: SuiteContext = {
      client: () => target.client,
      create: (more) => target.client.send(new CreateScheduleCommand(scheduleInput(more))),
      newGroup: async () => {
        const Name = uniqueName();
        await target.client.send(new CreateScheduleGroupCommand({ Name }));
        return Name;
      },
    };
    lifeChecks(context);
    changeChecks(context);
    tokenChecks(context);
    groupChecks(context);
    listChecks(context);
    expressionChecks(context);
    refusalChecks(context);
  });
}

function lifeChecks({ client, create }: SuiteContext): void {
  it("CreateSchedule answers an ARN of group and name", async () => {
    const Name = uniqueName();
    const { ScheduleArn } = await create({ Name });
    expect(ScheduleArn).toMatch(new RegExp(`^arn:aws:scheduler:[a-z0-9-]+:\\d{12}:schedule/default/${Name}$`));
  });

  it("GetSchedule shows what was created, with defaults", async () => {
    const Name = uniqueName();
    await create({ Name, Description: "why" });
    expect(await client().send(new GetScheduleCommand({ Name }))).toMatchObject({
      Name,
      GroupName: "default",
      ScheduleExpression: "at(2099-01-01T12:00:00)",
      ScheduleExpressionTimezone: "UTC",
      State: "ENABLED",
      Description: "why",
      ActionAfterCompletion: "NONE",
      FlexibleTimeWindow: { Mode: "OFF" },
      Target: { Arn: "arn:aws:sqs:us-east-1:000000000000:conformance", Input: "hello" },
    });
  });

  it("GetSchedule shows times as dates", async () => {
    const Name = uniqueName();
    const EndDate = new Date("2099-06-01T00:00:00Z");
    await create({ Name, ScheduleExpression: "rate(5 minutes)", EndDate, State: "DISABLED" });
    const shown = await client().send(new GetScheduleCommand({ Name }));
    expect(shown.CreationDate).toBeInstanceOf(Date);
    expect(shown.LastModificationDate).toBeInstanceOf(Date);
    expect(shown.EndDate).toEqual(EndDate);
  });

  it("GetSchedule shows the default retry policy", async () => {
    const Name = uniqueName();
    await create({ Name });
    const { Target } = await client().send(new GetScheduleCommand({ Name }));
    expect(Target?.RetryPolicy).toEqual({ MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 });
  });
}

function changeChecks({ client, create }: SuiteContext): void {
  it("CreateSchedule refuses a name that is taken", async () => {
    const Name = uniqueName();
    await create({ Name });
    await expect(create({ Name })).rejects.toThrow(named("ConflictException"));
  });

  it("UpdateSchedule replaces the whole definition", async () => {
    const Name = uniqueName();
    await create({ Name, Description: "why", ActionAfterCompletion: "DELETE" });
    const update = scheduleInput({ Name, ScheduleExpression: "at(2099-02-02T12:00:00)" });
    await client().send(new UpdateScheduleCommand(update));
    const shown = await client().send(new GetScheduleCommand({ Name }));
    expect(shown).toMatchObject({ ScheduleExpression: "at(2099-02-02T12:00:00)", ActionAfterCompletion: "NONE" });
    expect(shown.Description).toBeUndefined();
  });

  it("DeleteSchedule removes a schedule", async () => {
    const Name = uniqueName();
    await create({ Name });
    await client().send(new DeleteScheduleCommand({ Name }));
    await expect(client().send(new GetScheduleCommand({ Name }))).rejects.toThrow(named("ResourceNotFoundException"));
  });

  it("a schedule that does not exist is missed by get, update and delete", async () => {
    const Name = uniqueName();
    const missing = named("ResourceNotFoundException");
    await expect(client().send(new GetScheduleCommand({ Name }))).rejects.toThrow(missing);
    await expect(client().send(new DeleteScheduleCommand({ Name }))).rejects.toThrow(missing);
    await expect(client().send(new UpdateScheduleCommand(scheduleInput({ Name })))).rejects.toThrow(missing);
  });
}

function tokenChecks({ create }: SuiteContext): void {
  it("CreateSchedule repeated with its token is answered", async () => {
    const input = { Name: uniqueName(), ClientToken: uniqueName() };
    const first = await create(input);
    expect((await create(input)).ScheduleArn).toBe(first.ScheduleArn);
  });

  it("CreateSchedule with another token conflicts", async () => {
    const Name = uniqueName();
    await create({ Name, ClientToken: uniqueName() });
    await expect(create({ Name, ClientToken: uniqueName() })).rejects.toThrow(named("ConflictException"));
  });
}

function groupChecks({ client, create, newGroup }: SuiteContext): void {
  it("a group is created and found", async () => {
    const Name = await newGroup();
    expect(await client().send(new GetScheduleGroupCommand({ Name }))).toMatchObject({ Name, State: "ACTIVE" });
  });

  it("the default group is always there", async () => {
    const group = await client().send(new GetScheduleGroupCommand({ Name: "default" }));
    expect(group).toMatchObject({ Name: "default", State: "ACTIVE" });
  });

  it("a group's name is taken once", async () => {
    const Name = await newGroup();
    const again = client().send(new CreateScheduleGroupCommand({ Name }));
    await expect(again).rejects.toThrow(named("ConflictException"));
  });

  it("a group that does not exist is missed by get and by create", async () => {
    const Name = uniqueName();
    const missing = named("ResourceNotFoundException");
    await expect(client().send(new GetScheduleGroupCommand({ Name }))).rejects.toThrow(missing);
    await expect(create({ GroupName: Name })).rejects.toThrow(missing);
  });

  it("one name may be used in two groups", async () => {
    const Name = uniqueName();
    const GroupName = await newGroup();
    await create({ Name });
    await create({ Name, GroupName, Description: "in the group" });
    const shown = await client().send(new GetScheduleCommand({ Name, GroupName }));
    expect(shown.Description).toBe("in the group");
  });

  it("an empty group can be deleted", async () => {
    const Name = await newGroup();
    await client().send(new DeleteScheduleGroupCommand({ Name }));
  });
}

function listChecks({ client, create, newGroup }: SuiteContext): void {
  it("ListSchedules finds by group and by prefix", async () => {
    const GroupName = await newGroup();
    for (const Name of ["a1", "a2", "b1"]) await create({ Name, GroupName });
    const names = async (NamePrefix?: string): Promise<(string | undefined)[]> => {
      const input = { GroupName, ...(NamePrefix !== undefined && { NamePrefix }) };
      const { Schedules } = await client().send(new ListSchedulesCommand(input));
      return (Schedules ?? []).map((schedule) => schedule.Name).sort();
    };
    expect(await names()).toEqual(["a1", "a2", "b1"]);
    expect(await names("a")).toEqual(["a1", "a2"]);
  });

  it("ListSchedules goes page by page to the end", async () => {
    const GroupName = await newGroup();
    const expected = ["a", "b", "c", "d", "e"];
    for (const Name of expected) await create({ Name, GroupName });
    const found: (string | undefined)[] = [];
    let NextToken: string | undefined;
    do {
      const input = { GroupName, MaxResults: 2, ...(NextToken !== undefined && { NextToken }) };
      const page = await client().send(new ListSchedulesCommand(input));
      expect(page.Schedules?.length).toBeLessThanOrEqual(2);
      found.push(...(page.Schedules ?? []).map((schedule) => schedule.Name));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    expect(found.sort()).toEqual(expected);
  });
}

function expressionChecks({ client, create }: SuiteContext): void {
  it.each([
    "rate(5 minutes)",
    "rate(1 hour)",
    "cron(0 9 ? * MON-FRI *)",
    "cron(0/15 * * * ? *)",
    "cron(0 0 L * ? *)",
    "cron(0 0 15W * ? *)",
    "cron(0 0 ? * 6L *)",
    "cron(0 0 ? * 3#2 2099)",
  ])("takes %s", async (ScheduleExpression) => {
    const Name = uniqueName();
    const input = { Name, ScheduleExpression, ScheduleExpressionTimezone: "Europe/Paris", State: "DISABLED" } as const;
    await create(input);
    expect(await client().send(new GetScheduleCommand({ Name }))).toMatchObject(input);
  });

  it.each([
    "at(2099-01-01T12:00:00Z)",
    "at(2099-02-30T12:00:00)",
    "rate(0 minutes)",
    "rate(30 seconds)",
    "cron(0 9 * * *)",
    "cron(0 9 * * * *)",
    "cron(0 9 ? * ? *)",
    "cron(60 9 * * ? *)",
    "cron(0 9 ? * 8 *)",
    "every day",
  ])("refuses %s", async (ScheduleExpression) => {
    await expect(create({ ScheduleExpression })).rejects.toThrow(named("ValidationException"));
  });
}

function refusalChecks({ create }: SuiteContext): void {
  it("a name with other characters is refused", async () => {
    await expect(create({ Name: "with space" })).rejects.toThrow(named("ValidationException"));
  });

  it("a name of 65 characters is refused", async () => {
    await expect(create({ Name: "x".repeat(65) })).rejects.toThrow(named("ValidationException"));
  });

  it("an unknown time zone is refused", async () => {
    const ScheduleExpressionTimezone = "Mars/Olympus";
    await expect(create({ ScheduleExpressionTimezone })).rejects.toThrow(named("ValidationException"));
  });

  it("a start long ago is refused", async () => {
    const input = { ScheduleExpression: "rate(5 minutes)", StartDate: new Date("2020-01-01T00:00:00Z") };
    await expect(create(input)).rejects.toThrow(named("ValidationException"));
  });

  it("a retry policy out of bounds is refused", async () => {
    const { Target } = scheduleInput();
    if (Target === undefined) throw new Error("The input has a target");
    const input = { Target: { ...Target, RetryPolicy: { MaximumRetryAttempts: 186 } } };
    await expect(create(input)).rejects.toThrow(named("ValidationException"));
  });
}
