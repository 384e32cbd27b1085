/**
 * Owns: what a table is declared to be: its keys, its indexes and what those project; reading it from CreateTable and showing
 * it in DescribeTable.
 * Must not: hold items. Modelled are on-demand tables with global secondary indexes of one partition and one sort key.
 */
import { isRecord } from "./attribute-codec.js";
import { invalidParameter, notModelled, unreadable, validation } from "./errors.js";
import { Request } from "./request.js";

export type KeyType = "S" | "N" | "B";

export interface KeyAttribute {
  readonly name: string;
  readonly type: KeyType;
}

export interface KeySchema {
  readonly partition: KeyAttribute;
  readonly sort: KeyAttribute | undefined;
}

export interface IndexDefinition {
  readonly name: string;
  readonly schema: KeySchema;
  readonly projection: "ALL" | "KEYS_ONLY" | "INCLUDE";
  readonly nonKeyAttributes: readonly string[];
}

export interface TableDefinition {
  readonly name: string;
  readonly schema: KeySchema;
  readonly indexes: readonly IndexDefinition[];
}

const KEY_TYPES: readonly KeyType[] = ["B", "N", "S"];
const MAX_INDEXES = 20;
const INDEX_NAME = /^[a-zA-Z0-9_.-]{3,255}$/;
const PARAMETERS = new Set(["TableName", "AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes"]);
const INDEX_PARAMETERS = new Set(["IndexName", "KeySchema", "Projection"]);

/** The attributes of a schema's keys, one or two. */
export function keyAttributes(schema: KeySchema): readonly KeyAttribute[] {
  return schema.sort === undefined ? [schema.partition] : [schema.partition, schema.sort];
}

export function readTableDefinition(input: unknown): TableDefinition {
  const request = new Request("CreateTable", input, PARAMETERS);
  if (!request.has("TableName")) {
    throw validation("The parameter 'TableName' is required but was not present in the request");
  }
  const name = request.tableName(3);
  const billing = request.choice("BillingMode", ["PROVISIONED", "PAY_PER_REQUEST"]);
  const types = readAttributeTypes(request);
  const elements = readKeyElements(request, "keySchema");
  request.refuseViolations();
  if (billing !== "PAY_PER_REQUEST")
    throw notModelled("CreateTable", "provisioned capacity", "BillingMode PAY_PER_REQUEST");
  const used = new Set<string>();
  const schema = readSchema(elements, types, used);
  const indexes = (request.list("GlobalSecondaryIndexes") ?? []).map((index) => readIndex(index, types, used));
  refuseIndexes(indexes);
  if (used.size !== types.size) {
    throw invalidParameter(
      "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
    );
  }
  return { name, schema, indexes };
}

function readAttributeTypes(request: Request): Map<string, KeyType> {
  const types = new Map<string, KeyType>();
  for (const [index, raw] of (request.list("AttributeDefinitions") ?? []).entries()) {
    if (!isRecord(raw) || typeof raw["AttributeName"] !== "string") {
      throw unreadable("AttributeDefinitions", "a list of names and types");
    }
    const type = KEY_TYPES.find((candidate) => candidate === raw["AttributeType"]);
    if (type !== undefined) types.set(raw["AttributeName"], type);
    else {
      const at = `attributeDefinitions.${index + 1}.member.attributeType`;
      request.violate(
        `Value '${String(raw["AttributeType"])}' at '${at}' failed to satisfy constraint: ` +
          `Member must satisfy enum value set: [${KEY_TYPES.join(", ")}]`,
      );
    }
  }
  return types;
}

interface KeyElement {
  name: string;
  role: "HASH" | "RANGE";
}

/** `place` is the list's name in a constraint message. */
function readKeyElements(request: Request, place: string): KeyElement[] {
  const elements: KeyElement[] = [];
  request.require("KeySchema");
  for (const [index, raw] of (request.list("KeySchema") ?? []).entries()) {
    if (!isRecord(raw) || typeof raw["AttributeName"] !== "string") {
      throw unreadable("KeySchema", "a list of names and key types");
    }
    const role = raw["KeyType"];
    if (role === "HASH" || role === "RANGE") elements.push({ name: raw["AttributeName"], role });
    else {
      request.violate(
        `Value '${String(role)}' at '${place}.${index + 1}.member.keyType' failed to satisfy constraint: ` +
          "Member must satisfy enum value set: [HASH, RANGE]",
      );
    }
  }
  return elements;
}

