/**
 * Owns: the REST-JSON protocol of EventBridge Scheduler: names in the path, paging and tokens in the query, the rest in the body,
 * timestamps as seconds since 1970.
 * Must not: check input; the model does.
 */
import type { AwsServiceError, Input } from "../model.js";
import { wireValue } from "./json-values.js";
import {
  jsonObject,
  unknownOperation,
  unreadableBody,
  type Protocol,
  type WireAnswer,
  type WireRequest,
} from "./protocol.js";

const MAX_BODY_BYTES = 1024 * 1024;

/** Query parameter → input member, by operation. */
const QUERY_MEMBERS: Record<string, Record<string, string>> = {
  CreateSchedule: {},
  UpdateSchedule: {},
  CreateScheduleGroup: {},
  GetSchedule: { groupName: "GroupName" },
  DeleteSchedule: { groupName: "GroupName", clientToken: "ClientToken" },
  GetScheduleGroup: {},
  DeleteScheduleGroup: { clientToken: "ClientToken" },
  ListSchedules: {
    ScheduleGroup: "GroupName",
    NamePrefix: "NamePrefix",
    State: "State",
    NextToken: "NextToken",
    MaxResults: "MaxResults",
  },
  ListScheduleGroups: { NamePrefix: "NamePrefix", NextToken: "NextToken", MaxResults: "MaxResults" },
};

const OPERATIONS: ReadonlyMap<string, string> = new Map([
  ["POST schedules name", "CreateSchedule"],
  ["PUT schedules name", "UpdateSchedule"],
  ["GET schedules name", "GetSchedule"],
  ["DELETE schedules name", "DeleteSchedule"],
  ["GET schedules", "ListSchedules"],
  ["POST schedule-groups name", "CreateScheduleGroup"],
  ["GET schedule-groups name", "GetScheduleGroup"],
  ["DELETE schedule-groups name", "DeleteScheduleGroup"],
  ["GET schedule-groups", "ListScheduleGroups"],
]);

const INTEGER_MEMBERS: ReadonlySet<string> = new Set(["MaxResults"]);
const TIMESTAMP_MEMBERS = ["StartDate", "EndDate"];

export const schedulerProtocol: Protocol = {
  maxBodyBytes: MAX_BODY_BYTES,
  read: (request) => {
    const { operation, name } = routeOf(request);
    return { operation, input: inputOf(request, operation, name) };
  },
  write: (_call, output) => answer(200, {}, output),
  writeError: (error: AwsServiceError) =>
    answer(error.statusCode, { "x-amzn-errortype": error.name }, { ...error.members, Message: error.message }),
};

function routeOf({ method, path }: WireRequest): { operation: string; name: string | undefined } {
  const [, collection = "", encodedName, ...rest] = path.split("/");
  const route = `${method} ${collection}${encodedName === undefined ? "" : " name"}`;
  const operation = OPERATIONS.get(route);
  if (operation === undefined || rest.length > 0) throw unknownOperation(`${method} ${path}`);
  return { operation, name: encodedName === undefined ? undefined : decoded(encodedName) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw unreadableBody("The path is not percent-encoded UTF-8");
  }
}

function inputOf(request: WireRequest, operation: string, name: string | undefined): Input {
  const input = jsonObject(request.body);
  if (name !== undefined) input["Name"] = name;
  const members = QUERY_MEMBERS[operation] ?? {};
  for (const [parameter, text] of request.query) {
    // A parameter we do not know goes through under its own name, for the model to refuse.
    const member = members[parameter] ?? parameter;
    input[member] = INTEGER_MEMBERS.has(member) ? Number(text) : text;
  }
  for (const member of TIMESTAMP_MEMBERS) {
    const seconds = input[member];
    if (typeof seconds === "number") input[member] = new Date(seconds * 1_000);
  }
  return input;
}

function answer(status: number, headers: Record<string, string>, content: object): WireAnswer {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(wireValue(content)),
  };
}
