/**
 * Owns: what happens when schedules are due: deliveries come out, recurring schedules move on, completed ones go.
 * After a time in which nobody fired (the machine was off), every missed time of a recurring schedule is delivered if it is
 * younger than the target's MaximumEventAge, as Scheduler would have gone on trying that long; one-time schedules always are.
 * Must not: deliver. Who fires must do so before, or in the same durable write as, the record of this call: a crash between
 * the two must not lose a timer that was taken out.
 */
import type { CallContext } from "../model.js";
import { nextRecurrence } from "./expression.js";
import { scheduleArn, type Schedule } from "./schedule.js";
import { deliveredInput } from "./target.js";
import type { Timetable } from "./timetable.js";

export interface Delivery {
  targetArn: string;
  /** With context attributes replaced: a message body, a SendMessage request as JSON, or a Lambda payload. */
  input: string;
  scheduleName: string;
  groupName: string;
  /** The nominal time. */
  scheduledAtMs: number;
  scheduleArn: string;
  executionId: string;
  roleArn: string;
  deadLetterArn: string | null;
}

function deliveryOf(schedule: Schedule, scheduledAtMs: number, context: CallContext): Delivery {
  const { target } = schedule.definition;
  const arn = scheduleArn(schedule.groupName, schedule.name);
  const executionId = Buffer.from(context.random.bytes(16)).toString("hex");
  return {
    targetArn: target.arn,
    input: deliveredInput(target, { scheduleArn: arn, scheduledAtMs, executionId, attemptNumber: 1 }),
    scheduleName: schedule.name,
    groupName: schedule.groupName,
    scheduledAtMs,
    scheduleArn: arn,
    executionId,
    roleArn: target.roleArn,
    deadLetterArn: target.deadLetterArn,
  };
}

/** The firing after the one at `firedMs`; what is too old to be delivered is passed over. */
function moveOn(timetable: Timetable, schedule: Schedule, firedMs: number, context: CallContext): void {
  const oldestMs = context.nowMs - schedule.definition.target.maximumEventAgeSeconds * 1_000;
  const nextMs = nextRecurrence(schedule.timing, Math.max(firedMs, oldestMs - 1));
  timetable.plan(schedule, nextMs, context.random);
  if (nextMs === null && schedule.definition.deleteAfterCompletion) timetable.remove(schedule);
}

function isDuplicated(timetable: Timetable, context: CallContext): boolean {
  const { duplicateProbability } = timetable.behaviour;
  return duplicateProbability > 0 && context.random.unit() < duplicateProbability;
}

/** Everything due at the call's time, in order. A recurring schedule comes once for each time that is due. */
export function fireDue(timetable: Timetable, context: CallContext): Delivery[] {
  const deliveries: Delivery[] = [];
  for (;;) {
    const schedule = timetable.takeDue(context.nowMs);
    if (schedule === undefined || schedule.next === null) break;
    const { scheduledAtMs } = schedule.next;
    const delivery = deliveryOf(schedule, scheduledAtMs, context);
    deliveries.push(delivery);
    if (isDuplicated(timetable, context)) deliveries.push(delivery);
    moveOn(timetable, schedule, scheduledAtMs, context);
  }
  context.meter({ scheduleInvocations: deliveries.length });
  return deliveries;
}
