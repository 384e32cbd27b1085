/**
 * Owns: Query on a table or an index: which entries lie in the asked range, how far one page goes, and where the next begins.
 * A page ends at `Limit` entries read (before the filter), or before the entry with which it would pass 1 MB.
 */
import type { CallContext, Input, Output } from "../model.js";
import { decodeAttributes, encodeAttributes } from "./attribute-codec.js";
import { capacityDetail, consumedByOne, Consumption, readUnitsOf } from "./capacity.js";
import type { Engine } from "./engine.js";
import { invalidParameter, validation } from "./errors.js";
import { bind, type Bindings } from "./expression/bindings.js";
import { checkOperands } from "./expression/check-operands.js";
import { holds } from "./expression/evaluate-condition.js";
import { keyRange, type KeyRange } from "./expression/key-condition.js";
import { project, projectionPaths } from "./expression/projection.js";
import type { Condition, Operand, Parsed, ResolvedPath } from "./expression/syntax.js";
import { identityOf, keyOfItem, keyValueOf } from "./item-key.js";
import type { OrderedEntries } from "./ordered-entries.js";
import { Request } from "./request.js";
import type { ReadableEntry, SecondaryIndex } from "./secondary-index.js";
import type { Table } from "./table.js";
import { keyAttributes, type KeySchema } from "./table-definition.js";
import { orderText, type Attributes, type Value } from "./value.js";

const MAX_PAGE_BYTES = 1024 * 1024;
const PARAMETERS = new Set([
  "TableName",
  "IndexName",
  "Select",
  "Limit",
  "ConsistentRead",
  "ScanIndexForward",
  "ExclusiveStartKey",
  "ReturnConsumedCapacity",
  "ProjectionExpression",
  "FilterExpression",
  "KeyConditionExpression",
  "ExpressionAttributeNames",
  "ExpressionAttributeValues",
]);
const SELECTIONS = ["SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"] as const;

/** What is queried: a table, or one of its indexes. */
interface Source {
  readonly table: Table;
  readonly index: SecondaryIndex | undefined;
  readonly schema: KeySchema;
}

interface Query {
  readonly source: Source;
  readonly range: KeyRange;
  readonly forward: boolean;
  readonly limit: number;
  readonly startAfter: Attributes | undefined;
  readonly isConsistent: boolean;
  accepts(item: Attributes): boolean;
  view(item: Attributes): Attributes;
}

export function query(engine: Engine, input: Input, context: CallContext): Output {
  const request = new Request("Query", input, PARAMETERS);
  const tableName = request.tableName();
  const detail = capacityDetail(request);
  const select = request.choice("Select", SELECTIONS);
  const limit = request.count("Limit") ?? Infinity;
  request.refuseViolations();
  const asked = readQuery(engine, request, select, limit);
  const page = readPage(asked);
  const consumption = new Consumption(tableName);
  const units = readUnitsOf(page.sizeBytes, asked.isConsistent);
  const { index } = asked.source;
  if (index === undefined) consumption.addTable(units);
  else consumption.addIndex(index.definition.name, units);
  context.meter(consumption.asReads());
  return {
    ...(select === "COUNT" ? {} : { Items: page.found.map((item) => encodeAttributes(asked.view(item))) }),
    Count: page.found.length,
    ScannedCount: page.scanned,
    ...(page.last === undefined ? {} : { LastEvaluatedKey: encodeAttributes(startKeyOf(page.last, asked.source)) }),
    ...consumedByOne(detail, consumption),
  };
}

