/** Owns: making what carries messages and time: queues and their policies, schedule groups and schedules. */
import { CreateScheduleCommand, CreateScheduleGroupCommand } from "@aws-sdk/client-scheduler";
import type { CreateScheduleCommandInput } from "@aws-sdk/client-scheduler";
import { CreateQueueCommand } from "@aws-sdk/client-sqs";
import { readPolicy } from "../../aws/iam/policy.js";
import { queueArn, queueUrl } from "../../platform.js";
import { arn, physicalName, propertiesOf, type Maker } from "../resource.js";

const QUEUE_NUMBERS = [
  "DelaySeconds",
  "VisibilityTimeout",
  "MessageRetentionPeriod",
  "MaximumMessageSize",
  "ReceiveMessageWaitTimeSeconds",
] as const;

export const makeQueue: Maker = async (resource, world) => {
  const known = ["QueueName", "RedrivePolicy", "SqsManagedSseEnabled", "Tags", ...QUEUE_NUMBERS];
  const properties = propertiesOf(resource, known);
  const name = properties.text("QueueName") ?? physicalName(world, resource.logicalId, 80);
  const numbers = QUEUE_NUMBERS.flatMap((attribute): [string, string][] => {
    const value = properties.integer(attribute);
    return value === undefined ? [] : [[attribute, String(value)]];
  });
  const redrive = properties.raw("RedrivePolicy");
  const Attributes = {
    ...Object.fromEntries(numbers),
    ...(redrive === undefined ? {} : { RedrivePolicy: JSON.stringify(redrive) }),
  };
  await world.clients.sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
  const url = queueUrl(world.sqsEndpoint, name);
  return { ref: url, attributes: { Arn: queueArn(name), QueueName: name, QueueUrl: url } };
};

export const makeQueuePolicy: Maker = (resource, world) => {
  const properties = propertiesOf(resource, ["Queues", "PolicyDocument"]);
  const statements = readPolicy(properties.raw("PolicyDocument"), resource.logicalId);
  for (const url of properties.texts("Queues") ?? []) {
    world.iam.putResourcePolicy(queueArn(url.slice(url.lastIndexOf("/") + 1)), statements);
  }
  return { ref: resource.logicalId, attributes: {} };
};

export const makeScheduleGroup: Maker = async (resource, world) => {
  const properties = propertiesOf(resource, ["Name", "Tags"]);
  const name = properties.text("Name") ?? physicalName(world, resource.logicalId, 64);
  await world.clients.scheduler.send(new CreateScheduleGroupCommand({ Name: name }));
  return { ref: name, attributes: { Arn: arn("scheduler", `schedule-group/${name}`) } };
};

export const makeSchedule: Maker = async (resource, world) => {
  const known = ["Name", "GroupName", "Description", "ScheduleExpression", "ScheduleExpressionTimezone"];
  const properties = propertiesOf(resource, [...known, "FlexibleTimeWindow", "State", "Target"]);
  const name = properties.text("Name") ?? physicalName(world, resource.logicalId, 64);
  // The members are those of the API; the model reads them strictly.
  const input = { ...resource.properties, Name: name } as CreateScheduleCommandInput;
  await world.clients.scheduler.send(new CreateScheduleCommand(input));
  return { ref: name, attributes: { Arn: arn("scheduler", `schedule/${input.GroupName ?? "default"}/${name}`) } };
};
