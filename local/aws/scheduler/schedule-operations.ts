/**
 * Owns: the operations on schedules: create, update, get, delete, list.
 * Source: EventBridge Scheduler API reference, one page for each operation.
 */
import { Parameters } from "../input/parameters.js";
import { type CallContext, type Input, type Output } from "../model.js";
import { conflict, constraintError, inputErrors, notFound, validationError } from "./errors.js";
import {
  checkedName,
  DEFINITION_PARAMETERS,
  readClientToken,
  readDefinition,
  scheduleArn,
  scheduleOutput,
  summaryOutput,
  timingOf,
  type Schedule,
} from "./schedule.js";
import type { Timetable } from "./timetable.js";

const DEFAULT_GROUP = "default";
const MAX_LISTED = 100;

function parametersOf(operation: string, input: Input, known: readonly string[]): Parameters {
  return new Parameters(`scheduler ${operation}`, input, known, inputErrors);
}

interface ScheduleName {
  name: string;
  groupName: string;
}

function readName(parameters: Parameters): ScheduleName {
  const name = checkedName("name", parameters.requireText("Name"));
  return { name, groupName: checkedName("groupName", parameters.text("GroupName") ?? DEFAULT_GROUP) };
}

function requireSchedule(timetable: Timetable, { name, groupName }: ScheduleName): Schedule {
  const schedule = timetable.get(groupName, name);
  if (schedule === undefined) throw notFound("Schedule", name);
  return schedule;
}

/** True when the request is a repetition of the one that made the schedule. */
function isRepetition(existing: Schedule, token: string | null, definition: Schedule["definition"]): boolean {
  // Scheduler compares the requests of a token; both definitions come from the same reader, so their JSON is comparable.
  return token !== null && existing.clientToken === token && sameJson(existing.definition, definition);
}

function sameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

export function createSchedule(timetable: Timetable, input: Input, context: CallContext): Output {
  const parameters = parametersOf("CreateSchedule", input, DEFINITION_PARAMETERS);
  const { name, groupName } = readName(parameters);
  const clientToken = readClientToken(parameters);
  const definition = readDefinition(parameters, context.nowMs);
  if (!timetable.groups.has(groupName)) throw notFound("Schedule group", groupName);
  const existing = timetable.get(groupName, name);
  if (existing !== undefined) {
    if (isRepetition(existing, clientToken, definition)) return { ScheduleArn: scheduleArn(groupName, name) };
    throw conflict("Schedule", name);
  }
  const schedule: Schedule = {
    name,
    groupName,
    definition,
    timing: timingOf(definition, context.nowMs),
    createdAtMs: context.nowMs,
    modifiedAtMs: context.nowMs,
    clientToken,
    sequence: timetable.nextSequence,
    next: null,
  };
  timetable.nextSequence += 1;
  timetable.put(schedule);
  startOrForget(timetable, schedule, context);
  return { ScheduleArn: scheduleArn(groupName, name) };
}

/** A schedule whose first time cannot be told (it is not modelled) must not stay behind half made. */
function startOrForget(timetable: Timetable, schedule: Schedule, context: CallContext): void {
  try {
    timetable.start(schedule, context.nowMs, context.random);
  } catch (error) {
    timetable.remove(schedule);
    throw error;
  }
}

/** Replaces the whole definition: what the request leaves out goes back to its default. */
export function updateSchedule(timetable: Timetable, input: Input, context: CallContext): Output {
  const parameters = parametersOf("UpdateSchedule", input, DEFINITION_PARAMETERS);
  const scheduleName = readName(parameters);
  readClientToken(parameters);
  const definition = readDefinition(parameters, context.nowMs);
  const previous = requireSchedule(timetable, scheduleName);
  const timing = timingOf(definition, context.nowMs);
  const schedule: Schedule = { ...previous, definition, timing, modifiedAtMs: context.nowMs, next: null };
  timetable.put(schedule);
  try {
    timetable.start(schedule, context.nowMs, context.random);
  } catch (error) {
    timetable.put(previous);
    throw error;
  }
  return { ScheduleArn: scheduleArn(schedule.groupName, schedule.name) };
}

export function getSchedule(timetable: Timetable, input: Input): Output {
  const parameters = parametersOf("GetSchedule", input, ["Name", "GroupName"]);
  return scheduleOutput(requireSchedule(timetable, readName(parameters)));
}

export function deleteSchedule(timetable: Timetable, input: Input): Output {
  const parameters = parametersOf("DeleteSchedule", input, ["Name", "GroupName", "ClientToken"]);
  const scheduleName = readName(parameters);
  readClientToken(parameters);
  timetable.remove(requireSchedule(timetable, scheduleName));
  return {};
}

interface Listing {
  groupName: string | undefined;
  namePrefix: string;
  state: string | undefined;
  limit: number;
  afterKey: string;
}

function readListing(parameters: Parameters): Listing {
  const limit = parameters.integer("MaxResults") ?? MAX_LISTED;
  if (limit < 1 || limit > MAX_LISTED) {
    throw constraintError("maxResults", limit, `Member must have value between 1 and ${MAX_LISTED}`);
  }
  const state = parameters.text("State");
  if (state !== undefined && state !== "ENABLED" && state !== "DISABLED") {
    throw constraintError("state", state, "Member must satisfy enum value set: [ENABLED, DISABLED]");
  }
  const token = parameters.text("NextToken");
  const afterKey = Buffer.from(token ?? "", "base64").toString("utf8");
  if (token !== undefined && !afterKey.includes("/")) throw validationError("Invalid NextToken.");
  return {
    groupName: parameters.text("GroupName"),
    namePrefix: parameters.text("NamePrefix") ?? "",
    state,
    limit,
    afterKey,
  };
}

/** The position of the first key after `key`, by binary search. */
function positionAfter(keys: readonly string[], key: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] ?? "") > key) high = middle;
    else low = middle + 1;
  }
  return low;
}

function isListed(schedule: Schedule, listing: Listing): boolean {
  return (
    (listing.groupName === undefined || schedule.groupName === listing.groupName) &&
    (listing.state === undefined || schedule.definition.state === listing.state) &&
    schedule.name.startsWith(listing.namePrefix)
  );
}

export function listSchedules(timetable: Timetable, input: Input): Output {
  const known = ["GroupName", "NamePrefix", "State", "MaxResults", "NextToken"];
  const listing = readListing(parametersOf("ListSchedules", input, known));
  if (listing.groupName !== undefined && !timetable.groups.has(listing.groupName)) {
    throw notFound("Schedule group", listing.groupName);
  }
  const keys = timetable.sortedKeys();
  const found: Schedule[] = [];
  for (let index = positionAfter(keys, listing.afterKey); index < keys.length; index += 1) {
    const schedule = timetable.byKey(keys[index] ?? "");
    if (schedule === undefined || !isListed(schedule, listing)) continue;
    found.push(schedule);
    if (found.length > listing.limit) break;
  }
  const page = found.slice(0, listing.limit);
  const last = page.at(-1);
  const isCut = found.length > listing.limit && last !== undefined;
  return {
    Schedules: page.map(summaryOutput),
    ...(isCut && { NextToken: Buffer.from(`${last.groupName}/${last.name}`).toString("base64") }),
  };
}