function readQuery(engine: Engine, request: Request, select: string | undefined, limit: number): Query {
  const keyText = request.text("KeyConditionExpression");
  if (keyText === undefined) {
    throw validation("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.");
  }
  const { filter: filters, keyCondition, projection } = engine.expressions;
  const filterText = request.text("FilterExpression");
  const viewText = request.text("ProjectionExpression");
  const filter = filterText === undefined ? undefined : filters.get(filterText);
  const view = viewText === undefined ? undefined : projection.get(viewText);
  const keys = keyCondition.get(keyText);
  const bindings = bind(request, ["KeyConditionExpression"], [filter, view, keys]);
  const source = readSource(engine, request);
  refuseSelect(source, select, view !== undefined);
  const range = keyRange(keys, bindings, source.schema);
  checkOperands(keys, bindings);
  if (filter !== undefined) refuseFilter(filter, bindings, source.schema);
  const paths = view === undefined ? undefined : projectionPaths(view, bindings);
  if (paths !== undefined) refuseUnprojected(source, paths);
  const start = request.record("ExclusiveStartKey");
  return {
    source,
    range,
    limit,
    forward: request.has("ScanIndexForward") ? request.flag("ScanIndexForward") : true,
    startAfter: start === undefined ? undefined : readStartKey(start, source, range),
    isConsistent: request.flag("ConsistentRead"),
    accepts: (item) => filter === undefined || holds(filter.root, item, bindings),
    view: (item) => (paths === undefined ? item : project(item, paths)),
  };
}

function readSource(engine: Engine, request: Request): Source {
  const table = engine.table(request.tableName());
  const indexName = request.text("IndexName");
  if (indexName === undefined) return { table, index: undefined, schema: table.definition.schema };
  const index = table.index(indexName);
  if (index === undefined) throw validation(`The table does not have the specified index: ${indexName}`);
  if (request.flag("ConsistentRead")) {
    throw validation("Consistent reads are not supported on global secondary indexes");
  }
  const isStale = engine.options.staleIndexReads?.() ?? false;
  return { table, index: isStale ? table.staleIndex(index) : index, schema: index.definition.schema };
}

function refuseSelect({ index }: Source, select: string | undefined, hasProjection: boolean): void {
  if (select === "SPECIFIC_ATTRIBUTES" && !hasProjection) {
    throw validation(
      "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
    );
  }
  if (select !== undefined && select !== "SPECIFIC_ATTRIBUTES" && hasProjection) {
    const choice = select === "COUNT" ? "only the Count" : select;
    throw validation(`Cannot specify the ProjectionExpression when choosing to get ${choice}`);
  }
  if (select === "ALL_PROJECTED_ATTRIBUTES" && index === undefined) {
    throw invalidParameter("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName");
  }
  if (select === "ALL_ATTRIBUTES" && index !== undefined && index.definition.projection !== "ALL") {
    throw invalidParameter(
      `Select type ALL_ATTRIBUTES is not supported for global secondary index ${index.definition.name} ` +
        "because its projection type is not ALL",
    );
  }
}

function refuseFilter(filter: Parsed<Condition>, bindings: Bindings, schema: KeySchema): void {
  checkOperands(filter, bindings);
  const keyNames = keyAttributes(schema).map(({ name }) => name);
  const filtered = attributesOf(filter.root, bindings).find((name) => keyNames.includes(name));
  if (filtered === undefined) return;
  throw validation(`Filter Expression can only contain non-primary key attributes: Primary key attribute: ${filtered}`);
}

/** The top-level attributes a condition looks at. */
function attributesOf(condition: Condition, bindings: Bindings): string[] {
  const ofOperand = (operand: Operand): string[] => {
    if (operand.kind === "value") return [];
    return operand.kind === "size" ? ofOperand(operand.of) : [String(bindings.resolve(operand.path)[0])];
  };
  switch (condition.kind) {
    case "and":
    case "or":
      return [...attributesOf(condition.left, bindings), ...attributesOf(condition.right, bindings)];
    case "not":
      return attributesOf(condition.inner, bindings);
    case "compare":
      return [condition.left, condition.right].flatMap(ofOperand);
    case "between":
      return [condition.operand, condition.lower, condition.upper].flatMap(ofOperand);
    case "in":
      return [condition.operand, ...condition.candidates].flatMap(ofOperand);
    case "begins_with":
      return [condition.operand, condition.prefix].flatMap(ofOperand);
    case "contains":
      return [condition.operand, condition.element].flatMap(ofOperand);
    default:
      return ofOperand({ kind: "path", path: condition.path });
  }
}

