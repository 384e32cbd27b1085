/** Owns: a function's crons as recurring EventBridge schedules. A tick's run derives from the nominal time: one run per tick. */
import { createHash } from "node:crypto";
import { whileLoading } from "../../sdk/clock.js";
import type { FunctionConfig } from "../../sdk/protocol.js";
import { nameOf } from "../aws/failures.js";
import { untilKnown } from "../aws/until-known.js";
import { encodeMessage } from "../queue/messages.js";
import type { Services } from "../services.js";
import { parseCron, toSchedules } from "../timers/cron.js";
import { disarmTimer } from "../timers/timer.js";

export interface CronSchedule {
  name: string;
  expression: string;
  timezone: string;
  /** The message a tick puts on the events queue; Scheduler fills in the nominal time. */
  input: string;
}

/** The schedules a function's crons need: two for a cron that restricts both days, which Scheduler cannot say in one. */
export function cronSchedules(appId: string, config: FunctionConfig): CronSchedule[] {
  return config.triggers.flatMap((trigger) => {
    if (!("cron" in trigger)) return [];
    const { cron } = trigger;
    const input = encodeMessage({
      v: 1,
      kind: "cron",
      app: appId,
      fn: config.id,
      cron,
      at: "<aws.scheduler.scheduled-time>",
    });
    return toSchedules(parseCron(cron)).map(({ expression, timezone }) => ({
      name: scheduleName(appId, config.id, cron, expression),
      expression,
      timezone,
      input,
    }));
  });
}

/** The same function, cron and expression always have the same name. 64 characters at most (CreateSchedule, Name). */
function scheduleName(appId: string, functionId: string, cron: string, expression: string): string {
  const hash = createHash("sha256").update([appId, functionId, cron, expression].join("\n")).digest("base64url");
  return `cron-${hash}`;
}

export async function writeCronSchedule(services: Services, schedule: CronSchedule): Promise<void> {
  const { CreateScheduleCommand } = await whileLoading(services.clock, () => import("@aws-sdk/client-scheduler"));
  const command = new CreateScheduleCommand({
    Name: schedule.name,
    GroupName: services.settings.scheduleGroup,
    ScheduleExpression: schedule.expression,
    ScheduleExpressionTimezone: schedule.timezone,
    FlexibleTimeWindow: { Mode: "OFF" },
    Target: {
      Arn: services.settings.eventsQueueArn,
      RoleArn: services.settings.scheduleRoleArn,
      Input: schedule.input,
    },
  });
  try {
    await untilKnown(services, `create schedule "${schedule.name}"`, () => services.clients.scheduler.send(command));
  } catch (error) {
    // There already, and equal: the name is a hash of all that it says.
    if (nameOf(error) !== "ConflictException") throw error;
  }
}

export async function removeCronSchedule(services: Services, name: string): Promise<void> {
  await disarmTimer(services, name);
}
