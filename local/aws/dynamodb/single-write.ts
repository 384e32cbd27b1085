/** Owns: PutItem, UpdateItem and DeleteItem: one write, its bill, and the values it answers. */
import type { CallContext, Input, Output } from "../model.js";
import { encodeAttributes } from "./attribute-codec.js";
import { capacityDetail, consumedByOne, Consumption } from "./capacity.js";
import type { Engine } from "./engine.js";
import { validation } from "./errors.js";
import { project } from "./expression/projection.js";
import { Request } from "./request.js";
import type { StoredItem } from "./secondary-index.js";
import {
  commitWrite,
  decideWrite,
  decisionUnits,
  readDelete,
  readPut,
  readUpdate,
  refusal,
  type Decision,
} from "./write.js";

const COMMON = [
  "TableName",
  "ReturnValues",
  "ReturnConsumedCapacity",
  "ConditionExpression",
  "ExpressionAttributeNames",
  "ExpressionAttributeValues",
  "ReturnValuesOnConditionCheckFailure",
];
const PUT_PARAMETERS = new Set(["Item", ...COMMON]);
const DELETE_PARAMETERS = new Set(["Key", ...COMMON]);
const UPDATE_PARAMETERS = new Set(["Key", "UpdateExpression", ...COMMON]);

const RETURN_VALUES = ["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"] as const;
type ReturnValues = (typeof RETURN_VALUES)[number];

export function putItem(engine: Engine, input: Input, context: CallContext): Output {
  const request = new Request("PutItem", input, PUT_PARAMETERS);
  return writeItem(request, "Item", context, (answers) => {
    refuseNewValues(answers);
    return decideWrite(readPut(engine, request));
  });
}

export function deleteItem(engine: Engine, input: Input, context: CallContext): Output {
  const request = new Request("DeleteItem", input, DELETE_PARAMETERS);
  return writeItem(request, "Key", context, (answers) => {
    refuseNewValues(answers);
    return decideWrite(readDelete(engine, request));
  });
}

export function updateItem(engine: Engine, input: Input, context: CallContext): Output {
  const request = new Request("UpdateItem", input, UPDATE_PARAMETERS);
  return writeItem(request, "Key", context, () => decideWrite(readUpdate(engine, request)));
}

function writeItem(
  request: Request,
  required: string,
  context: CallContext,
  decide: (answers: ReturnValues) => Decision,
): Output {
  const tableName = request.tableName();
  const detail = capacityDetail(request);
  const answers = request.choice("ReturnValues", RETURN_VALUES) ?? "NONE";
  request.require(required);
  request.refuseViolations();
  const decision = decide(answers);
  const consumption = new Consumption(tableName);
  consumption.addTable(decisionUnits(decision));
  if (decision.isPermitted) commitWrite(decision, consumption);
  context.meter(consumption.asWrites());
  if (!decision.isPermitted) throw refusal(decision);
  return { ...answeredValues(decision, answers), ...consumedByOne(detail, consumption) };
}

function refuseNewValues(answers: ReturnValues): void {
  if (answers !== "NONE" && answers !== "ALL_OLD") throw validation("ReturnValues can only be ALL_OLD or NONE");
}

function answeredValues({ write, before, after }: Decision, answers: ReturnValues): Output {
  switch (answers) {
    case "NONE":
      return {};
    case "ALL_OLD":
      return before === undefined ? {} : { Attributes: encodeAttributes(before.attributes) };
    case "ALL_NEW":
      return after === undefined ? {} : { Attributes: encodeAttributes(after.attributes) };
    case "UPDATED_OLD":
      return updatedParts(before, write.update?.paths ?? []);
    case "UPDATED_NEW":
      return updatedParts(after, write.update?.paths ?? []);
  }
}

function updatedParts(item: StoredItem | undefined, paths: Parameters<typeof project>[1]): Output {
  if (item === undefined) return {};
  const parts = project(item.attributes, paths);
  return parts.size === 0 ? {} : { Attributes: encodeAttributes(parts) };
}