function readSchema(
  elements: readonly KeyElement[],
  types: ReadonlyMap<string, KeyType>,
  used: Set<string>,
): KeySchema {
  const [first, second, ...more] = elements;
  if (more.length > 0) throw notModelled("CreateTable", "a key of more than two attributes", "one HASH and one RANGE");
  if (first?.role !== "HASH") {
    throw invalidParameter("Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
  }
  if (second?.role === "HASH") {
    throw invalidParameter("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
  }
  if (second?.name === first.name) throw validation("Invalid KeySchema: Some index key attribute have no definition");
  const attribute = (element: KeyElement): KeyAttribute => {
    const type = types.get(element.name);
    if (type === undefined) {
      throw invalidParameter(
        "Some index key attributes are not defined in AttributeDefinitions. " +
          `Keys: [${element.name}], AttributeDefinitions: [${[...types.keys()].join(", ")}]`,
      );
    }
    used.add(element.name);
    return { name: element.name, type };
  };
  return { partition: attribute(first), sort: second === undefined ? undefined : attribute(second) };
}

function readIndex(input: unknown, types: ReadonlyMap<string, KeyType>, used: Set<string>): IndexDefinition {
  const request = new Request("CreateTable index", input, INDEX_PARAMETERS);
  const name = request.text("IndexName") ?? "";
  if (!INDEX_NAME.test(name)) {
    throw invalidParameter(`IndexName "${name}" must be 3 to 255 characters of [a-zA-Z0-9_.-]`);
  }
  const elements = readKeyElements(request, "globalSecondaryIndexes.keySchema");
  request.refuseViolations();
  return { name, schema: readSchema(elements, types, used), ...readProjection(request) };
}

function readProjection(request: Request): Pick<IndexDefinition, "projection" | "nonKeyAttributes"> {
  const raw = request.record("Projection");
  const type = raw?.["ProjectionType"];
  if (type !== "ALL" && type !== "KEYS_ONLY" && type !== "INCLUDE") {
    throw invalidParameter(`Unknown ProjectionType: ${String(type)}`);
  }
  const extra = raw?.["NonKeyAttributes"] ?? [];
  if (!Array.isArray(extra) || !extra.every((name) => typeof name === "string")) {
    throw unreadable("NonKeyAttributes", "a list of names");
  }
  if (type === "INCLUDE" && extra.length === 0) {
    throw invalidParameter("ProjectionType is INCLUDE, but NonKeyAttributes is not specified");
  }
  if (type !== "INCLUDE" && extra.length > 0) {
    throw invalidParameter(`ProjectionType is ${type}, but NonKeyAttributes is specified`);
  }
  return { projection: type, nonKeyAttributes: extra };
}

function refuseIndexes(indexes: readonly IndexDefinition[]): void {
  const names = new Set<string>();
  for (const { name } of indexes) {
    if (names.has(name)) throw invalidParameter(`Duplicate index name: ${name}`);
    names.add(name);
  }
  if (indexes.length <= MAX_INDEXES) return;
  throw invalidParameter(`GlobalSecondaryIndex count exceeds the per-table limit of ${MAX_INDEXES}`);
}

/** The parts of a TableDescription that follow from the definition. */
export function describeDefinition({ name, schema, indexes }: TableDefinition): Record<string, unknown> {
  const types = new Map<string, KeyType>();
  for (const { schema: each } of [{ schema }, ...indexes]) {
    for (const attribute of keyAttributes(each)) types.set(attribute.name, attribute.type);
  }
  return {
    TableName: name,
    AttributeDefinitions: [...types].map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
    KeySchema: describeSchema(schema),
  };
}

export function describeIndex(index: IndexDefinition): Record<string, unknown> {
  const include = index.projection === "INCLUDE" ? { NonKeyAttributes: [...index.nonKeyAttributes] } : {};
  return {
    IndexName: index.name,
    KeySchema: describeSchema(index.schema),
    Projection: { ProjectionType: index.projection, ...include },
  };
}

function describeSchema(schema: KeySchema): Record<string, unknown>[] {
  return keyAttributes(schema).map(({ name }, index) => ({
    AttributeName: name,
    KeyType: index === 0 ? "HASH" : "RANGE",
  }));
}
