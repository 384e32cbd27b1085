/**
 * Owns: waking a run at a time. Up to 15 minutes by an SQS delay; longer by a one-time schedule two minutes early and an
 * SQS delay for the exact rest (DESIGN §6). A timer that fires early, twice, late or after its run ended changes nothing.
 * One timer per run: the next thing due. Its name derives from run and time, so creating it twice is creating it once.
 */
import { createHash } from "node:crypto";
import { whileLoading } from "../../sdk/clock.js";
import { failureOf, nameOf } from "../aws/failures.js";
import { untilKnown } from "../aws/until-known.js";
import { appOfRun } from "../core/ids.js";
import { MAX_SQS_DELAY_MS, SCHEDULE_LEAD_MS, SCHEDULE_NEAREST_MS } from "../core/limits.js";
import { encodeMessage, type DispatchMessage, type WakeReason } from "../queue/messages.js";
import { sendMessage } from "../queue/send.js";
import type { Services } from "../services.js";

export interface Timer {
  name: string;
  /** When the schedule fires, ms since 1970. */
  atMs: number;
}

export interface WakeAt {
  run: string;
  fn: string;
  why: WakeReason;
  dueMs: number;
  trace?: string;
}

/**
 * Arms the run's next wake. Returns the schedule it rests on, or null when a delayed message carries it.
 * A schedule that cannot be created (throttled, refused) is no reason to fail: the due index wakes the run (PROTOCOL §5).
 */
export async function armTimer(services: Services, stepQueueUrl: string, wakeAt: WakeAt): Promise<Timer | null> {
  const nowMs = services.clock.now();
  const waitMs = wakeAt.dueMs - nowMs;
  if (waitMs <= MAX_SQS_DELAY_MS) {
    await sendMessage(services, stepQueueUrl, { v: 1, ...wakeAt }, Math.max(0, waitMs));
    return null;
  }
  const atMs = Math.max(wakeAt.dueMs - SCHEDULE_LEAD_MS, nowMs + SCHEDULE_NEAREST_MS);
  const timer: Timer = { name: timerName(wakeAt.run, wakeAt.dueMs), atMs };
  try {
    await createSchedule(services, timer, { v: 1, kind: "timer", app: appOfRun(wakeAt.run), ...wakeAt });
  } catch (error) {
    if (failureOf(error) === "refused" && nameOf(error) === "NotModelledError") throw error;
    services.metrics.count("TimersRefused", {
      message: `Cannot create schedule "${timer.name}" for run "${wakeAt.run}": the due index will wake it`,
      app: appOfRun(wakeAt.run),
      functionId: wakeAt.fn,
      about: { runId: wakeAt.run },
      error,
    });
    return null;
  }
  return timer;
}

/** Removes a timer that is no longer needed. One that has fired, or never was, is none to remove. */
export async function disarmTimer(services: Services, name: string): Promise<void> {
  const { DeleteScheduleCommand } = await whileLoading(services.clock, () => import("@aws-sdk/client-scheduler"));
  try {
    await untilKnown(services, `delete schedule "${name}"`, () =>
      services.clients.scheduler.send(
        new DeleteScheduleCommand({ Name: name, GroupName: services.settings.scheduleGroup }),
      ),
    );
  } catch (error) {
    if (nameOf(error) !== "ResourceNotFoundException") throw error;
  }
}

async function createSchedule(services: Services, timer: Timer, message: DispatchMessage): Promise<void> {
  const { CreateScheduleCommand } = await whileLoading(services.clock, () => import("@aws-sdk/client-scheduler"));
  try {
    await untilKnown(
      services,
      `create schedule "${timer.name}"`,
      () =>
        services.clients.scheduler.send(
          new CreateScheduleCommand({
            Name: timer.name,
            GroupName: services.settings.scheduleGroup,
            ScheduleExpression: `at(${new Date(timer.atMs).toISOString().slice(0, 19)})`,
            ScheduleExpressionTimezone: "UTC",
            FlexibleTimeWindow: { Mode: "OFF" },
            ActionAfterCompletion: "DELETE",
            Target: {
              Arn: services.settings.eventsQueueArn,
              RoleArn: services.settings.scheduleRoleArn,
              Input: encodeMessage(message),
            },
          }),
        ),
      { maxAttempts: 4 },
    );
  } catch (error) {
    // Created before, by this very wait: the name says so.
    if (nameOf(error) !== "ConflictException") throw error;
  }
}

/** 64 characters at most, of [0-9a-zA-Z-_.] (CreateSchedule, Name). */
function timerName(runId: string, dueMs: number): string {
  return createHash("sha256").update(`${runId}\n${dueMs}`).digest("base64url");
}