function refuseUnprojected({ index }: Source, paths: readonly ResolvedPath[]): void {
  if (index === undefined) return;
  const missing = [...new Set(paths.map(([first]) => String(first)))].filter((name) => !index.projects(name));
  if (missing.length === 0) return;
  throw invalidParameter(`Global secondary index ${index.definition.name} does not project [${missing.join(", ")}]`);
}

/** A start key must be one that an earlier page of this very query could have ended with. */
function readStartKey(raw: Record<string, unknown>, source: Source, range: KeyRange): Attributes {
  const key = decodeAttributes(raw, "ExclusiveStartKey");
  const names = keyNamesOf(source);
  const schemas = [source.table.definition.schema, source.schema];
  const isTyped = schemas.every((schema) => keyAttributes(schema).every((each) => keyValueOf(key, each) !== undefined));
  if (key.size !== names.size || !isTyped) throw validation("The provided starting key is invalid");
  const place = placeOf(key, source);
  if (place.partition !== range.partition) {
    throw validation("The provided starting key is outside query boundaries based on provided conditions");
  }
  if (range.isBelow(place.sort) || range.isAbove(place.sort)) {
    throw validation("The provided starting key does not match the range key predicate");
  }
  return key;
}

/** The names in a start key: those of the table's key and, for an index, of its own. */
function keyNamesOf({ table, schema }: Source): Set<string> {
  return new Set([...keyAttributes(table.definition.schema), ...keyAttributes(schema)].map(({ name }) => name));
}

function placeOf(key: Attributes, { table, index, schema }: Source): { partition: string; sort: string; tie: string } {
  const text = (value: ReturnType<typeof keyValueOf>): string => (value === undefined ? "" : orderText(value));
  return {
    partition: text(keyValueOf(key, schema.partition)),
    sort: schema.sort === undefined ? "" : text(keyValueOf(key, schema.sort)),
    tie: index === undefined ? "" : identityOf(keyOfItem(table.definition.schema, key)),
  };
}

interface Page {
  found: Attributes[];
  scanned: number;
  sizeBytes: number;
  /** The last item read, when the page ended before the range did or exactly at `Limit`. */
  last: Attributes | undefined;
}

function readPage(asked: Query): Page {
  const { range } = asked;
  const { table, index } = asked.source;
  const entries: OrderedEntries<ReadableEntry> | undefined =
    index === undefined ? table.partition(range.partition) : index.partition(range.partition);
  const page: Page = { found: [], scanned: 0, sizeBytes: 0, last: undefined };
  if (entries === undefined) return page;
  let latest: Attributes | undefined;
  for (const position of positions(entries, asked)) {
    const entry = entries.at(position);
    if (entry === undefined) break;
    const isFull = page.scanned > 0 && page.sizeBytes + entry.sizeBytes > MAX_PAGE_BYTES;
    if (isFull) return { ...page, last: latest };
    page.scanned += 1;
    page.sizeBytes += entry.sizeBytes;
    latest = entry.attributes;
    if (asked.accepts(entry.attributes)) page.found.push(entry.attributes);
    // As the real service: a page that ends at its Limit names a key to go on from even when nothing follows.
    if (page.scanned === asked.limit) return { ...page, last: latest };
  }
  return page;
}

function* positions(entries: OrderedEntries<ReadableEntry>, asked: Query): Iterable<number> {
  let { start, end } = entries.range(asked.range.isBelow, asked.range.isAbove);
  const after = asked.startAfter === undefined ? undefined : placeOf(asked.startAfter, asked.source);
  if (asked.forward) {
    if (after !== undefined) start = Math.max(start, entries.firstAfter(after));
    for (let position = start; position < end; position += 1) yield position;
  } else {
    if (after !== undefined) end = Math.min(end, entries.firstNotBefore(after));
    for (let position = end - 1; position >= start; position -= 1) yield position;
  }
}

function startKeyOf(item: Attributes, source: Source): Attributes {
  const key = new Map<string, Value>();
  for (const name of keyNamesOf(source)) {
    const value = item.get(name);
    if (value !== undefined) key.set(name, value);
  }
  return key;
}
