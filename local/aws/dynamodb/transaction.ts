/**
 * Owns: TransactWriteItems: every write is read, then every write is decided against the stored items, then all are committed
 * or none is. The model is synchronous, so there is never a conflict with another transaction.
 */
import { AwsServiceError, type CallContext, type Input, type Output } from "../model.js";
import { capacityDetail, consumedByMany, Consumption, readUnitsOf } from "./capacity.js";
import type { Engine } from "./engine.js";
import { validation } from "./errors.js";
import { identityOf } from "./item-key.js";
import { Request } from "./request.js";
import { fingerprintOf } from "./transaction-tokens.js";
import {
  commitWrite,
  decideWrite,
  decisionUnits,
  oldOnFailure,
  readCheck,
  readDelete,
  readPut,
  readUpdate,
  type Decision,
  type Write,
} from "./write.js";

const PARAMETERS = new Set(["TransactItems", "ClientRequestToken", "ReturnConsumedCapacity"]);
const ACTIONS = new Set(["ConditionCheck", "Put", "Delete", "Update"]);
const COMMON = [
  "TableName",
  "ConditionExpression",
  "ExpressionAttributeNames",
  "ExpressionAttributeValues",
  "ReturnValuesOnConditionCheckFailure",
];
const PUT_PARAMETERS = new Set(["Item", ...COMMON]);
const KEYED_PARAMETERS = new Set(["Key", ...COMMON]);
const UPDATE_PARAMETERS = new Set(["Key", "UpdateExpression", ...COMMON]);

const MAX_ACTIONS = 100;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_TOKEN_LENGTH = 36;
/** One unit to prepare and one to commit, for each unit the item has. */
const TRANSACTION_FACTOR = 2;

interface CancellationReason {
  Code: string;
  Message?: string;
  Item?: Record<string, unknown>;
}

export function transactWriteItems(engine: Engine, input: Input, context: CallContext): Output {
  const request = new Request("TransactWriteItems", input, PARAMETERS);
  const detail = capacityDetail(request);
  const token = readToken(request);
  const actions = request.list("TransactItems") ?? [];
  refuseCount(request, actions.length);
  request.refuseViolations();
  const writes = actions.map((action) => readAction(engine, action));
  refuseRepeatedItems(writes);
  refuseSize(writes);
  const fingerprint = token === undefined ? "" : fingerprintOf(actions);
  if (token !== undefined && engine.tokens.isReplay(token, fingerprint, context.nowMs)) {
    return answerReplay(writes, detail, context);
  }
  const consumptions = commitAll(writes, context);
  if (token !== undefined) engine.tokens.remember(token, fingerprint, context.nowMs);
  return consumedByMany(detail, consumptions.values());
}

function readToken(request: Request): string | undefined {
  const token = request.text("ClientRequestToken");
  if (token === undefined) return undefined;
  const at = `Value '${token}' at 'clientRequestToken' failed to satisfy constraint: Member must have length`;
  if (token.length < 1) request.violate(`${at} greater than or equal to 1`);
  if (token.length > MAX_TOKEN_LENGTH) request.violate(`${at} less than or equal to ${MAX_TOKEN_LENGTH}`);
  return token;
}

function refuseCount(request: Request, count: number): void {
  request.require("TransactItems");
  if (request.has("TransactItems") && count === 0) {
    request.violate(
      "Value '[]' at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1",
    );
  }
  if (count > MAX_ACTIONS) {
    request.violate(
      `Value '[TransactWriteItem, …]' at 'transactItems' failed to satisfy constraint: ` +
        `Member must have length less than or equal to ${MAX_ACTIONS}`,
    );
  }
}

function readAction(engine: Engine, raw: unknown): Write {
  const item = new Request("TransactWriteItems item", raw, ACTIONS);
  const given = [...ACTIONS].filter((name) => item.has(name));
  const [action] = given;
  if (given.length !== 1) throw validation("TransactItems can only contain one of Check, Put, Update or Delete");
  switch (action) {
    case "Put":
      return readPut(engine, part(item, action, PUT_PARAMETERS, ["Item"]));
    case "Update":
      return readUpdate(engine, part(item, action, UPDATE_PARAMETERS, ["Key", "UpdateExpression"]));
    case "Delete":
      return readDelete(engine, part(item, action, KEYED_PARAMETERS, ["Key"]));
    default:
      return readCheck(engine, part(item, "ConditionCheck", KEYED_PARAMETERS, ["Key", "ConditionExpression"]));
  }
}

