/** Owns: GetItem, and reading a ProjectionExpression for every operation that has one. */
import type { CallContext, Input, Output } from "../model.js";
import { decodeAttributes, encodeAttributes } from "./attribute-codec.js";
import { capacityDetail, consumedByOne, Consumption, readUnitsOf } from "./capacity.js";
import type { Engine } from "./engine.js";
import { bind } from "./expression/bindings.js";
import { project, projectionPaths } from "./expression/projection.js";
import { keyOfRequest } from "./item-key.js";
import { Request } from "./request.js";
import type { Attributes } from "./value.js";

const PARAMETERS = new Set([
  "TableName",
  "Key",
  "ConsistentRead",
  "ReturnConsumedCapacity",
  "ProjectionExpression",
  "ExpressionAttributeNames",
]);

export function getItem(engine: Engine, input: Input, context: CallContext): Output {
  const request = new Request("GetItem", input, PARAMETERS);
  const tableName = request.tableName();
  const detail = capacityDetail(request);
  request.require("Key");
  request.refuseViolations();
  const view = readProjection(engine, request);
  const table = engine.table(tableName);
  const item = table.get(keyOfRequest(table.definition.schema, decodeAttributes(request.raw("Key"), "Key")));
  const consumption = new Consumption(tableName);
  consumption.addTable(readUnitsOf(item?.sizeBytes ?? 0, request.flag("ConsistentRead")));
  context.meter(consumption.asReads());
  const found = item === undefined ? {} : { Item: encodeAttributes(view(item.attributes)) };
  return { ...found, ...consumedByOne(detail, consumption) };
}

/** What the caller wants to see of an item: all of it, or what its ProjectionExpression names. */
export function readProjection(engine: Engine, request: Request): (item: Attributes) => Attributes {
  const text = request.text("ProjectionExpression");
  const parsed = text === undefined ? undefined : engine.expressions.projection.get(text);
  const bindings = bind(request, ["ProjectionExpression"], [parsed]);
  if (parsed === undefined) return (item) => item;
  const paths = projectionPaths(parsed, bindings);
  return (item) => project(item, paths);
}
