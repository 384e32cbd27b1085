/**
 * Owns: one write of one item, in three moves: read it from the call (everything the service refuses without looking at the
 * item), decide it against the stored item, commit it. A transaction makes each move for all its writes before the next.
 * Must not: change anything before `commitWrite`.
 */
import { decodeAttributes, encodeAttributes } from "./attribute-codec.js";
import { writeUnitsOf, type Consumption } from "./capacity.js";
import type { Engine } from "./engine.js";
import { conditionFailed, validation } from "./errors.js";
import { bindUpdate, type BoundUpdate } from "./expression/apply-update.js";
import { bind, type Bindings } from "./expression/bindings.js";
import { checkOperands } from "./expression/check-operands.js";
import { holds } from "./expression/evaluate-condition.js";
import type { Condition, Parsed } from "./expression/syntax.js";
import { keyOfItem, keyOfRequest, refuseIndexKeys, type ItemKey } from "./item-key.js";
import type { Request } from "./request.js";
import type { StoredItem } from "./secondary-index.js";
import { storedItem, type Table } from "./table.js";
import { keyAttributes } from "./table-definition.js";
import type { Attributes } from "./value.js";

const MAX_ITEM_BYTES = 400 * 1024;
const NO_ATTRIBUTES: Attributes = new Map();

type WriteAction = "put" | "update" | "delete" | "check";

/** A write as the call asks for it. */
export interface Write {
  readonly action: WriteAction;
  readonly target: Target;
  readonly update: BoundUpdate | undefined;
  /** Bytes of what the call brings, for a transaction's limit. */
  readonly givenBytes: number;
  /** What will be stored, given what is; undefined: nothing. */
  next(before: StoredItem | undefined): StoredItem | undefined;
}

/** A write held against the stored item. */
export interface Decision {
  readonly write: Write;
  readonly before: StoredItem | undefined;
  /** What will be stored; undefined: nothing. */
  readonly after: StoredItem | undefined;
  readonly isPermitted: boolean;
}

/** The item a write is about, and the condition it is under. */
class Target {
  readonly table: Table;
  readonly key: ItemKey;
  readonly answersOldOnFailure: boolean;
  private readonly condition: Parsed<Condition> | undefined;
  private readonly bindings: Bindings;

  constructor(
    request: Request,
    table: Table,
    key: ItemKey,
    condition: Parsed<Condition> | undefined,
    bindings: Bindings,
  ) {
    const onFailure = request.choice("ReturnValuesOnConditionCheckFailure", ["ALL_OLD", "NONE"]);
    request.refuseViolations();
    if (condition !== undefined) checkOperands(condition, bindings);
    this.table = table;
    this.key = key;
    this.answersOldOnFailure = onFailure === "ALL_OLD";
    this.condition = condition;
    this.bindings = bindings;
  }

  permits(item: Attributes): boolean {
    return this.condition === undefined || holds(this.condition.root, item, this.bindings);
  }
}

export function readPut(engine: Engine, request: Request): Write {
  const table = engine.table(request.tableName());
  const item = decodeAttributes(request.raw("Item"), "Item");
  const condition = readCondition(engine, request);
  const bindings = bind(request, ["ConditionExpression"], [condition]);
  const key = keyOfItem(table.definition.schema, item);
  refuseIndexKeys(table.definition.indexes, item, false);
  const stored = storedItem(key, item);
  if (stored.sizeBytes > MAX_ITEM_BYTES) throw validation("Item size has exceeded the maximum allowed size");
  const target = new Target(request, table, key, condition, bindings);
  return { action: "put", target, update: undefined, givenBytes: stored.sizeBytes, next: () => stored };
}

export function readDelete(engine: Engine, request: Request): Write {
  const target = readKeyed(engine, request);
  return { action: "delete", target, update: undefined, givenBytes: 0, next: () => undefined };
}

/** A condition alone, as only transactions have it. */
export function readCheck(engine: Engine, request: Request): Write {
  const target = readKeyed(engine, request);
  return { action: "check", target, update: undefined, givenBytes: 0, next: (before) => before };
}

function readKeyed(engine: Engine, request: Request): Target {
  const table = engine.table(request.tableName());
  const condition = readCondition(engine, request);
  const bindings = bind(request, ["ConditionExpression"], [condition]);
  const key = keyOfRequest(table.definition.schema, decodeAttributes(request.raw("Key"), "Key"));
  return new Target(request, table, key, condition, bindings);
}

export function readUpdate(engine: Engine, request: Request): Write {
  const table = engine.table(request.tableName());
  const keyValues = decodeAttributes(request.raw("Key"), "Key");
  const text = request.text("UpdateExpression");
  const parsed = text === undefined ? undefined : engine.expressions.update.get(text);
  const condition = readCondition(engine, request);
  const bindings = bind(request, ["UpdateExpression", "ConditionExpression"], [parsed, condition]);
  const keyNames = keyAttributes(table.definition.schema).map(({ name }) => name);
  const update = parsed === undefined ? undefined : bindUpdate(parsed, bindings, keyNames);
  const key = keyOfRequest(table.definition.schema, keyValues);
  const target = new Target(request, table, key, condition, bindings);
  const next = (before: StoredItem | undefined): StoredItem => {
    const from = before?.attributes ?? keyValues;
    const item = update === undefined ? from : update.apply(from);
    refuseIndexKeys(table.definition.indexes, item, true);
    const stored = storedItem(key, item);
    if (stored.sizeBytes > MAX_ITEM_BYTES)
      throw validation("Item size to update has exceeded the maximum allowed size");
    return stored;
  };
  return { action: "update", target, update, givenBytes: 0, next };
}

function readCondition(engine: Engine, request: Request): Parsed<Condition> | undefined {
  const text = request.text("ConditionExpression");
  return text === undefined ? undefined : engine.expressions.condition.get(text);
}

export function decideWrite(write: Write): Decision {
  const before = write.target.table.get(write.target.key);
  const isPermitted = write.target.permits(before?.attributes ?? NO_ATTRIBUTES);
  return { write, before, after: isPermitted ? write.next(before) : undefined, isPermitted };
}

/** Write units of one side of a transaction, or of a plain write: by the larger of the item before and after. */
export function decisionUnits({ before, after }: Decision): number {
  return writeUnitsOf(Math.max(before?.sizeBytes ?? 0, after?.sizeBytes ?? 0));
}

/** The stored item as a failed condition answers it, when asked to. */
export function oldOnFailure({ write, before }: Decision): Record<string, unknown> | undefined {
  return write.target.answersOldOnFailure && before !== undefined ? encodeAttributes(before.attributes) : undefined;
}

/** Stores what was decided and counts the indexes' writes. The table's own units are the caller's to count. */
export function commitWrite({ write, before, after }: Decision, consumption: Consumption): void {
  if (write.action === "check" || (before === undefined && after === undefined)) return;
  write.target.table.write(before, after, (name, units) => consumption.addIndex(name, units));
}

export function refusal(decision: Decision): Error {
  return conditionFailed(oldOnFailure(decision));
}