function part(item: Request, action: string, parameters: ReadonlySet<string>, required: string[]): Request {
  const request = new Request(`TransactWriteItems ${action}`, item.raw(action), parameters);
  for (const name of required) request.require(name);
  request.refuseViolations();
  return request;
}

function refuseRepeatedItems(writes: readonly Write[]): void {
  const items = new Set(writes.map(({ target: { table, key } }) => `${table.definition.name}/${identityOf(key)}`));
  if (items.size === writes.length) return;
  throw validation("Transaction request cannot include multiple operations on one item");
}

function refuseSize(writes: readonly Write[]): void {
  const bytes = writes.reduce((sum, { givenBytes }) => sum + givenBytes, 0);
  if (bytes > MAX_BYTES) throw tooLarge();
}

function tooLarge(): Error {
  return validation(
    "Member must have length less than or equal to 4MB: the aggregate size of the items in the transaction",
  );
}

/** A transaction done before under the same token answers without doing anything, and is billed as a read of its items. */
function answerReplay(writes: readonly Write[], detail: "TOTAL" | "INDEXES" | undefined, context: CallContext): Output {
  const consumptions = new ByTable();
  for (const {
    target: { table, key },
  } of writes) {
    const units = TRANSACTION_FACTOR * readUnitsOf(table.get(key)?.sizeBytes ?? 0, true);
    consumptions.of(table.definition.name).addTable(units);
  }
  for (const each of consumptions.values()) context.meter(each.asReads());
  return consumedByMany(detail, consumptions.values());
}

function commitAll(writes: readonly Write[], context: CallContext): ByTable {
  const decisions: Decision[] = [];
  const reasons: CancellationReason[] = [];
  for (const write of writes) {
    const decision = decideOrReason(write);
    if ("Code" in decision) reasons.push(decision);
    else {
      decisions.push(decision);
      reasons.push(reasonOf(decision));
    }
  }
  if (reasons.some(({ Code }) => Code !== "None")) {
    // Preparing is what a cancelled transaction has cost by then; AWS documents that it is billed, not how much.
    meterAll(decisions, 1, context);
    throw cancelled(reasons);
  }
  const bytes = decisions.reduce(
    (sum, { before, after }) => sum + Math.max(before?.sizeBytes ?? 0, after?.sizeBytes ?? 0),
    0,
  );
  if (bytes > MAX_BYTES) throw tooLarge();
  return meterAll(decisions, TRANSACTION_FACTOR, context, commitWrite);
}

/** An update that fails on the item it meets cancels the transaction with the reason it would have answered by itself. */
function decideOrReason(write: Write): Decision | CancellationReason {
  try {
    return decideWrite(write);
  } catch (error) {
    if (!(error instanceof AwsServiceError)) throw error;
    return { Code: "ValidationError", Message: error.message };
  }
}

function reasonOf(decision: Decision): CancellationReason {
  if (decision.isPermitted) return { Code: "None" };
  const reason = { Code: "ConditionalCheckFailed", Message: "The conditional request failed" };
  const item = oldOnFailure(decision);
  return item === undefined ? reason : { ...reason, Item: item };
}

function cancelled(reasons: readonly CancellationReason[]): Error {
  const codes = reasons.map(({ Code }) => Code).join(", ");
  return new AwsServiceError(
    "TransactionCanceledException",
    `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
    400,
    { CancellationReasons: reasons },
  );
}

function meterAll(
  decisions: readonly Decision[],
  factor: number,
  context: CallContext,
  commit?: (decision: Decision, consumption: Consumption) => void,
): ByTable {
  const consumptions = new ByTable();
  for (const decision of decisions) {
    const consumption = consumptions.of(decision.write.target.table.definition.name);
    consumption.addTable(factor * decisionUnits(decision));
    commit?.(decision, consumption);
  }
  for (const each of consumptions.values()) context.meter(each.asWrites());
  return consumptions;
}

class ByTable {
  private readonly consumptions = new Map<string, Consumption>();

  of(tableName: string): Consumption {
    const known = this.consumptions.get(tableName);
    if (known !== undefined) return known;
    const created = new Consumption(tableName);
    this.consumptions.set(tableName, created);
    return created;
  }

  values(): Iterable<Consumption> {
    return this.consumptions.values();
  }
}
