/**
 * Owns: what a DynamoDB call asks of IAM. Reads and writes carry their partition keys as `dynamodb:LeadingKeys`; a query asks
 * for its index, not its table; a transaction asks for each of its writes, there is no action of its own name.
 * Source: DynamoDB developer guide, "Using IAM policy conditions for fine-grained access control" and
 * "Using IAM with DynamoDB transactions".
 */
import { NotModelledError, type Input } from "../model.js";
import type { AccessRequest, AuthorizedCall, ResourceLookup } from "./access-request.js";

export interface TableKeys {
  /** The partition key's attribute of a table or of one of its indexes; undefined when there is no such table. */
  partitionKey(table: string, index: string | undefined): string | undefined;
}

const ON_ONE_KEY: ReadonlySet<string> = new Set(["GetItem", "UpdateItem", "DeleteItem"]);

/** The members of a transaction's write → the action each asks for. */
const TRANSACTION_ACTIONS: ReadonlyMap<string, string> = new Map([
  ["Put", "PutItem"],
  ["Update", "UpdateItem"],
  ["Delete", "DeleteItem"],
  ["ConditionCheck", "ConditionCheckItem"],
]);

export function dynamodbRequests(call: AuthorizedCall, lookup: ResourceLookup): AccessRequest[] {
  const { operation, input } = call;
  if (operation === "Query") return [queryRequest(input, lookup)];
  if (operation === "BatchGetItem") return batchRequests(input, lookup, operation, keysOfBatchGet);
  if (operation === "BatchWriteItem") return batchRequests(input, lookup, operation, keysOfBatchWrite);
  if (operation === "TransactWriteItems") return transactionRequests(input, lookup);
  if (operation === "DescribeTable" || operation === "DescribeTimeToLive") {
    return [request(operation, nameOf(input), undefined, undefined, lookup)];
  }
  if (operation !== "PutItem" && !ON_ONE_KEY.has(operation)) {
    throw new NotModelledError(`Cannot authorize dynamodb ${operation}: its actions are not modelled`);
  }
  return [itemRequest(operation, input, lookup)];
}

function itemRequest(action: string, input: Input, lookup: ResourceLookup): AccessRequest {
  const table = nameOf(input);
  return request(action, table, undefined, leadingKeys([input["Item"] ?? input["Key"]], table, lookup), lookup);
}

function queryRequest(input: Input, lookup: ResourceLookup): AccessRequest {
  const table = nameOf(input);
  const index = typeof input["IndexName"] === "string" ? input["IndexName"] : undefined;
  const key = lookup.partitionKey(table, index);
  const keys = key === undefined ? undefined : [queriedKey(input, key)];
  return request("Query", table, index, keys, lookup);
}

/** The value the partition key is compared with. */
function queriedKey(input: Input, key: string): string {
  const names = recordOf(input["ExpressionAttributeNames"]);
  const values = recordOf(input["ExpressionAttributeValues"]);
  for (const [, name = "", value = ""] of String(input["KeyConditionExpression"]).matchAll(
    /([#\w.-]+)\s*=\s*(:[\w]+)/g,
  )) {
    if ((name.startsWith("#") ? names[name] : name) === key) return keyText(values[value]);
  }
  throw new NotModelledError(`Cannot authorize dynamodb Query: its condition does not fix "${key}" in a form we read`);
}

function batchRequests(
  input: Input,
  lookup: ResourceLookup,
  action: string,
  keysOf: (entries: unknown) => readonly unknown[],
): AccessRequest[] {
  return Object.entries(recordOf(input["RequestItems"])).map(([table, entries]) =>
    request(action, table, undefined, leadingKeys(keysOf(entries), table, lookup), lookup),
  );
}

const keysOfBatchGet = (entries: unknown): readonly unknown[] => listOf(recordOf(entries)["Keys"]);

const keysOfBatchWrite = (entries: unknown): unknown[] =>
  listOf(entries).map((entry) => {
    const { PutRequest: put, DeleteRequest: remove } = recordOf(entry);
    return recordOf(put)["Item"] ?? recordOf(remove)["Key"];
  });

function transactionRequests(input: Input, lookup: ResourceLookup): AccessRequest[] {
  return listOf(input["TransactItems"]).flatMap((item) =>
    Object.entries(recordOf(item)).flatMap(([member, write]) => {
      const action = TRANSACTION_ACTIONS.get(member);
      return action === undefined || write === undefined ? [] : [itemRequest(action, recordOf(write), lookup)];
    }),
  );
}

function request(
  action: string,
  table: string,
  index: string | undefined,
  keys: readonly string[] | undefined,
  { region, account }: ResourceLookup,
): AccessRequest {
  const tableArn = `arn:aws:dynamodb:${region}:${account}:table/${table}`;
  const context = new Map<string, readonly string[]>([["aws:securetransport", ["true"]]]);
  if (keys !== undefined) context.set("dynamodb:leadingkeys", [...keys]);
  return {
    action: `dynamodb:${action}`,
    resource: index === undefined ? tableArn : `${tableArn}/index/${index}`,
    context,
  };
}

function leadingKeys(items: readonly unknown[], table: string, lookup: TableKeys): string[] | undefined {
  const key = lookup.partitionKey(table, undefined);
  return key === undefined ? undefined : [...new Set(items.map((item) => keyText(recordOf(item)[key])))];
}

function keyText(value: unknown): string {
  const [text] = Object.values(recordOf(value));
  return text instanceof Uint8Array ? Buffer.from(text).toString("base64") : String(text);
}

const nameOf = (input: Input): string => (typeof input["TableName"] === "string" ? input["TableName"] : "");

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
