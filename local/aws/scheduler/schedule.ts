/**
 * Owns: one schedule: what it is made of, how it is read from a request, and how it reads back.
 * Source: EventBridge Scheduler API reference, CreateSchedule.
 */
import type { Parameters } from "../input/parameters.js";
import { NotModelledError, type Output } from "../model.js";
import { constraintError, invalidExpression, validationError } from "./errors.js";
import { readExpression, type ScheduleExpression, type Timing } from "./expression.js";
import { readTarget, targetOutput, type Target } from "./target.js";
import { timeZone, type TimeZone } from "./time-zone.js";

export type ScheduleState = "ENABLED" | "DISABLED";

/** What a request sets, as plain JSON. */
export interface ScheduleDefinition {
  expression: string;
  zoneName: string;
  startMs: number | null;
  endMs: number | null;
  description: string | null;
  state: ScheduleState;
  target: Target;
  deleteAfterCompletion: boolean;
}

export interface Schedule {
  name: string;
  groupName: string;
  definition: ScheduleDefinition;
  /** The definition's expression, read. */
  timing: Timing;
  createdAtMs: number;
  modifiedAtMs: number;
  /** Of the request that created it: the same request again is answered, not refused. */
  clientToken: string | null;
  /** Ties between schedules that are due together go to the older one. */
  sequence: number;
  /** The next firing: when it is meant, and when it is delivered. Null: disabled, or completed. */
  next: { scheduledAtMs: number; dueAtMs: number } | null;
}

export const DEFINITION_PARAMETERS = [
  "Name",
  "GroupName",
  "ScheduleExpression",
  "ScheduleExpressionTimezone",
  "StartDate",
  "EndDate",
  "Description",
  "State",
  "Target",
  "FlexibleTimeWindow",
  "ActionAfterCompletion",
  "ClientToken",
];

const NAME = /^[0-9a-zA-Z-_.]{1,64}$/;
const CLIENT_TOKEN = /^[a-zA-Z0-9-_]{1,64}$/;
const MAX_EXPRESSION_CHARACTERS = 256;
const MAX_DESCRIPTION_CHARACTERS = 512;
const MAX_ZONE_CHARACTERS = 50;
const OLDEST_START_MS = 300_000;

export function checkedName(member: string, name: string): string {
  if (NAME.test(name)) return name;
  throw constraintError(
    member,
    name,
    "Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$ and length 64",
  );
}

export function readClientToken(parameters: Parameters): string | null {
  const token = parameters.text("ClientToken") ?? null;
  if (token === null || CLIENT_TOKEN.test(token)) return token;
  throw constraintError("clientToken", token, "Member must satisfy regular expression pattern: ^[a-zA-Z0-9-_]+$");
}

function oneOf<Value extends string>(
  parameters: Parameters,
  name: string,
  values: readonly [Value, ...Value[]],
): Value {
  const text = parameters.text(name) ?? values[0];
  const value = values.find((candidate) => candidate === text);
  if (value !== undefined) return value;
  throw constraintError(name, text, `Member must satisfy enum value set: [${values.join(", ")}]`);
}

function requireExactWindow(parameters: Parameters): void {
  const window = parameters.requireStructure("FlexibleTimeWindow", ["Mode", "MaximumWindowInMinutes"]);
  const mode = oneOf(window, "Mode", ["OFF", "FLEXIBLE"]);
  if (mode === "FLEXIBLE") {
    throw new NotModelledError(`Cannot answer ${parameters.where}: flexible time windows are not modelled`);
  }
  if (window.has("MaximumWindowInMinutes")) {
    throw validationError("MaximumWindowInMinutes must not be set when FlexibleTimeWindow is OFF.");
  }
}

function readDates(parameters: Parameters, nowMs: number): { startMs: number | null; endMs: number | null } {
  const wholeSeconds = (name: string): number | null => {
    const timeMs = parameters.timeMs(name);
    return timeMs === undefined ? null : Math.floor(timeMs / 1_000) * 1_000;
  };
  const startMs = wholeSeconds("StartDate");
  const endMs = wholeSeconds("EndDate");
  if (startMs !== null && startMs < nowMs - OLDEST_START_MS) {
    throw validationError("The StartDate you specify cannot be earlier than 5 minutes ago.");
  }
  if (endMs !== null && endMs <= (startMs ?? nowMs)) {
    throw validationError("The EndDate you specify must come after the StartDate you specify, and after now.");
  }
  return { startMs, endMs };
}

function requireExpression(text: string): ScheduleExpression {
  const expression = text.length <= MAX_EXPRESSION_CHARACTERS ? readExpression(text) : undefined;
  if (expression === undefined) throw invalidExpression(text);
  return expression;
}

function requireZone(name: string): TimeZone {
  const zone = name.length <= MAX_ZONE_CHARACTERS ? timeZone(name) : undefined;
  if (zone === undefined) throw validationError(`Invalid ScheduleExpressionTimezone ${name}.`);
  return zone;
}

export function readDefinition(parameters: Parameters, nowMs: number): ScheduleDefinition {
  const expression = parameters.requireText("ScheduleExpression");
  requireExpression(expression);
  const zoneName = parameters.text("ScheduleExpressionTimezone") ?? "UTC";
  requireZone(zoneName);
  requireExactWindow(parameters);
  const description = parameters.text("Description") ?? null;
  if ((description ?? "").length > MAX_DESCRIPTION_CHARACTERS) {
    throw constraintError("description", description, "Member must have length less than or equal to 512");
  }
  return {
    expression,
    zoneName,
    ...readDates(parameters, nowMs),
    description,
    state: oneOf(parameters, "State", ["ENABLED", "DISABLED"]),
    target: readTarget(parameters),
    deleteAfterCompletion: oneOf(parameters, "ActionAfterCompletion", ["NONE", "DELETE"]) === "DELETE",
  };
}

/** The definition's timing. `anchorMs` is where a rate without a start counts from. */
export function timingOf(definition: ScheduleDefinition, anchorMs: number): Timing {
  return {
    expression: requireExpression(definition.expression),
    zone: requireZone(definition.zoneName),
    startMs: definition.startMs,
    endMs: definition.endMs,
    anchorMs,
  };
}

export function scheduleArn(groupName: string, name: string): string {
  return `arn:aws:scheduler:us-east-1:000000000000:schedule/${groupName}/${name}`;
}

function summary(schedule: Schedule): Output {
  return {
    Arn: scheduleArn(schedule.groupName, schedule.name),
    Name: schedule.name,
    GroupName: schedule.groupName,
    State: schedule.definition.state,
    CreationDate: new Date(schedule.createdAtMs),
    LastModificationDate: new Date(schedule.modifiedAtMs),
  };
}

export function summaryOutput(schedule: Schedule): Output {
  return { ...summary(schedule), Target: { Arn: schedule.definition.target.arn } };
}

export function scheduleOutput(schedule: Schedule): Output {
  const { definition } = schedule;
  return {
    ...summary(schedule),
    ScheduleExpression: definition.expression,
    ScheduleExpressionTimezone: definition.zoneName,
    ...(definition.startMs !== null && { StartDate: new Date(definition.startMs) }),
    ...(definition.endMs !== null && { EndDate: new Date(definition.endMs) }),
    ...(definition.description !== null && { Description: definition.description }),
    Target: targetOutput(definition.target),
    FlexibleTimeWindow: { Mode: "OFF" },
    ActionAfterCompletion: definition.deleteAfterCompletion ? "DELETE" : "NONE",
  };
}
