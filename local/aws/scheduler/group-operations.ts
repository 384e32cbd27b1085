/**
 * Owns: the operations on schedule groups. The group `default` is always there.
 * Source: EventBridge Scheduler API reference, CreateScheduleGroup, GetScheduleGroup, DeleteScheduleGroup.
 */
import { Parameters } from "../input/parameters.js";
import { type CallContext, type Input, type Output } from "../model.js";
import { conflict, inputErrors, notFound, validationError } from "./errors.js";
import { checkedName, readClientToken } from "./schedule.js";
import type { Timetable } from "./timetable.js";

const DEFAULT_GROUP = "default";

function groupArn(name: string): string {
  return `arn:aws:scheduler:us-east-1:000000000000:schedule-group/${name}`;
}

function readGroupName(parameters: Parameters): string {
  return checkedName("name", parameters.requireText("Name"));
}

export function addDefaultGroup(timetable: Timetable): void {
  timetable.groups.set(DEFAULT_GROUP, { name: DEFAULT_GROUP, createdAtMs: 0, clientToken: null });
}

export function createScheduleGroup(timetable: Timetable, input: Input, context: CallContext): Output {
  const parameters = new Parameters("scheduler CreateScheduleGroup", input, ["Name", "ClientToken"], inputErrors);
  const name = readGroupName(parameters);
  const clientToken = readClientToken(parameters);
  const existing = timetable.groups.get(name);
  const isRepetition = clientToken !== null && existing?.clientToken === clientToken;
  if (existing !== undefined && !isRepetition) throw conflict("Schedule group", name);
  if (existing === undefined) timetable.groups.set(name, { name, createdAtMs: context.nowMs, clientToken });
  return { ScheduleGroupArn: groupArn(name) };
}

export function getScheduleGroup(timetable: Timetable, input: Input): Output {
  const name = readGroupName(new Parameters("scheduler GetScheduleGroup", input, ["Name"], inputErrors));
  const group = timetable.groups.get(name);
  if (group === undefined) throw notFound("Schedule group", name);
  const createdAt = new Date(group.createdAtMs);
  return {
    Arn: groupArn(name),
    Name: name,
    State: "ACTIVE",
    CreationDate: createdAt,
    LastModificationDate: new Date(createdAt),
  };
}

/** Takes the group's schedules with it; Scheduler does so over some minutes, the model at once. */
export function deleteScheduleGroup(timetable: Timetable, input: Input): Output {
  const parameters = new Parameters("scheduler DeleteScheduleGroup", input, ["Name", "ClientToken"], inputErrors);
  const name = readGroupName(parameters);
  readClientToken(parameters);
  if (name === DEFAULT_GROUP) throw validationError("The default schedule group cannot be deleted.");
  if (!timetable.groups.delete(name)) throw notFound("Schedule group", name);
  for (const schedule of timetable.schedules()) if (schedule.groupName === name) timetable.remove(schedule);
  return {};
}
